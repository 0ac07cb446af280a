"""Finding organizations by their names."""

import importlib

import pytest
from django.apps import apps
from django.db import connection

from orgs.models import OrganizationWord
from orgs.search import find_organizations
from tests.cast import make_organization

pytestmark = [pytest.mark.django_db, pytest.mark.both]


def found(term: str) -> list:
    return find_organizations(term, 50)


@pytest.mark.parametrize("term", ["Königsee", "konigs", "KÖN klinik", "klin"])
def test_the_beginnings_of_its_words_find_it(term):
    clinic = make_organization("Klinik am Königsee")
    make_organization("Riverside")
    assert found(term) == [clinic.pk]
    assert found(str(clinic.pk)) == [clinic.pk]


def test_a_new_name_finds_it_and_the_old_one_no_longer():
    clinic = make_organization("Klinik am Königsee")
    clinic.rename("Riverside")
    assert found("river") == [clinic.pk]
    assert found("konig") == []


def test_those_that_were_there_before_are_found():
    make_organization("Klinik am Königsee")
    before = set(OrganizationWord.objects.values_list("organization", "word"))
    OrganizationWord.objects.all().delete()
    migration = importlib.import_module("orgs.migrations.0009_organization_words_fill")

    class Editor:
        connection = connection

    migration.fill(apps, Editor)
    assert set(OrganizationWord.objects.values_list("organization", "word")) == before != set()
