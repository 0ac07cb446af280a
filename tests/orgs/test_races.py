"""At the same instant: the last admins, one invitation, one address, organizations, a session's start."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from medimic.audit.log import SYSTEM
from medimic.flows import memberships
from medimic.problems import Problem
from orgs import invitations
from orgs.invitations import NotGood, Refused
from orgs.memberships import LastAdmin, hand_over
from orgs.models import Invitation, Membership, Organization
from sessions_app import visits
from sessions_app.models import Visit
from sessions_app.visits import Wanted
from tests import cast
from tests.devices import kit as devices
from tests.orgs import kit

pytestmark = pytest.mark.django_db(transaction=True)
ADMIN, PROVIDER = Membership.Role.ADMIN, Membership.Role.PROVIDER
REFUSALS = {
    LastAdmin: "last admin",
    PermissionDenied: "no admin",
    NotGood: "not good",
    Refused: "refused",
    memberships.TooMany: "too many",
}


def race(*acts) -> Counter:
    """How often each outcome came of these, all started at the same instant."""
    start = threading.Barrier(len(acts))

    def run(act) -> str:
        try:
            start.wait()
            act()
        except Problem as problem:
            return problem.code
        except tuple(REFUSALS) as refusal:
            return REFUSALS[type(refusal)]
        else:
            return "won"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return Counter(pool.map(run, acts))


@pytest.fixture
def admins(clinic):
    """Eight admins of the clinic, and nobody else."""
    people = [cast.make_person(f"Admin{number}") for number in range(8)]
    for person in people:
        cast.join(clinic, person, ADMIN)
    return people


def leave(person, clinic):
    own = kit.membership(person, clinic)
    return lambda: memberships.remove(membership=own, by=person, origin=kit.origin(person))


def step_back(person, clinic):
    own = kit.membership(person, clinic)
    return lambda: memberships.change_role(
        membership=own, role=PROVIDER, by=person, origin=kit.origin(person)
    )


def remove(by, person, clinic):
    theirs = kit.membership(person, clinic)
    return lambda: memberships.remove(membership=theirs, by=by, origin=kit.origin(by))


class TestTheLastAdmin:
    def test_of_eight_who_leave_at_once_one_stays(self, admins, clinic):
        assert race(*(leave(person, clinic) for person in admins)) == {"won": 7, "last admin": 1}
        assert clinic.memberships.admins().count() == 1

    def test_of_eight_who_step_back_or_leave_one_stays(self, admins, clinic):
        acts = [(leave if number % 2 else step_back)(person, clinic) for number, person in enumerate(admins)]
        assert race(*acts) == {"won": 7, "last admin": 1}
        assert clinic.memberships.admins().count() == 1

    def test_of_two_who_remove_one_another_one_stays(self, admins, clinic):
        for person in admins[2:]:
            kit.membership(person, clinic).end()
        first, second = admins[:2]
        assert race(remove(first, second, clinic), remove(second, first, clinic)) == {"won": 1, "no admin": 1}
        assert clinic.memberships.admins().count() == 1

    def test_of_two_who_hand_over_to_one_another_one_stays(self, admins, clinic):
        first, second = admins[:2]
        for person in admins[2:]:
            kit.membership(person, clinic).end()

        def hand(by, to):
            heir = kit.membership(to, clinic)
            return lambda: hand_over(organization=clinic, to=heir, by=by, origin=kit.origin(by))

        outcome = race(hand(first, second), hand(second, first))
        assert outcome["won"] >= 1
        assert clinic.memberships.admins().count() >= 1

    def test_looked_at_and_then_left_would_leave_nobody(self, admins, clinic):
        all_have_looked = threading.Barrier(len(admins))

        def naive(person):
            own = kit.membership(person, clinic)

            def act():
                if not clinic.memberships.admins().exclude(pk=own.pk).exists():
                    raise LastAdmin
                all_have_looked.wait()
                own.end()

            return act

        assert race(*(naive(person) for person in admins)) == {"won": 8}
        assert clinic.memberships.admins().count() == 0


class TestInvitations:
    def test_one_of_many_clicks_joins(self, admins, clinic, outsider):
        kit.invite(clinic, outsider.email, admins[0])
        token = kit.mailed_token()
        outcome = race(
            *(
                lambda: memberships.accept(token=token, person=outsider, origin=kit.origin(outsider))
                for _ in range(12)
            )
        )
        assert outcome == {"won": 1, "not good": 11}
        assert clinic.memberships.living().filter(person=outsider).count() == 1
        assert len(kit.events("orgs.joined", clinic)) == 1

    def test_accepted_or_withdrawn_never_both(self, admins, clinic, outsider):
        for _ in range(3):
            invitation = kit.invite(clinic, outsider.email, admins[0])
            token = kit.mailed_token()
            outcome = race(
                lambda token=token: memberships.accept(
                    token=token, person=outsider, origin=kit.origin(outsider)
                ),
                lambda invitation=invitation: (
                    invitations.withdraw(invitation=invitation, by=admins[0], origin=kit.origin(admins[0]))
                    or _raise(NotGood)
                ),
            )
            assert outcome == {"won": 1, "not good": 1}
            invitation.refresh_from_db()
            is_in = clinic.memberships.living().filter(person=outsider).exists()
            assert is_in == (invitation.state == "accepted")
            clinic.memberships.living().filter(person=outsider).delete()

    def test_one_open_invitation_whoever_invites(self, admins, clinic):
        outcome = race(*(lambda by=by: kit.invite(clinic, "new@people.example", by) for by in admins))
        assert outcome == {"won": 1, "refused": 7}
        assert Invitation.objects.count() == len(kit.mails("orgs.invitation")) == 1


def test_three_organizations_without_a_plan_whatever_the_number_of_clicks(outsider):
    outcome = race(
        *(
            lambda: memberships.create(name="Mine", by=outsider, origin=kit.origin(outsider))
            for _ in range(10)
        )
    )
    assert outcome == {"won": 3, "too many": 7}
    assert Organization.objects.count() == 3


def test_no_session_outlives_its_hosts_leaving(clinic, provider, admin):
    """Whichever comes first, the session is over or was never made."""
    phone = devices.sign_in_device(provider).authorization
    for _ in range(5):
        wanted = Wanted("Morning round", "two_device", clinic.pk, chooses_organization=True)
        outcome = race(
            lambda wanted=wanted: visits.start(wanted, authorization=phone, origin=SYSTEM),
            remove(admin, provider, clinic),
        )
        assert outcome["won"] + outcome["organization_unknown"] == 2
        assert not Visit.objects.filter(organization=clinic, ended_at=None).exists()
        with transaction.atomic():
            cast.join(clinic, provider)


def _raise(refusal):
    raise refusal
