"""A process that dies leaves the change and its row, or neither."""

import random
import time
import uuid

import pytest

from accounts.models import Person
from medimic.audit.models import AuditEvent
from tests import cast, processes

pytestmark = pytest.mark.django_db(transaction=True)


def test_killed_between_change_and_commit_leaves_neither():
    person = cast.make_person()
    child = processes.start("tests.audit.children:change_and_wait", person.pk)
    assert child.stdout.readline() == "changed\n"
    child.kill()
    child.communicate()

    person.refresh_from_db()
    assert person.display_name == ""
    assert not AuditEvent.objects.filter(person_id=person.pk).exists()


def test_killed_after_commit_leaves_both():
    person = cast.make_person()
    child = processes.start("tests.audit.children:change_commit_and_wait", person.pk)
    assert child.stdout.readline() == "committed\n"
    child.kill()
    child.communicate()

    person.refresh_from_db()
    assert person.display_name == "Changed"
    assert AuditEvent.objects.filter(person_id=person.pk).count() == 1


@pytest.mark.parametrize("run", range(3))
def test_killed_at_random_leaves_pairs(run):
    marker = f"killed{uuid.uuid4().hex[:8]}"
    child = processes.start("tests.audit.children:make_people", marker)
    first = child.stdout.readline()
    time.sleep(random.uniform(0.05, 0.5))
    child.kill()
    # The last line may be cut in the middle.
    acknowledged = {
        line.strip() for line in [first, *child.communicate()[0].splitlines(True)] if line.endswith("\n")
    }

    made = {str(pk) for pk in Person.objects.filter(first_name=marker).values_list("pk", flat=True)}
    recorded = {
        str(event.person_id)
        for event in AuditEvent.objects.filter(kind="tests.made", details__contains=marker)
    }
    assert made == recorded
    assert made >= acknowledged
    assert first.strip() in made
