"""Carrying keys over: one device of a person asks, another one that can read answers."""

import datetime as dt
import secrets
import uuid
from dataclasses import dataclass, field

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Person
from devices import browser_sign_ins, tokens
from devices.keys import PublicKey, thumbprint
from devices.models import DeviceAuthorization, KeyPair
from medimic.audit.models import AuditEvent
from sessions_app import handshake, key_requests
from sessions_app.base64url import encoded
from sessions_app.models import Envelope, KeyRequest
from tests.answers import told
from tests.devices.kit import call, events, public_key, refused
from tests.sessions_app import seats
from tests.sessions_app.conftest import make_authorization

pytestmark = pytest.mark.django_db


@dataclass
class Side:
    """One device of a person, with its half of a handshake."""

    authorization: DeviceAuthorization
    key: dict = field(default_factory=public_key)
    nonce: str = field(default_factory=lambda: encoded(secrets.token_bytes(32)))
    client: Client | None = None

    def __post_init__(self):
        self.token = "" if self.client else tokens.issue_pair(self.authorization).access_token

    @property
    def commitment(self):
        return handshake.commitment(PublicKey.model_validate(self.key), self.nonce)

    @property
    def half(self):
        return {"public_key": self.key, "nonce": self.nonce}

    def call(self, method, path, body=None):
        return call(method, path, body, token=self.token, client=self.client)

    def ask(self, session_id=None, **changes):
        body = {"key_commitment": self.commitment, "session_id": str(session_id) if session_id else None}
        return self.call("post", "key-requests", body | changes)

    def step(self, request_id, name, body=None):
        return self.call("put", f"key-requests/{request_id}/{name}", body)

    def envelopes(self, query=""):
        mark = thumbprint(PublicKey.model_validate(self.key))
        return self.call("get", f"envelopes?thumbprint={mark}{query}")


@pytest.fixture
def seat(provider):
    """The person's session, whose key is on the device that hosted it."""
    seat = seats.with_key(seats.host(provider))
    seat.send(seat.segment(1))
    return seat


@pytest.fixture
def old(seat):
    """The device that can read."""
    return Side(seat.authorization, key=seat.key)


@pytest.fixture
def new(provider):
    """The device that asks."""
    return Side(make_authorization(provider, "Pixel 9"))


@pytest.fixture
def other(provider):
    """A third one of the person's, that can read nothing."""
    return Side(make_authorization(provider, "iPad Air"))


@pytest.fixture
def stranger(outsider):
    return Side(make_authorization(outsider))


def shaken(old, new, session_id=None):
    """A request with both halves told."""
    pk = new.ask(session_id).json()["id"]
    assert old.step(pk, "answer", old.half).status_code == 200
    assert new.step(pk, "reveal", new.half).status_code == 200
    return pk


def carried(*visits):
    return [{"session_id": str(visit.pk), "wrapped": seats.wrapped()} for visit in visits]


def test_a_key_is_carried_over_and_read_on_the_other_device(old, new, seat):
    asked = new.ask(seat.visit.pk)
    assert asked.status_code == 201
    pk = asked.json()["id"]

    seen = old.call("get", "key-requests").json()["key_requests"]
    assert [(one["id"], one["is_yours"], one["commitment"]) for one in seen] == [(pk, False, new.commitment)]
    assert (seen[0]["asked_by"]["name"], seen[0]["session_id"]) == ("Pixel 9 · iOS 17.4", str(seat.visit.pk))
    assert (seen[0]["public_key"], seen[0]["nonce"]) == (None, None)

    old.step(pk, "answer", old.half)
    told = new.call("get", f"key-requests/{pk}").json()
    assert (told["responder_key"], told["responder_nonce"]) == (old.key, old.nonce)
    assert (told["is_yours"], told["is_answered_by_you"]) == (True, False)

    new.step(pk, "reveal", new.half)
    revealed = old.call("get", f"key-requests/{pk}").json()
    assert (revealed["public_key"], revealed["nonce"]) == (new.key, new.nonce)
    assert revealed["is_answered_by_you"]

    given = carried(seat.visit)
    assert old.step(pk, "approval", {"envelopes": given}).json()["state"] == "approved"
    assert new.call("get", f"key-requests/{pk}").json()["carried"] == 1
    assert new.envelopes().json() == {
        "envelopes": [
            {
                "session_id": str(seat.visit.pk),
                "wrapped": given[0]["wrapped"],
                "sender_key": old.key,
                "thumbprint": thumbprint(PublicKey.model_validate(new.key)),
            }
        ],
        "next": None,
    }
    seats.end(seat.visit)
    assert (
        seat.envelope(mark=thumbprint(PublicKey.model_validate(new.key)), token=new.token).status_code == 200
    )
    assert old.call("get", "key-requests").json() == {"key_requests": []}


