import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.catalogue import ENTERPRISE
from orgs.models import Membership
from tests import cast

pytestmark = pytest.mark.django_db


def address(organization):
    return f"/organizations/{organization.slug}/"


def text(response):
    assert response.status_code == 200
    return response.content.decode()


def test_anonymous_is_asked_to_sign_in(client, clinic):
    for url in ("/organization/", address(clinic)):
        assert client.get(url)["Location"].startswith("/accounts/login/")


def test_own_organization_is_one_redirect_away(sign_in, provider, clinic):
    assert sign_in(provider).get("/organization/")["Location"] == address(clinic)


def test_without_organization_the_page_says_what_one_is(sign_in, outsider):
    page = text(sign_in(outsider).get("/organization/"))
    assert "You belong to no organization" in page
    assert outsider.email in page
    assert "/organizations/new/" in page


def test_patient_finds_neither_page(sign_in, patient, clinic):
    client = sign_in(patient)
    assert client.get("/organization/").status_code == client.get(address(clinic)).status_code == 404


def test_outsider_gets_the_same_answer_as_for_a_missing_one(sign_in, outsider, clinic):
    client = sign_in(outsider)
    assert client.get(address(clinic)).status_code == 404
    assert client.get("/organizations/nowhere/").status_code == 404


def test_former_member_is_an_outsider(sign_in, provider, clinic):
    provider.memberships.update(ended_at=timezone.now())
    assert sign_in(provider).get(address(clinic)).status_code == 404


def test_support_has_no_way_in_from_the_portal(sign_in, support, clinic):
    assert sign_in(support).get(address(clinic)).status_code == 404


def test_post_is_refused(sign_in, admin, clinic):
    assert sign_in(admin).post(address(clinic)).status_code == 405
    assert sign_in(admin).post("/organization/").status_code == 405


def test_provider_sees_plan_and_colleagues_but_no_patient_and_no_address(
    sign_in, provider, colleague, admin, patient, clinic
):
    page = text(sign_in(provider).get(address(clinic)))
    assert "Team" in page
    assert "5 devices per provider" in page
    assert "Colin Colleague" in page
    assert "Ada Admin" in page
    assert "Piotr" not in page
    assert colleague.email not in page


def test_nothing_crosses_from_another_organization(sign_in, provider, clinic):
    hospital = cast.make_organization("Lakeside Clinic", ENTERPRISE)
    cast.join(hospital, cast.make_person("Nora", "Neighbour"), Membership.Role.ADMIN)
    page = text(sign_in(provider).get(address(clinic)))
    assert "Nora Neighbour" not in page
    assert "Enterprise" not in page


def test_member_of_two_can_switch(sign_in, provider, clinic):
    hospital = cast.make_organization("Hill Hospital", ENTERPRISE)
    cast.join(hospital, provider)
    page = text(sign_in(provider).get(address(clinic)))
    assert address(hospital) in page
    assert text(sign_in(provider).get(address(hospital))).count("Enterprise") == 1


def test_the_tabs_are_those_that_one_may_open(sign_in, provider, admin, clinic):
    def tabs(person):
        bar = sign_in(person).get(address(clinic)).context["organization_bar"]
        return {tab.href for tab in bar.tabs}, [tab.href for tab in bar.tabs if tab.is_current]

    for person in (provider, admin):
        hrefs, current = tabs(person)
        assert current == [address(clinic)]
        for href in hrefs:
            assert sign_in(person).get(href).status_code == 200
    assert f"{address(clinic)}audit/" in tabs(admin)[0] - tabs(provider)[0]


def test_a_long_list_of_members_ends_in_a_way_to_all_of_them(sign_in, admin, clinic):
    for number in range(12):
        cast.join(clinic, cast.make_person("Max", f"Member{number:02}"))
    response = sign_in(admin).get(address(clinic))
    assert len(response.context["members"]) == 8
    assert response.context["members"][0].name == "Ada Admin"


def test_five_and_fifty_members_cost_the_same_queries(sign_in, admin, clinic):
    client = sign_in(admin)
    client.get(address(clinic))

    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get(address(clinic))
        return len(captured)

    for _ in range(4):
        cast.join(clinic, cast.make_person())
    few = queries()
    for _ in range(40):
        cast.join(clinic, cast.make_person())
    assert queries() == few
