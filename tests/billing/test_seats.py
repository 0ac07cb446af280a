"""Seats follow the people who work somewhere: invited, joining, changing their role, leaving."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from billing import renewals, seats, subscriptions
from billing.catalogue import TEAM
from billing.gateways.offline import Offline
from billing.models import Invoice, Subscription
from medimic.audit.log import SYSTEM
from orgs.models import Invitation, Membership
from tests import cast
from tests.orgs import kit

pytestmark = [pytest.mark.django_db, pytest.mark.both]
PATIENT, PROVIDER = Membership.Role.PATIENT, Membership.Role.PROVIDER
NEW = "new@people.example"


@pytest.fixture
def group(db):
    """On Team: an admin and a provider, two seats, both taken."""
    organization = cast.make_organization("Seaside Group", plan=None)
    organization.admin = cast.make_person("Amy", "Admin")
    organization.provider = cast.make_person("Pia", "Provider")
    cast.join(organization, organization.admin, Membership.Role.ADMIN)
    cast.join(organization, organization.provider)
    Offline().subscribe(organization, TEAM, seats=2, by=organization.admin, origin=SYSTEM, at=timezone.now())
    return organization


@pytest.fixture
def newcomer(db):
    return cast.make_person("Nora", "Newcomer", email=NEW)


def paid_seats():
    return Subscription.objects.get().seats


def invite_page(group, sign_in, **data):
    address = kit.home(group, "members/invitations/new/")
    return sign_in(group.admin).post(address, {"email": NEW, "role": PROVIDER, **data})


def accept(client):
    return client.post(f"/invitations/{kit.mailed_token()}/", {"decision": "accept"})


class TestInviting:
    def test_without_a_free_seat_asks_and_says_what_it_costs(self, group, sign_in):
        answer = invite_page(group, sign_in)
        assert not Invitation.objects.exists()
        page = answer.content.decode()
        assert "All paid seats are taken" in page
        assert "1 more seat would cost €49.00 today" in page
        assert NEW in page

    def test_who_agrees_sends_it(self, group, sign_in):
        assert invite_page(group, sign_in, agreed="yes").status_code == 302
        assert Invitation.objects.get().adds_seat

    def test_with_a_free_seat_costs_nothing(self, group, sign_in):
        Subscription.objects.update(seats=3)
        assert invite_page(group, sign_in).status_code == 302
        assert not Invitation.objects.get().adds_seat

    def test_counts_open_invitations_as_taken(self, group, sign_in):
        Subscription.objects.update(seats=3)
        invite_page(group, sign_in)
        assert invite_page(group, sign_in, email="other@people.example").status_code == 200
        assert seats.seats_of(group) == seats.Seats(paid=3, taken=2, invited=1)

    def test_a_patient_takes_no_seat(self, group, sign_in):
        assert invite_page(group, sign_in, role=PATIENT).status_code == 302

    def test_without_a_plan_asks_for_nothing(self, group, sign_in):
        Subscription.objects.update(ended_at=timezone.now())
        assert invite_page(group, sign_in).status_code == 302

    def test_a_list_says_what_all_of_it_costs(self, group, sign_in):
        Subscription.objects.update(seats=3)
        client, address = sign_in(group.admin), kit.home(group, "members/invitations/list/")
        text = "a@people.example\nb@people.example\nc@people.example"
        page = client.post(address, {"text": text, "role": PROVIDER}).content.decode()
        assert "2 more seats would cost €98.00 today" in page
        client.post(address, {"text": text, "role": PROVIDER, "confirmed": "yes"})
        assert not Invitation.objects.exists()
        client.post(address, {"text": text, "role": PROVIDER, "confirmed": "yes", "agreed": "yes"})
        assert Invitation.objects.filter(adds_seat=True).count() == 3


class TestJoining:
    def test_takes_a_free_seat_and_charges_nothing(self, group, sign_in, newcomer):
        Subscription.objects.update(seats=3)
        kit.invite(group, NEW, group.admin)
        assert accept(sign_in(newcomer)).status_code == 302
        assert (paid_seats(), Invoice.objects.count()) == (3, 1)

    def test_adds_a_seat_that_was_agreed_and_charges_it(self, group, sign_in, newcomer):
        invite_page(group, sign_in, agreed="yes")
        assert accept(sign_in(newcomer)).status_code == 302
        assert paid_seats() == subscriptions.working_members(group) == 3
        assert Invoice.objects.order_by("number").last().total_minor == TEAM.price_minor
        assert [kit.details(e)["before"] for e in kit.events("billing.seats_added")] == [2]

    def test_without_a_seat_is_refused_and_the_admins_are_told_once(self, group, sign_in, newcomer):
        kit.invite(group, NEW, group.admin)
        for _ in range(2):
            answer = accept(sign_in(newcomer))
            assert answer.status_code == 409
            assert "No seat is free" in answer.content.decode()
        assert not group.memberships.filter(person=newcomer).exists()
        assert Invitation.objects.get().state == Invitation.State.OPEN
        [mail] = kit.mails("billing.no_seat")
        assert (mail["to"], NEW in mail["text"]) == (group.admin.email, True)

    def test_works_with_the_same_link_once_a_seat_was_added(self, group, sign_in, newcomer):
        kit.invite(group, NEW, group.admin)
        token = kit.mailed_token()
        client = sign_in(newcomer)
        client.post(f"/invitations/{token}/", {"decision": "accept"})
        subscription = Subscription.objects.get()
        Offline().set_seats(subscription, 3, by=group.admin, origin=SYSTEM, at=timezone.now())
        assert client.post(f"/invitations/{token}/", {"decision": "accept"}).status_code == 302

    def test_by_signing_up_without_a_seat_makes_no_account_either(self, group):
        kit.invite(group, "unknown@people.example", group.admin)
        names = {"first_name": "Una", "last_name": "Known"}
        passwords = {"password1": cast.PASSWORD, "password2": cast.PASSWORD}
        answer = Client().post(f"/invitations/{kit.mailed_token()}/sign-up/", {**names, **passwords})
        assert answer.status_code == 409
        assert not cast.Person.objects.filter(email="unknown@people.example").exists()
        assert len(kit.mails("billing.no_seat")) == 1

    def test_while_the_plan_is_read_only_adds_none(self, group, sign_in, newcomer):
        invite_page(group, sign_in, agreed="yes")
        Subscription.objects.update(past_due_since=timezone.now() - dt.timedelta(days=15))
        assert accept(sign_in(newcomer)).status_code == 409


class TestChangingARole:
    def test_of_a_patient_takes_a_seat(self, group, sign_in, newcomer):
        member = cast.join(group, newcomer, PATIENT)
        address = kit.home(group, f"members/{member.pk}/role/")
        page = kit.signed_in_just_now(group.admin).post(address, {"role": PROVIDER}).content.decode()
        assert "All paid seats are taken" in page
        assert kit.roles(group)["Nora"] == PATIENT
        Subscription.objects.update(seats=3)
        assert kit.signed_in_just_now(group.admin).post(address, {"role": PROVIDER}).status_code == 302
        assert kit.roles(group)["Nora"] == PROVIDER


class TestLeaving:
    def test_frees_the_seat_for_the_next_and_it_shrinks_at_the_renewal(self, group, sign_in, newcomer):
        kit.membership(group.provider, group).end()
        assert seats.seats_of(group).free == 1
        assert paid_seats() == 2
        renewals.run(Subscription.objects.get().period_end)
        assert paid_seats() == 1
        assert Invoice.objects.order_by("number").last().total_minor == TEAM.price_minor