def test_all_are_carried_over_in_batches(old, new, provider, seat):
    more = [seats.host(provider).visit for _number in range(2)]
    for visit in more:
        Envelope.objects.create(
            visit=visit,
            person=provider,
            authorization=old.authorization,
            thumbprint=seat.thumbprint,
            sender_key=old.key,
            wrapped=seats.wrapped(),
        )
    pk = shaken(old, new)
    first = old.step(pk, "approval", {"envelopes": carried(seat.visit), "done": False})
    assert (first.json()["state"], first.json()["carried"]) == ("waiting", 1)
    again = old.step(pk, "approval", {"envelopes": carried(seat.visit), "done": False})
    assert again.json()["carried"] == 1
    last = old.step(pk, "approval", {"envelopes": carried(*more), "done": True})
    assert (last.json()["state"], last.json()["carried"]) == ("approved", 3)
    assert len(new.envelopes().json()["envelopes"]) == 3


def test_a_batch_gives_ten_minutes_more(old, new, seat):
    pk = shaken(old, new)
    KeyRequest.objects.update(expires_at=timezone.now() + dt.timedelta(seconds=20))
    old.step(pk, "approval", {"envelopes": carried(seat.visit), "done": False})
    assert KeyRequest.objects.get().expires_at > timezone.now() + dt.timedelta(minutes=9)


def test_each_step_again_is_fine_and_another_is_not(old, new, seat):
    pk = new.ask(seat.visit.pk).json()["id"]
    assert new.ask(seat.visit.pk).status_code == 200
    for _time in range(2):
        assert old.step(pk, "answer", old.half).status_code == 200
    refused(old.step(pk, "answer", old.half | {"nonce": new.nonce}), 409, "handshake_step")
    for _time in range(2):
        assert new.step(pk, "reveal", new.half).status_code == 200
    refused(new.step(pk, "reveal", new.half | {"nonce": old.nonce}), 409, "handshake_step")
    given = {"envelopes": carried(seat.visit)}
    for _time in range(2):
        assert old.step(pk, "approval", given).status_code == 200
    refused(old.step(pk, "approval", {"envelopes": carried(seat.visit)}), 409, "key_request_over")
    assert len(new.envelopes().json()["envelopes"]) == 1


def test_no_step_comes_before_its_time(old, new, seat):
    pk = new.ask().json()["id"]
    refused(new.step(pk, "reveal", new.half), 409, "handshake_step")
    refused(old.step(pk, "approval", {"envelopes": carried(seat.visit)}), 409, "handshake_step")
    old.step(pk, "answer", old.half)
    refused(old.step(pk, "approval", {"envelopes": carried(seat.visit)}), 409, "handshake_step")
    assert KeyRequest.objects.get().nonce == ""
    assert Envelope.objects.count() == 1


def test_another_key_than_was_committed_to_is_refused(old, new):
    pk = new.ask().json()["id"]
    old.step(pk, "answer", old.half)
    for half in ({"public_key": public_key()}, {"nonce": old.nonce}):
        refused(new.step(pk, "reveal", new.half | half), 409, "commitment_mismatch")
    assert KeyRequest.objects.get().public_key is None


