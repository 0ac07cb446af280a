"""The pages behind Authenticate Device, without a script."""

import datetime as dt
import re
import uuid

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone

from billing.catalogue import INDIVIDUAL
from devices import actions, handover
from devices.models import DeviceAuthorization, Registration
from devices.permissions import link_right
from devices.views_authentication import authenticate
from medimic import crypto
from medimic.audit.log import SYSTEM
from medimic.outbox import delivering, taking
from medimic.outbox.models import Delivery
from medimic.sms.backends import memory
from medimic.urls import urlpatterns as portal
from orgs.models import Membership
from tests import cast
from tests.devices.kit import events, just_now, link_for, log_in, sign_in_device, token_in

pytestmark = pytest.mark.django_db
AUTHENTICATION = "/settings/devices/authentication/"


@pytest.fixture
def client(provider, sign_in) -> Client:
    provider.phone_number = "+447700900111"
    provider.save()
    return just_now(sign_in(provider))


def made(client, **fields):
    """The page with a new link."""
    response = client.post(AUTHENTICATION, fields)
    assert response.status_code == 200, response
    return response


def page_of(row, part: str = "") -> str:
    return f"/settings/devices/{row.pk}/authentication/{part}"


def state(client, row, etag: str = ""):
    headers = {"If-None-Match": etag} if etag else {}
    return client.get(page_of(row, "state/"), headers=headers)


def deliver() -> None:
    while taken := taking.take():
        delivering.finish(taken, delivering.attempt(taken))


class TestForm:
    def test_shows_whom_it_is_for_and_is_filled_with_their_number(self, client):
        page = client.get(AUTHENTICATION).content.decode()
        for words in ("Paula", "Provider", "+447700900111", "0 of 5 devices of the Team plan are taken"):
            assert words in page

    def test_sent_twice_makes_one_row_and_the_second_link_takes_the_first_one_s_place(self, client):
        draft = str(client.get(AUTHENTICATION).context["form"]["draft"].value())
        first = made(client, draft=draft, name="Work phone").context["link"]
        second = made(client, draft=draft, name="Work phone").context["link"]
        row = DeviceAuthorization.objects.get()
        assert str(row.pk) == draft
        assert log_in(token_in(first)).json()["code"] == "registration_cancelled"
        assert log_in(token_in(second)).status_code == 200

    def test_reloaded_once_the_device_has_signed_in_leads_to_where_it_stands(self, client):
        draft = str(uuid.uuid4())
        log_in(token_in(made(client, draft=draft).context["link"]))
        response = client.post(AUTHENTICATION, {"draft": draft}, follow=True)
        assert response.redirect_chain == [(f"/settings/devices/{draft}/authentication/", 302)]
        assert "is Active" in response.content.decode()
        assert DeviceAuthorization.objects.count() == 1

    def test_an_id_of_somebody_else_s_row_gains_nothing(self, client, outsider):
        theirs = link_for(outsider)
        page = client.post(AUTHENTICATION, {"draft": str(theirs.authorization.pk)})
        assert "link" not in page.context
        assert DeviceAuthorization.objects.get().account == outsider
        assert log_in(token_in(theirs.link)).status_code == 200

    def test_at_the_limit_one_device_makes_room_in_the_same_step(self, outsider, sign_in):
        rows = [sign_in_device(outsider).authorization for _ in range(INDIVIDUAL.device_limit)]
        client = just_now(sign_in(outsider))
        assert "which one do you no longer need" in client.get(AUTHENTICATION).content.decode().lower()
        page = made(client, instead_of=str(rows[1].pk), name="New phone")
        assert page.context["link"]
        rows[1].refresh_from_db()
        assert rows[1].revoked_reason == "self"


class TestLinkPage:
    def test_shows_code_link_and_ways_to_send_it(self, client, provider):
        page = made(client, name="Work phone").content.decode()
        assert '<svg aria-hidden="true" width=' in page
        for words in (
            "medipal://authenticate?payload=",
            provider.email,
            "+447700900111",
            "Sign in on Work phone",
        ):
            assert words in page

    def test_offers_no_text_without_a_number_or_a_gateway(self, client, provider, settings):
        settings.SMS_BACKEND = ""
        assert "Send by SMS" not in made(client).content.decode()

    def test_is_kept_by_no_cache(self, client):
        assert "no-store" in made(client)["Cache-Control"]

    def test_the_link_is_in_no_row_no_cache_and_no_sign_in(self, client, django_db_blocker):
        link = made(client).context["link"]
        token = token_in(link)
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names():
                cursor.execute(f'SELECT * FROM "{table}"')
                rows = repr(cursor.fetchall())
                assert token not in rows, table
                assert link[-60:] not in rows, table
        kept = " ".join(str(value) for value in client.session.values())
        assert token not in kept
        assert not any(text in kept for text in (link, crypto.token_hash(token)))

    def test_a_device_with_a_code_of_four_pixels_a_module_fits_320(self, client):
        width = int(re.search(r'width="(\d+)"', made(client).context["qr_code"])[1])
        assert width <= 320
        assert width % 4 == 0


