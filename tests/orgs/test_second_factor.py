"""An organization that asks for a second factor: foreseen, told, and demanded from the next page on."""

import json

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.urls import reverse

from accounts.models import Person
from medimic.audit.models import AuditEvent
from medimic.outbox.models import Delivery
from orgs import second_factor
from orgs.models import Membership, Organization, Policy
from tests import cast
from tests.accounts.phones import signed_in
from tests.devices.kit import events
from tests.devices.test_proof_sign_in import log_in as phone_log_in

pytestmark = pytest.mark.django_db


def ask_for_it(organization: Organization) -> Policy:
    policy = Policy(organization=organization)
    policy.ask_for_factor(True)
    policy.save()
    return policy


def enrol(person: Person) -> None:
    totp.TOTP.activate(person, totp.generate_totp_secret())
    RecoveryCodes.activate(person)


@pytest.fixture
def path(clinic) -> str:
    return f"/organizations/{clinic.slug}/policies/"


class TestThePolicy:
    def test_shows_whom_it_touches_before_it_is_saved(
        self, path, admin, provider, colleague, patient, sign_in
    ):
        enrol(colleague)
        page = sign_in(admin).post(path, {"second_factor": "on"}).content.decode()
        assert "Members without a second factor: 2" in page
        for person, is_named in ((provider, True), (admin, True), (colleague, False), (patient, False)):
            assert (person.name in page.partition("Members without")[2]) is is_named
        assert not Policy.objects.exists()

    def test_counts_recovery_codes_alone_as_none(self, clinic, provider):
        RecoveryCodes.activate(provider)
        assert second_factor.without_factor(clinic).filter(person=provider).exists()

    def test_is_saved_and_in_the_log(self, path, admin, clinic, sign_in):
        sign_in(admin).post(path, {"second_factor": "on", "save": "yes"})
        policy = Policy.objects.get()
        assert policy.second_factor
        assert policy.second_factor_since is not None
        assert "second factor required" in events("devices.policy_changed")[0].details

    def test_is_lifted_again(self, path, admin, clinic, provider, sign_in):
        ask_for_it(clinic)
        enrol(admin)
        sign_in(admin).post(path, {"save": "yes"})
        assert not Policy.objects.get().second_factor
        assert sign_in(provider).get("/").status_code == 200


class TestWhomItTouches:
    @pytest.mark.parametrize("path", ["/", "/sessions/", "/settings/", "/organization/", "/billing/"])
    def test_is_led_to_choosing_one_from_every_page(self, path, clinic, provider, sign_in):
        ask_for_it(clinic)
        client = sign_in(provider)
        answer = client.get(path)
        assert answer.url == reverse("second_factor")
        page = client.get(answer.url).content.decode()
        assert "Lakeside Clinic asks for a second factor" in page

    def test_can_do_nothing_meanwhile(self, clinic, provider, sign_in):
        ask_for_it(clinic)
        client = sign_in(provider)
        client.post("/settings/", {"first_name": "Changed", "last_name": "Name"})
        provider.refresh_from_db()
        assert provider.first_name == "Paula"
        answer = client.get("/api/devices")
        assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_required")

    @pytest.mark.parametrize("name", ["security", "account_logout", "accessibility", "second_factor"])
    def test_is_not_kept_from_signing_out_or_from_security(self, name, clinic, provider, sign_in):
        ask_for_it(clinic)
        assert sign_in(provider).get(reverse(name)).status_code == 200

    def test_goes_on_once_there_is_one(self, clinic, provider, sign_in):
        ask_for_it(clinic)
        client = sign_in(provider)
        assert client.get("/sessions/").status_code == 302
        enrol(provider)
        assert client.get("/sessions/").status_code == 200

    def test_is_asked_again_once_it_is_gone(self, clinic, provider, sign_in):
        ask_for_it(clinic)
        enrol(provider)
        client = sign_in(provider)
        provider.authenticator_set.all().delete()
        assert client.get("/").status_code == 302

    def test_signs_no_phone_in_by_the_password_alone(self, clinic, provider):
        ask_for_it(clinic)
        answer = phone_log_in(signed_in(provider))
        assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_required")

    def test_is_nobody_who_does_not_work_there(self, clinic, patient, outsider, sign_in):
        ask_for_it(clinic)
        for person in (patient, outsider):
            assert sign_in(person).get("/").status_code == 200

    def test_is_nobody_any_more_who_has_left(self, clinic, provider, sign_in):
        ask_for_it(clinic)
        provider.memberships.get().end()
        assert sign_in(provider).get("/").status_code == 200

    def test_is_asked_by_any_of_several_organizations(self, clinic, provider, sign_in):
        other = cast.make_organization("Hilltop")
        cast.join(other, provider)
        ask_for_it(other)
        client = sign_in(provider)
        assert client.get("/").status_code == 302
        assert "Hilltop" in client.get(reverse("second_factor")).content.decode()

    def test_is_an_admin_too(self, clinic, admin, path, sign_in):
        ask_for_it(clinic)
        assert sign_in(admin).get(path).status_code == 302


