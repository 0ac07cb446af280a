"""Who gets what answer from every page of an organization, by role and method, with its own things
in the addresses. A route that nobody declared fails the run."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client

from orgs.models import Membership
from tests import cast
from tests.orgs import kit
from tests.orgs.test_crossing import NAME, ORGANIZATION, House, address
from tests.routes import routes
from tests.shared import fresh, kept

pytestmark = [pytest.mark.django_db, pytest.mark.once]
# Beginnings of what stands behind the organization's address; the longest one counts.
WORK, MANAGE = "whoever works there", "admins"
LEVELS = {
    "": WORK,
    "audit/": MANAGE,
    "billing/": MANAGE,
    "devices/": MANAGE,
    "leaving/": WORK,
    "members/": WORK,
    "members/handover/": MANAGE,
    "members/invitations/": MANAGE,
    "members/<uuid:membership_id>/": MANAGE,
    "patients/": WORK,
    "policies/": MANAGE,
    "questionnaires/": WORK,
    "settings/": MANAGE,
}
# Of questionnaires and patients an admin alone does this.
MANAGED = re.compile(r"questionnaires/(new/|.*/(draft|publication|retirement)/)")
# Nobody revoked in bulk here; and this patient, who has a sign-in, sees to their devices alone.
MISSING = re.compile(
    r"<uuid:revocation_id>|<uuid:person_id>/devices/<uuid:authorization_id>/revocation/|<uuid:person_id>/details/"
)
ROUTES = [route for route in routes() if route.startswith(ORGANIZATION)]
METHODS = ("get", "head", "post", "put", "patch", "delete")
OUTSIDERS = ("patient", "member of another", "stranger", "former member", "support")
# An answer that gives nothing away and changes nothing.
REFUSED = {403, 404, 405}


def level_of(route: str) -> str:
    behind = route.removeprefix(ORGANIZATION)
    if MANAGED.fullmatch(behind):
        return MANAGE
    first = behind.split("/")[0]
    fits = [start for start in LEVELS if behind.startswith(start) and (start or not first)]
    assert fits, f"{route} is declared nowhere"
    return LEVELS[max(fits, key=len)]


@pytest.fixture(scope="module")
def all_of_it(django_db_setup, django_db_blocker) -> Iterator[tuple[House, dict[str, Client]]]:
    with kept(django_db_blocker):
        house = House("one", cast.make_person("Sina", "Shared"), cast.make_person("Simon", "Shared"))
        other = cast.make_organization("Lakeside Clinic")
        neighbour, former = cast.make_person("Nina"), cast.make_person("Fred")
        cast.join(other, neighbour, Membership.Role.ADMIN)
        cast.join(house.organization, former, Membership.Role.ADMIN).end()
        people = {
            "patient": house.patient,
            "member of another": neighbour,
            "stranger": cast.make_person("Stella"),
            "former member": former,
            "support": cast.make_person("Sam", is_staff=True),
            "provider": house.provider,
            "admin": house.admin,
        }
        # With a sign-in of just now: what is refused is refused for the role.
        clients = {role: kit.signed_in_just_now(person) for role, person in people.items()}
        yield house, {"nobody": Client(), **clients}


@pytest.fixture
def house(all_of_it, db) -> House:
    return all_of_it[0]


@pytest.fixture
def ask(all_of_it, db):
    """`ask(role, method, path)`, each time in a browser that has just signed in."""

    def asked(role: str, method: str, path: str):
        return getattr(fresh(all_of_it[1])[role], method)(path)

    return asked


@pytest.mark.parametrize("route", ROUTES)
def test_each_role_gets_its_answer_by_every_method(route, house, ask):
    path, level = address(route, house.organization, house.ids), level_of(route)
    for method in METHODS:
        answers = {role: ask(role, method, path) for role in ("nobody", *OUTSIDERS)}
        for role in OUTSIDERS:
            assert answers[role].status_code in (404, 405), (role, method, answers[role].status_code)
        assert len({answers[role].status_code for role in OUTSIDERS}) == 1, method
        nobody = answers["nobody"]
        assert nobody.status_code == 405 or nobody["Location"].startswith("/accounts/login/"), method
        if level == MANAGE:
            status = ask("provider", method, path).status_code
            assert status in REFUSED, ("provider", method, status)
    for role in ("admin",) if level == MANAGE else ("provider", "admin"):
        answer = ask(role, "get", path)
        # A form that is posted to has nothing to show.
        shown = {403, 404} if MISSING.search(route) else {200, 302, 405}
        assert answer.status_code in shown, (role, answer.status_code)
        for method in ("put", "patch", "delete"):
            assert ask(role, method, path).status_code == 405, (role, method)


@pytest.mark.parametrize("route", [route for route in ROUTES if not NAME.search(route)])
def test_an_organization_that_is_not_there_answers_the_same(route, house, all_of_it):
    """To everybody who does not work in the one that is: by status, words and number of queries."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    there, nowhere = (
        "/" + route.replace("<slug:slug>", slug)
        for slug in (house.organization.slug, "lakeside-clinic-aaaaa")
    )
    clients = fresh(all_of_it[1])
    for role in OUTSIDERS:
        client = clients[role]
        client.get("/accessibility/")
        seen = []
        for path in (there, nowhere):
            with CaptureQueriesContext(connection) as queries:
                answer = client.get(path)
            # But for the form's token, the request's own number, and the seconds that a sign-in has left.
            text = re.sub(r'value="\w{64}"|\b[0-9a-f]{32}\b|="\d+"', "", answer.content.decode())
            seen.append((answer.status_code, text, len(queries)))
        assert seen[0] == seen[1], role
