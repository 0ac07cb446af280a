"""Who may issue a link for whom, and who may see it."""

import pytest

from accounts.models import Person
from billing.catalogue import TEAM
from devices import handover, permissions
from devices.models import DeviceAuthorization, Registration
from devices.permissions import link_right
from medimic.audit.log import SYSTEM
from medimic.outbox.models import Delivery
from orgs.models import Membership
from tests import cast
from tests.devices.kit import call, events, just_now, link_for, refused, sign_in_device

pytestmark = pytest.mark.django_db
PATIENT = Membership.Role.PATIENT


@pytest.fixture
def quiet(clinic) -> Person:
    """A patient of the clinic who has nothing else: no sign-in, no other role, no other place."""
    person = cast.make_person("Quinn", "Quiet", email=None, phone_number="+447700900199")
    cast.join(clinic, person, PATIENT)
    return person


@pytest.fixture
def elsewhere():
    return cast.make_organization("Hillside Clinic", TEAM)


def may_see(by, account) -> bool | None:
    """None where nothing may be issued at all."""
    right = link_right(by, account)
    return right.may_see if right else None


class TestRight:
    def test_everybody_has_it_for_themselves(self, provider, colleague, admin, patient, outsider, support):
        for person in (provider, colleague, admin, patient, outsider, support):
            assert may_see(person, person) is True

    def test_a_clinician_sees_the_link_of_a_patient_who_has_nothing_else(self, provider, admin, quiet):
        assert may_see(provider, quiet) is True
        assert may_see(admin, quiet) is True
        assert link_right(provider, quiet).organization == quiet.memberships.get().organization

    def test_not_of_one_with_an_address(self, provider, patient):
        assert may_see(provider, patient) is False

    def test_not_of_one_with_a_password_and_no_address(self, provider, quiet):
        quiet.set_password(cast.PASSWORD)
        quiet.save()
        assert may_see(provider, quiet) is False

    def test_not_of_one_who_is_a_patient_elsewhere(self, provider, quiet, elsewhere):
        cast.join(elsewhere, quiet, PATIENT)
        assert may_see(provider, quiet) is False

    def test_not_of_one_who_works_elsewhere(self, provider, quiet, elsewhere):
        cast.join(elsewhere, quiet)
        assert may_see(provider, quiet) is False

    def test_again_once_they_have_left_there(self, provider, quiet, elsewhere, clinic):
        membership = cast.join(elsewhere, quiet, PATIENT)
        membership.ended_at = membership.created_at
        membership.save()
        assert may_see(provider, quiet) is True

    def test_nobody_for_a_colleague(self, provider, colleague, admin):
        for by, account in [(provider, colleague), (admin, provider), (provider, admin)]:
            assert may_see(by, account) is None

    def test_nobody_for_a_colleague_who_is_a_patient_somewhere(self, provider, colleague, elsewhere):
        cast.join(elsewhere, colleague, PATIENT)
        cast.join(elsewhere, provider)
        assert may_see(provider, colleague) is None

    def test_nobody_for_staff(self, provider, support, clinic):
        cast.join(clinic, support, PATIENT)
        assert may_see(provider, support) is None

    def test_a_clinician_of_another_organization_has_none(self, quiet, patient, elsewhere):
        stranger = cast.make_person("Stella", "Stranger")
        cast.join(elsewhere, stranger)
        for account in (quiet, patient):
            assert may_see(stranger, account) is None

    def test_a_patient_has_none_for_anybody_else(self, patient, quiet, provider):
        for account in (quiet, provider):
            assert may_see(patient, account) is None

    def test_an_outsider_and_support_have_none(self, outsider, support, quiet, patient, provider):
        for by in (outsider, support):
            for account in (quiet, patient, provider):
                assert may_see(by, account) is None

    def test_it_ends_with_the_patient_s_membership_and_with_the_clinician_s(self, provider, quiet):
        for person in (quiet, provider):
            membership = person.memberships.get()
            membership.ended_at = membership.created_at
            membership.save()
            assert may_see(provider, quiet) is None
            membership.ended_at = None
            membership.save()

    def test_a_closed_account_gives_and_gets_none(self, provider, quiet):
        quiet.is_active = False
        assert may_see(provider, quiet) is None
        provider.is_active = False
        assert may_see(provider, provider) is None


