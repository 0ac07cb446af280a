"""What your organization sees: the same rows as an admin's own pages show."""

import pytest

from tests import cast
from tests.devices.kit import sign_in_device
from tests.orgs import care

PATH = "/settings/organization-view/"
pytestmark = pytest.mark.django_db


def test_shows_a_provider_the_very_rows_of_the_admins_pages(clinic, provider, admin, sign_in):
    sign_in_device(provider, name="Work phone")
    (seen,) = sign_in(provider).get(PATH).context["seen"]

    client = sign_in(admin)
    devices = client.get(f"/organizations/{clinic.slug}/devices/").context["rows"]
    # Nobody ticks their own, and a second passes between the two pages.
    aside = {"target": "", "last_active": ""}
    assert [vars(row) | aside for row in seen.devices] == [
        vars(row) | aside for row in devices if row.name == "Work phone"
    ]
    members = client.get(f"/organizations/{clinic.slug}/members/").context["rows"]
    (member,) = (row for row in members if row.detail == provider.email)
    assert vars(seen.member) | {"is_me": False} == vars(member)


def test_shows_a_patient_what_a_clinicians_page_shows(clinic, patient, admin, sign_in):
    version = care.make_questionnaire(clinic)
    care.enroll(patient.memberships.get(), version)
    care.receive(patient, version)
    sign_in_device(patient, name="My phone")
    (seen,) = sign_in(patient).get(PATH).context["seen"]

    page = sign_in(admin).get(f"/organizations/{clinic.slug}/patients/{patient.pk}/").context
    for fact in ("phone_number", "patient_email", "has_sign_in", "since", "enrollments", "responses"):
        assert seen.facts[fact] == page[fact], fact
    names = [[device.row.name for device in devices] for devices in (seen.facts["devices"], page["devices"])]
    assert names == [["My phone"]] * 2


def test_shows_each_organization_for_itself(clinic, provider, sign_in):
    other = cast.make_organization(clinic.name)
    cast.join(other, provider)
    seen = sign_in(provider).get(PATH).context["seen"]
    assert {one.organization.pk for one in seen} == {clinic.pk, other.pk}


def test_tells_somebody_without_an_organization_that_nobody_sees_them(outsider, sign_in):
    client = sign_in(outsider)
    response = client.get(PATH)
    assert response.context["seen"] == []
    assert b"You belong to no organization" in response.content
    assert PATH.encode() not in client.get("/settings/").content


def test_is_linked_from_account_settings(provider, sign_in):
    assert PATH.encode() in sign_in(provider).get("/settings/").content


def test_takes_no_post(provider, sign_in):
    assert sign_in(provider).post(PATH).status_code == 405
