"""Carrying keys over: one of a person's devices asks, another one of theirs that can read answers.

The handshake is that of docs/encryption.md, with the request as its subject. We keep the steps in their
order; that no key was exchanged on the way, the person sees by the digits on both screens. An
answering device gives only what it was given: keys of sessions for which it has an envelope itself.
"""

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from devices import keys
from devices.keys import PublicKey
from devices.models import DeviceAuthorization
from medimic.audit.log import Origin, record
from medimic.problems import Problem
from sessions_app import handshake, joining, visits
from sessions_app.models import Envelope, KeyRequest, Visit

LASTS = dt.timedelta(minutes=10)
MOST_IN_A_DAY = 50
DAY = dt.timedelta(hours=24)


def ask(
    by: DeviceAuthorization, *, commitment: str, session_id: uuid.UUID | None, origin: Origin
) -> tuple[KeyRequest, bool]:
    """Ask the account's other devices, and whether that is new: the same again finds the same request.

    An earlier one of the device gives way. Raises `Http404` for a session that the account does not read;
    `Problem`: `account_needed`, `device_revoked`, `token_ended`, `handshake_step`, `too_many_requests`.
    """
    with transaction.atomic():
        by = visits.locked(by)
        account = _account(by)
        if session_id is not None and not Visit.objects.visible_to(account).filter(pk=session_id).exists():
            raise Http404
        now = timezone.now()
        waiting = KeyRequest.objects.filter(authorization=by, state=KeyRequest.State.WAITING).first()
        if waiting is not None and (waiting.commitment, waiting.visit_id) == (commitment, session_id):
            if waiting.is_open(now):
                return waiting, False
        _refuse_too_many(account, now)
        if KeyRequest.objects.filter(person=account, commitment=commitment).exists():
            # One nonce for two requests would let the second be computed from the first.
            raise joining.wrong_step()
        if waiting is not None:
            _close(waiting, KeyRequest.State.WITHDRAWN, origin)
        request = KeyRequest.objects.create(
            person=account,
            authorization=by,
            visit_id=session_id,
            commitment=commitment,
            created_at=now,
            expires_at=now + LASTS,
        )
        record(
            "sessions.key_asked",
            origin=origin,
            **_of(request),
            details={"device": by.title, "all": session_id is None},
        )
        return request, True


def answer(
    request_id: uuid.UUID, by: DeviceAuthorization, *, key: PublicKey, nonce: str, origin: Origin
) -> KeyRequest:
    """The answering device's key and nonce; the first device that answers is the one. Raises `Http404`;
    `Problem` 409 `own_request`, `handshake_step`, `key_request_over`."""
    with _step(request_id, by) as (request, by):
        _require_another(request, by)
        told = key.model_dump()
        if request.responder_id is not None:
            if (request.responder_id, request.responder_key, request.responder_nonce) != (by.pk, told, nonce):
                raise joining.wrong_step()
            return request
        _require_open(request)
        by.bind_key(key)
        request.answer(by, told, nonce)
        record(
            "sessions.key_answered",
            origin=origin,
            **_of(request),
            details={"device": by.title, "asking": request.authorization.title},
        )
        return request


def reveal(
    request_id: uuid.UUID, by: DeviceAuthorization, *, key: PublicKey, nonce: str, origin: Origin
) -> KeyRequest:
    """The asking device's key and nonce, those that it committed to. Raises `Http404`; `Problem` 409
    `handshake_step`, `commitment_mismatch`, `key_request_over`."""
    with _step(request_id, by) as (request, by):
        _require_own(request, by)
        told = key.model_dump()
        if request.nonce:
            if (request.public_key, request.nonce) != (told, nonce):
                raise joining.wrong_step()
            return request
        _require_open(request)
        if request.responder_id is None:
            raise joining.wrong_step()
        if not handshake.is_committed(key, nonce, request.commitment):
            raise Problem(
                409, "commitment_mismatch", _("This is not the key and nonce that were committed to.")
            )
        by.bind_key(key)
        request.reveal(told, keys.thumbprint(key), nonce)
        record("sessions.key_revealed", origin=origin, **_of(request), details={"device": by.title})
        return request


def approve(
    request_id: uuid.UUID,
    by: DeviceAuthorization,
    *,
    wrapped: Mapping[uuid.UUID, str],
    is_done: bool,
    origin: Origin,
) -> KeyRequest:
    """Keep envelopes for the asking device, by session, all or none; `is_done` decides the request.

    Raises `Http404`; `Problem` 404 `envelope_missing` for a session that the account does not read, that
    was not asked for or whose key the answering device does not have; 409 `handshake_step`,
    `key_request_over`.
    """
    with _step(request_id, by) as (request, by):
        if request.responder_id != by.pk or not request.nonce:
            _require_another(request, by)
            raise joining.wrong_step()
        if request.state == KeyRequest.State.APPROVED and _are_kept(request, wrapped):
            return request
        _require_open(request)
        _require_readable(request, wrapped)
        now = timezone.now()
        request.carry(_keep(request, wrapped), until=now + LASTS)
        if is_done:
            request.decide(KeyRequest.State.APPROVED, now)
            record(
                "sessions.key_carried",
                origin=origin,
                **_of(request),
                details={
                    "device": by.title,
                    "asking": request.authorization.title,
                    "sessions": request.carried,
                },
            )
        return request


