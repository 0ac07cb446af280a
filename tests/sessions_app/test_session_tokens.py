"""What a browser takes part with, and everything that ends it."""

import datetime as dt

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import sign_ins
from devices import actions, tokens
from devices.models import DeviceAuthorization, Token
from medimic.audit.log import SYSTEM
from sessions_app import joining, visits
from sessions_app.models import Participant, Visit
from tests.answers import told
from tests.devices.test_races import race
from tests.sessions_app.conftest import make_authorization
from tests.sessions_app.room import Door, admission, call, roster, start
from tests.sessions_app.test_join_page import typed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_guessed():
    cache.clear()


def ask(client, visit):
    return client.post(f"/sessions/{visit.pk}/token/")


def token(client, visit):
    return ask(client, visit).json()["session_token"]


def code_of(visit, bearer):
    """The API's word on a token: empty where it is taken."""
    answer = roster(visit.pk, bearer)
    return "" if answer.status_code == 200 else answer.json()["code"]


@pytest.fixture
def host(provider, sign_in):
    """The browser of somebody who started a session in it."""
    client = sign_in(provider)
    wanted = {"name": "Round", "mode": "two_device", "organization": "none", "key": "k" * 43}
    assert client.post("/sessions/new/", wanted).status_code == 302
    return client


@pytest.fixture
def visit(host):
    return Visit.objects.get()


@pytest.fixture
def guest(visit):
    """The browser of a guest who waits at the door."""
    client = Client()
    assert client.post("/join/", typed(visit)).status_code == 302
    return client


class TestBrowsers:
    def test_start_a_session_without_a_token(self, host):
        assert not Token.objects.exists()

    def test_get_one_by_their_page(self, host, visit, provider):
        answer = ask(host, visit)
        assert answer.status_code == 200
        out = answer.json()
        bearer = out.pop("session_token")
        assert out == {
            "participant_id": str(visit.hosting.pk),
            "is_host": True,
            "state": "admitted",
            "account": str(provider.pk),
        }
        assert "no-store" in answer["Cache-Control"]
        assert code_of(visit, bearer) == ""
        assert Token.objects.get().expires_at == visit.expires_at

    def test_have_five_at_most_and_the_oldest_ends(self, host, visit):
        bearers = [token(host, visit) for _ in range(7)]
        assert [code_of(visit, bearer) for bearer in bearers] == ["token_ended"] * 2 + [""] * 5

    def test_of_two_in_one_session_each_has_its_own_five(self, host, guest, visit):
        first = token(host, visit)
        for _ in range(joining.MOST_TOKENS + 1):
            token(guest, visit)
        assert code_of(visit, first) == ""

    def test_that_take_no_part_get_none(self, visit, colleague, provider, sign_in):
        for client in (Client(), sign_in(colleague), sign_in(provider)):
            answer = ask(client, visit)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        missing = Client().post("/sessions/00000000-0000-4000-8000-000000000000/token/")
        assert told(missing) == told(ask(Client(), visit))

    def test_send_the_page_s_token(self, provider, visit):
        client = Client(enforce_csrf_checks=True)
        client.force_login(provider)
        assert ask(client, visit).status_code == 403

    def test_only_post(self, host, visit):
        assert host.get(f"/sessions/{visit.pk}/token/").status_code == 405

    def test_learn_why_there_is_none_any_more(self, host, guest, visit):
        bearer, mine = token(host, visit), ask(guest, visit).json()["participant_id"]
        call("put", admission(visit.pk, mine), {"action": "refuse"}, token=bearer)
        over = ask(guest, visit)
        assert (over.status_code, over.json()["code"], over.json()["reason"]) == (410, "part_over", "refused")
        guest.post("/join/", typed(visit))
        call("post", f"/api/sessions/{visit.pk}/leave", {}, token=token(guest, visit))
        assert ask(guest, visit).json()["reason"] == "left"
        visits.end(visit, origin=SYSTEM)
        for client in (host, guest):
            assert (ask(client, visit).status_code, ask(client, visit).json()["code"]) == (
                409,
                "session_over",
            )

    def test_that_speak_for_several_get_the_host_s(self, provider, sign_in):
        client = sign_in(provider)
        wanted = {"name": "Round", "mode": "shared_device", "organization": "none", "key": "s" * 43}
        client.post("/sessions/new/", wanted)
        visit = Visit.objects.get()
        bearer = token(client, visit)
        speaker = {"name": "Jane", "role": "patient"}
        call("post", f"/api/sessions/{visit.pk}/participants", speaker, token=bearer)
        assert ask(client, visit).json()["is_host"] is True


