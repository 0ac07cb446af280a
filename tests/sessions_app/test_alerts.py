"""What hosts are told of by a push, when it stops being true, and that it names nobody and nothing."""

import base64
import datetime as dt
import json
import logging
import urllib.parse

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from devices import push_services
from devices.models import DeviceAuthorization
from medimic.audit.log import SYSTEM
from medimic.outbox.models import Delivery
from sessions_app import alerts, expiry, invitations, joining, visits
from sessions_app.models import Visit
from tests.devices.kit import push, sign_in_device
from tests.devices.pushes import Services, deliver, queued, states
from tests.devices.test_races import race
from tests.sessions_app.conftest import ORIGIN
from tests.sessions_app.room import Door, Side, access_token, described, join, start

pytestmark = pytest.mark.django_db

SESSION = "Zwölffinger follow-up of Mr Quillsworth"
PATIENT = "Zephyrine Oaklander"
ASKS = "Somebody asks to join your session"
JOINED = "Participant joined your session"


@pytest.fixture
def services(monkeypatch):
    services = Services()
    monkeypatch.setattr(push_services, "send", services.send)
    return services


@pytest.fixture
def phone(provider) -> DeviceAuthorization:
    """The host's, with a route; sessions are started on it."""
    return sign_in_device(provider, push=push("0a0a")).authorization


@pytest.fixture
def tablet(provider) -> DeviceAuthorization:
    """Another one of the host's, with a route."""
    return sign_in_device(provider, push=push("0b0b")).authorization


def told() -> list[str]:
    return [json.loads(delivery.body)["title"] for delivery in queued() if delivery.body]


class TestAtTheDoor:
    def test_the_host_is_told_on_each_device_that_somebody_asks(self, phone, tablet, services):
        door = Door(phone)
        deliver()
        assert sorted(services.tokens) == ["0a0a", "0b0b"]
        assert set(services.titles) == {ASKS}
        for _service, _token, alert in services.got:
            assert (alert.kind, alert.session_id) == ("participant_joined", door.visit.pk)
            assert alert.path == f"/sessions/{door.visit.pk}/"
            assert abs(alert.expires_at - door.visit.expires_at) < dt.timedelta(seconds=5)

    def test_who_asks_again_is_told_of_once(self, phone, services):
        visit, side = start(phone).visit, Side()
        device = described()
        for _ in range(3):
            assert join(visit.code, side, device=device).status_code == 201
        deliver()
        assert services.titles == [ASKS]

    def test_not_on_one_screen_where_the_host_sees_who_comes(self, phone):
        Door(phone, "shared_device")
        assert queued() == []

    def test_nor_of_a_further_device_of_the_hosts_own(self, phone, tablet):
        visit = start(phone).visit
        answer = join(visit.code, token=access_token(tablet), role="provider")
        assert answer.status_code == 201
        assert queued() == []

    def test_a_guest_who_hosts_is_told_of_nothing(self):
        started = visits.start_as_guest(
            visits.Wanted("Visit", "two_device"),
            device=joining.DeviceIn(**described(push={"service": "fcm", "token": "guest"})),
            origin=ORIGIN,
        )
        assert join(started.visit.code).status_code == 201
        assert queued() == []

    def test_nobody_is_told_where_joining_is_refused(self, phone):
        visit = start(phone).visit
        assert join("ZZZZZZ").status_code == 404
        assert join(visit.code, role="provider").status_code == 422
        assert queued() == []

    @pytest.mark.parametrize("what", ["refused", "left", "ended", "expired", "admitted"])
    def test_it_is_dropped_once_nobody_waits_there(self, phone, services, what):
        door = Door(phone)
        waiting = queued()[0]
        match what:
            case "refused":
                door.refuse()
            case "left":
                door.visit.participants.filter(is_host=False).get().leave()
            case "ended":
                visits.end(door.visit, origin=ORIGIN)
            case "expired":
                past = timezone.now() - dt.timedelta(seconds=1)
                Visit.objects.update(started_at=past - dt.timedelta(hours=1), expires_at=past)
            case _:
                door.open()
        deliver()
        waiting.refresh_from_db()
        assert waiting.state == "dropped"
        assert ASKS not in services.titles


class TestInside:
    def test_once_let_in_the_hosts_other_devices_say_so_in_its_place(self, phone, tablet, services):
        door = Door(phone)
        deliver()
        door.open()
        deliver()
        by_device = {}
        for _service, token, alert in services.got:
            by_device.setdefault(token, []).append(alert)
        asks, joined = by_device["0b0b"]
        assert (asks.title, joined.title) == (ASKS, JOINED)
        assert asks.collapse_id == joined.collapse_id
        # Where the host let them in, they know.
        assert [alert.title for alert in by_device["0a0a"]] == [ASKS]

    def test_somebody_else_at_the_door_stays_another_alert(self, phone, services):
        visit = start(phone).visit
        for _ in range(2):
            join(visit.code)
        deliver()
        assert len({alert.collapse_id for _service, _token, alert in services.got}) == 2

    def test_it_is_dropped_when_they_have_gone(self, phone, tablet, services):
        door = Door(phone).open()
        door.refuse()
        deliver()
        assert services.got == []
        assert set(states()) == {"dropped"}


