"""Against a relayed code: the digits that the device shows, picked in the portal."""

import datetime as dt
import json

import pytest
from django.test import Client
from django.utils import timezone

from devices import actions, confirmation, limits, pruning
from devices.models import Confirmation, Device, DeviceAuthorization, Registration, Token
from medimic.audit.log import SYSTEM
from medimic.outbox.models import Delivery
from tests.devices.kit import (
    call,
    events,
    facts,
    just_now,
    link_for,
    log_in,
    public_key,
    push,
    refused,
    sign_in_device,
    token_in,
)
from tests.devices.proofs import ProofKey

pytestmark = pytest.mark.django_db
PHONE = {"device_id": "0b7e7c1e-5b0e-4c1c-9d3a-2f4a5b6c7d8e"}


@pytest.fixture
def careful(provider):
    """The provider, who wants new devices confirmed."""
    provider.confirm_devices = True
    provider.save()
    return provider


@pytest.fixture
def client(careful, sign_in) -> Client:
    return just_now(sign_in(careful))


@pytest.fixture
def issued(careful):
    return link_for(careful, name="Work phone")


@pytest.fixture
def asked(issued) -> dict:
    response = log_in(token_in(issued.link), **PHONE)
    assert response.status_code == 202
    return response.json()


def poll(asked: dict):
    return call("post", "device-login/poll", {"poll_token": asked["poll_token"]})


def page_of(row, part: str = "") -> str:
    return f"/settings/devices/{row.pk}/authentication/{part}"


def choose(client, row, digits: str, **options):
    return client.post(page_of(row, "confirmation/"), {"digits": digits}, **options)


def other_than(digits: str) -> str:
    choices = json.loads(Confirmation.objects.get().content)["choices"]
    return next(pair for pair in choices if pair != digits)


class TestAsking:
    def test_is_off_by_default(self, provider):
        assert log_in(token_in(link_for(provider).link)).status_code == 200

    def test_answers_with_two_digits_and_how_to_ask_again(self, asked):
        assert asked.keys() == {"status", "digits", "poll_token", "interval"}
        assert asked["status"] == "confirmation_required"
        assert len(asked["digits"]) == 2
        assert asked["digits"].isdecimal()
        assert asked["interval"] >= 1

    def test_spends_the_link(self, asked, issued):
        assert refused(log_in(token_in(issued.link)), 410, "registration_used")

    def test_lets_nothing_in(self, asked, issued):
        assert not Device.objects.exists()
        assert not Token.objects.exists()
        issued.authorization.refresh_from_db()
        assert not issued.authorization.is_active
        assert not events("devices.signed_in")
        assert events("devices.confirmation_asked")

    def test_keeps_what_the_device_said_encrypted(self, asked, careful):
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM devices_confirmation")
            stored = repr(cursor.fetchall())
        for secret in (PHONE["device_id"], asked["poll_token"], "iPhone 15 Pro", '"digits"'):
            assert secret not in stored

    def test_holds_its_place(self, asked, careful):
        assert limits.places(careful).taken == 1
        Confirmation.objects.update(expires_at=timezone.now())
        assert limits.places(careful).taken == 0

    def test_of_a_closed_account_is_refused_and_spends_nothing(self, issued, careful):
        type(careful).objects.update(is_active=False)
        assert refused(log_in(token_in(issued.link)), 403, "account_inactive")
        assert Registration.objects.good().exists()

    def test_a_lost_answer_gives_the_same_digits_and_another_token(self, asked, issued):
        again = log_in(token_in(issued.link), **PHONE).json()
        assert again["digits"] == asked["digits"]
        assert refused(poll(asked), 404, "poll_unknown")
        assert poll(again).status_code == 202

    def test_a_sign_in_with_the_password_is_not_asked_about(self, careful):
        assert actions.activate(
            DeviceAuthorization(account=careful), confirmation.DeviceIn.model_validate(facts()), SYSTEM, None
        ).tokens


class TestPage:
    def test_shows_three_pairs_and_which_device_it_is(self, client, issued, asked):
        page = client.get(page_of(issued.authorization))
        choices = page.context["question"].choices
        assert asked["digits"] in choices
        assert len(set(choices)) == 3
        assert "iPhone 15 Pro · iOS 17.4" in page.content.decode()

    def test_the_state_says_that_it_asks(self, client, issued, asked):
        assert client.get(page_of(issued.authorization, "state/")).json() == {"state": "asking"}

    def test_the_list_leads_to_it(self, client, issued, asked):
        page = client.get("/settings/devices/").content.decode()
        assert "confirm it by its digits" in page
        assert f'href="{page_of(issued.authorization)}"' in page

    def test_says_that_it_will_ask_where_the_link_is_shown(self, client):
        page = client.post("/settings/devices/authentication/", {}).content.decode()
        assert "Pick here the two digits" in page


