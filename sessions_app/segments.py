"""Segments of a transcript as they come in: encrypted on a device, counted by their writer.

They are put in order under the session's lock: a segment's `position` is the session's version that
it makes, so that whoever reads on from a position misses none, however many write at once.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from medimic.problems import Problem
from sessions_app.base64url import decoded, encoded
from sessions_app.callers import LATE_FOR, Reader, Writer
from sessions_app.models import Participant, Segment, Visit
from sessions_app.models.transcripts import RESERVED_AHEAD
from sessions_app.schemas_segments import SegmentIn, SegmentOut

MOST_IN_A_SESSION = 20_000


@dataclass(frozen=True)
class Delivered:
    """How many of a call's segments are kept, and how far each participant may count now."""

    accepted: int
    reserved_up_to: dict[uuid.UUID, int]


def deliver(sent: Sequence[SegmentIn], *, by: Writer) -> Delivered:
    """Take a call's segments, all or none; what was taken before is taken again.

    Raises `Http404` for a participant whose segments are not the writer's; `Problem` 409 `sequence_taken`,
    `nonce_repeated`, `sequence_unreserved`, `transcript_full`, `session_over`, 403 `session_token_needed`.
    """
    with transaction.atomic():
        visit = Visit.objects.select_for_update(no_key=True).get(pk=by.visit_id)
        is_late = _is_late(visit, by)
        parts = {part.pk: part for part in by.parts(visit)}
        if not {one.participant_id for one in sent} <= parts.keys():
            raise Http404
        fresh = _fresh(visit, sent)
        used = {parts[one.participant_id] for one in sent}
        _require_reserved(parts, fresh, is_late)
        if fresh:
            _append(visit, fresh, is_late)
        if not is_late:
            _reserve(parts, fresh)
        return Delivered(len(sent), {part.pk: part.reserved_up_to for part in used})


def read(by: Reader, after: int, limit: int) -> tuple[list[SegmentOut], bool]:
    """The session's segments behind a position, in order, and whether there are more; one query."""
    rows = list(_behind(by, after)[: limit + 1])
    return [_out(row) for row in rows[:limit]], len(rows) > limit


def _behind(by: Reader, after: int) -> QuerySet[Segment]:
    rows = Segment.objects.filter(visit=by.visit_id, position__gt=after)
    return (rows.filter(created_at__lt=by.until) if by.until else rows).order_by("position")


def _out(row: Segment) -> SegmentOut:
    return SegmentOut(
        position=row.position,
        participant_id=row.participant_id,
        sequence=row.sequence,
        nonce=encoded(row.nonce),
        ciphertext=encoded(row.ciphertext),
        is_late=row.is_late,
        created_at=row.created_at,
    )


def _is_late(visit: Visit, by: Writer) -> bool:
    """Whether the session is over; under its lock, so that it stays what it is."""
    now = timezone.now()
    if visit.status(now) is Visit.Status.ACTIVE:
        if by.participant_id is None:
            raise Problem(
                403, "session_token_needed", _("While the session is active, call with its session token.")
            )
        return False
    if now > (visit.ended_at or visit.expires_at) + LATE_FOR:
        raise Problem(409, "session_over", _("The session is over, and too long ago for late segments."))
    return True


def _fresh(visit: Visit, sent: Iterable[SegmentIn]) -> list[SegmentIn]:
    """Those that are not here yet, each once."""
    wanted = {(one.participant_id, one.sequence): one for one in sent}
    known = {
        (row.participant_id, row.sequence): row
        for row in Segment.objects.filter(
            participant__in={one.participant_id for one in sent}, sequence__in={one.sequence for one in sent}
        )
    }
    for one in sent:
        place = (one.participant_id, one.sequence)
        is_same = (
            _is_same(one, known[place])
            if place in known
            else (one.nonce, one.ciphertext) == (wanted[place].nonce, wanted[place].ciphertext)
        )
        if not is_same:
            raise Problem(
                409, "sequence_taken", _("This number was used for another segment."), **_place(one)
            )
    fresh = [one for place, one in wanted.items() if place not in known]
    _refuse_repeated_nonces(visit, fresh)
    return fresh


def _is_same(one: SegmentIn, row: Segment) -> bool:
    return (decoded(one.nonce), decoded(one.ciphertext)) == (bytes(row.nonce), bytes(row.ciphertext))


def _refuse_repeated_nonces(visit: Visit, fresh: list[SegmentIn]) -> None:
    nonces = [decoded(one.nonce) for one in fresh]
    known = {
        bytes(nonce) for nonce in visit.segments.filter(nonce__in=nonces).values_list("nonce", flat=True)
    }
    for one, nonce in zip(fresh, nonces, strict=True):
        if nonce in known:
            raise Problem(
                409, "nonce_repeated", _("This nonce was used before in the session."), **_place(one)
            )
        known.add(nonce)


def _require_reserved(parts: dict[uuid.UUID, Participant], fresh: list[SegmentIn], is_late: bool) -> None:
    for one in fresh:
        reserved = parts[one.participant_id].reserved_up_to
        if one.sequence > (reserved if is_late else max(reserved, RESERVED_AHEAD)):
            raise Problem(
                409,
                "sequence_unreserved",
                _("This number is too far ahead of those that have arrived."),
                reserved_up_to=reserved,
                **_place(one),
            )


def _append(visit: Visit, fresh: list[SegmentIn], is_late: bool) -> None:
    # The version counts no less than the segments, so that few sessions ever have to be counted.
    if visit.version + len(fresh) > MOST_IN_A_SESSION:
        if visit.segments.count() + len(fresh) > MOST_IN_A_SESSION:
            raise Problem(409, "transcript_full", _("The transcript is full. Start a new session."))
    Visit.objects.filter(pk=visit.pk).update(version=F("version") + len(fresh))
    Segment.objects.bulk_create(
        Segment(
            visit=visit,
            participant_id=one.participant_id,
            sequence=one.sequence,
            position=visit.version + number,
            nonce=decoded(one.nonce),
            ciphertext=decoded(one.ciphertext),
            is_late=is_late,
        )
        for number, one in enumerate(fresh, start=1)
    )


def _reserve(parts: dict[uuid.UUID, Participant], fresh: list[SegmentIn]) -> None:
    for pk, part in parts.items():
        highest = max((one.sequence for one in fresh if one.participant_id == pk), default=0)
        if highest + RESERVED_AHEAD > part.reserved_up_to:
            part.reserved_up_to = highest + RESERVED_AHEAD
            part.save(update_fields=["reserved_up_to"])


def _place(one: SegmentIn) -> dict[str, Any]:
    return {"participant_id": str(one.participant_id), "sequence": one.sequence}
