"""Opaque tokens of devices: issued, compared, rotated and ended.

A token is kept as a hash and compared with the state of its authorization, its
account and its family in one query. So a revocation, an account that is closed,
a password change or Sign Out Everywhere need no sweep: the next request is refused.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from devices import dpop
from devices.models import (
    ACCESS_LIFETIME,
    FAMILY_LIFETIME,
    REFRESH_LIFETIME,
    DeviceAuthorization,
    Token,
    TokenFamily,
)
from medimic import crypto
from medimic.audit.log import Origin, record
from medimic.problems import Problem

# How long a refresh token may be presented once more, where its answer was lost.
RETRY_WITHIN = dt.timedelta(seconds=60)

# Given the thumbprint of the key that a token is bound to, or "", refuses a caller who does not
# present the token as that asks for (`devices.dpop`).
Prove = Callable[[str], None]


@dataclass(frozen=True)
class IssuedTokens:
    """Tokens in plain text, once. `expires_in`: seconds until the access token ends."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105
    expires_in: int = int(ACCESS_LIFETIME.total_seconds())


def issue_pair(authorization: DeviceAuthorization, jkt: str = "") -> IssuedTokens:
    """The first access and refresh token of a new family, for a device that signed in.

    `jkt`: the thumbprint of the key that they are bound to; empty, whoever bears them may use them.
    """
    family = TokenFamily.objects.create(
        authorization=authorization,
        account_epoch=_epoch(authorization),
        jkt=jkt,
        expires_at=timezone.now() + FAMILY_LIFETIME,
    )
    return _pair(family)


def issue_session_token(
    authorization: DeviceAuthorization,
    session_id: uuid.UUID,
    participant_id: uuid.UUID,
    expires_at: dt.datetime,
    jkt: str = "",
) -> str:
    """A token that lets this device take part in one session, as that participant; `jkt` as for
    `issue_pair`."""
    text = crypto.new_token()
    Token.objects.create(
        hash=crypto.token_hash(text),
        kind=Token.Kind.SESSION,
        authorization=authorization,
        account_epoch=_epoch(authorization),
        jkt=jkt,
        session_id=session_id,
        participant_id=participant_id,
        expires_at=expires_at,
    )
    return text


def end_session_tokens(
    *,
    session_id: uuid.UUID | None = None,
    participant_id: uuid.UUID | None = None,
    authorization: DeviceAuthorization | None = None,
    at: dt.datetime | None = None,
) -> int:
    """End the session tokens of one session, of one participant or of one authorization; how many there
    were. `at`: now, unless the caller ended the session itself at that instant."""
    living = Token.objects.filter(kind=Token.Kind.SESSION, ended_at=None)
    if session_id is None and participant_id is None and authorization is None:
        raise ValueError("whose session tokens?")
    if session_id is not None:
        living = living.filter(session_id=session_id)
    if participant_id is not None:
        living = living.filter(session_id__isnull=False, participant_id=participant_id)
    if authorization is not None:
        living = living.filter(authorization=authorization)
    return living.update(ended_at=at or timezone.now())


def authenticate(
    bearer: str | None,
    kind: Token.Kind,
    *,
    prove: Prove = dpop.as_bearer,
    found_with: Mapping[str, Any] | None = None,
) -> Token:
    """The token, with its family, authorization, account and device, if it still counts.

    `found_with`: what a floor above wants to know of it by the same query; the token has it as
    attributes. Raises `Problem` 401: `token_missing`, `token_unknown`, `token_expired`,
    `token_ended`, `device_revoked`, or what `prove` does. One query, and one write at
    the first use; a bound token costs what the cache does, too.
    """
    if not bearer:
        raise Problem(401, "token_missing", _("Send a token of this device."))
    token = _find(bearer, kind, found_with)
    if token is None:
        raise Problem(401, "token_unknown", _("This token is not one of ours, or of another kind."))
    if (refusal := _refusal(token)) is not None:
        raise refusal
    # Before the use is noted: who has the token and not the key leaves no trace in the chain.
    prove(token.bound_to)
    if token.first_used_at is None and kind != Token.Kind.REFRESH and not _mark_used(token):
        # Between the query and the mark, a retried refresh put another pair in its place.
        raise _ended()
    return token


