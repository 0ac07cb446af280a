import datetime as dt
import time

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from devices import actions
from devices.models import Device, DeviceAuthorization, Registration
from medimic.audit.log import SYSTEM
from tests import cast
from tests.devices.kit import events, just_now, link_for, log_in, sign_in_device, token_in

pytestmark = pytest.mark.django_db
LIST = "/settings/devices/"
AUTHENTICATION = "/settings/devices/authentication/"


def text(response) -> str:
    assert response.status_code == 200, response
    return response.content.decode()


def revocation(row) -> str:
    return f"{LIST}{row.pk}/revocation/"


class TestList:
    def test_shows_what_people_look_for(self, provider, sign_in):
        row = sign_in_device(provider).authorization
        page = text(sign_in(provider).get(LIST))
        for word in ("iPhone 15 Pro", "Phone", "iOS 17.4", "3.2.0", "Active", revocation(row)):
            assert word in page

    def test_offers_the_first_step_where_there_is_none(self, provider, sign_in):
        page = text(sign_in(provider).get(LIST))
        assert "No devices yet" in page
        assert AUTHENTICATION in page

    def test_shows_nobody_else_s(self, provider, colleague, sign_in):
        sign_in_device(colleague, model="Pixel 8")
        assert "Pixel 8" not in text(sign_in(provider).get(LIST))

    @pytest.mark.parametrize(
        ("prepare", "words"),
        [
            (lambda p: sign_in_device(p), ["Active"]),
            (lambda p: p.end_device_tokens() or sign_in_device(p), ["Active"]),
            (lambda p: sign_in_device(p) and p.end_device_tokens(), ["Active", "signed out"]),
            (lambda p: link_for(p), ["Inactive", "waiting for the device"]),
            (
                lambda p: link_for(p) and Registration.objects.update(expires_at=timezone.now()),
                ["link expired"],
            ),
            (lambda p: _revoked(p), ["Inactive", "revoked by you"]),
        ],
    )
    def test_says_the_state_and_why(self, provider, sign_in, prepare, words):
        prepare(provider)
        page = text(sign_in(provider).get(LIST))
        for word in words:
            assert word in page

    def test_leaves_out_rows_that_gave_way_and_links_that_came_to_nothing(self, provider, sign_in):
        for _ in range(2):
            sign_in_device(provider, device_id="one-phone-signed-in-twice")
        actions.revoke(authorization=link_for(provider).authorization, by=provider, origin=SYSTEM)
        assert len(sign_in(provider).get(LIST).context["rows"]) == 1

    def test_needs_the_same_queries_for_5_and_500_rows(self, provider, sign_in):
        client = sign_in(provider)
        counts = []
        for number in (5, 495):
            _many(provider, number)
            client.get(LIST)
            with CaptureQueriesContext(connection) as queries:
                client.get(LIST)
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_anonymous_is_led_to_the_sign_in(self, db):
        assert Client().get(LIST).url.startswith("/accounts/login/")

    def test_takes_no_post(self, provider, sign_in):
        assert sign_in(provider).post(LIST).status_code == 405


class TestDetail:
    def test_shows_the_facts(self, provider, sign_in):
        row = sign_in_device(provider).authorization
        page = text(sign_in(provider).get(f"{LIST}{row.pk}/"))
        assert "iPhone 15 Pro" in page

    def test_a_row_that_gave_way_leads_to_its_successor(self, provider, sign_in):
        old = sign_in_device(provider, device_id="one-phone-signed-in-twice").authorization
        new = sign_in_device(provider, device_id="one-phone-signed-in-twice").authorization
        assert sign_in(provider).get(f"{LIST}{old.pk}/").url == f"{LIST}{new.pk}/"

    def test_is_not_there_for_anybody_else(self, provider, colleague, admin, outsider, support, sign_in):
        row = sign_in_device(provider).authorization
        for other in (colleague, admin, outsider, support):
            assert sign_in(other).get(f"{LIST}{row.pk}/").status_code == 404
        assert sign_in(provider).get(f"{LIST}0d1f5b9e-0000-4000-8000-000000000000/").status_code == 404


