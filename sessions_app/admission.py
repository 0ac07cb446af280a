"""At a session's door: the handshake of docs/encryption.md, and the host's word on it.

Each step is taken once, in its order, under the session's lock; the same again is fine.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from devices import keys, tokens
from devices.keys import PublicKey
from devices.models import Token
from medimic.audit.log import Origin, record
from medimic.problems import Problem
from sessions_app import alerts, envelopes, handshake, joining, news, visits
from sessions_app.models import Participant, Visit
from sessions_app.models.transcripts import RESERVED_AHEAD


def answer(caller: Token, participant_id: uuid.UUID, *, key: PublicKey, nonce: str) -> Participant:
    """The host's key and nonce, once the joiner's commitment is there. Raises `handshake_step`."""
    with _at_the_door(caller, participant_id, by_host=True) as participant:
        told = key.model_dump()
        if participant.host_nonce:
            if (participant.host_key, participant.host_nonce) != (told, nonce):
                raise joining.wrong_step()
            return participant
        _require_waiting(participant)
        participant.answer(told, nonce)
        participant.visit.bump()
        return participant


def reveal(caller: Token, participant_id: uuid.UUID, *, key: PublicKey, nonce: str) -> Participant:
    """The joiner's key and nonce, once the host's are there: those that it committed to.

    The key becomes the device's. Raises `handshake_step` or `commitment_mismatch`.
    """
    if caller.participant_id != participant_id:
        raise Http404
    with transaction.atomic():
        authorization = visits.locked(caller.authorization)
        with _at_the_door(caller, participant_id, by_host=False) as participant:
            told = key.model_dump()
            if participant.nonce:
                if (participant.public_key, participant.nonce) != (told, nonce):
                    raise joining.wrong_step()
                return participant
            _require_waiting(participant)
            if not participant.host_nonce:
                raise joining.wrong_step()
            if not handshake.is_committed(key, nonce, participant.commitment):
                raise Problem(
                    409, "commitment_mismatch", _("This key is not the one that was committed to at first.")
                )
            participant.reveal(told, keys.thumbprint(key), nonce)
            authorization.bind_key(key)
            participant.visit.bump()
            return participant


def admit(
    caller: Token, participant_id: uuid.UUID, *, role: str, wrapped: str, origin: Origin
) -> Participant:
    """Let somebody in as what the host says they are, with the session key wrapped for their device.

    Raises `handshake_step`, `role_refused` or `envelope_exists`.
    """
    with _at_the_door(caller, participant_id, by_host=True) as participant:
        if participant.state == Participant.State.ADMITTED:
            if participant.role != role or not _envelope_is(participant, wrapped):
                raise joining.wrong_step()
            return participant
        _require_waiting(participant)
        if not participant.nonce:
            raise joining.wrong_step()
        if role == Participant.Role.PROVIDER and not joining.may_provide(participant.person):
            raise joining.role_refused()
        _wrap(participant, wrapped)
        participant.admit(role, reserving=RESERVED_AHEAD)
        _note(participant, "sessions.admitted", origin)
        news.session_changed(participant.visit)
        alerts.joined(participant, let_in_on=caller.authorization_id)
        return participant


def refuse(caller: Token, participant_id: uuid.UUID, *, origin: Origin) -> Participant:
    """Send somebody away from the door, or out: from the next request on their tokens are refused."""
    with _at_the_door(caller, participant_id, by_host=True) as participant:
        if participant.left_at is not None:
            return participant
        was_in = participant.state == Participant.State.ADMITTED
        if was_in:
            participant.remove()
        else:
            participant.refuse()
        tokens.end_session_tokens(participant_id=participant.pk)
        _note(participant, "sessions.removed" if was_in else "sessions.refused", origin)
        return participant


def leave(caller: Token, *, origin: Origin) -> Participant:
    """Go. The host does not: they end the session. Raises `host_stays`."""
    participant_id = caller.participant_id
    if participant_id is None:
        raise Http404
    with _at_the_door(caller, participant_id, by_host=False) as participant:
        if participant.is_host:
            raise Problem(409, "host_stays", _("The host cannot leave. End the session instead."))
        if participant.left_at is None:
            participant.leave()
            tokens.end_session_tokens(participant_id=participant.pk)
            _note(participant, "sessions.left", origin)
        return participant


def add_speaker(
    caller: Token, *, speaker_id: uuid.UUID | None, name: str, role: str, origin: Origin
) -> tuple[Participant, bool]:
    """Somebody who speaks on the host's own screen, and whether they are new. By the id that the host's
    client made, the same call again finds the same. Raises `shared_device_only`, `role_refused`,
    `speaker_taken`, `session_full`.
    """
    if role == Participant.Role.PROVIDER:
        raise joining.role_refused()
    with transaction.atomic():
        visit = _visit(caller)
        _require_host(visit, caller)
        if visit.mode != Visit.Mode.SHARED_DEVICE:
            raise Problem(409, "shared_device_only", _("Only a session on one screen has further speakers."))
        known = Participant.objects.filter(pk=speaker_id).first() if speaker_id else None
        if known is not None:
            if known.visit_id != visit.pk or (known.name, known.role) != (name, role) or known.commitment:
                raise Problem(409, "speaker_taken", _("This id belongs to somebody else. Make another one."))
            return known, False
        joining.require_room(visit)
        speaker = Participant.objects.create(
            pk=speaker_id or uuid.uuid4(),
            visit=visit,
            authorization=caller.authorization,
            name=name,
            role=role,
            reserved_up_to=RESERVED_AHEAD,
        )
        _note(speaker, "sessions.speaker_added", origin)
        return speaker, True


@contextmanager
def _at_the_door(caller: Token, participant_id: uuid.UUID, *, by_host: bool) -> Iterator[Participant]:
    """The participant, under the lock of the session that the caller's token is of."""
    with transaction.atomic():
        visit = _visit(caller)
        if by_host:
            _require_host(visit, caller)
        participant = (
            visit.participants.select_related("person", "authorization").filter(pk=participant_id).first()
        )
        if participant is None or (by_host and participant.is_host):
            raise Http404
        participant.visit = visit
        yield participant