def rotate(bearer: str, origin: Origin, *, prove: Prove = dpop.as_bearer) -> IssuedTokens:
    """Exchange a refresh token for a new pair; the old one is spent.

    Where the answer was lost, the spent token may be presented once more within
    `RETRY_WITHIN`, as long as nothing of its successors was used: they die and a
    fresh pair takes their place. Any other second use ends the family.

    Raises `Problem` as `authenticate` does, and `token_reused`. Opens a transaction
    of its own, since the end of a family must outlive the refusal.
    """
    with transaction.atomic(durable=True):
        outcome = _rotate(bearer, origin, prove)
    if isinstance(outcome, Problem):
        raise outcome
    return outcome


def _rotate(bearer: str, origin: Origin, prove: Prove) -> IssuedTokens | Problem:
    # The family's lock makes uses of one chain queue up; the token is read behind it.
    family = (
        TokenFamily.objects.select_for_update(no_key=True, of=("self",))
        .filter(tokens__hash=crypto.token_hash(bearer), tokens__kind=Token.Kind.REFRESH)
        .first()
    )
    token = _find(bearer, Token.Kind.REFRESH)
    if family is None or token is None:
        return Problem(401, "token_unknown", _("This token is not one of ours, or of another kind."))
    was_replaced = token.ended_at is not None
    if (refusal := _refusal(token)) is not None and not was_replaced:
        return refusal
    # Also before a second use ends the family: nobody but the key's holder can cause that.
    prove(family.jkt)
    now = timezone.now()
    if token.rotated_at is None and not was_replaced:
        token.rotated_at = token.first_used_at = now
        token.save(update_fields=["rotated_at", "first_used_at"])
        return _pair(family, token)
    if (
        token.rotated_at
        and now - token.rotated_at <= RETRY_WITHIN
        and _discard_unused(token.successors.all())
    ):
        return _pair(family, token)
    if family.end(TokenFamily.EndedReason.REUSED):
        record(
            "devices.token_reused",
            origin=origin,
            person_id=token.authorization.account_id,
            subject=token.authorization,
            details={"device": token.authorization.title},
        )
    return Problem(401, "token_reused", _("This token was used before. Sign in on this device again."))


def discard_unused_pair(authorization: DeviceAuthorization) -> bool:
    """End the pair of a sign-in whose answer was lost; False if any of it was used already."""
    families = list(authorization.token_families.select_for_update(no_key=True))
    # A second family tells that this was asked for once before.
    if len(families) != 1 or families[0].ended_at or not _discard_unused(families[0].tokens.all()):
        return False
    return families[0].end(TokenFamily.EndedReason.REPLACED)


def _discard_unused(pair: "QuerySet[Token]") -> bool:
    """End exactly one pair, both halves unused; otherwise change nothing.

    There are more than two rows where a pair was replaced before or was rotated on.
    """
    if pair.count() != 2:
        return False
    unused = pair.filter(first_used_at=None, rotated_at=None, ended_at=None)
    sid = transaction.savepoint()
    if unused.update(ended_at=timezone.now()) == 2:
        transaction.savepoint_commit(sid)
        return True
    transaction.savepoint_rollback(sid)
    return False


def find_past(bearer: str, *, prove: Prove = dpop.as_bearer) -> Token | None:
    """A session token that has ended or expired by itself, while its device may still call for its account.

    That it ended with its session, and not before, is for the caller to see to. None for any other.
    """
    token = _find(bearer, Token.Kind.SESSION)
    if token is None or _refusal_of_holder(token) is not None or _signed_out_since(token):
        return None
    prove(token.bound_to)
    return token


def _signed_out_since(token: Token) -> bool:
    signed_out_at = token.authorization.signed_out_at
    return signed_out_at is not None and signed_out_at >= token.created_at


