"""What a device says of its pushes: over the API, kept with its account, and shown in the portal."""

import datetime as dt
import zoneinfo

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from devices import actions, browsers, guests, push_settings
from devices.models import PushKind, PushSettings
from medimic.audit.log import SYSTEM
from medimic.audit.presenters import sentence
from tests.devices.kit import call, device_in, events, push, refused, sign_in_device
from tests.devices.test_browsers import browser, session_of, start
from tests.devices.test_races import race

pytestmark = pytest.mark.django_db

PATH = "notification-preferences"
DEFAULTS = {
    "participant_joined": True,
    "invitation_accepted": True,
    "session_expiring": True,
    "quiet_hours": None,
}
NIGHT = {**DEFAULTS, "invitation_accepted": False, "quiet_hours": {"start": "22:00", "end": "07:30"}}


@pytest.fixture
def phone(provider) -> actions.SignedIn:
    return sign_in_device(provider, name="Paula's phone", push=push())


def read(signed_in):
    return call("get", PATH, token=signed_in.tokens.access_token)


def write(signed_in, body=NIGHT):
    return call("put", PATH, body, token=signed_in.tokens.access_token)


class TestReading:
    def test_a_device_that_never_said_anything_wants_everything(self, phone):
        assert read(phone).json() == DEFAULTS
        assert not PushSettings.objects.exists()

    def test_reads_what_it_wrote(self, phone):
        assert write(phone).json() == NIGHT
        assert read(phone).json() == NIGHT

    def test_is_of_the_device_alone(self, phone, provider):
        other = sign_in_device(provider)
        write(phone)
        assert read(other).json() == DEFAULTS


