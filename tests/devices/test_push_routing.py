"""Who gets an alert: whose device it is at the instant of sending, and nobody else."""

import datetime as dt
import json
import time
import uuid

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from django.utils.functional import lazy

from accounts import actions as account_actions
from accounts import lockdown, passwords, sign_ins
from accounts.models import Alert
from billing.catalogue import ENTERPRISE
from devices import (
    actions,
    browser_sign_ins,
    guests,
    ownership,
    pool,
    pruning,
    push,
    push_alerts,
    push_services,
)
from devices.models import DeviceAuthorization, PushKind, PushSettings
from devices.schemas import Push
from medimic.audit.log import SYSTEM
from medimic.outbox.queue import enqueue_copies
from medimic.outbox.registry import Retry
from tests import cast
from tests.devices.kit import call, device_in, events, sign_in_device
from tests.devices.kit import push as push_to
from tests.devices.pushes import MESSAGE, Services, deliver, queued, route_of, states, tell
from tests.devices.test_browsers import COOKIE, browser, session_of, start
from tests.devices.test_races import race
from tests.push_services.receiving import Browser

pytestmark = pytest.mark.django_db
TABLET = {"device_id": "the-tablet-in-exam-room-2", "model": "iPad Air", "device_type_id": "tablet"}
TOKEN = "a0a0" * 16


@pytest.fixture
def clinic(db):
    """On Enterprise, here: with a pool."""
    return cast.make_organization("Lakeside Clinic", ENTERPRISE)


@pytest.fixture
def services(monkeypatch):
    services = Services()
    monkeypatch.setattr(push_services, "send", services.send)
    return services


@pytest.fixture
def phone(provider) -> actions.SignedIn:
    return sign_in_device(provider, push=push_to(TOKEN))


# --- Queueing and sending ----------------------------------------------------------------


def test_each_device_gets_it_over_its_own_service(provider, services):
    sign_in_device(provider, push={"service": "apns", "token": "aa"})
    sign_in_device(provider, push={"service": "fcm", "token": "bb"})
    sign_in_device(provider)
    assert tell(provider) == 2
    deliver()
    assert [(service, token) for service, token, _alert in services.got] == [("apns", "aa"), ("fcm", "bb")]
    assert states() == ["sent", "sent"]


