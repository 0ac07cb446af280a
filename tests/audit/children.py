"""What the processes of these tests do until they are killed."""

import itertools
import time

from django.db import transaction

from accounts.models import Person
from medimic.audit.log import SYSTEM, record


def change_and_wait(person_id: str) -> None:
    """Change and record, and never commit."""
    with transaction.atomic():
        _change(person_id)
        print("changed", flush=True)
        time.sleep(60)


def change_commit_and_wait(person_id: str) -> None:
    with transaction.atomic():
        _change(person_id)
    print("committed", flush=True)
    time.sleep(60)


def make_people(marker: str) -> None:
    """A person and their row, again and again."""
    for number in itertools.count():
        with transaction.atomic():
            person = Person.objects.create_user(f"{marker}-{number}@people.example", None, first_name=marker)
            record("tests.made", origin=SYSTEM, person_id=person.pk, details={"marker": marker})
        print(person.pk, flush=True)


def _change(person_id: str) -> None:
    Person.objects.filter(pk=person_id).update(display_name="Changed")
    record("tests.changed", origin=SYSTEM, person_id=person_id)