def _visit(caller: Token) -> Visit:
    """The session of the caller's token, locked, and still Active: it may have ended since it was asked."""
    if caller.session_id is None:
        raise Http404
    visit = Visit.objects.select_for_update(no_key=True, of=("self",)).filter(pk=caller.session_id).first()
    if visit is None:
        raise Http404
    if visit.status(timezone.now()) is not Visit.Status.ACTIVE:
        raise Problem(409, "session_over", _("This session is over."))
    return visit


def _require_host(visit: Visit, caller: Token) -> None:
    if visit.hosting.pk != caller.participant_id:
        raise Problem(403, "host_only", _("Only the host of this session can do that."))


def _require_waiting(participant: Participant) -> None:
    if participant.state != Participant.State.WAITING or participant.left_at is not None:
        raise joining.wrong_step()


def _envelope_is(participant: Participant, wrapped: str) -> bool:
    if participant.authorization is None:
        return False
    own = participant.visit.envelopes.of(participant.authorization)
    return own.filter(thumbprint=participant.thumbprint, wrapped=wrapped).exists()


def _wrap(participant: Participant, wrapped: str) -> None:
    """Keep the session key for the joiner's device."""
    if participant.authorization is None or participant.host_key is None:
        raise ValueError(f"participant {participant.pk} is at no door")
    envelopes.give(
        participant.visit,
        to=participant.authorization,
        key=PublicKey.model_validate(participant.public_key),
        wrapped=wrapped,
        sender_key=participant.host_key,
    )


def _note(participant: Participant, kind: str, origin: Origin) -> None:
    visit = participant.visit
    visit.bump()
    record(
        kind,
        origin=origin,
        person_id=visit.host_id,
        organization_id=visit.organization_id,
        subject=visit,
        details={"role": participant.role},
    )
