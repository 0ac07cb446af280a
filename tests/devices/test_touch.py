"""Last seen: a device that calls every second costs one write a minute, and is never further behind."""

import datetime as dt
from collections import Counter
from contextlib import contextmanager

import pytest
from django.db import connection
from django.utils import timezone

from devices import touch
from devices.models import ACCESS_LIFETIME, Device, DeviceAuthorization
from tests.devices.kit import call, sign_in_device
from tests.devices.test_races import race

SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)
TABLET = {"device_id": "the-tablet-in-exam-room-2"}


class Clock:
    """The time as the portal reads it, which goes on as the test says."""

    def __init__(self, monkeypatch) -> None:
        self.now = timezone.now()
        monkeypatch.setattr("django.utils.timezone.now", lambda: self.now)

    def pass_(self, time: dt.timedelta) -> None:
        self.now += time


@pytest.fixture
def clock(monkeypatch) -> Clock:
    return Clock(monkeypatch)


@contextmanager
def written():
    """Counts the rows that are updated, by table."""
    counted = Counter()

    def count(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if sql.startswith("UPDATE"):
            counted[sql.split('"')[1]] += context["cursor"].rowcount
        return result

    with connection.execute_wrapper(count):
        yield counted


@pytest.mark.django_db
class TestEverySecond:
    def test_costs_one_write_a_minute_and_is_never_further_behind(self, provider, clock):
        token = sign_in_device(provider).tokens.access_token
        call("get", "device", token=token)
        minutes = 10
        assert minutes * MINUTE < ACCESS_LIFETIME
        with written() as updates:
            for _ in range(minutes * 60):
                clock.pass_(SECOND)
                call("get", "device", token=token)
                for row in (DeviceAuthorization.objects.get(), Device.objects.get()):
                    assert clock.now - row.last_seen_at < MINUTE
        # And its place in the organization's list, along with them.
        tables = ("devices_deviceauthorization", "devices_device", "devices_fleetentry")
        assert updates == dict.fromkeys(tables, minutes)

    def test_by_two_accounts_costs_one_write_a_minute_for_each(self, provider, colleague, clock):
        tokens = [sign_in_device(person, **TABLET).tokens.access_token for person in (provider, colleague)]
        for token in tokens:
            call("get", "device", token=token)
        with written() as updates:
            for second in range(300):
                clock.pass_(SECOND)
                call("get", "device", token=tokens[second % 2])
                assert clock.now - Device.objects.get().last_seen_at < MINUTE
        assert max(updates.values()) <= 2 * 5

    def test_a_call_within_the_minute_writes_nothing(self, provider, clock):
        token = sign_in_device(provider).tokens.access_token
        call("get", "device", token=token)
        clock.pass_(MINUTE - SECOND)
        with written() as updates:
            call("get", "device", token=token)
        assert not +updates

    def test_after_a_pause_the_first_call_is_noted_at_once(self, provider, clock):
        token = sign_in_device(provider).tokens.access_token
        clock.pass_(dt.timedelta(minutes=12))
        call("get", "device", token=token)
        assert (
            DeviceAuthorization.objects.get().last_seen_at == clock.now == Device.objects.get().last_seen_at
        )

    def test_an_older_clock_does_not_turn_it_back(self, provider, clock):
        row = sign_in_device(provider).authorization
        ahead = clock.now + dt.timedelta(seconds=30)
        DeviceAuthorization.objects.update(last_seen_at=ahead)
        Device.objects.update(last_seen_at=ahead)
        row.last_seen_at = None
        touch.seen(row)
        row.refresh_from_db()
        assert row.last_seen_at == Device.objects.get().last_seen_at == ahead


@pytest.mark.django_db(transaction=True)
def test_of_calls_at_the_same_instant_one_writes(provider):
    sign_in_device(provider)
    DeviceAuthorization.objects.update(last_seen_at=timezone.now() - dt.timedelta(hours=1))
    # Each was let in before any of them wrote.
    let_in = [DeviceAuthorization.objects.get() for _ in range(20)]
    seen = []

    def act(index: int) -> None:
        touch.seen(let_in[index])
        rows = DeviceAuthorization.objects.select_related("device")
        seen.append(rows.values_list("last_seen_at", "device__last_seen_at").get())

    race(act, len(let_in))
    # Everybody sees the one instant that the first of them wrote.
    assert len(set(seen)) == 1
    assert len(set(seen[0])) == 1
