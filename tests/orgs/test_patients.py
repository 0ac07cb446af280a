"""Patients of an organization: its list, a new one, one of them."""

import threading
import uuid

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Person
from devices.models import DeviceAuthorization
from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent
from medimic.problems import Problem
from orgs import patients
from orgs.models import Membership
from tests import cast
from tests.devices.kit import just_now, sign_in_device
from tests.orgs import care

Role = Membership.Role


def address(organization, *parts) -> str:
    return "/".join([f"/organizations/{organization.slug}/patients", *map(str, parts), ""])


def names(response) -> list[str]:
    return [row.name for row in response.context["rows"]]


@pytest.mark.django_db
class TestList:
    def test_shows_the_latest_added_first(self, clinic, provider, sign_in):
        for name in ("Abel", "Berta"):
            care.make_patient(clinic, name, "Silverstrand")
        response = sign_in(provider).get(address(clinic))
        assert names(response) == ["Berta Silverstrand", "Abel Silverstrand"]

    @pytest.mark.parametrize(
        ("words", "found"),
        [
            ("silver", ["Hanna Silverstrand"]),
            ("HANNA str", ["Hanna Silverstrand"]),
            ("hanna pellow", []),
            ("+44 20 7946 0123", ["Hanna Silverstrand"]),
            ("020 7946 0123", ["Hanna Silverstrand"]),
            ("020 7946 01", []),
            ("020 7946 0199", []),
            ("%", []),
        ],
    )
    def test_finds_by_name_or_by_a_whole_number(self, clinic, provider, sign_in, words, found):
        care.make_patient(clinic, phone_number="+442079460123")
        care.make_patient(clinic, "Yusuf", "Pellowby", phone_number="+442079460124")
        assert names(sign_in(provider).get(address(clinic), {"q": words})) == found

    def test_shows_no_one_of_another_organization(self, clinic, provider, sign_in):
        other = cast.make_organization(clinic.name)
        care.make_patient(other)
        mine = care.make_patient(clinic)
        client = sign_in(provider)
        assert len(client.get(address(clinic)).context["rows"]) == 1
        assert client.get(address(other)).status_code == 404
        assert client.get(address(other, mine.person_id)).status_code == 404

    def test_costs_the_same_with_five_and_with_five_hundred(
        self, clinic, provider, sign_in, django_assert_num_queries
    ):
        people = [
            Person(first_name=f"P{number}", last_name="Many", phone_number="+442079460123")
            for number in range(500)
        ]
        client = sign_in(provider)
        client.get(address(clinic))
        counts = []
        for lot in (people[:5], people[5:]):
            Person.objects.bulk_create(lot)
            Membership.objects.bulk_create(
                Membership(organization=clinic, person=person, role=Role.PATIENT) for person in lot
            )
            with django_assert_num_queries(5) as captured:
                response = client.get(address(clinic))
            counts.append((len(captured), len(response.context["rows"])))
        assert counts == [(5, 5), (5, 50)]


