"""Finding devices: by name and model, phone number and id."""

import importlib

import pytest
from django.apps import apps
from django.db import connection

from devices import search
from devices.models import AuthorizationWord, DeviceAuthorization
from tests.devices.kit import sign_in_device

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def phone(provider):
    row = sign_in_device(provider).authorization
    row.rename("Zofia's Gerät")
    return row


def found(term: str) -> list:
    return search.authorizations(term, most=50)


@pytest.mark.parametrize("term", ["zofia", "ZOF ger", "gerat", "iphone zofia"])
def test_the_beginnings_of_name_and_model_find(phone, colleague, term):
    sign_in_device(colleague)
    assert found(term) == [phone.pk]


@pytest.mark.parametrize("term", ["", "z", "ofia", "android", "zofia android"])
def test_what_fits_nothing_finds_nothing(phone, term):
    assert found(term) == []


def test_the_old_name_finds_no_longer(phone):
    phone.rename("Ward 3")
    assert found("ward") == [phone.pk]
    assert found("zofia") == []


def test_ids_of_both_find(phone):
    assert found(str(phone.pk)) == found(str(phone.device_id)) == [phone.pk]


def test_a_whole_phone_number_finds_and_nothing_less(provider):
    row = DeviceAuthorization.objects.create(account=provider, phone_number="020 7946 0018")
    assert found("+44 20 7946 0018") == [row.pk]
    assert found("7946 0018") == []
    row.phone_number = ""
    row.save(update_fields=["phone_number"])
    assert found("+44 20 7946 0018") == []


def test_what_was_there_before_is_found(phone, provider):
    DeviceAuthorization.objects.create(account=provider, phone_number="020 7946 0018")
    words = set(AuthorizationWord.objects.values_list("authorization", "word"))
    AuthorizationWord.objects.all().delete()
    DeviceAuthorization.objects.update(phone_hash="")
    migration = importlib.import_module("devices.migrations.0009_search_fill")

    class Editor:
        connection = connection

    migration.fill(apps, Editor)
    assert set(AuthorizationWord.objects.values_list("authorization", "word")) == words != set()
    assert len(found("020 7946 0018")) == 1