class TestIssueAnew:
    def test_ends_the_old_link_and_reuses_the_row(self, client):
        old = made(client, name="Work phone")
        row = DeviceAuthorization.objects.get()
        new = client.post(page_of(row))
        assert DeviceAuthorization.objects.count() == 1
        assert log_in(token_in(old.context["link"])).json()["code"] == "registration_cancelled"
        assert log_in(token_in(new.context["link"])).json()["device"]["name"] == "Work phone"
        assert events("devices.link_issued_anew")[0].object_id == str(row.pk)

    def test_takes_the_place_again_that_an_expired_link_had_lost(self, outsider, sign_in):
        client = just_now(sign_in(outsider))
        made(client)
        row = DeviceAuthorization.objects.get()
        Registration.objects.update(expires_at=timezone.now())
        for _ in range(INDIVIDUAL.device_limit):
            sign_in_device(outsider)
        page = client.post(page_of(row))
        assert "The Individual plan allows 3 devices" in page.content.decode()
        assert "link" not in page.context

    def test_asks_for_a_recent_authentication(self, provider, sign_in):
        row = link_for(provider).authorization
        response = sign_in(provider).post(page_of(row))
        assert response.url.startswith("/accounts/reauthenticate/")
        assert Registration.objects.count() == 1

    def test_of_a_device_that_is_there_leads_to_it(self, client, provider):
        row = sign_in_device(provider).authorization
        assert client.post(page_of(row)).url == page_of(row)

    def test_of_a_cancelled_one_makes_none(self, client, provider):
        row = link_for(provider).authorization
        actions.revoke(authorization=row, by=provider, origin=SYSTEM)
        assert client.post(page_of(row)).url == page_of(row)
        assert "was cancelled" in client.get(page_of(row)).content.decode()