@pytest.mark.django_db
class TestNew:
    def post(self, client, clinic, **fields):
        form = {"first_name": "Hanna", "last_name": "Silverstrand", "phone_number": "020 7946 0123"}
        return client.post(address(clinic, "new"), {**form, **fields})

    def test_makes_a_patient_without_a_sign_in(self, clinic, provider, sign_in):
        response = self.post(sign_in(provider), clinic)
        person = Person.objects.get(last_name="Silverstrand")
        assert response.headers["Location"] == address(clinic, person.pk)
        assert (person.email, person.phone_number) == (None, "+442079460123")
        assert not person.has_usable_password()
        assert person.memberships.get().role == Role.PATIENT
        event = AuditEvent.objects.get(kind="orgs.patient_made")
        assert (event.actor_id, event.person_id, event.organization_id) == (provider.pk, person.pk, clinic.pk)
        assert "Silverstrand" not in event.details

    @pytest.mark.parametrize(
        "fields",
        [
            {"first_name": "HANNA", "phone_number": ""},
            {"first_name": "Johanna", "phone_number": "+44 20 7946 0123"},
        ],
        ids=["name", "number"],
    )
    def test_offers_who_is_there_already(self, clinic, provider, sign_in, fields):
        there = care.make_patient(clinic, phone_number="+442079460123")
        client = sign_in(provider)
        response = self.post(client, clinic, **fields)
        assert [row.url for row in response.context["look_alikes"]] == [address(clinic, there.person_id)]
        assert b'name="is_another"' in response.content
        assert clinic.memberships.filter(role=Role.PATIENT).count() == 1

        self.post(client, clinic, **fields, is_another="1")
        assert clinic.memberships.filter(role=Role.PATIENT).count() == 2

    def test_never_doubles_the_same_name_and_number(self, clinic, provider, sign_in):
        client = sign_in(provider)
        for _time in range(2):
            response = self.post(client, clinic, is_another="1")
        assert response.context["is_same"]
        assert b'name="is_another"' not in response.content
        assert clinic.memberships.filter(role=Role.PATIENT).count() == 1

    def test_offers_nobody_of_another_organization(self, clinic, provider, sign_in):
        care.make_patient(cast.make_organization(), phone_number="+442079460123")
        assert self.post(sign_in(provider), clinic).status_code == 302

    @pytest.mark.parametrize(
        "fields",
        [{"first_name": ""}, {"last_name": "Silver\u202estrand"}, {"phone_number": "12"}],
    )
    def test_keeps_what_was_typed_where_something_is_wrong(self, clinic, provider, sign_in, fields):
        response = self.post(sign_in(provider), clinic, **{"last_name": "Typed", **fields})
        assert response.status_code == 200
        assert response.context["form"].errors.keys() == fields.keys()
        assert not Person.objects.filter(first_name="Hanna").exists()

    def test_a_failing_audit_row_leaves_nobody_behind(self, clinic, provider, sign_in, monkeypatch):
        def fail(*_args, **_kwargs):
            raise RuntimeError

        monkeypatch.setattr(patients, "record", fail)
        with pytest.raises(RuntimeError):
            self.post(sign_in(provider), clinic)
        assert not Person.objects.filter(first_name="Hanna").exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_add_one_person_at_once_the_second_finds_them(clinic, provider):
    outcomes = []
    start = threading.Barrier(8)

    def add() -> None:
        start.wait()
        try:
            patients.add(
                organization=clinic,
                first_name="Hanna",
                last_name="Silverstrand",
                phone_number="+442079460123",
                by=provider,
                origin=SYSTEM,
                is_another=True,
            )
            outcomes.append("added")
        except patients.LookAlikes:
            outcomes.append("found")
        finally:
            connection.close()

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["added"] + ["found"] * 7


@pytest.mark.django_db
class TestPage:
    def test_shows_devices_and_what_is_to_be_answered(self, clinic, provider, sign_in):
        membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
        care.make_questionnaire(clinic, title="Wound diary")
        sign_in_device(membership.person, model="Pixel 8")
        care.enroll(membership, version)
        care.receive(membership.person, version)
        response = sign_in(provider).get(address(clinic, membership.person_id))
        assert [device.row.name for device in response.context["devices"]] == ["Pixel 8"]
        assert [row.title for row in response.context["enrollments"]] == ["Sleep diary"]
        assert [row.title for row in response.context["responses"]] == ["Sleep diary"]
        assert [title for _pk, title in response.context["enrollable"]] == ["Wound diary"]
        assert b"briefly" not in response.content

    def test_opens_no_answers(self, clinic, provider, sign_in):
        membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
        care.enroll(membership, version)
        care.receive(membership.person, version)
        sign_in(provider).get(address(clinic, membership.person_id))
        assert not AuditEvent.objects.filter(kind="orgs.answers_read").exists()

    def test_shows_the_email_address_to_admins_alone(self, clinic, provider, admin, patient, sign_in):
        path = address(clinic, patient.pk)
        assert patient.email.encode() in sign_in(admin).get(path).content
        assert patient.email.encode() not in sign_in(provider).get(path).content

    def test_costs_the_same_however_much_there_is(self, clinic, provider, sign_in, django_assert_num_queries):
        membership = care.make_patient(clinic)
        client = sign_in(provider)
        path = address(clinic, membership.person_id)
        client.get(path)
        counts = []
        for number in (1, 6):
            for _time in range(number):
                version = care.make_questionnaire(clinic, title=f"Diary {uuid.uuid4()}")
                care.enroll(membership, version)
                care.receive(membership.person, version)
            DeviceAuthorization.objects.bulk_create(
                DeviceAuthorization(account=membership.person) for _ in range(number)
            )
            with django_assert_num_queries(11) as captured:
                client.get(path)
            counts.append(len(captured))
        assert len(set(counts)) == 1

    def test_is_there_for_those_alone_who_work_in_the_organization(
        self, clinic, outsider, patient, support, sign_in
    ):
        membership = care.make_patient(clinic)
        other_admin = cast.make_person()
        cast.join(cast.make_organization(clinic.name), other_admin, Role.ADMIN)
        for person in (outsider, patient, support, membership.person, other_admin):
            client = sign_in(person)
            for path in (address(clinic), address(clinic, "new"), address(clinic, membership.person_id)):
                assert client.get(path).status_code == 404, (person, path)

    def test_of_a_colleague_there_is_none(self, clinic, provider, colleague, sign_in):
        assert sign_in(provider).get(address(clinic, colleague.pk)).status_code == 404

    def test_of_somebody_who_left_there_is_none(self, clinic, provider, sign_in):
        membership = care.make_patient(clinic)
        membership.end()
        assert sign_in(provider).get(address(clinic, membership.person_id)).status_code == 404


