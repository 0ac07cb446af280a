"""Segments come in encrypted, each once, in an order that no reader can miss any of."""

import secrets

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from medimic.audit.models import AuditEvent
from sessions_app import segments
from sessions_app.base64url import decoded, encoded
from sessions_app.models import Participant, Segment, Visit
from sessions_app.models.transcripts import LONGEST_SEGMENT
from tests.devices.kit import call, refused
from tests.sessions_app import seats

pytestmark = pytest.mark.django_db


@pytest.fixture
def seat(provider):
    return seats.host(provider)


@pytest.fixture
def joiner(seat, patient):
    return seats.join(seat.visit, patient)


def positions():
    return list(Segment.objects.order_by("position").values_list("position", "participant", "sequence"))


def test_what_is_sent_is_read_back_by_everybody_admitted(seat, joiner):
    first, second = seat.segment(1), joiner.segment(1)
    assert seat.send(first).json() == {"accepted": 1, "reserved_up_to": {str(seat.participant.pk): 101}}
    assert joiner.send(second).status_code == 200
    for reader in (seat, joiner):
        answer = reader.read().json()
        read = [{name: one[name] for name in first} for one in answer["segments"]]
        assert read == [first, second]
        assert not any(one["is_late"] for one in answer["segments"])
        assert answer["next"] == answer["segments"][-1]["position"]


def test_the_same_again_is_taken_and_kept_once(seat):
    sent = [seat.segment(1), seat.segment(2)]
    answers = [seat.send(*sent).json(), seat.send(*sent).json(), seat.send(sent[1]).json()]
    assert [answer["accepted"] for answer in answers] == [2, 2, 1]
    assert Segment.objects.count() == 2


def test_twice_in_one_call_is_once(seat):
    one = seat.segment(1)
    assert seat.send(one, one).status_code == 200
    assert Segment.objects.count() == 1


@pytest.mark.parametrize("member", ["nonce", "ciphertext"])
def test_another_segment_under_a_number_that_was_used_is_refused(seat, member):
    one = seat.segment(1)
    seat.send(one)
    answer = seat.send(seat.segment(2), one | {member: seat.segment(1)[member]})
    refused(answer, 409, "sequence_taken")
    assert (answer.json()["participant_id"], answer.json()["sequence"]) == (str(seat.participant.pk), 1)
    assert Segment.objects.count() == 1


def test_two_different_ones_under_one_number_in_one_call_are_refused(seat):
    refused(seat.send(seat.segment(1), seat.segment(1)), 409, "sequence_taken")
    assert not Segment.objects.exists()


def test_a_nonce_is_used_once_in_a_session(seat, joiner):
    one = seat.segment(1)
    seat.send(one)
    refused(joiner.send(joiner.segment(1, nonce=one["nonce"])), 409, "nonce_repeated")
    two = seat.segment(2)
    refused(seat.send(two, seat.segment(3, nonce=two["nonce"])), 409, "nonce_repeated")
    assert Segment.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Segment.objects.create(
            visit=seat.visit,
            participant=joiner.participant,
            sequence=1,
            position=99,
            nonce=decoded(one["nonce"]),
            ciphertext=b"x" * 16,
        )


def test_the_same_nonce_in_another_session_is_none_of_its_business(seat, outsider):
    other = seats.host(outsider)
    nonce = seat.segment(1)["nonce"]
    assert seat.send(seat.segment(1, nonce=nonce)).status_code == 200
    assert other.send(other.segment(1, nonce=nonce)).status_code == 200


def test_a_number_may_run_a_hundred_ahead_of_what_arrived(seat):
    assert seat.send(seat.segment(100)).json()["reserved_up_to"] == {str(seat.participant.pk): 200}
    answer = seat.send(seat.segment(201))
    refused(answer, 409, "sequence_unreserved")
    assert answer.json()["reserved_up_to"] == 200
    assert seat.send(seat.segment(1)).json()["reserved_up_to"] == {str(seat.participant.pk): 200}


def test_each_participant_counts_alone(seat, joiner):
    seat.send(*(seat.segment(number) for number in (1, 2)))
    joiner.send(joiner.segment(1))
    seat.send(seat.segment(3))
    assert [(who, number) for _position, who, number in positions()] == [
        (seat.participant.pk, 1),
        (seat.participant.pk, 2),
        (joiner.participant.pk, 1),
        (seat.participant.pk, 3),
    ]


def test_positions_rise_with_the_sessions_version_and_leave_no_later_one_below(seat, joiner):
    seat.send(seat.segment(1))
    Visit.objects.get(pk=seat.visit.pk).bump()
    joiner.send(joiner.segment(1), joiner.segment(2))
    rows = positions()
    assert [row[0] for row in rows] == sorted({row[0] for row in rows})
    assert Visit.objects.get().version == rows[-1][0]


