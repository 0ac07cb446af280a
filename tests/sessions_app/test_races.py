"""Many at once, on either database."""

import threading
from dataclasses import replace

import pytest
from django.db import transaction

from billing.catalogue import FREE_TRIAL
from billing.models import SessionUse
from devices.models import Device, Token
from sessions_app import visits
from sessions_app.codes import ALPHABET
from sessions_app.models import Participant, Visit
from tests.devices.test_races import race
from tests.sessions_app.conftest import ORIGIN, described_device, make_authorization

pytestmark = pytest.mark.django_db(transaction=True)
CALLERS = 20
NAIVE = 8
WANTED = visits.Wanted(name="Visit", mode="shared_device", idempotency_key="one")


def test_one_key_at_once_makes_one_session(phone):
    outcome = race(lambda _: visits.start(WANTED, authorization=phone, origin=ORIGIN), CALLERS)
    assert outcome == {"won": CALLERS}
    assert (Visit.objects.count(), Participant.objects.count(), SessionUse.objects.count()) == (1, 1, 1)
    assert Token.objects.filter(kind=Token.Kind.SESSION, ended_at=None).count() == 1


def test_control_looking_without_a_lock_starts_several(phone):
    """Without the lock, and the constraint behind it, the race above does catch it."""
    everybody_looked = threading.Barrier(NAIVE)

    def naive(_):
        assert not Visit.objects.exists()
        everybody_looked.wait()
        visits.start(replace(WANTED, idempotency_key=""), authorization=phone, origin=ORIGIN)

    assert race(naive, NAIVE) == {"won": NAIVE}
    assert Visit.objects.count() == NAIVE


def test_one_guest_at_once_makes_one_session_and_one_living_pair(db):
    device = described_device()
    outcome = race(lambda _: visits.start_as_guest(WANTED, device=device, origin=ORIGIN), CALLERS)
    # The first answer, and the one repetition for an answer that was lost.
    assert outcome == {"won": 2, "answer_received": CALLERS - 2}
    assert (Visit.objects.count(), SessionUse.objects.count(), Device.objects.count()) == (1, 1, 1)
    living = Token.objects.filter(ended_at=None).exclude(family__ended_at__isnull=False)
    assert sorted(living.values_list("kind", flat=True)) == ["access", "refresh", "session"]


def test_the_last_session_of_a_quota_goes_to_one_of_fifty(outsider):
    outsider.subscriptions.update(plan_code=FREE_TRIAL.code)
    devices = [make_authorization(outsider) for _ in range(5)]
    wanted = replace(WANTED, idempotency_key="")
    for _ in range(FREE_TRIAL.session_quota - 1):
        visits.start(wanted, authorization=devices[0], origin=ORIGIN)
    outcome = race(lambda i: visits.start(wanted, authorization=devices[i % 5], origin=ORIGIN))
    assert outcome == {"won": 1, "quota_exceeded": 49}
    assert Visit.objects.count() == SessionUse.objects.count() == FREE_TRIAL.session_quota


def test_codes_that_many_draw_at_once_are_given_once(provider, monkeypatch):
    """Everybody draws the same codes in the same order."""
    drawn = threading.local()

    def draw():
        drawn.turn = getattr(drawn, "turn", 0) + 1
        return f"AAAA{ALPHABET[drawn.turn // len(ALPHABET)]}{ALPHABET[drawn.turn % len(ALPHABET)]}"

    monkeypatch.setattr(visits, "new_code", draw)
    phones = [make_authorization(provider) for _ in range(CALLERS)]
    wanted = replace(WANTED, idempotency_key="")
    outcome = race(lambda i: visits.start(wanted, authorization=phones[i], origin=ORIGIN), CALLERS)
    assert outcome == {"won": CALLERS}
    assert len(set(Visit.objects.values_list("open_code", flat=True))) == CALLERS


def test_a_start_beside_a_revocation_ends_before_it_or_is_refused(phone, provider):
    def act(index):
        if index == 3:
            with transaction.atomic():
                phone.revoke(by=provider, reason=phone.RevokedReason.SELF)
        else:
            visits.start(replace(WANTED, idempotency_key=""), authorization=phone, origin=ORIGIN)

    outcome = race(act, CALLERS)
    assert outcome["won"] + outcome["device_revoked"] == CALLERS
    assert Visit.objects.count() == outcome["won"] - 1