class TestChanging:
    def test_is_told_in_the_log_in_words(self, phone, provider):
        write(phone)
        (event,) = events("devices.push_settings_changed")
        assert (event.person_id, event.object_id) == (provider.pk, str(phone.authorization.pk))
        assert sentence(event) == (
            "Changed the notifications of Paula's phone: A participant joins, A session is about to expire. "
            "Quiet hours: 22:00–07:30"
        )

    def test_everything_can_be_switched_off(self, phone):
        nothing = dict.fromkeys(DEFAULTS, False) | {"quiet_hours": None}
        assert write(phone, nothing).json() == nothing
        assert sentence(events("devices.push_settings_changed")[0]).endswith("Paula's phone: none")

    @pytest.mark.parametrize("body", [DEFAULTS, NIGHT])
    def test_the_same_again_changes_and_tells_nothing(self, phone, body):
        write(phone, body)
        before = len(events("devices.push_settings_changed"))
        assert write(phone, body).json() == body
        assert len(events("devices.push_settings_changed")) == before == int(body == NIGHT)

    @pytest.mark.once
    @pytest.mark.parametrize(
        "body",
        [
            {},
            {name: value for name, value in NIGHT.items() if name != "quiet_hours"},
            {name: value for name, value in NIGHT.items() if name != "session_expiring"},
            NIGHT | {"time_zone": "UTC"},
            NIGHT | {"session_expiring": "true"},
            NIGHT | {"session_expiring": 1},
            NIGHT | {"session_expiring": None},
            *(
                NIGHT | {"quiet_hours": hours}
                for hours in (
                    {},
                    {"start": "22:00"},
                    {"start": "22:00", "end": "22:00"},
                    {"start": "24:00", "end": "07:00"},
                    {"start": "22:00:00", "end": "07:00"},
                    {"start": "9:00", "end": "07:00"},
                    {"start": "22:00\n", "end": "07:00"},
                    {"start": "٢٢:٠٠", "end": "07:00"},
                    {"start": 2200, "end": 700},
                    {"start": "22:00", "end": "07:00", "days": "all"},
                    "22:00-07:00",
                    [],
                )
            ),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, phone, body):
        assert refused(write(phone, body), 422, "invalid_content")
        assert not PushSettings.objects.exists()

    def test_nothing_changes_where_it_cannot_be_logged(self, phone, monkeypatch):
        def fail(*args, **kwargs):
            raise RuntimeError("no log")

        monkeypatch.setattr(push_settings, "record", fail)
        with pytest.raises(RuntimeError, match="no log"):
            push_settings.change(phone.authorization, kinds=[], quiet=None, origin=SYSTEM)
        assert not PushSettings.objects.exists()

    def test_a_device_that_was_revoked_meanwhile_changes_nothing(self, phone, provider):
        actions.revoke(authorization=phone.authorization, by=provider, origin=SYSTEM)
        assert refused(write(phone), 401, "device_revoked")
        with pytest.raises(Exception, match="device_revoked"):
            push_settings.change(phone.authorization, kinds=[], quiet=None, origin=SYSTEM)
        assert not PushSettings.objects.exists()

    def test_guests_have_nothing_to_switch(self):
        _row, tokens = guests.first_use(device_in(), SYSTEM)
        for answer in (
            call("get", PATH, token=tokens.access_token),
            call("put", PATH, NIGHT, token=tokens.access_token),
        ):
            assert refused(answer, 403, "account_needed")

    def test_needs_a_token_and_takes_no_other_method(self, phone):
        for method, body in (("get", None), ("put", NIGHT)):
            assert refused(call(method, PATH, body), 401, "token_missing")
        answer = call("patch", PATH, NIGHT, token=phone.tokens.access_token)
        assert refused(answer, 405, "method_not_allowed")

    def test_a_session_token_is_not_enough(self, phone):
        token = call("post", "sessions", {"name": "Visit"}, token=phone.tokens.access_token).json()
        assert refused(call("get", PATH, token=token["session_token"]), 401, "token_unknown")


class TestSigningInAnew:
    def test_after_a_reinstall_a_device_goes_on_as_it_was(self, provider):
        device = {"device_id": "one-and-the-same-phone"}
        write(sign_in_device(provider, **device))
        again = sign_in_device(provider, **device)
        assert read(again).json() == NIGHT
        assert PushSettings.objects.count() == 1

    def test_after_a_revocation_too(self, provider):
        device = {"device_id": "one-and-the-same-phone"}
        first = sign_in_device(provider, **device)
        write(first)
        actions.revoke(authorization=first.authorization, by=provider, origin=SYSTEM)
        assert read(sign_in_device(provider, **device)).json() == NIGHT

    def test_another_account_on_the_device_begins_with_its_own(self, provider, colleague):
        device = {"device_id": "a-tablet-that-is-shared"}
        write(sign_in_device(provider, **device))
        assert read(sign_in_device(colleague, **device)).json() == DEFAULTS


@pytest.mark.once
class TestQuietHours:
    @pytest.mark.parametrize(
        ("begins", "ends", "utc", "is_quiet"),
        [
            ("22:00", "07:00", "2026-07-01T19:59", False),
            ("22:00", "07:00", "2026-07-01T20:00", True),
            ("22:00", "07:00", "2026-07-02T04:59", True),
            ("22:00", "07:00", "2026-07-02T05:00", False),
            ("12:00", "13:00", "2026-07-01T10:30", True),
            ("12:00", "13:00", "2026-07-01T11:00", False),
            # In winter the same clock shows an hour later by UTC.
            ("22:00", "07:00", "2026-12-01T20:30", False),
            ("22:00", "07:00", "2026-12-01T21:00", True),
            # The night in which the clocks go back: half past two comes twice.
            ("02:00", "03:00", "2026-10-25T00:30", True),
            ("02:00", "03:00", "2026-10-25T01:30", True),
            ("02:00", "03:00", "2026-10-25T02:00", False),
        ],
    )
    def test_are_by_the_clock_of_the_person_and_may_span_midnight(self, begins, ends, utc, is_quiet):
        wanted = PushSettings(
            quiet_from=dt.time.fromisoformat(begins), quiet_until=dt.time.fromisoformat(ends)
        )
        at = dt.datetime.fromisoformat(utc).replace(tzinfo=dt.UTC)
        zone = zoneinfo.ZoneInfo("Europe/Warsaw")
        assert wanted.is_quiet(at, zone) is is_quiet
        assert wanted.wants(PushKind.SESSION_EXPIRING, at, zone) is not is_quiet

    def test_without_any_no_hour_is_quiet(self):
        assert not PushSettings().is_quiet(dt.datetime(2026, 7, 1, tzinfo=dt.UTC), zoneinfo.ZoneInfo("UTC"))


@pytest.mark.parametrize(
    "hours",
    [
        {"quiet_from": dt.time(22)},
        {"quiet_until": dt.time(7)},
        {"quiet_from": dt.time(7), "quiet_until": dt.time(7)},
    ],
)
def test_the_database_keeps_no_half_hours(phone, hours):
    with pytest.raises(IntegrityError), transaction.atomic():
        PushSettings.objects.create(authorization=phone.authorization, **hours)


class TestOverview:
    def test_says_of_each_device_what_is_pushed_to_it(self, provider, phone):
        write(phone)
        sign_in_device(provider, name="A tablet")
        gone = sign_in_device(provider, name="Signed out", push=push())
        actions.sign_out(token=gone.tokens.refresh_token, origin=SYSTEM)
        shown = {row.name: row for row in push_settings.overview(provider)}
        on = shown["Paula's phone"]
        assert (on.is_on, on.service, on.quiet, on.is_this) == (True, "Apple", "22:00 – 07:30", False)
        assert on.kinds == ["A participant joins", "A session is about to expire"]
        assert on.url == f"/settings/devices/{phone.authorization.pk}/"
        assert (shown["A tablet"].is_on, shown["A tablet"].why_not) == (False, "Not switched on")
        assert (shown["Signed out"].is_on, shown["Signed out"].why_not) == (False, "Signed out")

    def test_shows_neither_revoked_devices_nor_those_of_others(self, provider, colleague, phone):
        sign_in_device(colleague)
        actions.revoke(authorization=phone.authorization, by=provider, origin=SYSTEM)
        assert push_settings.overview(provider) == []

    def test_knows_the_browser_that_asks(self, outsider):
        client = browser(outsider)
        authorization = session_of(start(client)).authorization
        this = authorization.device.identifier_hash
        (row,) = push_settings.overview(outsider, this=this)
        assert (row.is_this, row.why_not) == (True, "Not switched on")
        assert [row.is_this for row in push_settings.overview(outsider)] == [False]
        assert browsers.this is not None

    def test_writes_times_as_the_person_does(self, provider, phone):
        write(phone)
        provider.date_locale = "en_US"
        (row,) = push_settings.overview(provider)
        assert row.quiet.replace("\u202f", " ") == "10:00 PM – 7:30 AM"

    def test_costs_the_same_however_many_devices_there_are(self, provider, colleague):
        for person, number in ((provider, 1), (colleague, 5)):
            for _ in range(number):
                sign_in_device(person, push=push())
            with CaptureQueriesContext(connection) as queries:
                assert len(push_settings.overview(person)) == number
            assert len(queries) == 1


@pytest.mark.django_db(transaction=True)
def test_changed_by_many_at_once_there_is_one_row(outsider):
    phone = sign_in_device(outsider)
    race(
        lambda index: push_settings.change(
            phone.authorization,
            kinds=[PushKind.SESSION_EXPIRING] if index % 2 else [],
            quiet=None,
            origin=SYSTEM,
        ),
        8,
    )
    assert PushSettings.objects.count() == 1
    assert events("devices.push_settings_changed")