def test_a_delivery_names_the_device_and_never_its_token(provider, phone):
    tell(provider)
    (delivery,) = queued()
    assert delivery.recipient == str(phone.authorization.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM outbox_delivery")
        rows = str(cursor.fetchall())
    assert TOKEN not in rows + delivery.body + delivery.recipient_masked


def test_it_goes_in_the_persons_language_with_what_a_tap_needs(provider, phone, services):
    session = uuid.uuid4()
    provider.change_profile(language="pl")
    spoken = lazy(translation.get_language, str)()
    tell(provider, session_id=session, path=f"/sessions/{session}/", title=spoken, body=spoken)
    (delivery,) = queued()
    deliver()
    ((_service, _token, alert),) = services.got
    assert (alert.title, alert.body) == ("pl", "pl")
    assert (alert.id, alert.kind, alert.session_id, alert.path) == (
        delivery.pk,
        "participant_joined",
        session,
        f"/sessions/{session}/",
    )
    assert abs(alert.expires_at - delivery.stale_at) < dt.timedelta(seconds=5)


def test_one_event_is_told_once_on_each_device(provider, phone, services):
    subject = uuid.uuid4()
    for _ in range(3):
        tell(provider, subject)
    deliver()
    assert services.tokens == [TOKEN]


def test_collapse_ids_tie_alerts_of_one_thing_together_on_one_device_alone(provider, services):
    for token in ("aa", "bb"):
        sign_in_device(provider, push=push_to(token))
    for _ in range(2):
        tell(provider, collapse="door 1")
    tell(provider, collapse="door 2")
    deliver()
    of_device = {token: [] for token in ("aa", "bb")}
    for _service, token, alert in services.got:
        of_device[token].append(alert.collapse_id)
    for first, second, other in of_device.values():
        assert first == second != other
        assert len(first) == 32
        assert "door" not in first
    assert not set(of_device["aa"]) & set(of_device["bb"])


def test_a_device_that_knows_already_is_left_out(provider, phone):
    assert tell(provider, but=phone.authorization.pk) == 0


def test_each_attempt_asks_anew_and_bears_the_same_id(provider, phone, services):
    ids = []

    def busy():
        raise Retry("busy")

    services.answer = busy
    tell(provider)
    deliver()
    assert states() == ["waiting"]
    ids.append(queued()[0].pk)
    services.answer = lambda: None
    type(queued()[0]).objects.update(due_at=timezone.now())
    deliver()
    assert [alert.id for _s, _t, alert in services.got] == ids


# --- What keeps an alert away --------------------------------------------------------------


def lock_down(person) -> None:
    alert = Alert.objects.create(
        person=person,
        kind="devices.new_device",
        token_hash="0" * 64,
        sent_to=person.email,
        subject="New device",
        expires_at=timezone.now() + dt.timedelta(hours=1),
    )
    lockdown.lock(alert, origin=SYSTEM)


def close(person) -> None:
    person.is_active = False
    person.save(update_fields=["is_active"])


def change_password(person) -> None:
    request = RequestFactory().post("/")
    request.session, request.user = SessionStore(), person
    passwords.replace(person, "another horse battery staple", request=request)


def expire_tokens(phone) -> None:
    phone.authorization.tokens.update(expires_at=timezone.now())


def quiet_now(phone) -> None:
    now = timezone.now()
    PushSettings.objects.create(
        authorization=phone.authorization,
        quiet_from=(now - dt.timedelta(hours=1)).time(),
        quiet_until=(now + dt.timedelta(hours=1)).time(),
    )


ENDINGS = {
    "revoked": lambda p, phone: actions.revoke(authorization=phone.authorization, by=p, origin=SYSTEM),
    "signed out": lambda p, phone: actions.sign_out(token=phone.tokens.refresh_token, origin=SYSTEM),
    "signed out everywhere": lambda p, phone: account_actions.sign_out_everywhere(person=p, origin=SYSTEM),
    "password changed": lambda p, phone: change_password(p),
    "locked down": lambda p, phone: lock_down(p),
    "account closed": lambda p, phone: close(p),
    "tokens expired": lambda p, phone: expire_tokens(phone),
    "left routing": lambda p, phone: call("patch", "device", {"push": None}, token=phone.tokens.access_token),
    "another signed in there": lambda p, phone: sign_in_device(cast.make_person(), push=push_to(TOKEN)),
    "another service": lambda p, phone: push.take_route(
        phone.authorization, Push(service="fcm", token="other")
    ),
    "not wanted": lambda p, phone: PushSettings.objects.create(
        authorization=phone.authorization, participant_joined=False
    ),
    "quiet hours": lambda p, phone: quiet_now(phone),
}


@pytest.mark.parametrize("what", ENDINGS)
def test_what_ends_a_route_between_queueing_and_sending_stops_it(provider, phone, services, what):
    assert tell(provider) == 1
    ENDINGS[what](provider, phone)
    deliver()
    assert services.got == []
    (delivery,) = queued()
    assert (delivery.state, delivery.recipient, delivery.body) == ("dropped", "", "")


@pytest.mark.parametrize("what", [what for what in ENDINGS if what != "another service"])
def test_afterwards_nothing_is_queued(provider, phone, what):
    ENDINGS[what](provider, phone)
    provider.refresh_from_db()
    assert tell(provider) == 0
    assert queued() == []


def test_a_revocation_in_the_midst_of_a_queue_stops_the_rest(provider, phone, services):
    for _ in range(5):
        tell(provider)

    def revoke():
        actions.revoke(authorization=phone.authorization, by=provider, origin=SYSTEM)

    services.answer = revoke
    deliver()
    # The first was on the wire.
    assert sorted(states()) == ["dropped"] * 4 + ["sent"]


def test_a_pool_that_revokes_a_device_ends_it_for_all(provider, colleague, clinic, admin, services):
    for person, token in ((provider, "aa"), (colleague, "bb")):
        row = sign_in_device(person, **TABLET, push=push_to(token)).authorization
        if person == provider:
            asked = pool.ask(authorization=row, organization=clinic, place="Room 2", by=admin, origin=SYSTEM)
            device = pool.accept(request=asked, by=provider, origin=SYSTEM)
    # The device's alerts are those of whoever came last.
    assert [tell(person) for person in (provider, colleague)] == [0, 1]
    pool.revoke(device=device, organization=clinic, by=admin, origin=SYSTEM)
    deliver()
    assert (services.got, states()) == ([], ["dropped"])
    assert route_of(provider) == route_of(colleague) == []


def test_only_kinds_that_a_device_wants_reach_it(provider, services):
    wants = sign_in_device(provider, push=push_to("aa")).authorization
    PushSettings.objects.create(authorization=wants, participant_joined=False)
    sign_in_device(provider, push=push_to("bb"))
    tell(provider)
    tell(provider, kind=PushKind.SESSION_EXPIRING)
    deliver()
    assert sorted(services.tokens) == ["aa", "bb", "bb"]


def test_guests_are_told_of_nothing(services):
    row, _tokens = guests.first_use(device_in(push=push_to(TOKEN)), SYSTEM)
    assert row.push_token == TOKEN
    assert push_alerts.find(row.pk, "apns", PushKind.PARTICIPANT_JOINED) is None


# --- A shared device -------------------------------------------------------------------------


def test_on_a_shared_device_nobody_gets_anothers(provider, colleague, services):
    """A is signed in, then B too, in the same app: its one token is B's from then on."""
    sign_in_device(provider, **TABLET, push=push_to(TOKEN))
    tell(provider)
    b = sign_in_device(colleague, **TABLET, push=push_to(TOKEN))
    tell(provider)
    tell(colleague)
    deliver()
    assert len(services.got) == 1
    assert states() == ["dropped", "sent"]
    assert (route_of(provider), route_of(colleague)) == ([], [TOKEN])
    actions.sign_out(token=b.tokens.access_token, origin=SYSTEM)
    assert [tell(person) for person in (provider, colleague)] == [0, 0]


@pytest.mark.parametrize("token", [None, "bbbb"], ids=["no token yet", "another token"])
def test_who_was_on_a_shared_device_before_is_told_nothing_there(provider, colleague, services, token):
    """The app of whoever comes next may have a new token, or get it only after the sign-in."""
    sign_in_device(provider, **TABLET, push=push_to(TOKEN))
    tell(provider)
    sign_in_device(colleague, **TABLET, push=push_to(token) if token else None)
    deliver()
    assert (services.got, states()) == ([], ["dropped"])
    assert (route_of(provider), tell(provider)) == ([], 0)


def test_who_comes_back_with_another_token_has_the_device_alone(provider, colleague):
    a = sign_in_device(provider, **TABLET, push=push_to(TOKEN))
    sign_in_device(colleague, **TABLET, push=push_to(TOKEN))
    call("patch", "device", {"push": push_to("bbbb")}, token=a.tokens.access_token)
    assert (route_of(provider), route_of(colleague)) == (["bbbb"], [])


def test_a_guest_takes_nobodys_alerts_away(provider):
    sign_in_device(provider, **TABLET, push=push_to(TOKEN))
    guests.first_use(device_in(**TABLET, push=push_to("bbbb")), SYSTEM)
    assert tell(provider) == 1


def test_who_comes_back_is_told_again_once_the_app_says_where(provider, colleague, services):
    a = sign_in_device(provider, **TABLET, push=push_to(TOKEN))
    sign_in_device(colleague, **TABLET, push=push_to(TOKEN))
    call("patch", "device", {"push": push_to(TOKEN)}, token=a.tokens.access_token)
    assert [tell(person) for person in (provider, colleague)] == [1, 0]


@pytest.mark.django_db(transaction=True)
def test_of_two_accounts_that_take_one_token_at_once_one_has_it(outsider):
    other = cast.make_person()
    rows = [sign_in_device(person, **TABLET).authorization for person in (outsider, other)]
    route = Push(service="apns", token=TOKEN)

    def take(index: int) -> None:
        row = rows[index % 2]
        with transaction.atomic():
            # As a sign-in on a device and a change by its app do: without it, PostgreSQL finds deadlocks.
            ownership.lock(row.device_id)
            push.take_route(DeviceAuthorization.objects.get(pk=row.pk), route)

    for _ in range(10):
        race(take, 4)
    assert sorted([*route_of(outsider), *route_of(other)]) == [TOKEN]
    assert tell(outsider) + tell(other) == 1


# --- What a service says of a token --------------------------------------------------------


def unregistered() -> None:
    raise push_services.Unregistered("410")


def test_a_token_that_a_service_does_not_know_leaves_routing(provider, phone, services):
    services.answer = unregistered
    tell(provider)
    deliver()
    assert states() == ["dropped"]
    assert route_of(provider) == []
    (event,) = events("devices.push_ended")
    assert (event.person_id, event.object_id) == (provider.pk, str(phone.authorization.pk))
    assert tell(provider) == 0


def test_one_that_came_in_its_place_meanwhile_stays(provider, phone, services):
    def renewed_then_unregistered():
        call("patch", "device", {"push": push_to("bbbb")}, token=phone.tokens.access_token)
        unregistered()

    services.answer = renewed_then_unregistered
    tell(provider)
    deliver()
    assert states() == ["dropped"]
    assert route_of(provider) == ["bbbb"]
    assert events("devices.push_ended") == []


def test_a_token_of_a_browser_must_name_a_listed_service(provider, phone):
    body = {"push": {"service": "webpush", "token": Browser("https://push.internal.example/1").token}}
    answer = call("patch", "device", body, token=phone.tokens.access_token)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_content")
    assert route_of(provider) == [TOKEN]


# --- Browsers ------------------------------------------------------------------------------


@pytest.fixture
def here(outsider):
    """A browser in which a person is signed in, a device of theirs, with its alerts on."""
    client = browser(outsider)
    route_to(session_of(start(client)).authorization)
    return client


def route_to(authorization) -> None:
    token = Browser("https://updates.push.services.mozilla.com/wpush/v2/one").token
    push.take_route(authorization, Push(service="webpush", token=token))


def test_a_browser_is_told_while_somebody_is_signed_in_there(outsider, here, services):
    assert tell(outsider) == 1
    deliver()
    assert [service for service, _token, _alert in services.got] == ["webpush"]


def sign_out_here(client, person, monkeypatch) -> None:
    client.post("/accounts/logout/")


def time_out(client, person, monkeypatch) -> None:
    now = time.time() + 31 * 60
    monkeypatch.setattr(time, "time", lambda: now)


def sign_out_from_elsewhere(client, person, monkeypatch) -> None:
    for sign_in in sign_ins.living(person):
        browser_sign_ins.end(person=person, sign_in=sign_in, origin=SYSTEM)


def everywhere(client, person, monkeypatch) -> None:
    account_actions.sign_out_everywhere(person=person, origin=SYSTEM)


@pytest.mark.parametrize("end", [sign_out_here, time_out, sign_out_from_elsewhere, everywhere])
def test_a_sign_in_that_ends_takes_its_alerts_along(outsider, here, services, monkeypatch, end):
    tell(outsider)
    end(here, outsider, monkeypatch)
    deliver()
    assert (services.got, states()) == ([], ["dropped"])
    assert tell(outsider) == 0
    pruning.prune()
    assert route_of(outsider) == []


@pytest.mark.parametrize("who", ["the same", "somebody else"])
def test_who_signs_in_there_next_begins_without(outsider, here, who):
    # The sign-in before ended by itself: nothing but the cookie of the browser is left of it.
    next_one = outsider if who == "the same" else cast.make_person()
    left = Client()
    left.cookies[COOKIE] = here.cookies[COOKIE].value
    left.post("/accounts/login/", {"login": next_one.email, "password": cast.PASSWORD})
    assert route_of(outsider) == []
    assert [tell(outsider), tell(next_one)] == [0, 0]


# --- What lies about -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "what", ["signed out everywhere", "password changed", "locked down", "account closed", "tokens expired"]
)
def test_tokens_of_services_do_not_lie_about(provider, colleague, phone, what):
    sign_in_device(colleague, push=push_to("bb"))
    guests.first_use(device_in(push=push_to("cc")), SYSTEM)
    ENDINGS[what](provider, phone)
    pruning.prune()
    left = DeviceAuthorization.objects.exclude(push_hash="")
    assert sorted(row.push_token for row in left) == ["bb", "cc"]