# What a session token is compared with. All columns of the four tables would take longer to put into
# SQL than the query takes: whoever waits for news asks this every two seconds.
_COMPARED = (
    "kind", "session_id", "participant_id", "account_epoch", "jkt",
    "created_at", "expires_at", "first_used_at", "rotated_at", "ended_at", "family_id",
    "authorization__device_id", "authorization__revoked_at", "authorization__signed_out_at",
    "authorization__last_seen_at",
    "authorization__account__is_active", "authorization__account__token_epoch",
)  # fmt: skip


def _find(bearer: str, kind: Token.Kind, found_with: Mapping[str, Any] | None = None) -> Token | None:
    found = Token.objects.filter(pk=crypto.token_hash(bearer), kind=kind).order_by()
    if kind == Token.Kind.SESSION:
        found = found.select_related("authorization__account").only(*_COMPARED)
    else:
        found = found.select_related("family", "authorization__account", "authorization__device").defer(
            # Each of these would be decrypted, and hardly a call needs them.
            "authorization__phone_number",
            "authorization__push_token",
            "authorization__account__phone_number",
        )
    rows: list[Token] = list(found.annotate(**found_with) if found_with else found)
    return rows[0] if rows else None


def find_of_guest(text: str) -> Token | None:
    """A guest's unspent access or refresh token, whatever became of its authorization; None for any other."""
    now = timezone.now()
    return (
        Token.objects.select_related("family", "authorization")
        .filter(
            pk=crypto.token_hash(text),
            kind__in=[Token.Kind.ACCESS, Token.Kind.REFRESH],
            authorization__account=None,
            authorization__device__isnull=False,
            ended_at=None,
            rotated_at=None,
            expires_at__gt=now,
            family__ended_at=None,
            family__expires_at__gt=now,
        )
        .first()
    )


def _refusal(token: Token) -> Problem | None:
    """Why a token no longer counts, or None."""
    if (refusal := _refusal_of_holder(token)) is not None:
        return refusal
    family = token.family
    if token.ended_at is not None or (family is not None and family.ended_at is not None):
        return _ended()
    now = timezone.now()
    if token.expires_at <= now or (family is not None and family.expires_at <= now):
        return Problem(401, "token_expired", _("This token has expired."))
    return None


def _refusal_of_holder(token: Token) -> Problem | None:
    """Why no token of this device, account and sign-in counts any more, or None."""
    authorization, account, family = token.authorization, token.authorization.account, token.family
    if authorization.revoked_at is not None:
        return Problem(
            401, "device_revoked", _("This device's access was revoked. Sign in on this device again.")
        )
    issued_epoch = family.account_epoch if family else token.account_epoch
    if account is not None and (not account.is_active or account.token_epoch != issued_epoch):
        return _ended()
    return None


def _ended() -> Problem:
    return Problem(401, "token_ended", _("This device was signed out. Sign in on it again."))


def _mark_used(token: Token) -> bool:
    now = timezone.now()
    living = Token.objects.filter(pk=token.pk, ended_at=None)
    if living.filter(first_used_at=None).update(first_used_at=now):
        token.first_used_at = now
        return True
    return living.exists()


def _pair(family: TokenFamily, predecessor: Token | None = None) -> IssuedTokens:
    now = timezone.now()
    issued = IssuedTokens(crypto.new_token(), crypto.new_token(), "DPoP" if family.jkt else "Bearer")
    Token.objects.bulk_create(
        Token(
            hash=crypto.token_hash(text),
            kind=kind,
            authorization_id=family.authorization_id,
            family=family,
            created_at=now,
            expires_at=min(now + lifetime, family.expires_at),
            predecessor=predecessor,
        )
        for text, kind, lifetime in (
            (issued.access_token, Token.Kind.ACCESS, ACCESS_LIFETIME),
            (issued.refresh_token, Token.Kind.REFRESH, REFRESH_LIFETIME),
        )
    )
    return issued


def _epoch(authorization: DeviceAuthorization) -> int:
    return authorization.account.token_epoch if authorization.account else 0
