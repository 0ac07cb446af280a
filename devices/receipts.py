"""What a revocation ends, counted channel by channel.

A revocation sweeps nothing: tokens are compared with the authorization's state. So
what ends is counted by the same comparison, in the transaction that revokes.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import sign_ins
from devices import browser_sign_ins, confirmation
from devices.models import Confirmation, DeviceAuthorization, RevocationReceipt, Token

LABELS: dict[str, str | Promise] = {
    "browser_sign_ins": _("Browser sign-ins on it"),
    "access_tokens": _("Access tokens"),
    "refresh_tokens": _("Refresh tokens"),
    "session_tokens": _("Session tokens"),
    "push_routes": _("Push route"),
    "pending_registrations": _("Pending registration"),
}


@dataclass(frozen=True)
class Line:
    """One channel of a receipt, ready to print."""

    label: str
    ended: int


def lines(counts: Mapping[str, Any]) -> list[Line]:
    """Every channel with how many were ended; those alone that `counts` knows."""
    return [Line(str(label), counts[channel]) for channel, label in LABELS.items() if channel in counts]


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


def waiting_sign_ins(authorization: DeviceAuthorization) -> int:
    """How many devices used its link, and wait to be let in or to fetch their tokens."""
    begun = Confirmation.objects.filter(registration__authorization=authorization)
    confirmed = begun.filter(
        state=Confirmation.State.CONFIRMED,
        collected_at=None,
        decided_at__gt=timezone.now() - confirmation.COLLECTED_WITHIN,
    )
    return begun.waiting().count() + confirmed.count()
