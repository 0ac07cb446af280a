"""Many write, read, end and carry over at once, on either database."""

import secrets
import threading
import uuid
from collections import Counter

import pytest
from django.db import connection, transaction
from django.http import Http404
from django.utils import timezone

from devices.keys import PublicKey
from devices.models import DeviceAuthorization, Token
from medimic.audit.log import SYSTEM
from sessions_app import envelopes, handshake, key_requests, segments, visits
from sessions_app.base64url import encoded
from sessions_app.callers import Reader, Writer
from sessions_app.models import Envelope, KeyRequest, Segment, Visit
from sessions_app.schemas_segments import SegmentIn
from tests.devices.kit import public_key
from tests.devices.test_races import race
from tests.sessions_app import seats
from tests.sessions_app.conftest import make_authorization

pytestmark = pytest.mark.django_db(transaction=True)
CALLERS = 20


@pytest.fixture
def seat(provider):
    return seats.host(provider)


def writer(seat, **changes):
    facts = {
        "visit_id": seat.visit.pk,
        "authorization_id": seat.authorization.pk,
        "participant_id": seat.participant.pk,
    }
    return Writer(**facts | changes)


def segment(seat, sequence, **changes):
    return SegmentIn.model_validate(seat.segment(sequence) | changes)


def reader(seat):
    version = Visit.objects.values_list("version", flat=True).get(pk=seat.visit.pk)
    return Reader(seat.visit.pk, version, seat.participant.person_id, seat.authorization.pk)


def test_one_segment_twenty_times_at_once_is_kept_once(seat):
    one = segment(seat, 1)
    outcome = race(lambda _: segments.deliver([one], by=writer(seat)), CALLERS)
    assert outcome == {"won": CALLERS}
    assert Segment.objects.count() == 1


def test_of_twenty_different_segments_under_one_number_one_is_kept(seat):
    outcome = race(lambda _: segments.deliver([segment(seat, 1)], by=writer(seat)), CALLERS)
    assert outcome == {"won": 1, "sequence_taken": CALLERS - 1}
    assert Segment.objects.count() == 1


def test_of_twenty_segments_with_one_nonce_one_is_kept(seat):
    nonce = seat.segment(1)["nonce"]
    sent = [segment(seat, number, nonce=nonce) for number in range(1, CALLERS + 1)]
    outcome = race(lambda index: segments.deliver([sent[index]], by=writer(seat)), CALLERS)
    assert outcome == {"won": 1, "nonce_repeated": CALLERS - 1}


def test_two_tabs_that_deliver_the_same_queue_lose_and_double_nothing(seat):
    queue = [segment(seat, number) for number in range(1, 41)]
    # Both go through it, in pieces of another size.
    pieces = [queue[first : first + 4] for first in range(0, 40, 4)]
    pieces += [queue[first : first + 5] for first in range(0, 40, 5)]
    outcome = race(lambda index: segments.deliver(pieces[index], by=writer(seat)), len(pieces))
    assert outcome == {"won": len(pieces)}
    rows = list(Segment.objects.order_by("position").values_list("position", "sequence"))
    assert sorted(sequence for _position, sequence in rows) == list(range(1, 41))
    assert [position for position, _sequence in rows] == list(range(1, 41))
    assert Visit.objects.get().version == 40


def test_what_is_sent_while_the_session_ends_is_kept_and_marked_by_which_came_first(seat):
    def act(index):
        if index == CALLERS // 2:
            visits.end(Visit.objects.get(pk=seat.visit.pk), origin=SYSTEM)
        else:
            segments.deliver([segment(seat, index + 1)], by=writer(seat))

    assert race(act, CALLERS) == {"won": CALLERS}
    rows = list(Segment.objects.order_by("position").values_list("is_late", flat=True))
    assert len(rows) == CALLERS - 1
    assert rows == sorted(rows)
    assert Token.objects.get(session_id=seat.visit.pk).ended_at == Visit.objects.get().ended_at


