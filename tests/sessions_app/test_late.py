"""What was written before the end and did not get through is still taken for a day, and marked."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Person
from devices import browser_sign_ins
from devices.models import DeviceAuthorization
from devices.tokens import Token
from sessions_app.models import Participant, Segment, Visit
from sessions_app.models.transcripts import RESERVED_AHEAD
from tests.devices.kit import refused
from tests.sessions_app import seats
from tests.sessions_app.conftest import make_authorization

pytestmark = pytest.mark.django_db

ENDS = [seats.end, seats.expire]


@pytest.fixture
def seat(provider):
    return seats.host(provider)


@pytest.fixture
def joiner(seat, patient):
    return seats.join(seat.visit, patient)


def longer_ago(visit, ago):
    """As if the session had ended, or expired, that much earlier; what belongs to it too."""
    Visit.objects.filter(pk=visit.pk).update(started_at=timezone.now() - dt.timedelta(days=9))
    visit.refresh_from_db()
    for name in ("ended_at", "expires_at"):
        if (at := getattr(visit, name)) is not None:
            Visit.objects.filter(pk=visit.pk).update(**{name: at - ago})
            Token.objects.filter(session_id=visit.pk, **{name: at}).update(**{name: at - ago})
    Participant.objects.filter(visit=visit, left_at=visit.ended_at).exclude(left_at=None).update(
        left_at=visit.ended_at - ago if visit.ended_at else None
    )


@pytest.mark.parametrize("way", ENDS)
def test_a_segment_is_taken_after_the_end_and_marked(seat, joiner, sign_in, patient, way):
    early = joiner.segment(1)
    joiner.send(early)
    way(seat.visit)
    late = joiner.segment(2)
    assert joiner.send(early, late).status_code == 200
    read = joiner.read(client=sign_in(patient)).json()["segments"]
    assert [(one["sequence"], one["is_late"]) for one in read] == [(1, False), (2, True)]


@pytest.mark.parametrize("way", ENDS)
def test_the_host_and_a_guest_deliver_late_as_well(seat, way):
    guest = seats.join(seat.visit, None)
    way(seat.visit)
    for one in (seat, guest):
        assert one.send(one.segment(1)).status_code == 200
    assert Segment.objects.filter(is_late=True).count() == 2


@pytest.mark.parametrize("way", ENDS)
def test_numbers_that_were_not_reserved_before_the_end_are_refused_and_none_is_reserved_after(
    seat, joiner, way
):
    joiner.send(joiner.segment(5))
    way(seat.visit)
    highest = 5 + RESERVED_AHEAD
    refused(joiner.send(joiner.segment(highest + 1)), 409, "sequence_unreserved")
    answer = joiner.send(joiner.segment(highest))
    assert answer.json()["reserved_up_to"] == {str(joiner.participant.pk): highest}
    refused(joiner.send(joiner.segment(highest + 1)), 409, "sequence_unreserved")


def test_whose_numbers_were_never_reserved_delivers_nothing_late(seat, joiner):
    Participant.objects.filter(pk=joiner.participant.pk).update(reserved_up_to=0)
    seats.end(seat.visit)
    refused(joiner.send(joiner.segment(1)), 409, "sequence_unreserved")


@pytest.mark.parametrize("way", ENDS)
def test_a_day_after_the_end_nothing_is_taken_any_more(seat, joiner, way):
    way(seat.visit)
    longer_ago(seat.visit, dt.timedelta(hours=23, minutes=59))
    assert joiner.send(joiner.segment(1)).status_code == 200
    longer_ago(seat.visit, dt.timedelta(minutes=2))
    refused(joiner.send(joiner.segment(2)), 409, "session_over")
    refused(joiner.send(joiner.segment(2), token=joiner.device_token()), 409, "session_over")


@pytest.mark.parametrize("way", ENDS)
def test_the_accounts_device_that_took_part_delivers_without_the_sessions_token(
    seat, joiner, patient, colleague, way
):
    refused(joiner.send(joiner.segment(1), token=joiner.device_token()), 403, "session_token_needed")
    way(seat.visit)
    assert joiner.send(joiner.segment(1), token=joiner.device_token()).status_code == 200
    another = seats.tokens.issue_pair(make_authorization(patient)).access_token
    refused(joiner.send(joiner.segment(2), token=another), 404, "not_found")
    refused(joiner.send(joiner.segment(2), token=seat.device_token()), 404, "not_found")
    foreign = seats.tokens.issue_pair(make_authorization(colleague)).access_token
    refused(joiner.send(joiner.segment(2), token=foreign), 404, "not_found")


def signed_in_on(seat, *, csrf=False) -> Client:
    """The browser that this seat's device is, with its account's sign-in."""
    client = Client(enforce_csrf_checks=csrf)
    client.force_login(Person.objects.get(pk=seat.participant.person_id))
    session = client.session
    session[browser_sign_ins.NOTE] = str(seat.authorization.pk)
    session.save()
    return client


def test_the_browser_that_took_part_delivers_by_its_sign_in(seat, joiner, sign_in, patient):
    seats.end(seat.visit)
    assert joiner.send(joiner.segment(1), client=signed_in_on(joiner)).status_code == 200
    refused(joiner.send(joiner.segment(2), client=sign_in(patient)), 404, "not_found")
    refused(joiner.send(joiner.segment(2), client=Client()), 401, "not_signed_in")


def test_a_sign_in_needs_the_pages_token(seat, joiner):
    seats.end(seat.visit)
    refused(joiner.send(joiner.segment(1), client=signed_in_on(joiner, csrf=True)), 403, "csrf_failed")


def test_a_token_that_ended_before_the_session_brings_nothing(seat, joiner):
    seats.tokens.end_session_tokens(participant_id=joiner.participant.pk)
    refused(joiner.send(joiner.segment(1)), 401, "token_ended")
    seats.end(seat.visit)
    refused(joiner.send(joiner.segment(1)), 401, "token_ended")


@pytest.mark.parametrize("way", ENDS)
def test_who_left_or_was_removed_before_the_end_delivers_nothing(seat, joiner, way):
    Participant.objects.get(pk=joiner.participant.pk).leave()
    seats.tokens.end_session_tokens(participant_id=joiner.participant.pk)
    way(seat.visit)
    code = "token_ended"
    refused(joiner.send(joiner.segment(1)), 401, code)
    refused(joiner.send(joiner.segment(1), token=joiner.device_token()), 404, "not_found")


@pytest.mark.parametrize("way", ENDS)
def test_who_was_never_admitted_delivers_nothing(seat, outsider, way):
    waiting = seats.join(seat.visit, outsider, state="waiting")
    way(seat.visit)
    refused(waiting.send(waiting.segment(1)), 404, "not_found")
    refused(waiting.send(waiting.segment(1), token=waiting.device_token()), 404, "not_found")


@pytest.mark.parametrize("way", ENDS)
def test_a_late_token_reads_nothing(seat, joiner, way):
    way(seat.visit)
    code = "token_ended" if way is seats.end else "token_expired"
    refused(joiner.read(), 401, code)
    refused(joiner.envelope(), 401, code)


@pytest.mark.parametrize("way", ENDS)
def test_a_revoked_device_a_signed_out_one_and_a_signed_out_account_deliver_nothing(
    seat, joiner, outsider, way
):
    guest, other = seats.join(seat.visit, None), seats.join(seat.visit, outsider)
    way(seat.visit)
    joiner.authorization.revoke(by=None, reason=DeviceAuthorization.RevokedReason.SELF)
    refused(joiner.send(joiner.segment(1)), 401, "device_revoked")
    guest.authorization.sign_out()
    refused(guest.send(guest.segment(1)), 401, "token_ended")
    Person.objects.filter(pk=outsider.pk).update(token_epoch=outsider.token_epoch + 1)
    refused(other.send(other.segment(1)), 401, "token_ended")
    assert not Segment.objects.exists()


def test_the_token_of_another_session_brings_nothing(seat, joiner, outsider):
    other = seats.host(outsider)
    seats.end(seat.visit)
    seats.end(other.visit)
    refused(joiner.send(joiner.segment(1), token=other.session_token), 404, "not_found")


def test_a_nonce_and_a_number_are_used_once_after_the_end_too(seat, joiner):
    first = joiner.segment(1)
    joiner.send(first)
    seats.end(seat.visit)
    refused(joiner.send(joiner.segment(2, nonce=first["nonce"])), 409, "nonce_repeated")
    refused(joiner.send(joiner.segment(1)), 409, "sequence_taken")


def test_who_waits_for_news_of_a_session_that_is_over_learns_of_a_late_segment(
    seat, joiner, sign_in, patient
):
    seats.end(seat.visit)
    client = sign_in(patient)
    tag = joiner.read(client=client)["ETag"]
    joiner.send(joiner.segment(1))
    assert joiner.read(client=client)["ETag"] != tag