class TestPick:
    def test_the_right_one_makes_it_active_and_the_poll_gets_the_tokens_once(self, client, issued, asked):
        assert poll(asked).status_code == 202
        response = choose(client, issued.authorization, asked["digits"], follow=True)
        assert "Work phone is Active" in response.content.decode()
        issued.authorization.refresh_from_db()
        assert issued.authorization.is_active

        answer = poll(asked).json()
        assert answer["device"]["name"] == "Work phone"
        assert call("get", "device", token=answer["access_token"]).status_code == 200
        assert refused(poll(asked), 410, "registration_used")
        assert [event.kind for event in (*events("devices.confirmed"), *events("devices.signed_in"))] == [
            "devices.confirmed",
            "devices.signed_in",
        ]

    def test_the_log_tells_person_and_device_apart(self, client, issued, asked, careful):
        choose(client, issued.authorization, asked["digits"])
        confirmed, signed_in = events("devices.confirmed")[0], events("devices.signed_in")[0]
        assert (confirmed.actor_kind, confirmed.actor_id) == ("person", careful.pk)
        assert signed_in.actor_kind == "device"

    def test_brings_push_route_key_and_mail_as_a_link_does(self, client, careful):
        key = public_key()
        issued = link_for(careful)
        asked = log_in(token_in(issued.link), push=push(), public_key=key).json()
        choose(client, issued.authorization, asked["digits"])
        row = DeviceAuthorization.objects.get()
        assert row.push_token
        assert row.key_pairs.get().public_key == key
        assert Delivery.objects.filter(kind="devices.new_device").exists()

    def test_forgets_what_the_device_said(self, client, issued, asked):
        choose(client, issued.authorization, asked["digits"])
        kept = Confirmation.objects.get()
        assert (kept.state, kept.content) == ("confirmed", "")

    def test_a_wrong_one_ends_it(self, client, issued, asked, careful):
        response = choose(client, issued.authorization, other_than(asked["digits"]), follow=True)
        assert "other digits than the device shows" in response.content.decode()
        assert refused(poll(asked), 403, "confirmation_refused")
        # No second guess.
        choose(client, issued.authorization, asked["digits"])
        assert refused(poll(asked), 403, "confirmation_refused")
        assert not Device.objects.exists()
        assert limits.places(careful).taken == 0
        assert '"mistaken":true' in events("devices.confirmation_refused")[0].details

    @pytest.mark.parametrize("digits", ["", "x", "٤٢", "4", "042", "\0"])
    def test_anything_that_is_no_pair_ends_it_too(self, client, issued, asked, digits):
        choose(client, issued.authorization, digits)
        assert refused(poll(asked), 403, "confirmation_refused")

    def test_a_refusal_ends_it(self, client, issued, asked):
        client.post(page_of(issued.authorization, "confirmation/"), {"refusal": "1"})
        assert refused(poll(asked), 403, "confirmation_refused")
        assert '"mistaken":false' in events("devices.confirmation_refused")[0].details

    def test_ten_minutes_end_it(self, client, issued, asked):
        left = Confirmation.objects.get().expires_at - timezone.now()
        assert dt.timedelta(minutes=9) < left <= dt.timedelta(minutes=10)
        Confirmation.objects.update(expires_at=timezone.now())
        assert refused(poll(asked), 410, "confirmation_expired")
        choose(client, issued.authorization, asked["digits"])
        assert refused(poll(asked), 410, "confirmation_expired")
        assert not Device.objects.exists()

    def test_a_new_link_for_the_row_ends_it(self, client, issued, asked):
        page = client.post(page_of(issued.authorization))
        assert refused(poll(asked), 403, "confirmation_refused")
        assert log_in(token_in(page.context["link"])).status_code == 202

    def test_a_cancellation_ends_it(self, issued, asked, careful):
        actions.revoke(authorization=issued.authorization, by=careful, origin=SYSTEM)
        assert refused(poll(asked), 403, "confirmation_refused")
        state = confirmation.pick(issued.authorization, asked["digits"], by=careful, origin=SYSTEM)
        assert state is None
        assert not Device.objects.exists()

    def test_at_the_limit_it_goes_on_waiting_and_says_why(self, outsider, sign_in):
        outsider.confirm_devices = True
        outsider.save()
        client = just_now(sign_in(outsider))
        issued = link_for(outsider)
        asked = log_in(token_in(issued.link)).json()
        outsider.subscriptions.update(ended_at=timezone.now())
        outsider.confirm_devices = False
        outsider.save()
        Confirmation.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
        held = sign_in_device(outsider).authorization
        Confirmation.objects.update(expires_at=timezone.now() + dt.timedelta(minutes=5))

        page = choose(client, issued.authorization, asked["digits"])
        assert "The Free Trial plan allows 1 device" in page.content.decode()
        assert poll(asked).status_code == 202
        actions.revoke(authorization=held, by=outsider, origin=SYSTEM)
        choose(client, issued.authorization, asked["digits"])
        assert poll(asked).status_code == 200

    def test_of_a_blocked_device_is_refused(self, client, careful, support):
        careful.confirm_devices = False
        careful.save()
        row = sign_in_device(careful, **PHONE).authorization
        actions.revoke(
            authorization=row, by=support, origin=SYSTEM, reason=DeviceAuthorization.RevokedReason.STAFF
        )
        careful.confirm_devices = True
        careful.save()
        issued = link_for(careful)
        asked = log_in(token_in(issued.link), **PHONE).json()
        page = choose(client, issued.authorization, asked["digits"])
        assert "Only they can allow it again" in page.content.decode()
        assert poll(asked).status_code == 202

    def test_is_for_nobody_else(self, issued, asked, colleague, admin, outsider, patient, support, sign_in):
        for other in (colleague, admin, outsider, patient, support):
            assert choose(sign_in(other), issued.authorization, asked["digits"]).status_code == 404
        assert choose(Client(), issued.authorization, asked["digits"]).url.startswith("/accounts/login/")
        assert poll(asked).status_code == 202

    def test_needs_the_page_s_token(self, careful, issued, asked):
        client = Client(enforce_csrf_checks=True)
        client.force_login(careful)
        assert choose(client, issued.authorization, asked["digits"]).status_code == 403
        assert poll(asked).status_code == 202

    def test_takes_no_get(self, client, issued, asked):
        response = client.get(page_of(issued.authorization, "confirmation/"), {"digits": asked["digits"]})
        assert response.status_code == 405

    def test_a_log_that_cannot_be_written_lets_nothing_in(self, issued, asked, careful, monkeypatch):
        def fail(*arguments, **options):
            raise RuntimeError

        monkeypatch.setattr(confirmation, "record", fail)
        for digits in (asked["digits"], other_than(asked["digits"])):
            with pytest.raises(RuntimeError):
                confirmation.pick(issued.authorization, digits, by=careful, origin=SYSTEM)
        assert not Device.objects.exists()
        assert poll(asked).status_code == 202


