"""Two organizations with the same people and look-alike names: nothing crosses from one to the other.

"Lakeside Clinic" and "Lakeside Clinic" have one admin who works in both, and an admin, a provider
and a patient each of their own, who bear the same names. Every page of one is read for what is
only in the other, and every id of the other is asked for under the address of the first.
"""

import re
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.models import Person
from billing import invoices
from billing.catalogue import ENTERPRISE
from billing.lines import Line
from billing.models import LineKind
from devices import pool
from orgs.models import Membership, Organization
from tests import cast
from tests.devices import kit as devices
from tests.orgs import care, kit
from tests.routes import routes

pytestmark = [pytest.mark.django_db, pytest.mark.once]
ADMIN, PROVIDER, PATIENT = Membership.Role.ADMIN, Membership.Role.PROVIDER, Membership.Role.PATIENT
ORGANIZATION = "organizations/<slug:slug>/"
NAME = re.compile(r"<uuid:(\w+)>")
# A plan of the catalogue, which is everybody's.
CODE, PLAN = "<slug:code>", "team"


class House:
    """One of the two, with what only it has."""

    def __init__(self, mark: str, shared_admin, shared_provider) -> None:
        self.mark = mark
        self.organization = cast.make_organization("Lakeside Clinic", ENTERPRISE)
        cast.join(self.organization, shared_admin, ADMIN)
        cast.join(self.organization, shared_provider, PROVIDER)
        self.admin = self._person("Ada", "Admin", ADMIN)
        self.provider = self._person("Paula", "Provider", PROVIDER)
        self.patient = self._person("Piotr", f"Patient{mark}", PATIENT)
        self.invitation = kit.invite(self.organization, f"invited.{mark}@people.example", self.admin)
        self.phone = devices.sign_in_device(self.provider, name=f"Phone {mark}").authorization
        self.pooled = devices.sign_in_device(self.admin, name=f"Tablet {mark}").authorization
        for row, place in ((self.pooled, f"Room {mark}"), (self.phone, f"Hall {mark}")):
            self.request = pool.ask(
                authorization=row,
                organization=self.organization,
                place=place,
                by=self.admin,
                origin=kit.origin(self.admin),
            )
        self.version = care.make_questionnaire(self.organization, title=f"Diary {mark}")
        self.enrollment = care.enroll(kit.membership(self.patient, self.organization), self.version)
        self.response = care.receive(self.patient, self.version)
        charged = [Line(LineKind.PLAN, 9900, 9900, data={"plan": "enterprise"})]
        self.invoice = invoices.issue(self.organization.subscriptions.get(), charged, at=timezone.now())

    def _person(self, first, last, role):
        person = cast.make_person(first, last, email=f"{first}.{self.mark}@people.example".lower())
        cast.join(self.organization, person, role)
        return person

    @property
    def ids(self) -> dict[str, UUID]:
        """What its addresses name, by the name that routes give it."""
        return {
            "membership_id": kit.membership(self.provider, self.organization).pk,
            "invitation_id": self.invitation.pk,
            "authorization_id": self.phone.pk,
            "device_id": self.pooled.device_id,
            "person_id": self.patient.pk,
            "request_id": self.request.pk,
            "questionnaire_id": self.version.questionnaire_id,
            "enrollment_id": self.enrollment.pk,
            "response_id": self.response.pk,
            "invoice_id": self.invoice.pk,
        }


@pytest.fixture
def houses():
    shared_admin = cast.make_person("Sina", "Shared", email="sina@people.example")
    shared_provider = cast.make_person("Simon", "Shared", email="simon@people.example")
    return House("one", shared_admin, shared_provider), House("two", shared_admin, shared_provider)


def shared():
    """The admin of both."""
    return Person.objects.get(first_name="Sina")


def below(route: str) -> str:
    return route.removeprefix(ORGANIZATION)


# Every page that an address needs no more for than the organization's.
PLAIN = [route for route in routes() if route.startswith(ORGANIZATION) and "<" not in below(route)]
NAMING = [route for route in routes() if route.startswith(ORGANIZATION) and NAME.search(below(route))]


def body(response) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return content.decode()


@pytest.mark.parametrize("route", PLAIN)
def test_no_page_of_one_holds_anything_of_the_other(route, houses):
    one, other = houses
    path = "/" + route.replace("<slug:slug>", one.organization.slug)
    for person in (one.admin, shared()):
        response = kit.signed_in_just_now(person).get(path)
        assert response.status_code in (200, 302, 405)
        if response.status_code != 200:
            continue
        page = body(response)
        # The way to the other one is what the shared admin's menu is for.
        page = re.sub(r'<a class="menu-item".*?</a>', "", page, flags=re.DOTALL)
        for told in (
            f".{other.mark}@people",
            f"Patient{other.mark}",
            f"Phone {other.mark}",
            other.organization.slug,
            f"Tablet {other.mark}",
            f"Diary {other.mark}",
            *map(str, other.ids.values()),
        ):
            assert told not in page, told


@pytest.mark.parametrize("route", NAMING)
def test_an_id_of_the_other_names_nothing_here(route, houses):
    """For an admin of this one, and for one of both: the answer is that for an id that nobody has."""
    one, other = houses
    names = NAME.findall(route)
    # All of them the other's, and the last of them alone.
    for ids in (other.ids, {**one.ids, names[-1]: other.ids.get(names[-1])}):
        path = address(route, one.organization, ids)
        for person in (one.admin, shared()):
            client = kit.signed_in_just_now(person)
            for method in ("get", "post"):
                answer = getattr(client, method)(path)
                assert answer.status_code in (404, 405), (path, method, answer.status_code)


def address(route: str, organization: Organization, ids: dict[str, UUID]) -> str:
    path = route.replace("<slug:slug>", organization.slug).replace(CODE, PLAN)
    return "/" + NAME.sub(lambda found: str(ids.get(found[1]) or UUID(int=7)), path)


def test_every_named_thing_is_one_that_this_test_knows(houses):
    unknown = {name for route in NAMING for name in NAME.findall(route)} - houses[0].ids.keys()
    # Made by a bulk revocation, whose own tests ask for another's.
    assert unknown <= {"revocation_id"}


def test_searches_find_nobody_of_the_other(houses):
    one, other = houses
    client = kit.signed_in_just_now(one.admin)
    for query in ("Patienttwo", "paula.two@people.example", str(other.provider.pk), "ada.two"):
        for page in ("members/", "members/?role=patient", "audit/"):
            response = client.get(kit.home(one.organization, page), {"q": query, "person": query})
            assert response.context["rows"] == []


def test_what_is_done_in_one_changes_nothing_in_the_other(houses):
    one, other = houses
    before = kit.roles(other.organization)
    sina = shared()
    kit.signed_in_just_now(one.admin).post(
        kit.home(one.organization, f"members/{kit.membership(sina, one.organization).pk}/removal/")
    )
    assert "Sina" not in kit.roles(one.organization)
    assert kit.roles(other.organization) == before
    assert kit.signed_in_just_now(sina).get(kit.home(one.organization)).status_code == 404
    assert kit.signed_in_just_now(sina).get(kit.home(other.organization)).status_code == 200