class TestTheMail:
    def test_tells_each_once(self, clinic, provider, colleague, admin, patient):
        enrol(colleague)
        ask_for_it(clinic)
        for _ in range(3):
            second_factor.ask_everybody()
        told = Delivery.objects.filter(kind="orgs.second_factor_asked")
        assert {row.person_id for row in told} == {provider.pk, admin.pk}
        assert told.count() == 2
        [event] = AuditEvent.objects.filter(kind="orgs.second_factor_asked", person_id=provider.pk)
        assert json.loads(event.details) == {"organization": "Lakeside Clinic"}

    def test_tells_whoever_joins_later(self, clinic, provider):
        ask_for_it(clinic)
        second_factor.ask_everybody()
        late = cast.make_person("Late", "Comer")
        cast.join(clinic, late)
        second_factor.ask_everybody()
        assert Delivery.objects.filter(kind="orgs.second_factor_asked", person_id=late.pk).count() == 1

    def test_tells_again_where_it_was_lifted_and_asked_anew(self, clinic, provider):
        policy = ask_for_it(clinic)
        second_factor.ask_everybody()
        policy.ask_for_factor(False)
        policy.ask_for_factor(True)
        policy.save()
        second_factor.ask_everybody()
        assert Delivery.objects.filter(kind="orgs.second_factor_asked", person_id=provider.pk).count() == 2

    def test_is_not_sent_where_nothing_is_asked(self, clinic, provider):
        second_factor.ask_everybody()
        assert not Delivery.objects.filter(kind="orgs.second_factor_asked").exists()


class TestWhatIsSeen:
    def test_by_admins_in_the_list_of_members(self, clinic, admin, provider, colleague, sign_in):
        ask_for_it(clinic)
        enrol(admin)
        enrol(colleague)
        rows = sign_in(admin).get(f"/organizations/{clinic.slug}/members/").context["rows"]
        assert {row.name for row in rows if row.lacks_factor} == {provider.name}

    def test_not_by_colleagues(self, clinic, admin, provider, colleague, sign_in):
        ask_for_it(clinic)
        enrol(colleague)
        page = sign_in(colleague).get(f"/organizations/{clinic.slug}/members/").content.decode()
        assert "No second factor" not in page

    def test_by_oneself_as_the_organization_sees_it(self, clinic, provider, sign_in):
        assert "Second factor" not in sign_in(provider).get(reverse("organization_view")).content.decode()
        ask_for_it(clinic)
        enrol(provider)
        page = sign_in(provider).get(reverse("organization_view")).content.decode()
        assert "Second factor" in page
        assert "Set up" in page

    def test_in_as_many_queries_for_500_members_as_for_5(
        self, clinic, admin, sign_in, django_assert_max_num_queries
    ):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        ask_for_it(clinic)
        enrol(admin)
        client = sign_in(admin)
        path = f"/organizations/{clinic.slug}/members/"

        def count() -> int:
            with CaptureQueriesContext(
                connection,
            ) as seen:
                assert client.get(path).status_code == 200
            return len(seen)

        client.get(path)
        few = count()
        people = Person.objects.bulk_create(
            Person(email=f"p{i}@people.example", first_name="P", last_name=str(i)) for i in range(500)
        )
        Membership.objects.bulk_create(
            Membership(organization=clinic, person=person, role="provider") for person in people
        )
        assert count() == few
