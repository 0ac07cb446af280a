"""Who reads a transcript: while it is active by the session's token; then the accounts that took part."""

import pytest
from django.test import Client

from sessions_app.models import Participant
from tests.answers import told
from tests.devices.kit import call, refused
from tests.sessions_app import seats
from tests.sessions_app.conftest import make_authorization

pytestmark = pytest.mark.django_db


@pytest.fixture
def seat(provider):
    seat = seats.with_key(seats.host(provider))
    seat.send(seat.segment(1))
    return seat


@pytest.fixture
def joiner(seat, patient):
    return seats.join(seat.visit, patient)


def another_device_of(person):
    return seats.tokens.issue_pair(make_authorization(person)).access_token


def reads(seat, *, mark="", **how):
    """Whether both the transcript and the envelope are given."""
    answers = [seat.read(**how), seat.envelope(mark=mark, **how)]
    statuses = {answer.status_code for answer in answers}
    assert len(statuses) == 1, [answer.content for answer in answers]
    return answers[0]


def test_while_active_only_session_tokens_read(seat, joiner, sign_in, provider, patient):
    for one in (seat, joiner):
        assert reads(one).status_code == 200
        for how in ({"token": one.device_token()}, {"client": sign_in(one.participant.person)}):
            refused(reads(one, **how), 403, "session_token_needed")


@pytest.mark.parametrize("way", [seats.end, seats.expire])
def test_afterwards_the_accounts_that_took_part_read_and_session_tokens_do_not(seat, joiner, sign_in, way):
    way(seat.visit)
    code = "token_ended" if way is seats.end else "token_expired"
    for one in (seat, joiner):
        refused(reads(one), 401, code)
        for how in ({"token": one.device_token()}, {"client": sign_in(one.participant.person)}):
            assert reads(one, **how).status_code == 200
        assert reads(one, token=another_device_of(one.participant.person)).status_code == 200


def test_a_guest_reads_nothing_afterwards(seat, outsider):
    guest = seats.join(seat.visit, None)
    assert reads(guest).status_code == 200
    own = seats.with_key(seats.host(None))
    seats.end(seat.visit)
    seats.end(own.visit)
    refused(reads(guest), 401, "token_ended")
    refused(reads(guest, token=guest.device_token()), 404, "not_found")
    refused(reads(own, token=own.device_token()), 403, "account_needed")
    refused(reads(own, client=Client()), 401, "not_signed_in")


@pytest.mark.parametrize("is_over", [False, True])
def test_who_took_no_part_is_told_of_nothing(seat, sign_in, is_over, colleague, admin, outsider, support):
    if is_over:
        seats.end(seat.visit)
    other = seats.host(outsider)
    refused(reads(seat, token=other.session_token), 404, "not_found")
    for person in (colleague, admin, outsider, support):
        refused(reads(seat, client=sign_in(person)), 404, "not_found")
        refused(reads(seat, token=another_device_of(person)), 404, "not_found")


def test_a_foreign_session_is_answered_like_a_missing_one(seat, sign_in, outsider):
    client = sign_in(outsider)
    missing = "00000000-0000-0000-0000-000000000007"
    for call_ in ("segments", f"envelope?thumbprint={seat.thumbprint}"):
        answers = [call("get", f"sessions/{pk}/{call_}", client=client) for pk in (seat.visit.pk, missing)]
        assert told(answers[0]) == told(answers[1])
        refused(answers[0], 404, "not_found")


@pytest.mark.parametrize("state", ["waiting", "refused"])
def test_who_was_not_admitted_reads_nothing_afterwards_either(seat, sign_in, outsider, state):
    one = seats.join(seat.visit, outsider, state=state)
    refused(reads(one), 403, "not_admitted")
    seats.end(seat.visit)
    refused(reads(one, client=sign_in(outsider)), 404, "not_found")
    refused(reads(one, token=one.device_token()), 404, "not_found")


def test_who_left_before_the_end_still_reads_what_they_were_admitted_to(seat, joiner, sign_in, patient):
    Participant.objects.get(pk=joiner.participant.pk).leave()
    seats.end(seat.visit)
    assert reads(joiner, client=sign_in(patient)).status_code == 200


def test_whom_the_host_removed_never_reads_what_was_said_without_them(seat, joiner, sign_in, patient):
    path = f"sessions/{seat.visit.pk}/participants/{joiner.participant.pk}/admission"
    assert call("put", path, {"action": "refuse"}, token=seat.session_token).status_code == 200
    seat.send(seat.segment(2))
    seats.end(seat.visit)
    for how in ({"token": joiner.device_token()}, {"client": sign_in(patient)}):
        assert [one["sequence"] for one in joiner.read(**how).json()["segments"]] == [1]
    assert len(seat.read(client=sign_in(seat.participant.person)).json()["segments"]) == 2


def test_each_account_gets_the_envelopes_that_were_made_for_it_alone(seat, joiner, sign_in):
    refused(seat.envelope(mark=joiner.thumbprint), 404, "envelope_missing")
    refused(joiner.envelope(mark=seat.thumbprint), 404, "envelope_missing")
    guest = seats.join(seat.visit, None)
    refused(guest.envelope(mark=joiner.thumbprint), 404, "envelope_missing")
    refused(joiner.envelope(mark=guest.thumbprint), 404, "envelope_missing")
    assert guest.envelope().status_code == 200
    seats.end(seat.visit)
    refused(
        seat.envelope(mark=joiner.thumbprint, client=sign_in(seat.participant.person)),
        404,
        "envelope_missing",
    )


def test_a_revoked_device_reads_nothing_and_the_account_still_does(seat, joiner, sign_in, patient):
    token, session_token = joiner.device_token(), joiner.session_token
    joiner.authorization.revoke(by=patient, reason=joiner.authorization.RevokedReason.SELF)
    refused(reads(joiner, token=session_token), 401, "device_revoked")
    seats.end(seat.visit)
    refused(reads(joiner, token=session_token), 401, "device_revoked")
    refused(reads(joiner, token=token), 401, "device_revoked")
    assert reads(joiner, client=sign_in(patient)).status_code == 200


@pytest.mark.parametrize(
    "query", ["?after=-1", "?after=x", "?after=9223372036854775808", "?limit=0", "?limit=201"]
)
def test_a_wrong_parameter_is_told_so(seat, query):
    refused(seat.read(query), 422, "invalid_content")


@pytest.mark.parametrize("mark", ["x", "=" * 43, "A" * 42, "A" * 42 + "B"])
def test_what_is_no_thumbprint_is_told_so(seat, mark):
    refused(seat.envelope(mark=mark), 422, "invalid_content")


def test_other_methods_are_refused(seat):
    path = f"sessions/{seat.visit.pk}"
    for method in ("put", "patch", "delete"):
        refused(call(method, f"{path}/segments", {}, token=seat.session_token), 405, "method_not_allowed")
    for method in ("post", "patch", "delete"):
        refused(call(method, f"{path}/envelope", {}, token=seat.session_token), 405, "method_not_allowed")
