"""Keys that go from one of a person's phones to another."""

import pytest

from medimic.simulator import encryption
from sessions_app.models import Envelope, KeyRequest
from tests.simulator.test_sessions import ENCRYPTED

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def phone(live_phone, outsider):
    return live_phone("phone").sign_in(outsider)


@pytest.fixture
def tablet(live_phone, outsider):
    return live_phone("tablet").sign_in(outsider)


def held(phone, text):
    """A session that is over, with one thing said."""
    started = phone.run("start-session", "Visit")
    phone.run("say", started["id"], text)
    phone.run("end", started["id"])
    return started["id"]


def heard(phone, session):
    read = phone.run("read", session)
    assert read["warnings"] == []
    return [line["text"] for line in read["transcript"] if line["type"] == "text"]


def test_one_sessions_key_is_carried_over(phone, tablet):
    first, second = held(phone, "one"), held(phone, "two")
    assert tablet.run("read", first)["transcript"] == ENCRYPTED
    asking = tablet.asking(first, "--yes")
    assert [one["id"] for one in phone.run("key-requests")["key_requests"]] == [asking.subject]
    code, approved, told = phone.attempt("approve-keys", asking.subject)
    assert (code, approved["carried"]) == (0, 1)
    assert asking.digits() in told
    assert asking.done()["readable"] == 1
    assert heard(tablet, first) == ["one"]
    assert tablet.run("read", second)["transcript"] == ENCRYPTED


def test_all_keys_are_carried_over_and_on(phone, tablet, live_phone, outsider):
    sessions = [held(phone, text) for text in ("one", "two")]
    asking = tablet.asking("--yes")
    assert phone.run("approve-keys", asking.subject)["carried"] == 2
    asking.done()
    assert [heard(tablet, session) for session in sessions] == [["one"], ["two"]]
    # From the one that got them to a third.
    third = live_phone("third").sign_in(outsider)
    asking = third.asking("--yes")
    assert tablet.run("approve-keys", asking.subject)["carried"] == 2
    asking.done()
    assert heard(third, sessions[0]) == ["one"]


def test_other_digits_hand_nothing_over(phone, tablet):
    held(phone, "one")
    asking = tablet.asking("--yes")
    refusal = phone.refused("approve-keys", asking.subject, "--digits", "12345")
    assert refusal["code"] == "digits_differ"
    asking.digits()
    assert asking.failed()["code"] == "refused"
    assert (Envelope.objects.count(), KeyRequest.objects.get().state) == (1, "refused")


def test_what_the_person_does_not_confirm_is_not_used(phone, tablet, monkeypatch):
    session = held(phone, "one")
    monkeypatch.setattr("medimic.simulator.command.ask", lambda what: "no")
    asking = tablet.asking(session)
    phone.run("approve-keys", asking.subject)
    asking.digits()
    assert asking.failed()["code"] == "digits_differ"
    assert tablet.refused("read", session)["code"] == "key_untrusted"


def test_a_commitment_that_changes_after_the_answer_gets_nothing(phone, tablet):
    held(phone, "one")
    asking = tablet.asking("--yes", "--wait", "5")
    phone.refused("approve-keys", asking.subject, "--wait", "0")
    asking.digits()
    other = encryption.commitment(tablet.kept()["private_key"], encryption.new_nonce())
    KeyRequest.objects.update(commitment=other)
    assert phone.refused("approve-keys", asking.subject)["code"] == "key_exchanged"
    assert asking.failed()["code"] == "refused"


def test_nobody_decides_in_time(tablet):
    assert tablet.asking("--wait", "0").failed()["code"] == "not_approved"


def test_another_person_sees_nothing_of_it(tablet, live_phone, colleague):
    asking = tablet.asking("--wait", "0")
    stranger = live_phone("stranger").sign_in(colleague)
    assert stranger.run("key-requests")["key_requests"] == []
    assert stranger.refused("approve-keys", asking.subject)["code"] == "not_found"