class TestWhereItMayGo:
    def test_oneself_at_one_s_verified_address_and_recorded_number(self, provider):
        provider.phone_number = "+447700900111"
        right = link_right(provider, provider)
        assert (right.email(), right.phone_number()) == (provider.email, "+447700900111")

    def test_never_at_an_address_that_was_not_verified(self, provider):
        provider.emailaddress_set.update(verified=False)
        assert link_right(provider, provider).email() == ""

    def test_never_at_a_number_where_the_issuer_must_not_see_it(self, provider, patient):
        patient.phone_number = "+447700900111"
        patient.save()
        assert link_right(provider, patient).phone_number() == ""

    def test_at_no_number_where_texts_cannot_be_sent(self, provider, settings):
        settings.SMS_BACKEND = ""
        provider.phone_number = "+447700900111"
        assert link_right(provider, provider).phone_number() == ""


class TestAPI:
    @pytest.fixture
    def client(self, provider, sign_in):
        return just_now(sign_in(provider))

    def register(self, client, person, **body):
        return call("post", "device-register", {"user_id": str(person.pk), **body}, client=client)

    def test_answers_with_the_link_where_the_caller_may_see_it(self, client, quiet, provider, clinic):
        response = self.register(client, quiet, name="Quinn's phone")
        assert response.status_code == 201
        assert response.json()["link"].startswith("medipal://")
        row = DeviceAuthorization.objects.get()
        assert (row.account, row.issued_by) == (quiet, provider)
        event = events("devices.link_issued")[0]
        assert (event.person_id, event.actor_id, event.organization_id) == (quiet.pk, provider.pk, clinic.pk)

    def test_the_person_is_told_by_text_where_there_is_no_address(self, client, quiet, clinic):
        self.register(client, quiet)
        told = Delivery.objects.get(kind="devices.link_issued")
        assert (told.channel, told.recipient, told.person_id) == ("sms", quiet.phone_number, quiet.pk)
        assert "Paula Provider of Lakeside Clinic" in told.body

    def test_answers_without_the_link_where_it_goes_to_the_person_alone(self, client, patient):
        response = self.register(client, patient)
        assert response.status_code == 202
        assert response.json().keys() == {"device", "sent_to", "expires_at"}
        assert response.json()["sent_to"] == "p…@people.example"
        assert b"medipal" not in response.content
        mail = Delivery.objects.get(kind=handover.KIND)
        assert (mail.recipient, mail.person_id) == (patient.email, patient.pk)
        assert "Paula Provider of Lakeside Clinic made this link for you" in mail.body
        assert "medipal://authenticate?payload=" in mail.body

    def test_refuses_where_there_is_nowhere_to_send_it_and_makes_no_row(self, client, patient):
        patient.emailaddress_set.update(verified=False)
        assert refused(self.register(client, patient), 409, "no_verified_address")
        assert not DeviceAuthorization.objects.exists()

    def test_at_the_limit_tells_nobody_else_which_devices_there_are(self, client, patient):
        for _ in range(3):
            sign_in_device(patient)
        document = self.register(client, patient)
        assert refused(document, 409, "device_limit")
        assert "devices" not in document.json()
        assert "iPhone" not in document.content.decode()

    def test_foreign_and_missing_answer_the_same(self, client, colleague, outsider, support):
        missing = call(
            "post", "device-register", {"user_id": "0d1f5b9e-0000-4000-8000-000000000000"}, client=client
        ).json()
        del missing["request_id"]
        for person in (colleague, outsider, support):
            response = self.register(client, person)
            assert refused(response, 404, "person_unknown")
            answer = response.json()
            del answer["request_id"]
            assert answer == missing
        assert not Registration.objects.exists()

    def test_devices_are_listed_for_a_patient_whose_links_one_may_see_and_for_no_other(
        self, client, quiet, patient, colleague
    ):
        link_for(quiet, name="Quinn's phone")
        listed = call("get", f"devices?user_id={quiet.pk}", client=client).json()["devices"]
        assert [row["name"] for row in listed] == ["Quinn's phone"]
        for person in (patient, colleague):
            response = call("get", f"devices?user_id={person.pk}", client=client)
            assert refused(response, 404, "person_unknown")


def test_unknown_people_have_no_right(provider):
    with pytest.raises(permissions.Problem, match="person_unknown"):
        permissions.require_link_right(provider, DeviceAuthorization().pk)


def test_a_mail_that_cannot_be_written_leaves_no_row(provider, patient, monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError

    monkeypatch.setattr(handover.mail, "enqueue_mail", fail)
    with pytest.raises(RuntimeError):
        handover.issue(link_right(provider, patient), origin=SYSTEM)
    assert not DeviceAuthorization.objects.exists()
    assert not events("devices.link_issued")
