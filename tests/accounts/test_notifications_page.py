"""The Notifications page: switches of mails, and what the person's devices are told."""

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import mail_preferences
from accounts.mail_preferences import Kind
from devices import push_settings
from devices.models import PushKind
from medimic.audit.log import SYSTEM
from tests.accounts.conftest import kinds, mails
from tests.cast import PASSWORD
from tests.devices.kit import just_now, push, sign_in_device
from tests.devices.test_pages import _many as many

pytestmark = [pytest.mark.django_db, pytest.mark.once]
PAGE = "/settings/notifications/"
DEFAULTS = {Kind.SESSION_SUMMARIES, Kind.SECURITY_ALERTS}


def on(person) -> set[Kind]:
    return {kind for kind in Kind if mail_preferences.wants(person, kind)}


def text(response) -> str:
    assert response.status_code == 200, response
    return response.content.decode()


def sent(shown: set[Kind], wanted: set[Kind]) -> dict[str, str]:
    """What a browser sends of a page that showed these as on."""
    before = {f"initial-{kind}": "True" if kind in shown else "False" for kind in Kind}
    return before | {kind.value: "on" for kind in wanted}


class TestMails:
    def test_shows_how_it_stands_and_where_mails_go(self, provider, sign_in):
        mail_preferences.change(provider, {Kind.NEW_SESSIONS: True, Kind.SESSION_SUMMARIES: False}, SYSTEM)
        response = sign_in(provider).get(PAGE)
        assert f"Sent to {provider.email}." in text(response)
        shown = {kind for kind in Kind if response.context["form"][kind].initial}
        assert shown == {Kind.NEW_SESSIONS, Kind.SECURITY_ALERTS}

    def test_saves_what_was_switched(self, provider, sign_in):
        client = sign_in(provider)
        response = client.post(PAGE, sent(DEFAULTS, {Kind.NEW_SESSIONS, Kind.SECURITY_ALERTS}), follow=True)
        assert "Your email notifications are saved." in text(response)
        assert on(provider) == {Kind.NEW_SESSIONS, Kind.SECURITY_ALERTS}
        assert kinds(provider)[1:] == ["accounts.mail_preferences_changed"]

    def test_an_empty_form_switches_nothing(self, provider, sign_in):
        sign_in(provider).post(PAGE)
        assert on(provider) == DEFAULTS
        assert kinds(provider) == ["accounts.signed_in"]

    def test_what_a_mail_s_link_ended_meanwhile_stays_ended(self, provider, sign_in):
        client = sign_in(provider)
        mail_preferences.unsubscribe(provider, Kind.SESSION_SUMMARIES, SYSTEM)
        client.post(PAGE, sent(DEFAULTS, DEFAULTS | {Kind.NEW_SESSIONS}))
        assert on(provider) == {Kind.NEW_SESSIONS, Kind.SECURITY_ALERTS}

    def test_other_fields_change_nothing(self, provider, sign_in):
        data = sent(DEFAULTS, DEFAULTS) | {"is_staff": "on", "email": "x@people.example", "person": "x"}
        sign_in(provider).post(PAGE, data)
        before = provider.email
        provider.refresh_from_db()
        assert (provider.email, provider.is_staff) == (before, False)

    def test_nobody_switches_another_s(self, provider, colleague, sign_in):
        sign_in(colleague).post(PAGE, sent(DEFAULTS, set(Kind)) | {"person": str(provider.pk)})
        assert on(provider) == DEFAULTS


class TestSecurityAlerts:
    OFF = sent(DEFAULTS, {Kind.SESSION_SUMMARIES})

    def test_are_switched_off_by_whoever_just_proved_who_they_are(self, provider, sign_in):
        just_now(sign_in(provider)).post(PAGE, self.OFF)
        assert on(provider) == {Kind.SESSION_SUMMARIES}
        assert len(mails("security_alerts_off")) == 1

    def test_others_are_asked_first_and_nothing_has_changed_until_then(self, provider, sign_in):
        client = sign_in(provider)
        response = client.post(PAGE, self.OFF | {Kind.NEW_SESSIONS.value: "on"})
        assert response.url.startswith("/accounts/reauthenticate/")
        assert on(provider) == DEFAULTS
        # What was sent is done once they have given their password.
        client.post(response.url, {"password": PASSWORD})
        assert on(provider) == {Kind.NEW_SESSIONS, Kind.SESSION_SUMMARIES}

    def test_are_switched_on_without_being_asked(self, provider, sign_in):
        mail_preferences.change(provider, {Kind.SECURITY_ALERTS: False}, SYSTEM)
        sign_in(provider).post(PAGE, sent({Kind.SESSION_SUMMARIES}, DEFAULTS))
        assert on(provider) == DEFAULTS

    def test_are_left_off_by_whoever_switches_something_else(self, provider, sign_in):
        mail_preferences.change(provider, {Kind.SECURITY_ALERTS: False}, SYSTEM)
        response = sign_in(provider).post(PAGE, sent({Kind.SESSION_SUMMARIES}, set()))
        assert response.url == PAGE
        assert on(provider) == set()


class TestDevices:
    def test_each_with_what_it_is_told_and_its_quiet_hours(self, provider, sign_in):
        row = sign_in_device(provider, name="Ward phone", push=push()).authorization
        push_settings.change(
            row,
            kinds=[PushKind.INVITATION_ACCEPTED],
            quiet=(dt.time(20), dt.time(7)),
            origin=SYSTEM,
        )
        page = text(sign_in(provider).get(PAGE))
        for words in (
            "Ward phone",
            "An invitation is accepted",
            "20:00 – 07:00",
            f"/settings/devices/{row.pk}/",
        ):
            assert words in page
        assert "A participant joins" not in page

    def test_nobody_else_s(self, provider, colleague, sign_in):
        sign_in_device(colleague, name="Colin's phone")
        assert "Colin&#x27;s phone" not in text(sign_in(provider).get(PAGE))

    def test_without_one_says_what_will_stand_there(self, provider, sign_in):
        assert "No device to notify yet" in text(sign_in(provider).get(PAGE))

    def test_cost_the_same_queries_for_5_and_500(self, provider, sign_in):
        client = sign_in(provider)
        counts = []
        for number in (5, 495):
            many(provider, number)
            client.get(PAGE)
            with CaptureQueriesContext(connection) as queries:
                client.get(PAGE)
            counts.append(len(queries))
        assert counts[0] == counts[1]


class TestAccess:
    def test_anonymous_is_led_to_the_sign_in(self, db):
        for response in (Client().get(PAGE), Client().post(PAGE)):
            assert response.url.startswith("/accounts/login/")

    def test_patients_have_neither_page_nor_tab(self, patient, sign_in):
        client = sign_in(patient)
        assert client.get(PAGE).status_code == client.post(PAGE).status_code == 404
        assert PAGE not in text(client.get("/settings/"))

    def test_others_find_it_between_profile_and_connected_devices(self, provider, sign_in):
        page = text(sign_in(provider).get("/settings/"))
        places = [page.index(f'href="{path}"') for path in ("/settings/", PAGE, "/settings/devices/")]
        assert places == sorted(places)

    @pytest.mark.parametrize("method", ["put", "patch", "delete"])
    def test_takes_no_other_method(self, method, provider, sign_in):
        assert getattr(sign_in(provider), method)(PAGE).status_code == 405