@pytest.mark.django_db
class TestAuthenticateDevice:
    def make(self, client, clinic, person):
        return just_now(client).post(address(clinic, person.pk, "authentication"), {"name": "Phone"})

    def test_shows_the_link_where_the_patient_has_nothing_else(self, clinic, provider, sign_in):
        membership = care.make_patient(clinic)
        response = self.make(sign_in(provider), clinic, membership.person)
        assert b"medipal://authenticate?payload=" in response.content
        authorization = DeviceAuthorization.objects.get()
        assert (authorization.account, authorization.issued_by) == (membership.person, provider)
        event = AuditEvent.objects.get(kind="devices.link_issued")
        assert (event.person_id, event.organization_id) == (membership.person_id, clinic.pk)

    def test_mails_it_to_a_patient_with_a_sign_in_of_their_own(self, clinic, provider, patient, sign_in):
        response = self.make(sign_in(provider), clinic, patient)
        assert b"medipal://" not in response.content
        assert DeviceAuthorization.objects.get().account == patient

    def test_mails_it_where_the_patient_belongs_to_another_organization(self, clinic, provider, sign_in):
        membership = care.make_patient(clinic)
        cast.join(cast.make_organization(), membership.person, Role.PATIENT)
        response = self.make(sign_in(provider), clinic, membership.person)
        # There is no address that it could go to.
        assert b"medipal://" not in response.content
        assert not DeviceAuthorization.objects.exists()

    def test_makes_none_for_a_patient_who_is_also_a_colleague(self, clinic, provider, sign_in):
        membership = care.make_patient(clinic)
        elsewhere = cast.make_organization()
        cast.join(elsewhere, provider)
        cast.join(elsewhere, membership.person)
        client = sign_in(provider)
        assert self.make(client, clinic, membership.person).status_code == 404
        page = client.get(address(clinic, membership.person_id))
        assert page.context["right"] is None
        assert b"Authenticate Device" not in page.content

    def test_speaks_for_the_organization_of_the_page(self, clinic, provider, sign_in):
        membership = care.make_patient(clinic)
        earlier = cast.make_organization("A Clinic")
        cast.join(earlier, provider)
        cast.join(earlier, membership.person, Role.PATIENT)
        cast.EmailAddress.objects.create(
            user=membership.person, email="hanna@people.example", verified=True, primary=True
        )
        self.make(sign_in(provider), clinic, membership.person)
        assert AuditEvent.objects.get(kind="devices.link_issued").organization_id == clinic.pk

    def test_asks_for_a_recent_authentication(self, clinic, provider, sign_in):
        membership = care.make_patient(clinic)
        response = sign_in(provider).get(address(clinic, membership.person_id, "authentication"))
        assert response.status_code == 302
        assert "reauthenticate" in response.headers["Location"]