def test_reading_goes_on_from_a_position(seat):
    for number in range(1, 6):
        seat.send(seat.segment(number))
    seen, after = [], 0
    while True:
        answer = seat.read(f"?after={after}&limit=2").json()
        if not answer["segments"]:
            break
        seen += [one["sequence"] for one in answer["segments"]]
        after = answer["next"]
    assert seen == [1, 2, 3, 4, 5]
    assert answer["next"] == after


def test_a_speaker_on_the_same_screen_is_written_for_by_the_same_token(seat):
    speaker = Participant.objects.create(
        visit=seat.visit, authorization=seat.authorization, name="Beside", role="patient"
    )
    sent = seat.segment(1, participant_id=str(speaker.pk))
    assert seat.send(sent).json()["reserved_up_to"] == {str(speaker.pk): 101}


def test_nobody_writes_for_somebody_else(seat, joiner, outsider):
    foreign = seats.host(outsider)
    for other in (joiner, foreign):
        refused(seat.send(seat.segment(1), other.segment(1)), 404, "not_found")
    refused(joiner.send(seat.segment(1)), 404, "not_found")
    refused(call("post", f"sessions/{foreign.visit.pk}/segments", {"segments": [seat.segment(1)]},
                 token=seat.session_token), 404, "not_found")  # fmt: skip
    assert not Segment.objects.exists()


@pytest.mark.parametrize("changes", [{"state": "waiting"}, {"state": "refused"}])
def test_who_is_not_admitted_writes_and_reads_nothing(seat, patient, changes):
    waiting = seats.join(seat.visit, patient, **changes)
    refused(waiting.send(waiting.segment(1)), 403, "not_admitted")
    refused(waiting.read(), 403, "not_admitted")
    refused(waiting.envelope(), 403, "not_admitted")


def test_who_left_is_written_for_by_nobody(seat):
    speaker = Participant.objects.create(
        visit=seat.visit, authorization=seat.authorization, name="Beside", role="patient"
    )
    speaker.leave()
    refused(seat.send(seat.segment(1, participant_id=str(speaker.pk))), 404, "not_found")


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": 0},
        {"sequence": 2**31},
        {"sequence": "1"},
        {"nonce": encoded(b"x" * 11)},
        {"nonce": encoded(b"x" * 13)},
        {"nonce": encoded(b"x" * 11) + "="},
        {"ciphertext": encoded(b"x" * 15)},
        {"ciphertext": encoded(b"x" * (LONGEST_SEGMENT + 1))},
        # Another spelling of bytes that have one, and a length that bytes never have.
        {"ciphertext": "A" * 21 + "B"},
        {"ciphertext": "A" * 25},
        {"ciphertext": "A+/A" * 10},
        {"participant_id": "nobody"},
        {"text": "in the clear"},
    ],
)
def test_what_is_no_segment_is_refused(seat, changes):
    refused(seat.send(seat.segment(1) | changes), 422, "invalid_content")
    assert not Segment.objects.exists()


@pytest.mark.parametrize("length", [16, LONGEST_SEGMENT])
def test_the_shortest_and_the_longest_are_taken(seat, length):
    sent = seat.segment(1, ciphertext=encoded(secrets.token_bytes(length)))
    assert seat.send(sent).status_code == 200
    assert seat.read().json()["segments"][0]["ciphertext"] == sent["ciphertext"]


def test_fifty_fit_into_a_call_and_not_one_more(seat):
    many = [seat.segment(number) for number in range(1, 52)]
    refused(seat.send(*many), 422, "invalid_content")
    refused(seat.send(), 422, "invalid_content")
    assert seat.send(*many[:50]).json()["accepted"] == 50


def test_a_full_transcript_takes_no_more(seat, monkeypatch):
    monkeypatch.setattr(segments, "MOST_IN_A_SESSION", 3)
    # The version counts other changes too: what decides is how many there are.
    for _change in range(5):
        seat.visit.bump()
    sent = [seat.segment(number) for number in (1, 2, 3)]
    assert seat.send(*sent).status_code == 200
    refused(seat.send(seat.segment(4)), 409, "transcript_full")
    assert seat.send(*sent).status_code == 200


def test_a_call_costs_the_same_however_much_there_is(seat, joiner):
    def queries(first):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert seat.send(*(seat.segment(first + number) for number in range(50))).status_code == 200
        return len(captured)

    counts = [queries(first) for first in (1, 51, 101, 151)]
    # The first use of a token is noted once.
    assert len(set(counts[1:])) == 1, counts


def test_reading_costs_two_queries_however_much_there_is(seat, django_assert_num_queries):
    seat.send(seat.segment(1))
    with django_assert_num_queries(2):
        assert len(seat.read().json()["segments"]) == 1
    for first in range(2, 500, 50):
        seat.send(*(seat.segment(first + number) for number in range(50)))
    with django_assert_num_queries(2):
        assert len(seat.read().json()["segments"]) == 200


def test_no_row_of_the_log_for_a_segment(seat):
    before = AuditEvent.objects.count()
    seat.send(seat.segment(1), seat.segment(2))
    assert AuditEvent.objects.count() == before