class TestSending:
    @pytest.fixture
    def row(self, client):
        self.link = made(client, name="Work phone").context["link"]
        return DeviceAuthorization.objects.get()

    def send(self, client, row, channel, link=None):
        return client.post(page_of(row, "sending/"), {"channel": channel, "link": link or self.link})

    def test_by_mail_to_one_s_own_address(self, client, row, provider, mailoutbox):
        page = self.send(client, row, "email")
        assert f"on its way to {provider.email}" in page.content.decode()
        assert page.context["link"] == self.link
        deliver()
        (mail,) = [mail for mail in mailoutbox if mail.to == [provider.email]]
        assert self.link in mail.body
        assert self.link in mail.alternatives[0][0]
        assert '"to":"p\\u2026@people.example"' in events("devices.link_sent")[0].details

    def test_by_text_to_one_s_own_number(self, client, row, monkeypatch):
        monkeypatch.setattr(memory, "sent", [])
        page = self.send(client, row, "sms")
        assert "on its way to +447700900111" in page.content.decode()
        deliver()
        (text,) = memory.sent
        assert text.to == "+447700900111"
        assert text.body.endswith(self.link)

    def test_nowhere_else_whatever_is_posted(self, client, row, provider):
        fields = {"channel": "email", "link": self.link, "email": "thief@people.example", "to": "thief"}
        client.post(page_of(row, "sending/"), fields)
        assert Delivery.objects.get(kind=handover.KIND).recipient == provider.email

    def test_lies_encrypted_in_the_outbox(self, client, row):
        self.send(client, row, "email")
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM outbox_delivery")
            stored = repr(cursor.fetchall())
        assert "medipal" not in stored
        assert self.link[-40:] not in stored

    @pytest.mark.parametrize("end", ["used", "cancelled", "expired", "reissued", "closed"])
    def test_is_dropped_once_the_link_is_of_no_more_use(self, client, row, provider, end, mailoutbox):
        self.send(client, row, "email")
        if end == "used":
            log_in(token_in(self.link))
        elif end == "cancelled":
            actions.revoke(authorization=row, by=provider, origin=SYSTEM)
        elif end == "expired":
            Registration.objects.update(expires_at=timezone.now())
        elif end == "reissued":
            client.post(page_of(row))
        else:
            type(provider).objects.update(is_active=False)
        deliver()
        delivery = Delivery.objects.get(kind=handover.KIND)
        assert (delivery.state, delivery.body, delivery.recipient) == ("dropped", "", "")
        assert not [mail for mail in mailoutbox if "medipal" in mail.body]

    def test_twice_is_once(self, client, row):
        for _ in range(3):
            self.send(client, row, "email")
        assert Delivery.objects.filter(kind=handover.KIND).count() == 1

    def test_is_bounded_by_the_hour(self, client, row):
        for _ in range(handover.MOST_IN_AN_HOUR):
            self.send(client, row, "sms")
            self.link = client.post(page_of(row)).context["link"]
        page = self.send(client, row, "sms")
        assert "Wait an hour" in page.content.decode()
        assert page.context["link"] == self.link
        assert Delivery.objects.filter(channel="sms").count() == handover.MOST_IN_AN_HOUR
        Delivery.objects.update(created_at=timezone.now() - dt.timedelta(hours=1))
        assert "on its way" in self.send(client, row, "sms").content.decode()

    @pytest.mark.parametrize("bad", ["", "medipal://authenticate?payload=x", "https://thief.example/"])
    def test_of_what_is_no_link_of_this_row_sends_nothing(self, client, row, bad):
        assert self.send(client, row, "email", bad or " ").url == page_of(row)
        assert not Delivery.objects.filter(kind=handover.KIND).exists()

    def test_of_the_link_of_another_row_sends_nothing(self, client, row, provider):
        other = link_for(provider)
        assert self.send(client, row, "email", other.link).url == page_of(row)
        assert not Delivery.objects.filter(kind=handover.KIND).exists()

    def test_of_a_spent_link_sends_nothing(self, client, row):
        log_in(token_in(self.link))
        assert self.send(client, row, "email").url == page_of(row)

    def test_by_no_other_channel(self, client, row):
        assert self.send(client, row, "carrier-pigeon").url == page_of(row)

    def test_to_a_number_that_is_not_there_says_so(self, client, row, provider):
        type(provider).objects.update(phone_number="")
        assert "no verified address" in self.send(client, row, "sms").content.decode()

    def test_a_log_that_cannot_be_written_sends_nothing(self, client, row, monkeypatch):
        def fail(*arguments, **options):
            raise RuntimeError

        monkeypatch.setattr(handover, "record", fail)
        with pytest.raises(RuntimeError):
            self.send(client, row, "email")
        assert not Delivery.objects.filter(kind=handover.KIND).exists()


class TestState:
    def test_a_script_is_told_where_to_ask_as_long_as_anything_can_come(self, client, provider):
        row = link_for(provider).authorization
        for address in ("/settings/devices/", page_of(row)):
            assert f'data-state="{page_of(row, "state/")}"' in client.get(address).content.decode()
        Registration.objects.update(expires_at=timezone.now())
        for address in ("/settings/devices/", page_of(row)):
            assert "data-state=" not in client.get(address).content.decode()

    def test_tells_what_became_of_the_link(self, client, provider):
        issued = link_for(provider)
        row = issued.authorization
        assert state(client, row).json() == {"state": "waiting"}
        log_in(token_in(issued.link))
        assert state(client, row).json() == {"state": "active"}
        actions.revoke(authorization=row, by=provider, origin=SYSTEM)
        assert state(client, row).json() == {"state": "ended"}

    def test_of_an_expired_link_is_ended(self, client, provider):
        row = link_for(provider).authorization
        Registration.objects.update(expires_at=timezone.now())
        assert state(client, row).json() == {"state": "ended"}

    def test_is_an_empty_304_as_long_as_nothing_happens(self, client, provider):
        issued = link_for(provider)
        etag = state(client, issued.authorization)["ETag"]
        again = state(client, issued.authorization, etag)
        assert (again.status_code, again.content) == (304, b"")
        log_in(token_in(issued.link))
        assert state(client, issued.authorization, etag).status_code == 200

    def test_costs_one_query_beside_the_sign_in(self, client, provider):
        row = link_for(provider).authorization
        state(client, row)
        with CaptureQueriesContext(connection) as queries:
            state(client, row)
        # The sign-in's record, its person, the row.
        assert len(queries) == 3
        assert not any(one["sql"].startswith(("UPDATE", "INSERT", "SAVEPOINT")) for one in queries)

    def test_is_not_there_for_anybody_else(
        self, provider, colleague, admin, patient, outsider, support, sign_in
    ):
        row = link_for(provider).authorization
        for other in (colleague, admin, patient, outsider, support):
            for part in ("", "state/"):
                assert sign_in(other).get(page_of(row, part)).status_code == 404
            for part in ("", "sending/", "confirmation/"):
                assert just_now(sign_in(other)).post(page_of(row, part)).status_code == 404
        assert Client().get(page_of(row, "state/")).url.startswith("/accounts/login/")
        assert Registration.objects.good().count() == 1

    def test_a_row_that_gave_way_leads_to_its_successor(self, client, provider):
        old = sign_in_device(provider, device_id="one-phone-signed-in-twice").authorization
        new = sign_in_device(provider, device_id="one-phone-signed-in-twice").authorization
        assert client.get(page_of(old)).url == f"/settings/devices/{new.pk}/"


