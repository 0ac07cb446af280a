"""What a revocation ends, counted channel by channel.

A revocation sweeps nothing: tokens are compared with the authorization's state. So
what ends is counted by the same comparison, in the transaction that revokes.
"""

import datetime as dt

from django.db.models import F, Q

from accounts import sign_ins
from devices import browser_sign_ins
from devices.models import DeviceAuthorization, Registration, RevocationReceipt, Token


def end_and_count(
    authorization: DeviceAuthorization,
    *,
    push_routes: int,
    pending_registrations: int,
    is_unrecognized: bool = False,
) -> RevocationReceipt:
    """Write the receipt of an authorization that this transaction has just revoked.

    Ends the browser's sign-ins on it; what the revocation itself erased (the push route,
    unused links) the caller has counted.
    """
    if authorization.revoked_at is None:
        raise ValueError(f"authorization {authorization.pk} is not revoked")
    on_browser = browser_sign_ins.living_on(authorization)
    for sign_in in on_browser:
        sign_ins.end(sign_in)
    tokens = living_tokens(authorization, authorization.revoked_at)
    return RevocationReceipt.objects.create(
        authorization=authorization,
        browser_sign_ins=len(on_browser),
        access_tokens=tokens[Token.Kind.ACCESS],
        refresh_tokens=tokens[Token.Kind.REFRESH],
        session_tokens=tokens[Token.Kind.SESSION],
        push_routes=push_routes,
        pending_registrations=pending_registrations,
        is_unrecognized=is_unrecognized,
    )


def living_tokens(authorization: DeviceAuthorization, at: dt.datetime) -> dict[Token.Kind, int]:
    """How many tokens of each kind would be taken at this instant, but for the authorization's own state."""
    if authorization.account is not None and not authorization.account.is_active:
        return dict.fromkeys(Token.Kind, 0)
    epoch = authorization.account.token_epoch if authorization.account else F("family__account_epoch")
    session_epoch = authorization.account.token_epoch if authorization.account else F("account_epoch")
    unspent = Token.objects.filter(
        authorization=authorization, ended_at=None, rotated_at=None, expires_at__gt=at
    )
    in_family = Q(family__ended_at=None, family__expires_at__gt=at, family__account_epoch=epoch)
    alone = Q(kind=Token.Kind.SESSION, account_epoch=session_epoch)
    kinds = unspent.filter(alone | (~Q(kind=Token.Kind.SESSION) & in_family)).values_list("kind", flat=True)
    counted = list(kinds)
    return {kind: counted.count(kind) for kind in Token.Kind}


def unused_links(authorization: DeviceAuthorization) -> int:
    """How many links would still sign a device in for this authorization."""
    return Registration.objects.good().filter(authorization=authorization).count()
