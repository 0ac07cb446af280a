"""`manage.py bill`, and the jobs of the worker."""

import datetime as dt

import pytest
from django.core.management import CommandError, call_command

from billing.catalogue import INDIVIDUAL
from billing.gateways.offline import Offline
from billing.models import Invoice, Subscription
from medimic.audit.log import SYSTEM
from medimic.outbox import registry
from tests import cast

pytestmark = pytest.mark.django_db
START = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)


@pytest.fixture
def solo(db):
    person = cast.make_person()
    Offline().subscribe(person, INDIVIDUAL, seats=1, by=person, origin=SYSTEM, at=START)
    return person


def test_turned_clock_renews_and_reminds(solo, capsys):
    call_command("bill", at=dt.datetime(2026, 4, 1, 1))  # noqa: DTZ001 as somebody types it
    assert "1 periods" in capsys.readouterr().out
    assert Invoice.objects.count() == 2
    assert Subscription.objects.get().past_due_since == START + dt.timedelta(days=14)


def test_again_changes_nothing(solo, capsys):
    for _ in range(3):
        call_command("bill", at=dt.datetime(2026, 4, 1, 1, tzinfo=dt.UTC))
    assert Invoice.objects.count() == 2


def test_clock_is_not_turned_in_production(solo, settings):
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="not turned"):
        call_command("bill", at=START)


def test_worker_has_both_jobs():
    assert {"billing.renew", "billing.past_due"} <= set(registry.job_names())
