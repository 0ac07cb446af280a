"""Who sees which sections, and which one is current."""

import pytest
from django.test import RequestFactory
from django.urls import resolve, reverse

from medimic.context import navigation, settings_tabs
from orgs.models import Membership
from tests import cast


def _request(person, path):
    request = RequestFactory().get(path)
    request.user = person
    request.resolver_match = resolve(path)
    return request


def _labels(items):
    return [str(item.label) for item in items]


def _current(items):
    return [str(item.label) for item in items if item.is_current]


def test_provider_sees_all_four_sections(provider):
    assert _labels(navigation(_request(provider, "/"))) == [
        "Dashboard",
        "Sessions",
        "Organization",
        "Billing",
    ]


def test_patient_sees_neither_organization_nor_billing(patient):
    assert _labels(navigation(_request(patient, "/"))) == ["Dashboard", "Sessions"]


def test_patient_who_pays_for_a_plan_of_their_own_finds_billing(patient):
    cast.subscribe(patient)

    assert _labels(navigation(_request(patient, "/"))) == ["Dashboard", "Sessions", "Billing"]


def test_patient_who_also_works_sees_all(patient):
    cast.join(cast.make_organization(), patient, Membership.Role.PROVIDER)

    assert len(navigation(_request(patient, "/"))) == 4


def test_person_without_organization_sees_all(outsider):
    assert len(navigation(_request(outsider, "/"))) == 4


def test_strangers_see_none():
    from django.contrib.auth.models import AnonymousUser

    assert navigation(_request(AnonymousUser(), "/accessibility/")) == []


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ("/", ["Dashboard"]),
        ("/sessions/", ["Sessions"]),
        ("/organization/", ["Organization"]),
        ("/organizations/lakeside/", ["Organization"]),
        ("/billing/", ["Billing"]),
        ("/settings/", []),
        ("/accessibility/", []),
    ],
)
def test_section_of_the_page_is_current(provider, path, section):
    assert _current(navigation(_request(provider, path))) == section


@pytest.mark.parametrize(
    ("name", "tab"),
    [
        ("profile", "Profile"),
        ("account_email", "Profile"),
        ("devices", "Connected Devices"),
        ("security", "Security"),
        ("account_change_password", "Security"),
        ("mfa_index", "Security"),
        ("activity", "Activity"),
    ],
)
def test_tab_of_the_page_is_current(provider, name, tab):
    assert _current(settings_tabs(_request(provider, reverse(name)))) == [tab]


def test_navigation_is_drawn_with_its_current_section(provider, sign_in):
    page = sign_in(provider).get("/settings/").content.decode()

    assert page.count('aria-current="page"') == 1
    assert 'href="/settings/" aria-current="page"' in page


def test_signing_out_is_a_form(provider, sign_in):
    page = sign_in(provider).get("/accessibility/").content.decode()

    assert f'method="post" action="{reverse("account_logout")}"' in page


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_accessibility_statement_is_only_read(client, db, method):
    assert getattr(client, method)("/accessibility/").status_code == 405


def test_accessibility_statement_is_for_everybody(client, db, settings):
    page = client.get("/accessibility/").content.decode()

    assert settings.SUPPORT_EMAIL in page
    assert "WCAG" in page