def test_a_device_answers_approves_and_refuses_nothing_that_it_asked_itself(new, old, seat):
    pk = new.ask().json()["id"]
    refused(new.step(pk, "answer", new.half), 409, "own_request")
    refused(new.step(pk, "refusal"), 409, "own_request")
    refused(new.step(pk, "approval", {"envelopes": carried(seat.visit)}), 409, "own_request")


def test_only_the_device_that_answered_first_goes_on(old, new, other, seat):
    pk = new.ask().json()["id"]
    other.step(pk, "answer", other.half)
    refused(old.step(pk, "answer", old.half), 409, "handshake_step")
    new.step(pk, "reveal", new.half)
    refused(old.step(pk, "approval", {"envelopes": carried(seat.visit)}), 409, "handshake_step")
    refused(other.step(pk, "reveal", other.half), 409, "handshake_step")
    # It has no envelope of that session itself.
    refused(other.step(pk, "approval", {"envelopes": carried(seat.visit)}), 404, "envelope_missing")
    assert not Envelope.objects.filter(thumbprint=thumbprint(PublicKey.model_validate(new.key))).exists()


def test_only_keys_of_sessions_that_the_person_reads_and_asked_for_are_taken(
    old, new, seat, provider, outsider
):
    foreign = seats.with_key(seats.host(outsider)).visit
    # Planted: an envelope for the device's key alone does not make a session the person's.
    Envelope.objects.create(
        visit=foreign,
        person=provider,
        authorization=old.authorization,
        thumbprint=seat.thumbprint,
        sender_key=old.key,
        wrapped=seats.wrapped(),
    )
    unread = seats.host(provider).visit
    pk = shaken(old, new, seat.visit.pk)
    missing = {"session_id": str(uuid.uuid4()), "wrapped": seats.wrapped()}
    answers = [
        old.step(pk, "approval", {"envelopes": [*carried(seat.visit), one]})
        for one in (*carried(foreign, unread), missing)
    ]
    for answer in answers:
        refused(answer, 404, "envelope_missing")
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert new.envelopes().json()["envelopes"] == []


def test_one_session_was_asked_for_and_no_other_is_given(old, new, seat, provider):
    second = seats.host(provider).visit
    Envelope.objects.filter(visit=seat.visit).update(visit=seat.visit)
    Envelope.objects.create(
        visit=second,
        person=provider,
        authorization=old.authorization,
        thumbprint=seat.thumbprint,
        sender_key=old.key,
        wrapped=seats.wrapped(),
    )
    pk = shaken(old, new, seat.visit.pk)
    refused(old.step(pk, "approval", {"envelopes": carried(second)}), 404, "envelope_missing")
    assert old.step(pk, "approval", {"envelopes": carried(seat.visit)}).status_code == 200


def test_an_envelope_that_the_device_made_for_itself_stays(old, new, provider):
    own = seats.with_key(seats.host(provider))
    Envelope.objects.create(
        visit=own.visit,
        person=provider,
        authorization=own.authorization,
        thumbprint=thumbprint(PublicKey.model_validate(old.key)),
        sender_key=own.key,
        wrapped=seats.wrapped(),
    )
    asking = Side(own.authorization, key=own.key)
    before = asking.envelopes().json()
    pk = shaken(old, asking)
    assert old.step(pk, "approval", {"envelopes": carried(own.visit)}).status_code == 200
    assert asking.envelopes().json() == before


def test_a_session_that_the_person_does_not_read_is_not_told_from_a_missing_one(new, outsider):
    foreign = seats.host(outsider).visit.pk
    answers = [new.ask(one) for one in (foreign, uuid.uuid4())]
    assert told(answers[0]) == told(answers[1])
    refused(answers[0], 404, "not_found")


