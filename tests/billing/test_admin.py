import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import RequestFactory

from accounts.otp import Factor
from accounts.staff import SUPPORT
from billing.models import Subscription
from orgs.models import Membership, Organization

pytestmark = pytest.mark.django_db


def options_and_request(model, person):
    request = RequestFactory().get("/")
    request.user = person
    return admin.site.get_model_admin(model), request


@pytest.mark.parametrize("model", [Subscription, Organization, Membership])
def test_is_to_look_at(support, model):
    options, request = options_and_request(model, support)
    assert not options.has_add_permission(request)
    assert not options.has_change_permission(request)
    assert not options.has_delete_permission(request)
    assert options.actions is None


@pytest.mark.parametrize(
    ("model", "term"),
    [
        (Subscription, "Lakeside"),
        (Organization, "lakeside"),
        (Membership, "Lakeside"),
        (Membership, "provider@people"),
    ],
)
def test_finds_by_organization_and_person(support, provider, outsider, model, term):
    options, request = options_and_request(model, support)
    found, _ = options.get_search_results(request, options.get_queryset(request), term)
    assert found.count() == 1
    assert not options.get_search_results(request, options.get_queryset(request), "nobody")[0]


def test_subscription_tells_holder_plan_price_and_use(support, outsider):
    options, _ = options_and_request(Subscription, support)
    subscription = Subscription.objects.get(person=outsider)
    assert options.holder(subscription) == "Olga Outsider"
    assert options.plan_name(subscription) == "Individual"
    assert options.price(subscription) == "€29.00"
    assert options.sessions_used(subscription) == "0 / 200"


@pytest.fixture
def verified(client, support):
    """Support, signed in with a second factor."""
    support.groups.add(Group.objects.get(name=SUPPORT))
    Authenticator.objects.create(user=support, type="totp", data={})
    client.force_login(support)
    session = client.session
    session["otp_device_id"] = Factor.objects.get(user=support).persistent_id
    session.save()
    return client


def test_support_reads_lists_and_pages(verified, provider, clinic):
    subscription = Subscription.objects.get(organization=clinic)
    for url in (
        "/admin/orgs/organization/",
        f"/admin/orgs/organization/{clinic.pk}/change/",
        "/admin/orgs/membership/?q=Lakeside",
        f"/admin/orgs/membership/{provider.memberships.get().pk}/change/",
        "/admin/billing/subscription/",
        f"/admin/billing/subscription/{subscription.pk}/change/",
    ):
        assert verified.get(url).status_code == 200, url