class TestPoll:
    @pytest.fixture
    def confirmed(self, client, issued, asked) -> dict:
        choose(client, issued.authorization, asked["digits"])
        return asked

    def test_unknown(self, db):
        assert refused(poll({"poll_token": "x" * 43}), 404, "poll_unknown")

    def test_malformed(self, db):
        assert refused(call("post", "device-login/poll", {}), 422, "invalid_content")

    def test_a_lost_answer_is_given_once_more_and_the_first_tokens_die(self, confirmed):
        first, second = poll(confirmed).json(), poll(confirmed).json()
        assert refused(call("get", "device", token=first["access_token"]), 401, "token_ended")
        assert call("get", "device", token=second["access_token"]).status_code == 200
        assert refused(poll(confirmed), 410, "registration_used")

    def test_not_after_a_while(self, confirmed):
        poll(confirmed)
        Confirmation.objects.update(collected_at=timezone.now() - dt.timedelta(seconds=61))
        assert refused(poll(confirmed), 410, "registration_used")

    def test_nor_where_nobody_came_for_them_in_time(self, confirmed):
        Confirmation.objects.update(decided_at=timezone.now() - confirmation.COLLECTED_WITHIN)
        assert refused(poll(confirmed), 410, "confirmation_expired")

    def test_nor_after_a_revocation(self, confirmed, issued, careful):
        actions.revoke(authorization=issued.authorization, by=careful, origin=SYSTEM)
        assert refused(poll(confirmed), 403, "confirmation_refused")
        assert not Token.objects.exists()

    def test_nor_of_a_closed_account(self, confirmed, careful):
        type(careful).objects.update(is_active=False)
        assert refused(poll(confirmed), 403, "account_inactive")


def test_what_nobody_decided_is_forgotten_after_a_week(asked):
    pruning.prune()
    assert Confirmation.objects.exists()
    Confirmation.objects.update(expires_at=timezone.now() - pruning.KEPT)
    pruning.prune()
    assert not Confirmation.objects.exists()
    assert refused(poll(asked), 404, "poll_unknown")


class TestBound:
    def test_needs_the_key_that_the_sign_in_came_with(self, client, issued):
        key, other = ProofKey(), ProofKey()
        body = {"token": token_in(issued.link), "device": facts()}
        asked = key.call("post", "device-login", body).json()
        question = {"poll_token": asked["poll_token"]}
        assert refused(poll(asked), 401, "dpop_missing")
        assert refused(other.call("post", "device-login/poll", question), 401, "dpop_other_key")
        assert key.call("post", "device-login/poll", question).status_code == 202

        choose(client, issued.authorization, asked["digits"])
        assert refused(poll(asked), 401, "dpop_missing")
        answer = key.call("post", "device-login/poll", question).json()
        assert answer["token_type"] == "DPoP"
        assert key.call("get", "device", token=answer["access_token"]).status_code == 200
        assert refused(call("get", "device", token=answer["access_token"]), 401, "token_bound")