def test_a_foreign_request_is_answered_like_a_missing_one(old, new, stranger, seat):
    pk = shaken(old, new)
    bodies = {
        "answer": stranger.half,
        "reveal": stranger.half,
        "approval": {"envelopes": carried(seat.visit)},
        "refusal": None,
        "withdrawal": None,
    }
    for step, body in bodies.items():
        answers = [stranger.step(one, step, body) for one in (pk, uuid.uuid4())]
        assert told(answers[0]) == told(answers[1]), step
        refused(answers[0], 404, "not_found")
    refused(stranger.call("get", f"key-requests/{pk}"), 404, "not_found")
    assert stranger.call("get", "key-requests").json() == {"key_requests": []}
    assert stranger.envelopes().json()["envelopes"] == []
    foreign = thumbprint(PublicKey.model_validate(old.key))
    assert stranger.call("get", f"envelopes?thumbprint={foreign}").json()["envelopes"] == []


def test_a_refusal_and_a_withdrawal_are_the_end_of_it(old, new):
    for side, step, state in ((old, "refusal", "refused"), (new, "withdrawal", "withdrawn")):
        asked = Side(new.authorization)
        pk = asked.ask().json()["id"]
        for _time in range(2):
            assert side.step(pk, step).json()["state"] == state
        refused(old.step(pk, "answer", old.half), 409, "key_request_over")
        assert old.call("get", f"key-requests/{pk}").json()["state"] == state
    refused(old.step(pk, "withdrawal"), 409, "handshake_step")


def test_after_ten_minutes_it_is_over(old, new, seat):
    pk = shaken(old, new)
    KeyRequest.objects.update(expires_at=timezone.now())
    assert new.call("get", f"key-requests/{pk}").json()["state"] == "expired"
    assert old.call("get", "key-requests").json()["key_requests"] == []
    refused(old.step(pk, "approval", {"envelopes": carried(seat.visit)}), 409, "key_request_over")
    refused(old.step(pk, "refusal"), 409, "key_request_over")
    fresh = Side(new.authorization)
    assert fresh.ask().status_code == 201


def test_a_devices_next_request_takes_the_place_of_the_one_before(old, new):
    first = new.ask().json()["id"]
    second = Side(new.authorization).ask().json()["id"]
    assert [one["id"] for one in old.call("get", "key-requests").json()["key_requests"]] == [second]
    assert old.call("get", f"key-requests/{first}").json()["state"] == "withdrawn"


def test_a_commitment_is_good_for_one_request_alone(old, new, other):
    pk = new.ask().json()["id"]
    new.step(pk, "withdrawal")
    refused(new.ask(), 409, "handshake_step")
    refused(other.ask(key_commitment=new.commitment), 409, "handshake_step")


def test_asking_is_bounded(new, monkeypatch):
    monkeypatch.setattr(key_requests, "MOST_IN_A_DAY", 2)
    for _number in range(2):
        assert Side(new.authorization).ask().status_code == 201
    answer = Side(new.authorization).ask()
    refused(answer, 429, "too_many_requests")
    assert answer["Retry-After"]
    KeyRequest.objects.update(created_at=timezone.now() - dt.timedelta(hours=25))
    assert Side(new.authorization).ask().status_code == 201


def test_a_revoked_device_neither_asks_nor_answers_nor_is_given_anything(old, new, other, seat, provider):
    pk = shaken(old, new)
    new.authorization.revoke(by=provider, reason=DeviceAuthorization.RevokedReason.SELF)
    refused(new.ask(), 401, "device_revoked")
    assert old.call("get", "key-requests").json()["key_requests"] == []
    refused(old.step(pk, "approval", {"envelopes": carried(seat.visit)}), 409, "key_request_over")
    pk = other.ask().json()["id"]
    old.authorization.revoke(by=provider, reason=DeviceAuthorization.RevokedReason.SELF)
    refused(old.step(pk, "answer", old.half), 401, "device_revoked")
    assert Envelope.objects.count() == 1


