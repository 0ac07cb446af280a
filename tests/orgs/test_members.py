"""The list of members, roles, removing, leaving and handing over, as pages."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from medimic.flows import memberships
from orgs.memberships import LastAdmin, NotEligible, hand_over
from orgs.models import Membership
from tests import cast
from tests.orgs import kit

pytestmark = pytest.mark.django_db
ADMIN, PROVIDER, PATIENT = Membership.Role.ADMIN, Membership.Role.PROVIDER, Membership.Role.PATIENT


@pytest.fixture
def second_admin(clinic):
    person = cast.make_person("Sina", "Second", email="second@people.example")
    cast.join(clinic, person, ADMIN)
    return person


def names(response):
    return [row.name for row in response.context["rows"]]


class TestTheList:
    def test_admin_reads_addresses_and_changes_rows(self, sign_in, admin, provider, patient, clinic):
        response = sign_in(admin).get(kit.home(clinic, "members/"))
        assert names(response) == ["Ada Admin", "Paula Provider"]
        page = response.content.decode()
        assert provider.email in page
        assert kit.home(clinic, f"members/{kit.membership(provider, clinic).pk}/removal/") in page
        assert patient.email not in page

    def test_provider_reads_names_and_roles_alone(self, sign_in, admin, provider, patient, clinic):
        page = sign_in(provider).get(kit.home(clinic, "members/")).content.decode()
        assert "Ada Admin" in page
        for hidden in (admin.email, patient.email, "Piotr", "/removal/", "/role/", "invitations/"):
            assert hidden not in page

    def test_patients_are_for_admins_alone(self, sign_in, admin, provider, patient, clinic):
        path = kit.home(clinic, "members/?role=patient")
        assert names(sign_in(admin).get(path)) == ["Piotr Patient"]
        assert sign_in(provider).get(path).status_code == 403

    @pytest.mark.parametrize(
        ("q", "found"),
        [
            ("paula", ["Paula Provider"]),
            ("PROV pau", ["Paula Provider"]),
            ("pro", ["Paula Provider"]),
            ("provider@people", ["Paula Provider"]),
            ("piotr", []),
            ("%", []),
            ("nobody", []),
        ],
    )
    def test_admin_searches_by_beginnings(
        self, sign_in, admin, provider, colleague, patient, clinic, q, found
    ):
        assert names(sign_in(admin).get(kit.home(clinic, "members/"), {"q": q})) == found

    def test_provider_finds_nobody_by_address(self, sign_in, admin, provider, clinic):
        client = sign_in(provider)
        assert names(client.get(kit.home(clinic, "members/"), {"q": "ada"})) == ["Ada Admin"]
        assert names(client.get(kit.home(clinic, "members/"), {"q": "admin@people"})) == []

    def test_filters_by_role_and_makes_nothing_of_nonsense(self, sign_in, admin, provider, clinic):
        client = sign_in(admin)
        assert names(client.get(kit.home(clinic, "members/"), {"role": "admin"})) == ["Ada Admin"]
        assert len(names(client.get(kit.home(clinic, "members/"), {"role": "king"}))) == 2
        assert client.get(kit.home(clinic, "members/"), {"after": "x"}).status_code == 404

    @pytest.mark.parametrize("role", ["", "patient"])
    def test_pages_meet_everybody_once(self, sign_in, admin, clinic, role):
        for number in range(60):
            cast.join(clinic, cast.make_person("Max", f"M{number % 7}"), role or PROVIDER)
        client = sign_in(admin)
        first = client.get(kit.home(clinic, f"members/?role={role}"))
        second = client.get(kit.home(clinic, "members/") + first.context["page"].next_url)
        urls = [row.role_url for page in (first, second) for row in page.context["rows"]]
        assert len(urls) == len(set(urls)) == (60 if role else 61)

    @pytest.mark.parametrize("role", ["", "patient"])
    def test_costs_the_same_queries_with_five_and_fifty(self, sign_in, admin, clinic, role):
        client, path = sign_in(admin), kit.home(clinic, f"members/?role={role}")
        client.get(path)
        cost = []
        for number in (5, 45):
            for _ in range(number):
                cast.join(clinic, cast.make_person(phone_number="+442079460018"), role or PROVIDER)
            with CaptureQueriesContext(connection) as queries:
                assert len(names(client.get(path))) >= number
            cost.append(len(queries))
        assert cost[0] == cost[1]


class TestRoles:
    def change(self, client, clinic, person, role):
        return client.post(
            kit.home(clinic, f"members/{kit.membership(person, clinic).pk}/role/"), {"role": role}
        )

    def test_a_provider_becomes_an_admin_and_is_told(self, admin, provider, clinic):
        response = self.change(kit.signed_in_just_now(admin), clinic, provider, ADMIN)
        assert response["Location"] == kit.home(clinic, "members/")
        assert kit.roles(clinic)["Paula"] == ADMIN
        [event] = kit.events("orgs.role_changed")
        assert (event.person_id, event.actor_id) == (provider.pk, admin.pk)
        assert kit.details(event) == {
            "organization": "Lakeside Clinic",
            "before": "provider",
            "role": "admin",
        }
        [mail] = kit.mails("orgs.role_changed")
        assert (mail["to"], "You are now: Admin" in mail["text"]) == (provider.email, True)

    def test_what_touches_an_admin_asks_for_a_recent_authentication(
        self, sign_in, admin, second_admin, provider, clinic
    ):
        client = sign_in(admin)
        mine = kit.home(clinic, f"members/{kit.membership(second_admin, clinic).pk}/")
        for response in (
            client.get(mine + "role/"),
            client.get(mine + "removal/"),
            client.post(mine + "removal/"),
            client.post(mine + "role/", {"role": PROVIDER}),
            self.change(client, clinic, provider, ADMIN),
        ):
            assert response["Location"].startswith("/accounts/reauthenticate/")
        assert kit.roles(clinic) == {"Ada": ADMIN, "Sina": ADMIN, "Paula": PROVIDER}
        assert self.change(client, clinic, provider, PATIENT).status_code == 302
        assert kit.roles(clinic)["Paula"] == PATIENT

    def test_the_last_admin_is_led_to_handing_over(self, admin, clinic):
        response = self.change(kit.signed_in_just_now(admin), clinic, admin, PROVIDER)
        assert response["Location"] == kit.home(clinic, "members/handover/")
        assert kit.roles(clinic)["Ada"] == ADMIN

    def test_one_of_two_admins_steps_back(self, admin, second_admin, clinic):
        response = self.change(kit.signed_in_just_now(admin), clinic, admin, PROVIDER)
        assert response["Location"] == kit.home(clinic)
        assert kit.roles(clinic) == {"Ada": PROVIDER, "Sina": ADMIN}

    def test_a_closed_account_is_no_other_admin(self, admin, second_admin, clinic):
        second_admin.is_active = False
        second_admin.save()
        with pytest.raises(LastAdmin):
            memberships.change_role(
                membership=kit.membership(admin, clinic), role=PROVIDER, by=admin, origin=kit.origin(admin)
            )

    def test_the_same_role_changes_nothing(self, sign_in, admin, provider, clinic):
        self.change(sign_in(admin), clinic, provider, PROVIDER)
        assert kit.events("orgs.role_changed") == []
        assert kit.mails("orgs.role_changed") == []

    def test_no_role_that_there_is_not(self, sign_in, admin, provider, clinic):
        response = self.change(sign_in(admin), clinic, provider, "owner")
        assert response.context["form"]["role"].errors

    def test_who_is_no_admin_any_more_changes_nothing(self, admin, second_admin, provider, clinic):
        kit.membership(admin, clinic).become(PROVIDER)
        with pytest.raises(PermissionDenied):
            memberships.change_role(
                membership=kit.membership(provider, clinic), role=ADMIN, by=admin, origin=kit.origin(admin)
            )

    def test_nothing_changes_where_the_log_cannot_be_written(self, admin, provider, clinic, monkeypatch):
        monkeypatch.setattr("orgs.memberships.record", _fail)
        with pytest.raises(RuntimeError):
            self.change(kit.signed_in_just_now(admin), clinic, provider, ADMIN)
        assert kit.roles(clinic)["Paula"] == PROVIDER
        assert kit.mails("orgs.role_changed") == []


class TestRemoving:
    def path(self, clinic, person):
        return kit.home(clinic, f"members/{kit.membership(person, clinic).pk}/removal/")

    def test_ends_the_membership_and_tells_them(self, sign_in, admin, provider, clinic):
        client, path = sign_in(admin), self.path(clinic, provider)
        assert "Remove Paula Provider" in client.get(path).content.decode()
        assert client.post(path)["Location"] == kit.home(clinic, "members/")
        assert "Paula" not in kit.roles(clinic)
        assert sign_in(provider).get(kit.home(clinic)).status_code == 404
        [event] = kit.events("orgs.removed")
        assert (event.person_id, event.actor_id, event.organization_id) == (provider.pk, admin.pk, clinic.pk)
        assert kit.mails("orgs.removed")[0]["to"] == provider.email
        assert client.post(path).status_code == 404

    def test_looking_changes_nothing(self, sign_in, admin, provider, clinic):
        sign_in(admin).get(self.path(clinic, provider))
        assert "Paula" in kit.roles(clinic)

    def test_oneself_is_leaving(self, sign_in, admin, clinic):
        assert sign_in(admin).post(self.path(clinic, admin))["Location"] == kit.home(clinic, "leaving/")
        assert "Ada" in kit.roles(clinic)

    def test_a_colleague_may_not_and_an_outsider_finds_nothing(
        self, sign_in, colleague, outsider, provider, clinic
    ):
        path = self.path(clinic, provider)
        assert sign_in(colleague).post(path).status_code == 403
        assert sign_in(outsider).post(path).status_code == 404
        assert "Paula" in kit.roles(clinic)

    def test_a_membership_of_another_organization_is_not_found(self, sign_in, admin, outsider, clinic):
        theirs = cast.join(cast.make_organization(), outsider)
        assert sign_in(admin).post(kit.home(clinic, f"members/{theirs.pk}/removal/")).status_code == 404
        assert theirs.is_working

    def test_a_patient_without_an_address_is_removed_without_a_mail(self, sign_in, admin, clinic):
        cast.join(clinic, unreachable := cast.make_person("Una", email=None), PATIENT)
        sign_in(admin).post(self.path(clinic, unreachable))
        assert "Una" not in kit.roles(clinic)
        assert kit.mails("orgs.removed") == []


class TestLeaving:
    def test_a_provider_leaves(self, sign_in, provider, clinic, admin):
        client = sign_in(provider)
        assert "Leave Lakeside Clinic?" in client.get(kit.home(clinic, "leaving/")).content.decode()
        assert client.post(kit.home(clinic, "leaving/"))["Location"] == "/"
        assert "You have left Lakeside Clinic" in client.get("/").content.decode()
        assert kit.roles(clinic) == {"Ada": "admin"}
        assert [event.person_id for event in kit.events("orgs.left")] == [provider.pk]
        assert client.get(kit.home(clinic)).status_code == 404

    def test_the_last_admin_is_told_why_not(self, sign_in, admin, provider, clinic):
        client = sign_in(admin)
        page = client.get(kit.home(clinic, "leaving/")).content.decode()
        assert "You are its only admin" in page
        assert client.post(kit.home(clinic, "leaving/"))["Location"] == kit.home(clinic, "members/handover/")
        assert kit.roles(clinic)["Ada"] == "admin"

    def test_one_of_two_admins_leaves(self, sign_in, admin, second_admin, clinic):
        sign_in(admin).post(kit.home(clinic, "leaving/"))
        assert kit.roles(clinic) == {"Sina": "admin"}


class TestHandingOver:
    def test_makes_the_colleague_an_admin_and_oneself_a_provider(self, admin, provider, clinic):
        client = kit.signed_in_just_now(admin)
        to = str(kit.membership(provider, clinic).pk)
        assert "Paula Provider" in client.get(kit.home(clinic, "members/handover/")).content.decode()
        response = client.post(kit.home(clinic, "members/handover/"), {"to": to})
        assert response["Location"] == kit.home(clinic)
        assert kit.roles(clinic) == {"Ada": "provider", "Paula": "admin"}
        assert len(kit.events("orgs.role_changed")) == 2
        assert client.post(kit.home(clinic, "leaving/"))["Location"] == "/"

    def test_asks_for_a_recent_authentication(self, sign_in, admin, clinic):
        for method in ("get", "post"):
            response = getattr(sign_in(admin), method)(kit.home(clinic, "members/handover/"))
            assert response["Location"].startswith("/accounts/reauthenticate/")

    @pytest.mark.parametrize("who", ["oneself", "patient", "stranger", "nonsense", "closed"])
    def test_nobody_but_a_colleague_takes_it(self, admin, provider, patient, outsider, clinic, who):
        provider.is_active = False
        provider.save()
        elsewhere = cast.join(cast.make_organization(), outsider)
        chosen = {
            "oneself": kit.membership(admin, clinic).pk,
            "patient": kit.membership(patient, clinic).pk,
            "stranger": elsewhere.pk,
            "nonsense": "x",
            "closed": kit.membership(provider, clinic).pk,
        }[who]
        response = kit.signed_in_just_now(admin).post(kit.home(clinic, "members/handover/"), {"to": chosen})
        assert response.context["form"].errors
        assert kit.roles(clinic)["Ada"] == "admin"

    def test_who_has_just_left_cannot_take_it(self, admin, provider, clinic):
        heir = kit.membership(provider, clinic)
        heir.end()
        with pytest.raises(NotEligible):
            hand_over(organization=clinic, to=heir, by=admin, origin=kit.origin(admin))
        assert kit.roles(clinic)["Ada"] == "admin"

    def test_without_a_colleague_it_says_what_to_do(self, admin, clinic):
        page = kit.signed_in_just_now(admin).get(kit.home(clinic, "members/handover/")).content.decode()
        assert "There is no colleague yet" in page

    def test_a_provider_may_not(self, provider, clinic):
        assert kit.signed_in_just_now(provider).get(kit.home(clinic, "members/handover/")).status_code == 403


def test_the_database_takes_one_living_membership_alone(provider, clinic):
    kit.membership(provider, clinic)
    ended = kit.membership(provider, clinic)
    ended.end()
    assert not ended.end()
    assert not ended.become(ADMIN)
    cast.join(clinic, provider)
    assert clinic.memberships.filter(person=provider, ended_at__lte=timezone.now()).count() == 1


def _fail(*args, **kwargs):
    raise RuntimeError
