"""Staff at their desks: signed in, with a second factor that is verified."""

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client

from accounts.staff import AUDITOR, SUPPORT
from tests.accounts.conftest import clock, enrol, log_in  # noqa: F401 fixtures
from tests.cast import make_person


@pytest.fixture(autouse=True)
def _fresh_limits(db):
    cache.clear()


@pytest.fixture
def desk(support, log_in, enrol) -> Client:  # noqa: F811
    support.groups.add(Group.objects.get_or_create(name=SUPPORT)[0])
    return log_in(support, enrol(support))


@pytest.fixture
def auditor(db):
    person = make_person("Aude", "Auditor", is_staff=True)
    person.groups.add(Group.objects.get_or_create(name=AUDITOR)[0])
    return person


@pytest.fixture
def audit_desk(auditor, log_in, enrol) -> Client:  # noqa: F811
    return log_in(auditor, enrol(auditor))