def test_a_revocation_between_the_check_and_the_step_counts(old, new, seat, provider):
    pk = shaken(old, new)
    stale = DeviceAuthorization.objects.select_related("account").get(pk=old.authorization.pk)
    old.authorization.revoke(by=provider, reason=DeviceAuthorization.RevokedReason.SELF)
    with pytest.raises(key_requests.Problem) as refusal:
        key_requests.approve(
            uuid.UUID(pk),
            stale,
            wrapped={seat.visit.pk: seats.wrapped()},
            is_done=True,
            origin=seats.SYSTEM,
        )
    assert refusal.value.code == "device_revoked"


def test_a_guest_has_no_other_devices(seat):
    guest = Side(seats.join(seat.visit, None).authorization)
    refused(guest.ask(), 403, "account_needed")
    refused(guest.call("get", "key-requests"), 403, "account_needed")
    refused(guest.envelopes(), 403, "account_needed")


def browser_of(person, *, is_device=True, csrf=False) -> Side:
    """A signed-in browser, which is one of the account's devices or none yet."""
    client = Client(enforce_csrf_checks=csrf)
    client.force_login(Person.objects.get(pk=person.pk))
    authorization = make_authorization(person, "Firefox 146") if is_device else None
    if authorization is not None:
        session = client.session
        session[browser_sign_ins.NOTE] = str(authorization.pk)
        session.save()
    return Side(authorization, client=client)


def test_a_browser_asks_and_answers_by_its_sign_in(old, provider, seat):
    browser = browser_of(provider)
    pk = shaken(old, browser)
    assert old.step(pk, "approval", {"envelopes": carried(seat.visit)}).status_code == 200
    assert len(browser.envelopes().json()["envelopes"]) == 1
    # And onwards from there.
    another = Side(make_authorization(provider))
    pk = shaken(browser, another)
    assert browser.step(pk, "approval", {"envelopes": carried(seat.visit)}).json()["carried"] == 1


def test_a_browser_that_is_no_device_yet_becomes_one_by_asking_and_answers_nothing(provider, new):
    browser = browser_of(provider, is_device=False)
    refused(browser.ask(), 403, "browser_unknown")
    pk = new.ask().json()["id"]
    refused(browser.step(pk, "answer", browser.half), 403, "browser_unknown")
    browser.client.cookies["device"] = secrets.token_urlsafe(32)
    before = DeviceAuthorization.objects.filter(account=provider).count()
    assert browser.ask().json()["is_yours"]
    assert DeviceAuthorization.objects.filter(account=provider).count() == before + 1
    # It is the same one with its next call.
    assert browser.call("get", "key-requests").json()["key_requests"][-1]["is_yours"]


def test_a_sign_in_needs_the_pages_token_and_nobody_is_nobody(provider):
    browser = browser_of(provider, csrf=True)
    refused(browser.ask(), 403, "csrf_failed")
    refused(browser.step(uuid.uuid4(), "refusal"), 403, "csrf_failed")
    refused(call("get", "key-requests"), 401, "not_signed_in")
    refused(call("get", f"envelopes?thumbprint={'A' * 43}"), 401, "not_signed_in")


def test_every_step_is_in_the_persons_log_and_says_nothing_of_the_session(old, new, seat, provider, sign_in):
    pk = shaken(old, new, seat.visit.pk)
    old.step(pk, "approval", {"envelopes": carried(seat.visit)})
    pk = Side(new.authorization).ask().json()["id"]
    old.step(pk, "refusal")
    pk = Side(new.authorization).ask().json()["id"]
    new.step(pk, "withdrawal")
    kinds = ["asked", "answered", "revealed", "carried", "refused", "withdrawn"]
    for kind in kinds:
        rows = events(f"sessions.key_{kind}")
        assert {row.person_id for row in rows} == {provider.pk}, kind
        assert rows[0].object_type == "sessions_app.keyrequest"
    assert events("sessions.key_carried")[0].details.count("Pixel 9") == 1
    text = "".join(
        AuditEvent.objects.filter(kind__startswith="sessions.key").values_list("details", flat=True)
    )
    assert seat.visit.name not in text
    page = sign_in(provider).get("/settings/activity/").content.decode()
    assert "Carried session keys from" in page
    assert "Refused session keys to Pixel 9" in page


