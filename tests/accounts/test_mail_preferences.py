"""Which mails a person wants: what the switches govern, and what nobody can switch off."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from accounts import factors, mail_preferences
from accounts.mail_preferences import Kind
from accounts.models import MailPreferences
from medimic.audit.log import SYSTEM, Origin
from medimic.audit.models import ActorKind, AuditEvent
from medimic.audit.presenters import sentence
from medimic.outbox.models import Delivery
from tests.accounts.conftest import kinds, mails
from tests.cast import PASSWORD, make_person
from tests.devices.kit import sign_in_device
from tests.devices.test_races import race

pytestmark = pytest.mark.django_db
NEW_PASSWORD = "a new and better passphrase"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"


@pytest.fixture
def silenced(provider):
    """The provider, who wants no security alerts."""
    mail_preferences.change(provider, {Kind.SECURITY_ALERTS: False}, SYSTEM)
    Delivery.objects.all().delete()
    return provider


def sent() -> set[str]:
    return set(Delivery.objects.values_list("kind", flat=True))


def on(person) -> set[Kind]:
    return {kind for kind in Kind if mail_preferences.wants(person, kind)}


def last_words(person) -> str:
    return sentence(AuditEvent.objects.filter(person_id=person.pk).latest("created_at"))


class TestChange:
    def test_without_a_word_of_theirs_the_defaults_hold(self, provider):
        assert on(provider) == {Kind.SESSION_SUMMARIES, Kind.SECURITY_ALERTS}
        assert not MailPreferences.objects.exists()

    def test_the_defaults_of_no_row_and_of_a_new_row_are_the_same(self, provider, colleague):
        MailPreferences.objects.create(person=colleague)
        assert on(colleague) == on(provider)

    def test_switches_what_it_names_and_leaves_the_rest(self, provider, colleague):
        changed = mail_preferences.change(provider, {Kind.NEW_SESSIONS: True}, SYSTEM)
        assert changed == [Kind.NEW_SESSIONS]
        assert on(provider) == set(Kind)
        assert on(colleague) == {Kind.SESSION_SUMMARIES, Kind.SECURITY_ALERTS}

    def test_the_log_says_what_went_on_and_what_off(self, provider):
        origin = Origin(ActorKind.PERSON, provider.pk, "192.0.2.7", "Firefox")
        wanted = {Kind.NEW_SESSIONS: True, Kind.SESSION_SUMMARIES: False}
        mail_preferences.change(provider, wanted, origin)
        event = AuditEvent.objects.get(kind="accounts.mail_preferences_changed", person_id=provider.pk)
        assert json.loads(event.details) == {"new_sessions": True, "session_summaries": False}
        assert (event.actor_id, event.address) == (provider.pk, "192.0.2.7")
        assert last_words(provider) == (
            "Changed the email notifications: New sessions on, Session summaries off"
        )

    def test_twice_is_once(self, provider):
        for _ in range(2):
            mail_preferences.change(provider, {Kind.SECURITY_ALERTS: False}, SYSTEM)
        assert kinds(provider).count("accounts.mail_preferences_changed") == 1
        assert len(mails("security_alerts_off")) == 1

    def test_a_log_that_cannot_be_written_changes_nothing(self, provider, monkeypatch):
        def fail(*arguments, **options):
            raise RuntimeError

        monkeypatch.setattr(mail_preferences, "record", fail)
        with pytest.raises(RuntimeError):
            mail_preferences.change(provider, {Kind.SECURITY_ALERTS: False}, SYSTEM)
        assert Kind.SECURITY_ALERTS in on(provider)
        assert sent() == set()

    def test_a_person_takes_their_choices_along(self, db):
        person = make_person()
        mail_preferences.change(person, {Kind.NEW_SESSIONS: True}, SYSTEM)
        person.delete()
        assert not MailPreferences.objects.exists()


class TestSecurityAlerts:
    def test_switched_off_end_with_one_that_says_so_and_can_take_it_back(self, provider):
        mail_preferences.change(provider, {Kind.SECURITY_ALERTS: False}, SYSTEM)
        [mail] = mails("security_alerts_off")
        assert mail["to"] == provider.email
        assert "not told by mail of new browsers and devices" in mail["text"]
        assert "/alerts/" in mail["text"]

    def test_switched_on_again_send_nothing(self, silenced):
        mail_preferences.change(silenced, {Kind.SECURITY_ALERTS: True}, SYSTEM)
        assert sent() == set()

    @pytest.mark.parametrize("is_silenced", [False, True])
    def test_the_switch_governs_browsers_and_devices(self, is_silenced, provider):
        mail_preferences.change(provider, {Kind.SECURITY_ALERTS: not is_silenced}, SYSTEM)
        for _ in range(2):
            browser = Client(headers={"user-agent": FIREFOX})
            browser.post(reverse("account_login"), {"login": provider.email, "password": PASSWORD})
        row = sign_in_device(provider).authorization
        browser.post(reverse("device_revocation", args=[row.pk]))
        governed = {"accounts.new_browser", "devices.new_device", "devices.revoked"}
        assert sent() & governed == (set() if is_silenced else governed)

    def test_a_changed_password_is_told_whatever_they_want(self, silenced, log_in):
        log_in(silenced).post(
            reverse("account_change_password"),
            {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
        )
        assert "accounts.password_changed" in sent()

    def test_factors_that_went_are_told_whatever_they_want(self, silenced, enrol):
        enrol(silenced)
        factors.remove_all(person=silenced, origin=SYSTEM)
        assert "accounts.factors_removed" in sent()

    def test_a_locked_account_has_them_on_again(self, provider):
        mail_preferences.change(provider, {Kind.SECURITY_ALERTS: False}, SYSTEM)
        [mail] = mails("security_alerts_off")
        link = next(word for word in mail["text"].split() if "/alerts/" in word)
        Client().post(link.removeprefix("http://localhost:8000"))
        assert "accounts.alert_confirmed" in kinds(provider)
        assert Kind.SECURITY_ALERTS in on(provider)
        assert "accounts.locked" in sent()


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_the_page_and_a_mail_s_link_each_change_their_own(self, provider):
        acts = [
            lambda: mail_preferences.change(provider, {Kind.NEW_SESSIONS: True}, SYSTEM),
            lambda: mail_preferences.unsubscribe(provider, Kind.SESSION_SUMMARIES, SYSTEM),
        ]
        assert race(lambda index: acts[index % 2](), 8) == {"won": 8}
        assert on(provider) == {Kind.NEW_SESSIONS, Kind.SECURITY_ALERTS}
        events = AuditEvent.objects.filter(person_id=provider.pk)
        assert sorted(events.values_list("kind", flat=True)) == [
            "accounts.mail_preferences_changed",
            "accounts.unsubscribed",
        ]

    def test_saved_as_it_was_read_one_would_undo_the_other(self, provider):
        MailPreferences.objects.create(person=provider)
        page, link = (MailPreferences.objects.get(person=provider) for _ in range(2))
        page.new_sessions = True
        link.session_summaries = False
        link.save()
        page.save()
        assert Kind.SESSION_SUMMARIES in on(provider)