class TestEnd:
    """On the very next request."""

    def test_with_the_browser_s_sign_out(self, host, visit):
        bearer = token(host, visit)
        host.post(reverse("account_logout"))
        assert code_of(visit, bearer) == "token_ended"
        assert ask(host, visit).status_code == 404

    def test_with_a_guest_s_too(self, guest, visit, colleague):
        bearer = token(guest, visit)
        guest.force_login(colleague)
        assert code_of(visit, bearer) == "token_ended"

    def test_with_the_sign_out_of_that_browser_from_another(self, host, visit, provider, sign_in):
        bearer, elsewhere = token(host, visit), sign_in(provider)
        elsewhere.get("/")
        host.get("/")
        row = sign_ins.living(provider).get(session_key=host.session.session_key)
        path = reverse("browser_sign_out", args=[sign_ins.reference(row)])
        assert elsewhere.post(path).status_code == 302
        assert code_of(visit, bearer) == "token_ended"

    def test_and_not_with_that_of_another_one(self, host, visit, provider, sign_in):
        bearer, elsewhere = token(host, visit), sign_in(provider)
        elsewhere.get("/")
        elsewhere.post(reverse("account_logout"))
        assert code_of(visit, bearer) == ""

    def test_with_sign_out_everywhere(self, host, visit, provider):
        bearer = token(host, visit)
        provider.end_device_tokens()
        assert code_of(visit, bearer) == "token_ended"

    def test_with_the_account(self, host, visit, provider):
        bearer = token(host, visit)
        provider.is_active = False
        provider.save()
        assert code_of(visit, bearer) == "token_ended"

    def test_with_the_device_s_revocation(self, host, visit, provider):
        bearer = token(host, visit)
        actions.revoke(authorization=DeviceAuthorization.objects.get(), by=provider, origin=SYSTEM)
        assert code_of(visit, bearer) == "device_revoked"
        assert ask(host, visit).status_code == 404

    def test_with_the_session(self, host, guest, visit):
        bearers = [token(host, visit), token(guest, visit)]
        visits.end(visit, origin=SYSTEM)
        visit.refresh_from_db()
        assert [code_of(visit, bearer) for bearer in bearers] == ["token_ended"] * 2
        assert set(Token.objects.values_list("ended_at", flat=True)) == {visit.ended_at}

    def test_with_their_own_time(self, host, visit):
        bearer = token(host, visit)
        Token.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
        assert code_of(visit, bearer) == "token_expired"

    def test_with_a_refusal_and_a_removal(self, phone):
        door = Door(phone)
        door.refuse()
        assert code_of(door.visit, door.token) == "token_ended"
        door = Door(phone).open()
        door.refuse()
        assert code_of(door.visit, door.token) == "token_ended"

    def test_and_a_device_s_sign_out(self, phone):
        door = Door(phone)
        call("post", "/api/revoke", {"token": door.token})
        assert code_of(door.visit, door.token) == "token_ended"
        assert code_of(door.visit, door.host_token) == ""

    def test_one_of_another_session_opens_none(self, phone, tablet):
        mine, foreign = start(phone), start(tablet)
        for visit, bearer in ((foreign.visit, mine.session_token), (mine.visit, foreign.session_token)):
            assert roster(visit.pk, bearer).status_code == 404


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_asked_for_fifty_times_five_live(self, outsider):
        phone = make_authorization(outsider)
        visit = start(phone).visit

        def act(_):
            with transaction.atomic():
                locked = Visit.objects.select_for_update(no_key=True).get(pk=visit.pk)
                joining.issue_token(locked.hosting, locked)

        race(act)
        assert Token.objects.filter(ended_at=None).count() == joining.MOST_TOKENS

    def test_issued_while_the_device_is_revoked_none_is_taken(self, outsider):
        phone = make_authorization(outsider)
        visit, bearers = start(phone).visit, []

        def act(index):
            if index == 5:
                actions.revoke(authorization=phone, by=outsider, origin=SYSTEM)
                return
            with transaction.atomic():
                authorization = visits.locked(phone)
                locked = Visit.objects.select_for_update(no_key=True).get(pk=visit.pk)
                part = Participant.objects.get(visit=locked, authorization=authorization)
                bearers.append(joining.issue_token(part, locked))

        assert set(race(act, 12)) <= {"won", "device_revoked"}
        for bearer in bearers:
            with pytest.raises(tokens.Problem) as refusal:
                tokens.authenticate(bearer, Token.Kind.SESSION)
            assert refusal.value.code in ("device_revoked", "token_ended")
