"""A clinician puts the name and the number of a patient right."""

import pytest

from medimic.audit.models import AuditEvent
from orgs import patients
from tests import cast
from tests.orgs import care

pytestmark = pytest.mark.django_db

TYPED = {"first_name": "Johanna", "last_name": "Silverstrand-Hale", "phone_number": "020 7946 0199"}


def address(clinic, membership) -> str:
    return f"/organizations/{clinic.slug}/patients/{membership.person_id}/details/"


def test_a_clinician_corrects_who_has_nobody_else_to_do_it(clinic, provider, sign_in):
    membership = care.make_patient(clinic, phone_number="+442079460123")
    client = sign_in(provider)
    assert "+44 20 7946 0123" in client.get(address(clinic, membership)).text
    response = client.post(address(clinic, membership), TYPED)
    assert response.url == f"/organizations/{clinic.slug}/patients/{membership.person_id}/"
    found = patients.search(clinic, "+44 20 7946 0199").get()
    assert found.person.get_full_name() == "Johanna Silverstrand-Hale"
    assert not patients.search(clinic, "+44 20 7946 0123").exists()


def test_the_log_tells_which_fields_and_nothing_of_them(clinic, provider, sign_in):
    membership = care.make_patient(clinic, phone_number="+442079460123")
    sign_in(provider).post(address(clinic, membership), TYPED)
    row = AuditEvent.objects.get(kind="orgs.patient_corrected")
    assert (row.person_id, row.organization_id) == (membership.person_id, clinic.pk)
    assert row.actor_id == provider.pk
    assert row.details == '{"fields":"first_name, last_name, phone_number"}'


def test_nothing_changed_writes_nothing(clinic, provider, sign_in):
    membership = care.make_patient(clinic, phone_number="+442079460123")
    person = membership.person
    same = {"first_name": person.first_name, "last_name": person.last_name, "phone_number": "+442079460123"}
    assert sign_in(provider).post(address(clinic, membership), same).status_code == 302
    assert not AuditEvent.objects.filter(kind="orgs.patient_corrected").exists()


def test_a_number_that_is_none_is_refused_and_what_was_typed_stays(clinic, provider, sign_in):
    membership = care.make_patient(clinic)
    response = sign_in(provider).post(address(clinic, membership), TYPED | {"phone_number": "12"})
    assert response.status_code == 200
    assert "Johanna" in response.text
    membership.person.refresh_from_db()
    assert membership.person.first_name != "Johanna"


def test_nobody_becomes_another_patient(clinic, provider, sign_in):
    care.make_patient(clinic, "Johanna", "Silverstrand-Hale", phone_number="+442079460199")
    membership = care.make_patient(clinic, phone_number="+442079460123")
    response = sign_in(provider).post(address(clinic, membership), TYPED)
    assert "This patient is there already." in response.text
    membership.person.refresh_from_db()
    assert membership.person.phone_number == "+442079460123"


def test_who_belongs_to_another_organization_too_is_not_ours_to_change(clinic, provider, sign_in):
    membership = care.make_patient(clinic)
    other = cast.make_organization("Elsewhere")
    other.memberships.create(person=membership.person, role="patient")
    client = sign_in(provider)
    assert client.get(address(clinic, membership)).status_code == 403
    assert client.post(address(clinic, membership), TYPED).status_code == 403
    page = client.get(f"/organizations/{clinic.slug}/patients/{membership.person_id}/")
    assert "details/" not in page.text
