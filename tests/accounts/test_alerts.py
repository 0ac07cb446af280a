"""Alerts by mail, and what their link "This wasn't me" does once it is confirmed."""

import datetime as dt
import json
import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import alerts
from accounts.models import Alert, Person
from devices.models import DeviceAuthorization
from medimic.audit.models import AuditEvent
from medimic.outbox.models import Delivery
from tests.accounts.conftest import code_in, is_signed_in, kinds, mails
from tests.cast import PASSWORD
from tests.devices.kit import call, link_for, log_in, sign_in_device, token_in

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"


def body(kind: str) -> dict:
    """The newest mail of this kind."""
    return json.loads(Delivery.objects.filter(kind=kind).latest("created_at").body)


def link(kind: str) -> str:
    return re.search(r"/alerts/[\w-]+/", body(kind)["text"])[0]


def sign_in(person: Person, password: str = PASSWORD, client: Client | None = None) -> Client:
    client = client or Client(headers={"user-agent": FIREFOX})
    client.post(reverse("account_login"), {"login": person.email, "password": password})
    return client


def second_browser(person: Person) -> Client:
    """One that is told of."""
    sign_in(person)
    return sign_in(person)


class TestWhatIsTold:
    def test_a_new_browser_with_time_address_and_agent(self, provider):
        second_browser(provider)
        told = body("accounts.new_browser")
        assert "A browser that you had not used before signed in" in told["text"]
        assert "Where from: 127.0.0.1" in told["text"]
        assert "With what: Firefox on Linux" in told["text"]
        assert re.search(r"When: \d+ \w+ \d{4}, \d\d:\d\d \(UTC\)", told["text"])
        assert "This wasn&#x27;t me" in told["html"] or "This wasn't me" in told["html"]

    def test_neither_the_very_first_browser_nor_one_that_is_known(self, provider):
        browser = sign_in(provider)
        browser.post(reverse("account_logout"))
        sign_in(provider, client=browser)
        assert mails("new_browser") == []

    def test_a_known_browser_is_new_to_somebody_else(self, provider, colleague):
        sign_in(colleague)
        browser = sign_in(provider)
        browser.post(reverse("account_logout"))
        sign_in(colleague, client=browser)
        assert [mail["to"] for mail in mails("new_browser")] == [colleague.email]

    def test_a_forged_note_makes_no_browser_known(self, provider):
        sign_in(provider)
        stranger = Client(headers={"user-agent": FIREFOX})
        stranger.cookies["known"] = json.dumps([str(provider.pk)])
        sign_in(provider, client=stranger)
        assert len(mails("new_browser")) == 1

    def test_a_new_device_and_a_revoked_one(self, provider):
        row = sign_in_device(provider, name="Ward phone").authorization
        assert "New device: Ward phone" in body("devices.new_device")["subject"]
        assert Alert.objects.get().device_id == row.pk
        Client().force_login(provider)
        browser = sign_in(provider)
        browser.post(reverse("device_revocation", args=[row.pk]))
        assert "Revoked: Ward phone" in body("devices.revoked")["subject"]
        assert link("devices.revoked")

    def test_the_address_of_an_admin_who_revokes_is_not_told(self, provider, admin, clinic):
        row = sign_in_device(provider).authorization
        browser = sign_in(admin)
        browser.post(f"/organizations/{clinic.slug}/devices/{row.pk}/revocation/")
        told = body("devices.revoked")["text"]
        assert "Why: revoked by your organization" in told
        assert "127.0.0.1" not in told
        assert "/alerts/" not in told

    def test_a_recovery_code_that_was_used(self, provider, enrol):
        enrol(provider)
        codes = Authenticator.objects.get(user=provider, type="recovery_codes").wrap().get_unused_codes()
        browser = sign_in(provider)
        browser.post(reverse("mfa_authenticate"), {"code": codes[0]})
        assert is_signed_in(browser)
        assert "recovery codes" in body("accounts.recovery_code_used")["text"]
        assert link("accounts.recovery_code_used")

    def test_of_a_changed_address_the_old_one_gets_the_link(self, provider):
        old = provider.email
        browser = sign_in(provider)
        change_email(browser, "new@people.example")
        assert [(mail["to"], "/alerts/" in mail["text"]) for mail in mails("email_changed")] == [(old, True)]
        [arrived] = mails("email_arrived")
        assert (arrived["to"], "/alerts/" in arrived["text"]) == ("new@people.example", False)

    def test_in_the_person_s_language_whatever_the_browser_s(self, provider):
        Person.objects.filter(pk=provider.pk).update(language="de", date_locale="de_DE")
        second_browser(provider)
        assert 'lang="de"' in body("accounts.new_browser")["html"]

    def test_nobody_is_told_who_has_no_address(self, patient):
        Person.objects.filter(pk=patient.pk).update(email=None)
        patient.refresh_from_db()
        sign_in_device(patient)
        assert not Delivery.objects.filter(kind="devices.new_device").exists()

    def test_only_a_hash_of_the_token_is_kept(self, provider):
        second_browser(provider)
        token = link("accounts.new_browser").split("/")[2]
        stored = str(Alert.objects.values().get())
        assert token not in stored