class ForSomebodyElse:
    """The page of a patient, as an organization's pages will have it."""

    account = None


def for_somebody_else(request):
    return authenticate(request, link_right(request.user, ForSomebodyElse.account))


urlpatterns = [path("patient/authentication/", for_somebody_else), *portal]


@pytest.mark.urls(__name__)
class TestForAPatient:
    @pytest.fixture
    def quiet(self, clinic, monkeypatch):
        person = cast.make_person("Quinn", "Quiet", email=None)
        cast.join(clinic, person, Membership.Role.PATIENT)
        monkeypatch.setattr(ForSomebodyElse, "account", person)
        return person

    @pytest.fixture
    def signing_in(self, patient, monkeypatch):
        monkeypatch.setattr(ForSomebodyElse, "account", patient)
        return patient

    def test_shows_the_link_to_the_clinician_of_a_patient_who_has_nothing_else(
        self, client, quiet, colleague, sign_in
    ):
        page = client.post("/patient/authentication/", {"name": "Quinn's phone"})
        assert "signed in as Quinn Quiet" in page.content.decode()
        row = DeviceAuthorization.objects.get()
        assert state(client, row).json() == {"state": "waiting"}
        # A colleague may make one of their own; this one is the issuer's.
        assert sign_in(colleague).get(page_of(row)).status_code == 404
        log_in(token_in(page.context["link"]))
        assert state(client, row).json() == {"state": "active"}

    def test_sends_it_to_the_person_alone_and_never_shows_it(self, client, signing_in, mailoutbox):
        form = client.get("/patient/authentication/").content.decode()
        assert "You will not see it" in form
        response = client.post("/patient/authentication/", {"name": "Piotr's phone"}, follow=True)
        page = response.content.decode()
        assert "p…@people.example" in page
        assert "medipal" not in page
        assert signing_in.email not in page
        deliver()
        (mail,) = [mail for mail in mailoutbox if mail.to == [signing_in.email]]
        assert "medipal://authenticate?payload=" in mail.body
        assert "Paula Provider" in mail.body

    def test_the_clinician_cannot_have_that_one_sent_or_picked(self, client, signing_in):
        client.post("/patient/authentication/", {})
        row = DeviceAuthorization.objects.get()
        for part in ("sending/", "confirmation/"):
            assert client.post(page_of(row, part), {"channel": "email", "digits": "12"}).status_code == 403

    def test_issued_anew_it_goes_to_the_person_again(self, client, signing_in):
        client.post("/patient/authentication/", {})
        row = DeviceAuthorization.objects.get()
        response = client.post(page_of(row), follow=True)
        assert "medipal" not in response.content.decode()
        assert Delivery.objects.filter(kind=handover.KIND, recipient_masked="p…@people.example").count() == 2

    def test_the_clinician_reads_that_the_person_is_asked_to_confirm_it(self, client, signing_in):
        signing_in.confirm_devices = True
        signing_in.save()
        issued = link_for(signing_in)
        DeviceAuthorization.objects.update(issued_by=client.session["_auth_user_id"])
        log_in(token_in(issued.link))
        page = client.get(page_of(issued.authorization))
        assert "Piotr Patient is asked to confirm it" in page.content.decode()
        assert 'data-now="asking"' in page.content.decode()
        assert page.context["question"] is None

    def test_at_the_limit_says_so_and_names_no_device(self, client, signing_in):
        for _ in range(3):
            sign_in_device(signing_in, model="Pixel 8")
        page = client.get("/patient/authentication/").content.decode()
        assert "has no place for another device" in page
        assert "Pixel 8" not in page

    def test_ends_with_the_right_to(self, client, quiet, provider):
        client.post("/patient/authentication/", {})
        row = DeviceAuthorization.objects.get()
        provider.memberships.update(ended_at=timezone.now())
        for part in ("", "state/"):
            assert client.get(page_of(row, part)).status_code == 404


def test_nothing_of_it_is_in_the_cache(client):
    link = made(client).context["link"]
    assert cache.get(token_in(link)) is None