def test_a_change_without_its_row_in_the_log_is_none(old, new, seat, monkeypatch):
    pk = shaken(old, new)

    def fail(*args, **kwargs):
        raise RuntimeError("the log is away")

    monkeypatch.setattr(key_requests, "record", fail)
    assert old.step(pk, "approval", {"envelopes": carried(seat.visit)}).status_code == 500
    assert KeyRequest.objects.get(pk=pk).state == "waiting"
    assert Envelope.objects.count() == 1


def test_the_devices_keys_are_theirs_from_then_on(old, new):
    shaken(old, new)
    living = KeyPair.objects.filter(ended_at=None)
    assert living.get(authorization=new.authorization).public_key == new.key
    assert living.get(authorization=old.authorization).public_key == old.key


def test_waiting_for_an_answer_is_304_until_there_is_one(old, new):
    pk = new.ask().json()["id"]
    path = f"/api/key-requests/{pk}"
    headers = {"Authorization": f"Bearer {new.token}"}
    tag = Client().get(path, headers=headers)["ETag"]
    assert Client().get(path, headers=headers | {"If-None-Match": tag}).status_code == 304
    old.step(pk, "answer", old.half)
    news = Client().get(path, headers=headers | {"If-None-Match": tag})
    assert (news.status_code, news.json()["responder_key"]) == (200, old.key)
    KeyRequest.objects.update(expires_at=timezone.now())
    assert Client().get(path, headers=headers | {"If-None-Match": news["ETag"]}).status_code == 200


@pytest.mark.parametrize("size", [5, 450])
def test_envelopes_come_in_pages_at_one_cost(old, seat, provider, size, django_assert_num_queries):
    visits = type(seat.visit).objects.bulk_create(
        type(seat.visit)(
            name="Visit",
            code="ABCDEF",
            mode="two_device",
            host=provider,
            authorization=old.authorization,
            expires_at=timezone.now() + dt.timedelta(hours=8),
        )
        for _number in range(size)
    )
    Envelope.objects.all().delete()
    Envelope.objects.bulk_create(
        Envelope(
            visit=visit,
            person=provider,
            authorization=old.authorization,
            thumbprint=seat.thumbprint,
            sender_key=old.key,
            wrapped=seats.wrapped(),
        )
        for visit in visits
    )
    old.envelopes()
    seen, after = [], ""
    while True:
        with django_assert_num_queries(2):
            page = old.envelopes(after).json()
        seen += [one["session_id"] for one in page["envelopes"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert sorted(seen) == sorted(str(visit.pk) for visit in visits)


def test_a_batch_costs_the_same_whatever_its_size(old, new, seat, provider):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    more = [seats.host(provider).visit for _number in range(12)]
    Envelope.objects.bulk_create(
        Envelope(
            visit=visit,
            person=provider,
            authorization=old.authorization,
            thumbprint=seat.thumbprint,
            sender_key=old.key,
            wrapped=seats.wrapped(),
        )
        for visit in more
    )
    pk = shaken(old, new)
    counts = []
    for batch in (more[:2], more[2:]):
        with CaptureQueriesContext(connection) as captured:
            answer = old.step(pk, "approval", {"envelopes": carried(*batch), "done": False})
            counts.append(len(captured))
        assert answer.status_code == 200
    assert counts[0] == counts[1]


def test_two_hundred_fit_into_a_call_and_not_one_more(old, new, seat):
    pk = shaken(old, new)
    many = [{"session_id": str(uuid.uuid4()), "wrapped": seats.wrapped()} for _number in range(201)]
    refused(old.step(pk, "approval", {"envelopes": many}), 422, "invalid_content")
    refused(old.step(pk, "approval", {"envelopes": many[:200]}), 404, "envelope_missing")