class TestRevocation:
    def test_asks_first(self, provider, sign_in):
        row = sign_in_device(provider).authorization
        page = text(sign_in(provider).get(revocation(row)))
        assert "Revoke iPhone 15 Pro?" in page
        assert "transcripts stay" in page
        row.refresh_from_db()
        assert row.is_active

    def test_ends_the_access_and_says_so(self, provider, sign_in):
        signed_in = sign_in_device(provider)
        response = sign_in(provider).post(revocation(signed_in.authorization), follow=True)
        receipt = f"{revocation(signed_in.authorization)}receipt/"
        assert response.redirect_chain == [(receipt, 302)]
        assert "is revoked" in text(response)
        row = DeviceAuthorization.objects.get()
        assert (row.revoked_by, row.revoked_reason) == (provider, "self")
        assert [event.actor_id for event in events("devices.revoked")] == [provider.pk]

    def test_twice_is_once(self, provider, sign_in):
        row = sign_in_device(provider).authorization
        client = sign_in(provider)
        client.post(revocation(row))
        assert "no access any more" in text(client.post(revocation(row), follow=True))
        assert len(events("devices.revoked")) == 1

    def test_cancels_a_link(self, provider, sign_in):
        row = link_for(provider, name="Work phone").authorization
        client = sign_in(provider)
        assert "Cancel the link for Work phone?" in text(client.get(revocation(row)))
        assert "is cancelled" in text(client.post(revocation(row), follow=True))

    def test_is_not_there_for_anybody_else(self, provider, colleague, admin, outsider, sign_in):
        row = sign_in_device(provider).authorization
        for other in (colleague, admin, outsider):
            assert sign_in(other).get(revocation(row)).status_code == 404
            assert sign_in(other).post(revocation(row)).status_code == 404
        assert Client().post(revocation(row)).status_code == 302
        row.refresh_from_db()
        assert row.is_active

    def test_needs_the_page_s_token(self, provider):
        row = sign_in_device(provider).authorization
        client = Client(enforce_csrf_checks=True)
        client.force_login(provider)
        assert client.post(revocation(row)).status_code == 403

    def test_takes_no_other_method(self, provider, sign_in):
        row = sign_in_device(provider).authorization
        assert sign_in(provider).delete(revocation(row)).status_code == 405


class TestAuthenticateDevice:
    @pytest.fixture
    def client(self, provider, sign_in) -> Client:
        return just_now(sign_in(provider))

    def test_asks_for_a_recent_authentication(self, provider, sign_in):
        client = sign_in(provider)
        for response in (client.get(AUTHENTICATION), client.post(AUTHENTICATION)):
            assert response.url.startswith("/accounts/reauthenticate/")
        assert not DeviceAuthorization.objects.exists()

    def test_a_sign_in_some_time_ago_is_not_recent(self, client, monkeypatch):
        later = time.time() + 16 * 60
        monkeypatch.setattr("accounts.recent.time.time", lambda: later)
        assert client.get(AUTHENTICATION).status_code == 302

    def test_is_filled_with_the_person_s_data(self, client, provider):
        provider.phone_number = "+442079460000"
        provider.save()
        page = text(client.get(AUTHENTICATION))
        assert "Paula Provider" in page
        assert "+442079460000" in page

    def test_shows_a_link_that_signs_a_device_in(self, client):
        response = client.post(AUTHENTICATION, {"name": "Work phone"})
        page = text(response)
        link = response.context["link"]
        assert link in page
        assert "<svg aria-hidden" in page
        assert "no-store" in response.headers["Cache-Control"]
        assert log_in(token_in(link)).status_code == 200
        assert DeviceAuthorization.objects.get().name == "Work phone"

    def test_shows_it_once(self, client):
        link = client.post(AUTHENTICATION, {}).context["link"]
        assert link not in text(client.get(LIST))
        assert link not in text(client.get(AUTHENTICATION))

    def test_at_the_limit_names_plan_limit_and_what_to_revoke(self, sign_in):
        trial = cast.make_person()
        row = sign_in_device(trial).authorization
        client = just_now(sign_in(trial))
        for response in (client.get(AUTHENTICATION), client.post(AUTHENTICATION, {})):
            page = text(response)
            assert "Free Trial, allows 1 device" in page
            assert f'value="{row.pk}"' in page
        assert DeviceAuthorization.objects.count() == 1

    def test_refuses_what_the_api_refuses(self, client):
        page = text(client.post(AUTHENTICATION, {"name": "a\u202eb"}))
        assert "Leave out signs that cannot be seen" in page


def test_the_old_address_leads_on(db):
    assert Client().get("/user-profile").url == LIST


def _expired(person) -> None:
    link_for(person)
    Registration.objects.update(expires_at=timezone.now())


def _revoked(person) -> None:
    row = sign_in_device(person).authorization
    actions.revoke(authorization=row, by=person, origin=SYSTEM)


def _many(person, number: int) -> None:
    now = timezone.now()
    devices = Device.objects.bulk_create(
        Device(
            identifier_hash=f"{person.pk}-{now.timestamp()}-{i}"[:64], owner_person=person, model="Pixel 8",
            device_type="phone", platform="android", os_version="14", app_version="3.2.0",
        )
        for i in range(number)
    )  # fmt: skip
    DeviceAuthorization.objects.bulk_create(
        DeviceAuthorization(
            account=person, device=device, activated_at=now, last_seen_at=now - dt.timedelta(days=i)
        )
        for i, device in enumerate(devices)
    )