@pytest.mark.django_db
class TestRevocation:
    def path(self, clinic, membership):
        authorization = DeviceAuthorization.objects.get(account=membership.person)
        return address(clinic, membership.person_id, "devices", authorization.pk, "revocation")

    def test_an_admin_ends_a_patients_device(self, clinic, admin, sign_in):
        membership = care.make_patient(clinic)
        sign_in_device(membership.person)
        client = sign_in(admin)
        assert b"Revoke" in client.get(self.path(clinic, membership)).content
        client.post(self.path(clinic, membership))
        authorization = DeviceAuthorization.objects.get()
        assert authorization.revoked_reason == "organization"
        assert (authorization.revoked_by, authorization.revoked_in) == (admin, clinic)
        assert AuditEvent.objects.filter(kind="devices.revoked", actor_id=admin.pk).exists()

    def test_a_provider_does_not(self, clinic, provider, sign_in):
        membership = care.make_patient(clinic)
        sign_in_device(membership.person)
        client = sign_in(provider)
        assert client.get(self.path(clinic, membership)).status_code == 403
        assert client.post(self.path(clinic, membership)).status_code == 403
        assert DeviceAuthorization.objects.get().revoked_at is None
        assert b"Revoke" not in client.get(address(clinic, membership.person_id)).content

    def test_an_admin_allows_it_again(self, clinic, admin, provider, sign_in):
        membership = care.make_patient(clinic)
        device = {"device_id": "the-patients-own-telephone"}
        sign_in_device(membership.person, **device)
        client = sign_in(admin)
        revocation = self.path(clinic, membership)
        client.post(revocation)
        allowance = revocation.replace("revocation", "allowance")
        with pytest.raises(Problem, match="device_blocked"):
            sign_in_device(membership.person, **device)
        assert b"Allow again" in client.get(address(clinic, membership.person_id)).content
        assert sign_in(provider).post(allowance).status_code == 403
        client.post(allowance)
        assert sign_in_device(membership.person, **device).authorization.is_active

    @pytest.mark.parametrize(("where", "told"), [("here", "by the organization"), ("there", "revoked")])
    def test_of_another_organization_is_told_without_naming_it(self, clinic, admin, sign_in, where, told):
        membership = care.make_patient(clinic)
        authorization = sign_in_device(membership.person).authorization
        organization = clinic if where == "here" else cast.make_organization()
        authorization.revoke(by=admin, reason="organization", organization=organization)
        (device,) = sign_in(admin).get(address(clinic, membership.person_id)).context["devices"]
        assert device.row.status.reason.endswith(told)
        assert bool(device.allowance_url) == (where == "here")

    def test_of_a_colleagues_device_there_is_none(self, clinic, admin, provider, sign_in):
        membership = care.make_patient(clinic)
        authorization = sign_in_device(provider).authorization
        path = address(clinic, membership.person_id, "devices", authorization.pk, "revocation")
        assert sign_in(admin).post(path).status_code == 404


@pytest.mark.django_db
class TestAnswers:
    def test_are_read_by_a_provider_and_each_reading_is_noted(self, clinic, provider, sign_in):
        membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
        care.enroll(membership, version)
        response = care.receive(
            membership.person, version, q1={"valueString": "Well"}, q2={"valueBoolean": True}
        )
        path = address(clinic, membership.person_id, "answers", response.pk)
        client = sign_in(provider)
        shown = [client.get(path) for _time in range(2)][-1]
        assert shown.context["answers"][:3] == [
            ("How did you sleep?", "Well"),
            ("Did you take the tablets?", "Yes"),
            ("Pain", ""),
        ]
        events = AuditEvent.objects.filter(kind="orgs.answers_read")
        assert [(e.actor_id, e.person_id) for e in events] == [(provider.pk, membership.person_id)] * 2

    def test_of_another_organization_are_not_there(self, clinic, provider, sign_in):
        membership = care.make_patient(clinic)
        other = cast.make_organization(clinic.name)
        cast.join(other, membership.person, Role.PATIENT)
        version = care.make_questionnaire(other)
        theirs = other.memberships.get(person=membership.person)
        care.enroll(theirs, version)
        response = care.receive(membership.person, version)
        client = sign_in(provider)
        path = address(clinic, membership.person_id, "answers", response.pk)
        assert client.get(path).status_code == 404
        assert client.get(address(clinic, membership.person_id)).context["responses"] == []
        assert not AuditEvent.objects.filter(kind="orgs.answers_read").exists()


@pytest.mark.django_db
class TestEnrollment:
    def test_is_made_and_ended_on_the_patients_page(self, clinic, provider, sign_in):
        membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
        client, page = sign_in(provider), address(clinic, membership.person_id)
        client.post(f"{page}enrollments/", {"questionnaire": version.questionnaire_id})
        enrollment = membership.enrollments.get()
        assert AuditEvent.objects.get(kind="orgs.patient_enrolled").actor_id == provider.pk

        client.post(f"{page}enrollments/{enrollment.pk}/ending/")
        enrollment.refresh_from_db()
        assert enrollment.ended_at <= timezone.now()

    @pytest.mark.parametrize("wanted", ["", "nonsense", str(uuid.UUID(int=7))])
    def test_for_what_is_not_there_is_none(self, clinic, provider, sign_in, wanted):
        membership = care.make_patient(clinic)
        path = address(clinic, membership.person_id, "enrollments")
        assert sign_in(provider).post(path, {"questionnaire": wanted}).status_code == 404

    def test_for_a_questionnaire_of_another_organization_is_none(self, clinic, provider, sign_in):
        membership = care.make_patient(clinic)
        version = care.make_questionnaire(cast.make_organization())
        path = address(clinic, membership.person_id, "enrollments")
        data = {"questionnaire": version.questionnaire_id}
        assert sign_in(provider).post(path, data).status_code == 404

    def test_takes_a_post(self, clinic, provider, sign_in):
        membership = care.make_patient(clinic)
        assert sign_in(provider).get(address(clinic, membership.person_id, "enrollments")).status_code == 405
