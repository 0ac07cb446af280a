import pytest

from medimic.flows import memberships
from orgs.models import Membership, Organization
from tests import cast
from tests.orgs import kit

pytestmark = pytest.mark.django_db
ADDRESS = "/organizations/new/"


def make(client, name="Hillside Practice"):
    return client.post(ADDRESS, {"name": name})


def test_whoever_makes_an_organization_is_its_admin(sign_in, outsider):
    client = sign_in(outsider)
    response = make(client)
    organization = Organization.objects.get(name="Hillside Practice")
    assert response["Location"] == kit.home(organization)
    assert kit.roles(organization) == {"Olga": "admin"}
    page = client.get(response["Location"]).content.decode()
    assert "Hillside Practice" in page
    assert "Free Trial" in page
    [event] = kit.events("orgs.created")
    assert (event.actor_id, event.organization_id) == (outsider.pk, organization.pk)


def test_its_address_tells_nothing_of_others_of_that_name(sign_in, outsider, provider):
    make(sign_in(outsider))
    make(sign_in(provider))
    slugs = [row.slug for row in Organization.objects.filter(name="Hillside Practice")]
    assert len(set(slugs)) == 2
    assert all(slug.startswith("hillside-practice-") and len(slug) == 23 for slug in slugs)


@pytest.mark.parametrize("name", ["Ośrodek Zdrowia św. Łucji", "!!!", "病院"])
def test_any_name_has_an_address(sign_in, outsider, name):
    response = make(sign_in(outsider), name * 2)
    assert sign_in(outsider).get(response["Location"]).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "a" * 101,
        "Win at https://evil.example",
        "see www.evil",
        "evil.example/x",
        "a\u202eb",
        "me@evil",
    ],
)
def test_a_name_that_is_none_is_kept_and_explained(sign_in, outsider, name):
    response = make(sign_in(outsider), name)
    assert response.status_code == 200
    assert response.context["form"]["name"].errors
    assert response.context["form"]["name"].value() == name
    assert not Organization.objects.exclude(slug__startswith="organization-").exists()


def test_a_fourth_one_without_a_plan_is_refused_until_one_is_put_on_a_plan(sign_in, outsider):
    client = sign_in(outsider)
    made = [make(client, f"Practice {number}") for number in range(3)]
    assert {response.status_code for response in made} == {302}
    refused = make(client, "Practice 3")
    assert refused.status_code == 200
    assert "can make no more" in refused.content.decode()
    cast.subscribe(Organization.objects.get(name="Practice 1"))
    assert make(client, "Practice 3").status_code == 302


def test_who_was_invited_elsewhere_can_make_as_many(outsider, provider, clinic):
    for _ in range(3):
        cast.join(cast.make_organization(plan=None), provider, Membership.Role.ADMIN)
    assert memberships.create(name="Own", by=provider, origin=kit.origin(provider))


def test_patient_makes_none(sign_in, patient):
    assert sign_in(patient).get(ADDRESS).status_code == make(sign_in(patient)).status_code == 404


def test_nothing_is_made_where_the_log_cannot_be_written(sign_in, outsider, monkeypatch):
    monkeypatch.setattr("orgs.founding.record", _fail)
    with pytest.raises(RuntimeError):
        make(sign_in(outsider))
    assert not Organization.objects.exists()


def _fail(*args, **kwargs):
    raise RuntimeError


class TestSettings:
    def test_an_admin_renames_it_and_its_address_stays(self, sign_in, admin, clinic):
        client = sign_in(admin)
        response = client.post(kit.home(clinic, "settings/"), {"name": "Lakeside  Health"})
        assert response["Location"] == kit.home(clinic, "settings/")
        assert "Lakeside Health" in client.get(kit.home(clinic)).content.decode()
        [event] = kit.events("orgs.renamed")
        assert kit.details(event) == {"before": "Lakeside Clinic", "organization": "Lakeside Health"}

    def test_the_same_name_changes_nothing(self, sign_in, admin, clinic):
        sign_in(admin).post(kit.home(clinic, "settings/"), {"name": "Lakeside Clinic"})
        assert kit.events("orgs.renamed") == []

    def test_a_provider_may_not(self, sign_in, provider, clinic):
        assert sign_in(provider).post(kit.home(clinic, "settings/"), {"name": "Mine"}).status_code == 403
        clinic.refresh_from_db()
        assert clinic.name == "Lakeside Clinic"

    def test_other_fields_are_not_read(self, sign_in, admin, clinic):
        sign_in(admin).post(kit.home(clinic, "settings/"), {"name": "New Name", "slug": "mine", "id": "7"})
        clinic.refresh_from_db()
        assert (clinic.name, clinic.slug.startswith("organization-")) == ("New Name", True)
