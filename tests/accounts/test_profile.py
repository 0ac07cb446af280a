import json

import pytest
from django.urls import reverse

from accounts.models import Person
from medimic.audit.models import AuditEvent
from tests.accounts.conftest import kinds

SAID = {
    "display_name": "Dr. Paula",
    "first_name": "Paula",
    "last_name": "Provider",
    "phone_number": "020 7946 0018",
    "language": "en",
    "date_locale": "en_GB",
    "time_zone": "Europe/Warsaw",
}


@pytest.fixture
def address():
    return reverse("profile")


def test_what_is_said_is_stored(address, provider, sign_in):
    assert sign_in(provider).post(address, SAID).url == address
    provider.refresh_from_db()
    assert provider.display_name == "Dr. Paula"
    assert provider.phone_number == "+442079460018"
    assert provider.phone_hash
    assert provider.time_zone == "Europe/Warsaw"


def test_the_log_names_the_fields_and_not_what_they_hold(address, provider, sign_in):
    sign_in(provider).post(address, SAID)
    row = AuditEvent.objects.get(kind="accounts.profile_changed")
    assert json.loads(row.details) == {"fields": "display_name, phone_number, time_zone"}


def test_saying_the_same_again_is_no_change(address, provider, sign_in):
    browser = sign_in(provider)
    browser.post(address, SAID)
    browser.post(address, SAID)
    assert kinds(provider).count("accounts.profile_changed") == 1


def test_language_takes_effect_at_once(address, provider, sign_in):
    browser = sign_in(provider)
    response = browser.post(address, {**SAID, "language": "de"}, follow=True)
    assert '<html lang="de">' in response.content.decode()


def test_time_zone_takes_effect_at_once(address, provider, log_in):
    browser = log_in(provider)
    before = browser.get(reverse("security")).context["sign_ins"][0].first_seen
    browser.post(address, {**SAID, "time_zone": "Asia/Tokyo"})
    assert browser.get(reverse("security")).context["sign_ins"][0].first_seen != before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone_number", "12"),
        ("language", "tlh"),
        ("date_locale", "xx_XX"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", '"><script>alert(1)</script>'),
        ("first_name", ""),
        ("display_name", "x" * 121),
    ],
)
def test_nonsense_is_refused_and_what_was_typed_stays(address, provider, sign_in, field, value):
    response = sign_in(provider).post(address, {**SAID, field: value})
    assert response.status_code == 200
    assert field in response.context["form"].errors
    assert "<script>alert" not in response.content.decode()
    assert kinds(provider) == ["accounts.signed_in"]


def test_fields_that_are_not_on_the_page_are_not_taken(address, provider, sign_in):
    sign_in(provider).post(
        address, {**SAID, "email": "other@people.example", "is_staff": "on", "is_superuser": "on"}
    )
    person = Person.objects.get(pk=provider.pk)
    assert (person.email, person.is_staff, person.is_superuser) == (provider.email, False, False)


def test_each_country_shows_how_it_writes_a_date(address, provider, sign_in):
    page = sign_in(provider).get(address).content.decode()
    assert "United Kingdom – 31 Dec 2026, 14:05" in page
    assert "Germany – 31.12.2026, 14:05" in page


def test_the_chosen_time_zone_is_marked(address, provider, sign_in):
    provider.time_zone = "Europe/Berlin"
    provider.save()
    page = sign_in(provider).get(address).content.decode()
    assert '<option value="Europe/Berlin" selected>Berlin</option>' in page
    assert page.count(" selected") == 3


def test_nothing_changes_when_the_log_cannot_be_written(address, provider, sign_in, monkeypatch):
    browser = sign_in(provider)

    def broken(*args, **kwargs):
        raise OSError

    monkeypatch.setattr("accounts.actions.record", broken)
    browser.raise_request_exception = False
    assert browser.post(address, SAID).status_code == 500
    provider.refresh_from_db()
    assert provider.display_name == ""


def test_signed_out_people_are_asked_to_sign_in(address, client, db):
    assert client.get(address).url == f"{reverse('account_login')}?next={address}"


def test_only_get_and_post(address, provider, sign_in):
    assert sign_in(provider).delete(address).status_code == 405