def test_whoever_reads_on_from_a_position_misses_nothing_that_others_write(seat):
    """A reader follows while ten write; each piece turns up once, in order."""
    writers = [seat, *(seats.join(seat.visit, None) for _number in range(4))]
    is_done = threading.Event()
    seen: list[tuple[uuid.UUID, int]] = []

    def follow():
        after, last_round = 0, False
        while True:
            last_round = is_done.is_set()
            rows, has_more = segments.read(reader(seat), after, 3)
            seen.extend((row.participant_id, row.sequence) for row in rows)
            after = rows[-1].position if rows else after
            if last_round and not has_more:
                return

    def act(index):
        if index == 0:
            follow()
            return
        one = writers[index % len(writers)]
        base = 10 * (index // len(writers))
        try:
            for number in range(1, 11):
                segments.deliver([segment(one, base + number)], by=writer(one))
        finally:
            with counted:
                left.append(index)
                if len(left) == 10:
                    is_done.set()

    counted, left = threading.Lock(), []
    assert race(act, 11) == {"won": 11}
    assert Counter(seen) == Counter(Segment.objects.values_list("participant", "sequence"))
    assert max(Counter(seen).values()) == 1


def test_control_an_order_given_without_the_lock_is_missed(seat):
    """Were the order that of the rows' ids, a reader would pass by what is committed later."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite lets nobody write while another one does")
    first_inserted, second_read = threading.Event(), threading.Event()
    seen: list[int] = []

    def make(sequence):
        return Segment.objects.create(
            visit=seat.visit,
            participant=seat.participant,
            sequence=sequence,
            position=100 + sequence,
            nonce=secrets.token_bytes(12),
            ciphertext=secrets.token_bytes(16),
        )

    def act(index):
        if index == 0:
            with transaction.atomic():
                make(1)
                first_inserted.set()
                assert second_read.wait(10)
        else:
            assert first_inserted.wait(10)
            make(2)
            seen.extend(Segment.objects.order_by("id").values_list("sequence", flat=True))
            last = Segment.objects.order_by("-id").values_list("id", flat=True)[0]
            second_read.set()
            after.append(last)

    after: list[int] = []
    assert race(act, 2) == {"won": 2}
    seen.extend(Segment.objects.filter(id__gt=after[0]).order_by("id").values_list("sequence", flat=True))
    assert seen == [2]


def test_of_twenty_keys_for_one_session_one_stays(seat):
    token = Token.objects.select_related("authorization__account").get(session_id=seat.visit.pk)
    key = PublicKey.model_validate(seat.key)
    outcome = race(
        lambda _: envelopes.of_host(token, key=key, wrapped=seats.wrapped()),
        CALLERS,
    )
    assert outcome == {"won": 1, "envelope_exists": CALLERS - 1}
    assert Envelope.objects.count() == 1


class Device:
    """One of a person's devices with its half of a handshake."""

    def __init__(self, person):
        self.authorization = make_authorization(person)
        self.key = PublicKey.model_validate(public_key())
        self.nonce = encoded(secrets.token_bytes(32))

    @property
    def half(self):
        return {"key": self.key, "nonce": self.nonce, "origin": SYSTEM}

    def ask(self):
        committed = handshake.commitment(self.key, self.nonce)
        return key_requests.ask(self.authorization, commitment=committed, session_id=None, origin=SYSTEM)


def test_of_twenty_devices_that_answer_one_request_one_goes_on(provider):
    asked, _is_new = Device(provider).ask()
    others = [Device(provider) for _number in range(CALLERS)]
    outcome = race(
        lambda index: key_requests.answer(asked.pk, others[index].authorization, **others[index].half),
        CALLERS,
    )
    assert outcome == {"won": 1, "handshake_step": CALLERS - 1}


def test_a_device_that_asks_twenty_times_at_once_has_one_request_open(provider):
    one = Device(provider)

    def act(_index):
        again = Device.__new__(Device)
        again.authorization, again.key, again.nonce = (
            one.authorization,
            one.key,
            encoded(secrets.token_bytes(32)),
        )
        again.ask()

    assert race(act, CALLERS) == {"won": CALLERS}
    assert KeyRequest.objects.open(timezone.now()).count() == 1
    assert KeyRequest.objects.count() == CALLERS


def test_an_approval_beside_a_revocation_comes_before_it_or_is_refused(seat, provider):
    seats.with_key(seat)
    old, new = Device(provider), Device(provider)
    old.authorization, old.key = seat.authorization, PublicKey.model_validate(seat.key)
    asked, _is_new = new.ask()
    key_requests.answer(asked.pk, old.authorization, **old.half)
    key_requests.reveal(asked.pk, new.authorization, **new.half)

    def act(index):
        if index == 1:
            row = DeviceAuthorization.objects.get(pk=new.authorization.pk)
            row.revoke(by=provider, reason=row.RevokedReason.SELF)
        else:
            key_requests.approve(
                asked.pk,
                old.authorization,
                wrapped={seat.visit.pk: seats.wrapped()},
                is_done=True,
                origin=SYSTEM,
            )

    outcome = race(act, 2)
    stored = Envelope.objects.filter(authorization=new.authorization).count()
    assert outcome in ({"won": 2}, {"won": 1, "key_request_over": 1})
    assert stored == outcome["won"] - 1


def test_a_removal_beside_segments_lets_none_in_after_it(seat):
    joiner = seats.join(seat.visit, None)

    def act(index):
        if index == CALLERS // 2:
            with transaction.atomic():
                visit = Visit.objects.select_for_update(no_key=True).get(pk=seat.visit.pk)
                visit.participants.get(pk=joiner.participant.pk).leave()
                removed_at.append(visit.bump())
        else:
            try:
                segments.deliver([segment(joiner, index + 1)], by=writer(joiner))
            except Http404:
                refused.append(index)

    removed_at: list[int] = []
    refused: list[int] = []
    assert race(act, CALLERS) == {"won": CALLERS}
    assert Segment.objects.count() == CALLERS - 1 - len(refused)
    assert not Segment.objects.filter(position__gt=removed_at[0]).exists()