def refuse(request_id: uuid.UUID, by: DeviceAuthorization, *, origin: Origin) -> KeyRequest:
    """By any other device of the account. Raises `Http404`; 409 `own_request`, `key_request_over`."""
    with _step(request_id, by) as (request, by):
        _require_another(request, by)
        return _end(request, KeyRequest.State.REFUSED, origin)


def withdraw(request_id: uuid.UUID, by: DeviceAuthorization, *, origin: Origin) -> KeyRequest:
    """By the device that asked. Raises `Http404`; `Problem` 409 `handshake_step`, `key_request_over`."""
    with _step(request_id, by) as (request, by):
        _require_own(request, by)
        return _end(request, KeyRequest.State.WITHDRAWN, origin)


@contextmanager
def _step(request_id: uuid.UUID, by: DeviceAuthorization) -> Iterator[tuple[KeyRequest, DeviceAuthorization]]:
    """The account's own request and the calling device, both locked: a device that was revoked meanwhile
    takes no step, nor does one for a device that was."""
    with transaction.atomic():
        found = KeyRequest.objects.filter(pk=request_id, person=by.account_id).first()
        if found is None or by.account_id is None:
            raise Http404
        # Authorizations before the request, in one order whoever calls.
        ids = {by.pk, found.authorization_id}
        rows = DeviceAuthorization.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids)
        both = {row.pk: row for row in rows.select_related("device").order_by("pk")}
        mine = visits.locked(by)
        request = KeyRequest.objects.select_for_update(no_key=True, of=("self",)).get(pk=request_id)
        request.authorization = both[found.authorization_id]
        yield request, mine


def _account(by: DeviceAuthorization) -> Person:
    if by.account is None:
        raise Problem(403, "account_needed", _("Sign in on this device first."))
    return by.account


def _refuse_too_many(account: Person, now: dt.datetime) -> None:
    if KeyRequest.objects.filter(person=account, created_at__gt=now - DAY).count() >= MOST_IN_A_DAY:
        raise Problem(
            429,
            "too_many_requests",
            _("Keys were asked for too often. Try again tomorrow."),
            retry_after=3600,
        )


def _require_another(request: KeyRequest, by: DeviceAuthorization) -> None:
    if request.authorization_id == by.pk:
        raise Problem(409, "own_request", _("Another one of your devices has to answer."))


def _require_own(request: KeyRequest, by: DeviceAuthorization) -> None:
    if request.authorization_id != by.pk:
        raise joining.wrong_step()


def _require_open(request: KeyRequest) -> None:
    if not request.is_open(timezone.now()) or request.authorization.revoked_at is not None:
        raise Problem(409, "key_request_over", _("This request is decided, or too old. Ask anew."))


def _require_readable(request: KeyRequest, wrapped: Mapping[uuid.UUID, str]) -> None:
    mine = Envelope.objects.filter(
        person=request.person_id,
        thumbprint=keys.thumbprint(PublicKey.model_validate(request.responder_key)),
        visit__in=wrapped.keys(),
    )
    if request.visit_id is not None:
        mine = mine.filter(visit=request.visit_id)
    known = set(
        Visit.objects.visible_to(request.person)
        .filter(pk__in=mine.values("visit"))
        .values_list("pk", flat=True)
    )
    for session_id in wrapped:
        if session_id not in known:
            raise Problem(
                404,
                "envelope_missing",
                _("The answering device has no key of this session, or was not asked for it."),
                session_id=str(session_id),
            )


def _there(request: KeyRequest) -> Q:
    return Q(person=request.person_id, thumbprint=request.thumbprint)


def _are_kept(request: KeyRequest, wrapped: Mapping[uuid.UUID, str]) -> bool:
    kept = Envelope.objects.filter(_there(request), visit__in=wrapped.keys())
    return dict(kept.values_list("visit", "wrapped")) == dict(wrapped)


def _keep(request: KeyRequest, wrapped: Mapping[uuid.UUID, str]) -> int:
    """Each in the place of an earlier one, but never of one that the asking device made for itself; how
    many sessions can be read by it now that it was not given before in this request."""
    there = Envelope.objects.filter(_there(request), visit__in=wrapped.keys())
    own = set(there.filter(sender_key=request.public_key).values_list("visit", flat=True))
    again = set(there.filter(sender_key=request.responder_key, created_at__gte=request.created_at)
                .values_list("visit", flat=True))  # fmt: skip
    there.exclude(visit__in=own).delete()
    Envelope.objects.bulk_create(
        Envelope(
            visit_id=session_id,
            person_id=request.person_id,
            authorization=request.authorization,
            thumbprint=request.thumbprint,
            sender_key=request.responder_key,
            wrapped=text,
        )
        for session_id, text in wrapped.items()
        if session_id not in own
    )
    return len(wrapped.keys() - again)


def _end(request: KeyRequest, state: KeyRequest.State, origin: Origin) -> KeyRequest:
    if request.state != state:
        _require_open(request)
        _close(request, state, origin)
    return request


def _close(request: KeyRequest, state: KeyRequest.State, origin: Origin) -> None:
    is_expired = request.expires_at <= timezone.now()
    request.decide(state, timezone.now())
    if not is_expired:
        record(
            "sessions.key_refused" if state == KeyRequest.State.REFUSED else "sessions.key_withdrawn",
            origin=origin,
            **_of(request),
            details={"asking": request.authorization.title},
        )


def _of(request: KeyRequest) -> dict[str, Any]:
    """Whose log a step belongs to, and what it is about."""
    return {"person_id": request.person_id, "subject": request}