# --- Cost ----------------------------------------------------------------------------------


def test_an_alert_costs_two_statements_however_many_devices_there_are(provider, colleague):
    for person, number in ((provider, 1), (colleague, 4)):
        for _ in range(number):
            sign_in_device(person, push=push_to())
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            assert tell(person) == number
        assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 2


@pytest.mark.django_db(transaction=True)
def test_an_alert_is_queued_in_the_transaction_of_its_event_alone():
    with pytest.raises(RuntimeError, match="in the transaction"):
        enqueue_copies(MESSAGE, [])


def test_finds_the_routes_in_one_query_however_many(provider, colleague):
    for person, number in ((provider, 1), (colleague, 4)):
        for _ in range(number):
            sign_in_device(person, push=push_to())
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(push_alerts.reachable(person, PushKind.PARTICIPANT_JOINED)) == number
        assert len(queries) == 1


def test_a_browser_costs_two_more(outsider, here, django_assert_num_queries):
    sign_in_device(outsider, push=push_to())
    with django_assert_num_queries(3):
        assert len(push_alerts.reachable(outsider, PushKind.PARTICIPANT_JOINED)) == 2


def test_the_body_of_a_delivery_holds_metadata_alone(provider, phone):
    tell(provider)
    assert set(json.loads(queued()[0].body)) == {
        "title", "body", "kind", "session", "path", "collapse", "expires_at",
    }  # fmt: skip
    assert settings.SUPPORT_EMAIL not in queued()[0].body
