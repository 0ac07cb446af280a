"""A patient's own portal: Profile, Connected Devices, their sessions, Security, Activity. Nothing else."""

import pytest

from medimic.context import settings_tabs
from orgs.models import Membership
from tests import cast
from tests.routes import routes
from tests.test_access import address

pytestmark = [pytest.mark.django_db, pytest.mark.once]

# What a patient may open; a new page that is not meant for them answers 404 or 403.
OPEN = {
    "",
    "accessibility/",
    "join/",
    # A script that is everybody's, and its question whether this browser is told anything: it is not.
    "push-worker.js",
    "settings/notifications/this-browser/subscription/renewal/",
    "sessions/",
    "sessions/invitations/",
    "settings/",
    "settings/activity/",
    "settings/devices/",
    "settings/devices/keys/",
    "settings/organization-view/",
    "settings/security/",
    "settings/security/second-factor/",
}
ELSEWHERE = ("accounts/", "admin/", "api/", "healthz", "readyz", ".well-known/")


def pages() -> list[str]:
    return [route for route in routes() if not route.startswith(ELSEWHERE)]


def test_opens_what_is_meant_for_patients_and_nothing_else(patient, sign_in):
    client = sign_in(patient)
    opened = {route for route in pages() if "<" not in route and client.get(f"/{route}").status_code == 200}
    assert opened == OPEN


def test_opens_no_page_of_their_organization(clinic, patient, sign_in):
    client = sign_in(patient)
    for route in pages():
        if "<slug:slug>" in route:
            status = client.get(address(route, {"slug": clinic.slug})).status_code
            assert status in (302, 404, 405), (route, status)


def test_who_also_works_somewhere_opens_the_pages_of_work(patient, sign_in):
    organization = cast.make_organization()
    cast.join(organization, patient, Membership.Role.PROVIDER)
    assert sign_in(patient).get(f"/organizations/{organization.slug}/").status_code == 200


def test_the_tabs_are_those_of_their_account(patient, rf):
    request = rf.get("/settings/")
    request.user, request.resolver_match = patient, None
    assert [tab.href for tab in settings_tabs(request)] == [
        "/settings/",
        "/settings/devices/",
        "/settings/security/",
        "/settings/activity/",
    ]