class TestInvitation:
    @pytest.fixture
    def accepted(self, phone, colleague):
        """A colleague accepted the provider's invitation: their participation."""
        visit = start(phone).visit
        invitations.invite(visit, email=colleague.email, by=visit.host, origin=SYSTEM)
        link = json.loads(Delivery.objects.get(kind=invitations.MAIL).body)["text"]
        token = link.split("/sessions/invitations/")[1].split("/")[0]
        wish = joining.Joining(code="", name=PATIENT, role="other", key_commitment=Side().commitment)
        device = sign_in_device(colleague, push=push("cccc")).authorization
        return invitations.accept(token, wish, authorization=device, origin=SYSTEM)

    def test_whoever_invited_is_told_that_it_was_accepted_and_nothing_else(self, accepted, services):
        deliver()
        assert services.titles == ["Your invitation to a session was accepted"]
        ((_service, token, alert),) = services.got
        assert (token, alert.kind) == ("0a0a", "invitation_accepted")

    def test_once_let_in_the_hosts_other_devices_do_not_go_on_asking_for_that(self, accepted, tablet):
        with transaction.atomic():
            alerts.joined(accepted, let_in_on=tablet.pk)
        accepted_alert, joined = [json.loads(delivery.body) for delivery in queued()]
        assert (accepted_alert["kind"], joined["title"]) == ("invitation_accepted", JOINED)
        assert accepted_alert["collapse"] == joined["collapse"]

    def test_it_is_dropped_when_they_do_not_wait_any_more(self, accepted, services):
        accepted.leave()
        deliver()
        assert services.got == []


class TestExpiry:
    @pytest.fixture
    def ending(self, phone) -> Visit:
        visit = start(phone).visit
        Visit.objects.update(expires_at=timezone.now() + dt.timedelta(minutes=9))
        return visit

    def test_the_host_is_told_once(self, ending, services):
        for _ in range(3):
            expiry.announce()
        deliver()
        ((_service, _token, alert),) = services.got
        assert (alert.kind, alert.title) == ("session_expiring", "Your session is about to expire")
        assert alert.session_id == ending.pk

    def test_not_once_it_has_ended(self, ending, services):
        expiry.announce()
        visits.end(ending, origin=ORIGIN)
        deliver()
        assert services.got == []

    def test_is_not_announced_where_nobody_could_be_told(self, ending, monkeypatch):
        def fail(*args, **kwargs):
            raise RuntimeError("no outbox")

        monkeypatch.setattr(alerts, "alert", fail)
        expiry.announce()
        ending.refresh_from_db()
        assert ending.expiry_announced_at is None


@pytest.mark.once
def test_neither_deliveries_nor_services_nor_logs_hold_a_name_or_a_code(phone, tablet, services, caplog):
    with caplog.at_level(logging.DEBUG, "medimic"), caplog.at_level(logging.DEBUG, "devices"):
        door = Door(phone)
        visit = door.visit
        Visit.objects.filter(pk=visit.pk).update(name=SESSION)
        assert join(visit.code, name=PATIENT).status_code == 201
        door.open()
        bodies = [delivery.body for delivery in queued()]
        bodies += [f"{row.recipient_masked} {row.service} {row.dedupe_key}" for row in queued()]
        Visit.objects.update(expires_at=timezone.now() + dt.timedelta(minutes=9))
        expiry.announce()
        bodies += [delivery.body for delivery in queued()]
        deliver()
    assert len(services.got) >= 4
    everything = "\n".join([caplog.text, *bodies, *(str(alert) for _s, _t, alert in services.got)])
    for planted in (SESSION, "Quillsworth", PATIENT, "Jane", visit.host.name, visit.host.email, visit.code):
        for spelling in spellings(planted):
            assert spelling not in everything
    assert "asks to join" in everything


def spellings(planted: str) -> list[str]:
    raw = planted.encode()
    return [
        planted,
        urllib.parse.quote(planted),
        json.dumps(planted)[1:-1],
        raw.hex(),
        base64.b64encode(raw).decode().rstrip("="),
    ]


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_tell_of_each_end_once(outsider):
    phone = sign_in_device(outsider, push=push("0a0a")).authorization
    for _ in range(3):
        start(phone)
    Visit.objects.update(expires_at=timezone.now() + dt.timedelta(minutes=9))
    race(lambda _: expiry.announce(), 8)
    assert len(queued()) == 3


def test_asking_costs_the_same_however_many_devices_the_host_has_that_want_none(phone, provider):
    participant = Door(phone).visit.participants.get(is_host=False)
    costs = []
    for more in (4, 0):
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            alerts.asks_to_join(participant)
        costs.append(len(queries))
        for _ in range(more):
            sign_in_device(provider)
    assert costs[0] >= costs[1] > 0