def change_email(browser: Client, email: str) -> None:
    browser.post(reverse("account_email"), {"email": email, "action_add": ""})
    code = code_in(mails("email_confirmation")[-1])
    browser.post(reverse("account_email_verification_sent"), {"code": code})


class TestOpening:
    @pytest.mark.parametrize("method", ["get", "head", "options"])
    def test_changes_nothing_however_often(self, method, provider):
        browser = second_browser(provider)
        events = AuditEvent.objects.count()
        for _ in range(3):
            getattr(Client(), method)(link("accounts.new_browser"))
        assert is_signed_in(browser)
        assert Alert.objects.filter(used_at=None).count() == 1
        assert AuditEvent.objects.count() == events
        provider.refresh_from_db()
        assert provider.check_password(PASSWORD)

    def test_says_what_would_happen_and_whose_mailbox_gets_the_mail(self, provider):
        second_browser(provider)
        page = Client().get(link("accounts.new_browser")).content.decode()
        assert "A new browser signed in" in page
        assert "p…@people.example" in page
        assert provider.email not in page

    def test_an_unknown_token_and_one_that_ran_out_look_alike(self, provider):
        second_browser(provider)
        path = link("accounts.new_browser")
        Alert.objects.update(created_at=timezone.now() - dt.timedelta(days=9), expires_at=timezone.now())
        gone, unknown = Client().get(path), Client().get(f"/alerts/{'x' * 43}/")
        assert (gone.status_code, unknown.status_code) == (404, 404)
        assert gone.content == unknown.content
        assert Client().post(path).status_code == 404
        provider.refresh_from_db()
        assert provider.check_password(PASSWORD)

    def test_links_that_ran_out_are_forgotten(self, provider):
        second_browser(provider)
        alerts.prune()
        assert Alert.objects.count() == 1
        Alert.objects.update(created_at=timezone.now() - dt.timedelta(days=9), expires_at=timezone.now())
        alerts.prune()
        assert not Alert.objects.exists()


