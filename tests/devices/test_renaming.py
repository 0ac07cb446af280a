"""Renaming a device: on its page, and by the device itself."""

import json

import pytest
from django.test import Client

from devices.models import DeviceAuthorization
from tests.devices.kit import call, events, sign_in_device

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(provider) -> DeviceAuthorization:
    return sign_in_device(provider, name="Old phone").authorization


def naming(row) -> str:
    return f"/settings/devices/{row.pk}/name/"


def test_asks_with_the_name_that_it_has(row, provider, sign_in):
    page = sign_in(provider).get(naming(row)).content.decode()
    assert "Rename Old phone" in page
    assert 'value="Old phone"' in page


def test_renames_says_so_and_is_audited(row, provider, sign_in):
    response = sign_in(provider).post(naming(row), {"name": "  Work phone "}, follow=True)
    assert response.redirect_chain == [(f"/settings/devices/{row.pk}/", 302)]
    assert "Old phone is now called Work phone." in response.content.decode()
    row.refresh_from_db()
    assert row.name == "Work phone"
    (event,) = events("devices.renamed")
    assert (event.actor_id, event.person_id) == (provider.pk, provider.pk)
    assert json.loads(event.details) == {"before": "Old phone", "device": "Work phone"}


def test_the_same_name_is_no_change(row, provider, sign_in):
    sign_in(provider).post(naming(row), {"name": "Old phone"})
    assert events("devices.renamed") == []


def test_without_a_name_it_is_called_by_its_model(row, provider, sign_in):
    sign_in(provider).post(naming(row), {"name": ""})
    (shown,) = sign_in(provider).get("/settings/devices/").context["rows"]
    assert shown.name == "iPhone 15 Pro"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("x" * 101, "at most 100 characters"),
        ("a\u202eb", "signs that cannot be seen"),
        ("a\tb", "signs that cannot be seen"),
        ("a\0b", "Null characters"),
    ],
)
def test_refuses_what_is_no_name(row, provider, sign_in, name, complaint):
    response = sign_in(provider).post(naming(row), {"name": name})
    assert complaint in response.content.decode()
    row.refresh_from_db()
    assert row.name == "Old phone"
    assert events("devices.renamed") == []


def test_the_device_itself_renames_by_the_same_act(provider):
    signed_in = sign_in_device(provider, name="Old phone")
    response = call("patch", "device", {"name": "Work phone"}, token=signed_in.tokens.access_token)
    assert response.json()["name"] == "Work phone"
    (event,) = events("devices.renamed")
    assert json.loads(event.details) == {"before": "Old phone", "device": "Work phone"}
    assert events("devices.updated") == []


def test_a_version_and_a_name_are_two_things(provider):
    signed_in = sign_in_device(provider, name="Old phone")
    body = {"name": "Work phone", "app_version": "3.3.0"}
    call("patch", "device", body, token=signed_in.tokens.access_token)
    assert len(events("devices.renamed")) == 1
    assert [json.loads(event.details)["changed"] for event in events("devices.updated")] == ["app_version"]


def test_is_not_there_for_anybody_else(row, colleague, admin, patient, outsider, support, sign_in):
    for other in (colleague, admin, patient, outsider, support):
        assert sign_in(other).get(naming(row)).status_code == 404
        assert sign_in(other).post(naming(row), {"name": "Mine"}).status_code == 404
    assert Client().post(naming(row), {"name": "Mine"}).url.startswith("/accounts/login/")
    row.refresh_from_db()
    assert row.name == "Old phone"


def test_takes_no_other_method_and_needs_the_page_s_token(row, provider, sign_in):
    assert sign_in(provider).delete(naming(row)).status_code == 405
    client = Client(enforce_csrf_checks=True)
    client.force_login(provider)
    assert client.post(naming(row), {"name": "Mine"}).status_code == 403


def test_where_the_log_cannot_be_written_nothing_changes(row, provider, sign_in, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("no log")

    monkeypatch.setattr("devices.actions.record", fail)
    with pytest.raises(RuntimeError):
        sign_in(provider).post(naming(row), {"name": "Work phone"})
    row.refresh_from_db()
    assert row.name == "Old phone"
