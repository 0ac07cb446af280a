"""Finding people: whoever fits is found, nobody else, and by an index."""

import importlib

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import search
from accounts.models import Person, PersonWord
from tests.cast import make_person

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def lucja(db) -> Person:
    return make_person("Łucja", "O'Brien-Żak", email="lucja.zak@clinic.example", display_name="Dr. Żak")


def found(term: str) -> list:
    return search.people(term, most=50)


@pytest.mark.parametrize(
    "term", ["Łucja", "luc", "LUCJA", "brien", "zak", "Żak", "żak łuc", "dr zak", "lucja o'b", " lucja "]
)
def test_the_beginnings_of_names_find_whatever_the_accents(lucja, provider, term):
    assert found(term) == [lucja.pk]


@pytest.mark.parametrize(
    "term", ["lucja.zak@clinic.example", "LUCJA.zak@CLINIC.example", "lucja.zak@", "lucja.zak"]
)
def test_an_address_finds_or_its_beginning(lucja, provider, term):
    assert found(term) == [lucja.pk]


@pytest.mark.parametrize(
    "term", ["", " ", "a", "ucja", "clinic", "example", "lucja provider", "%", "l_cja", "zak@"]
)
def test_what_fits_nobody_finds_nobody(lucja, provider, term):
    assert found(term) == []


def test_a_whole_phone_number_and_an_id_find(lucja, provider):
    lucja.phone_number = "+442079460018"
    lucja.save(update_fields=["phone_number"])
    assert found("020 7946 0018") == found("+44 20 7946 0018") == [lucja.pk]
    assert found("020 7946 001") == []
    assert found(str(lucja.pk)) == [lucja.pk]


def test_a_new_name_finds_and_the_old_one_no_longer(lucja):
    lucja.change_profile(first_name="Zofia", last_name="Nowak", display_name="")
    assert found("zof now") == [lucja.pk]
    assert found("brien") == []
    # Of the address.
    assert found("lucja") == [lucja.pk]
    lucja.email = "zofia@clinic.example"
    lucja.save(update_fields=["email"])
    assert found("lucja") == []


def test_no_more_are_told_than_asked_for_and_each_once(db):
    for _number in range(8):
        make_person("Anna", "Annan")
    assert len(search.people("ann", most=5)) == 5
    assert len(set(search.people("ann", most=50))) == len(search.people("ann", most=50)) == 8


def test_signing_in_writes_no_words(lucja):
    with CaptureQueriesContext(connection) as queries:
        lucja.save(update_fields=["last_login"])
    assert not any("personword" in query["sql"] for query in queries)


def test_whoever_was_there_before_is_found(lucja, provider):
    before = set(PersonWord.objects.values_list("person", "word"))
    PersonWord.objects.all().delete()
    migration = importlib.import_module("accounts.migrations.0007_person_words_fill")

    class Editor:
        connection = connection

    migration.fill(apps, Editor)
    assert set(PersonWord.objects.values_list("person", "word")) == before != set()


@pytest.mark.parametrize("term", ["ann", "anna kowal", "anna@", "+442079460018"])
def test_each_way_is_along_an_index(db, term):
    with CaptureQueriesContext(connection) as queries:
        found(term)
    explain = "EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # So few rows would be read as a whole.
            cursor.execute("SET LOCAL enable_seqscan = off")
        for query in queries:
            cursor.execute(explain + query["sql"])
            plan = " ".join(str(row) for row in cursor.fetchall())
            assert "Index" in plan or "USING INDEX" in plan or "USING COVERING INDEX" in plan, plan
            assert "Seq Scan" not in plan
            assert "'SCAN" not in plan, plan