class TestConfirming:
    def test_ends_every_browser_and_token_and_the_password(self, provider):
        phone = sign_in_device(provider)
        browser = second_browser(provider)
        answer = Client().post(link("accounts.new_browser"))
        assert answer.status_code == 302
        assert not is_signed_in(browser)
        assert call("get", "device", token=phone.tokens.access_token).status_code == 401
        assert not is_signed_in(sign_in(provider))
        assert kinds(provider)[-2:] == ["accounts.alert_confirmed", "accounts.sign_in_failed"]

    def test_leads_to_a_new_password(self, provider):
        second_browser(provider)
        Client().post(link("accounts.new_browser"))
        [mail] = mails("locked")
        assert mail["to"] == provider.email
        client = Client()
        path = re.search(r"/accounts/password/reset/key/\S+", mail["text"])[0]
        form = client.get(path, follow=True)
        new = "an entirely new passphrase"
        client.post(form.redirect_chain[-1][0], {"password1": new, "password2": new})
        assert is_signed_in(sign_in(provider, new))

    def test_revokes_the_device_that_the_mail_tells_of_and_no_earlier_one(self, provider):
        mine = sign_in_device(provider).authorization
        past = timezone.now() - dt.timedelta(days=3)
        DeviceAuthorization.objects.filter(pk=mine.pk).update(activated_at=past, created_at=past)
        Alert.objects.all().delete()
        theirs = sign_in_device(provider).authorization
        Client().post(link("devices.new_device"))
        mine.refresh_from_db()
        theirs.refresh_from_db()
        assert (mine.is_active, theirs.is_active) == (True, False)
        # Told by the page and the mail that follows, not by one more alert.
        assert not Delivery.objects.filter(kind="devices.revoked").exists()
        [event] = AuditEvent.objects.filter(kind="devices.revoked")
        assert (event.actor_kind, json.loads(event.details)["unrecognized"]) == ("anonymous", True)

    def test_revokes_what_came_after_the_mail_and_links_nobody_has_used(self, outsider):
        second_browser(outsider)
        later = sign_in_device(outsider).authorization
        pending = link_for(outsider)
        Client().post(link("accounts.new_browser"))
        later.refresh_from_db()
        assert not later.is_active
        assert log_in(token_in(pending.link)).status_code == 410

    def test_removes_factors_and_connections_that_came_after_it_and_keeps_earlier_ones(self, provider):
        kept = totp.TOTP.activate(provider, totp.generate_totp_secret()).instance
        Authenticator.objects.filter(pk=kept.pk).update(created_at=timezone.now() - dt.timedelta(days=3))
        Person.objects.filter(pk=provider.pk).update(last_login=timezone.now())
        provider.refresh_from_db()
        Client().force_login(provider)
        RecoveryCodes.activate(provider)
        SocialAccount.objects.create(user=provider, provider="clinic", uid="stranger")
        Client().post(link("accounts.new_browser"))
        assert list(Authenticator.objects.filter(user=provider)) == [kept]
        assert not SocialAccount.objects.exists()
        assert "accounts.sign_on_disconnected" in kinds(provider)

    def test_forgets_trusted_browsers(self, provider):
        sign_in(provider)
        Client().post(
            reverse("account_login"), {"login": provider.email, "password": PASSWORD, "remember": "on"}
        )
        assert provider.trusted_browsers.exists()
        Client().post(link("accounts.new_browser"))
        assert not provider.trusted_browsers.exists()

    def test_happens_once(self, provider):
        second_browser(provider)
        path = link("accounts.new_browser")
        Client().post(path)
        provider.refresh_from_db()
        provider.set_password(PASSWORD)
        provider.save()
        assert "Your account is locked" in Client().post(path).content.decode()
        provider.refresh_from_db()
        assert provider.check_password(PASSWORD)
        assert kinds(provider).count("accounts.alert_confirmed") == 1

    def test_works_in_a_browser_in_which_the_person_is_signed_in(self, provider):
        browser = second_browser(provider)
        answer = browser.post(link("accounts.new_browser"), follow=True)
        assert "Your account is locked" in answer.content.decode()

    def test_leaves_somebody_else_signed_in(self, provider, colleague):
        second_browser(provider)
        other = sign_in(colleague)
        other.post(link("accounts.new_browser"))
        assert is_signed_in(other)
        colleague.refresh_from_db()
        assert colleague.check_password(PASSWORD)

    def test_nothing_happens_when_the_log_cannot_be_written(self, provider, monkeypatch):
        browser = second_browser(provider)

        def broken(*args, **kwargs):
            raise OSError

        monkeypatch.setattr("accounts.lockdown.record", broken)
        client = Client(raise_request_exception=False)
        assert client.post(link("accounts.new_browser")).status_code == 500
        assert is_signed_in(browser)
        assert Alert.objects.filter(used_at=None).count() == 1


class TestAnAccountThatWasTaken:
    """Somebody with the password changes the address, and the owner has the old mailbox alone."""

    @pytest.fixture
    def taken(self, provider) -> tuple[str, str]:
        """The links that went to the owner and to whoever has it now."""
        thief = second_browser(provider)
        change_email(thief, "thief@evil.example")
        mine = link("accounts.email_changed")
        new = "the thief's own password"
        thief.post(
            reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": new, "password2": new}
        )
        theirs = link("accounts.password_changed")
        assert mails("password_changed")[-1]["to"] == "thief@evil.example"
        return mine, theirs

    def test_comes_back_to_the_old_address(self, provider, taken):
        old = provider.email
        Client().post(taken[0])
        provider.refresh_from_db()
        assert provider.email == old
        assert [
            (row.email, row.verified, row.primary) for row in EmailAddress.objects.filter(user=provider)
        ] == [(old, True, True)]
        assert mails("locked")[-1]["to"] == old
        assert "accounts.email_restored" in kinds(provider)

    def test_comes_back_even_after_the_thief_was_first(self, provider, taken):
        old = provider.email
        mine, theirs = taken
        Client().post(theirs)
        assert mails("locked")[-1]["to"] == "thief@evil.example"
        Client().post(mine)
        provider.refresh_from_db()
        assert provider.email == old

    def test_is_not_taken_back_by_the_thief_s_own_link(self, provider, taken):
        old = provider.email
        mine, theirs = taken
        Client().post(mine)
        Client().post(theirs)
        provider.refresh_from_db()
        assert provider.email == old

    def test_is_locked_where_the_old_address_is_somebody_else_s_now(self, provider, colleague, taken):
        old = provider.email
        EmailAddress.objects.filter(user=colleague).delete()
        Person.objects.filter(pk=colleague.pk).update(email=old)
        Client().post(taken[0])
        provider.refresh_from_db()
        assert provider.email == "thief@evil.example"
        assert not provider.has_usable_password()
        assert mails("locked") == []
        Client().post("/accounts/password/reset/", {"email": "thief@evil.example"})
        assert mails("password_reset_key") == []
