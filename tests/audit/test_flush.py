"""Tests that empty all tables work beside a log that cannot be emptied."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import transaction

from accounts.models import Person
from medimic.audit.log import SYSTEM, record
from medimic.audit.models import AuditEvent
from tests import cast

pytestmark = pytest.mark.both


@pytest.mark.django_db(transaction=True)
def test_flush_leaves_the_log():
    person = cast.make_person()
    with transaction.atomic():
        event = record("tests.written", origin=SYSTEM, person_id=person.pk)
    call_command("flush", interactive=False, verbosity=0)
    assert not Person.objects.exists()
    assert AuditEvent.objects.filter(pk=event.pk).exists()


@pytest.mark.django_db
def test_dumpdata_leaves_the_log_out(provider):
    event = record("tests.written", origin=SYSTEM)
    out = StringIO()
    call_command("dumpdata", "audit", "orgs", stdout=out)
    assert str(event.pk) not in out.getvalue()
    assert "Lakeside Clinic" in out.getvalue()
