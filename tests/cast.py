"""The named cast of all tests, and what makes more of them."""

import itertools

from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.models import Person
from billing.catalogue import CURRENCY, INDIVIDUAL, TEAM, Plan
from billing.models import Subscription
from orgs.models import Membership, Organization

SEATS = 50
PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


def make_person(
    first_name: str = "Alex", last_name: str = "Example", *, email: str | None = "", **fields
) -> Person:
    """A person with a verified e-mail and `PASSWORD`; `email=None` for one without a sign-in."""
    if email == "":
        email = f"{first_name}.{next(_numbers)}@people.example".lower()
    person = Person.objects.create_user(
        email, PASSWORD if email else None, first_name=first_name, last_name=last_name, **fields
    )
    if email:
        EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    return person


def make_organization(name: str = "Lakeside Clinic", plan: Plan | None = TEAM) -> Organization:
    number = next(_numbers)
    organization = Organization.objects.create(name=name, slug=f"organization-{number}")
    if plan:
        subscribe(organization, plan)
    return organization


def join(organization: Organization, person: Person, role: str = Membership.Role.PROVIDER) -> Membership:
    return Membership.objects.create(organization=organization, person=person, role=role)


def subscribe(holder: Person | Organization, plan: Plan = INDIVIDUAL) -> Subscription:
    key = "person" if isinstance(holder, Person) else "organization"
    return Subscription.objects.create(
        **{key: holder},
        plan_code=plan.code,
        price_minor=plan.price_minor,
        currency=CURRENCY,
        # Enough for whoever joins in a test that is not about seats.
        seats=1 if key == "person" else SEATS,
        anchor_at=timezone.now(),
    )


def provider_of(clinic: Organization) -> Person:
    return _member(clinic, "Paula", "Provider", Membership.Role.PROVIDER)


def colleague_of(clinic: Organization) -> Person:
    return _member(clinic, "Colin", "Colleague", Membership.Role.PROVIDER)


def admin_of(clinic: Organization) -> Person:
    return _member(clinic, "Ada", "Admin", Membership.Role.ADMIN)


def patient_of(clinic: Organization) -> Person:
    return _member(clinic, "Piotr", "Patient", Membership.Role.PATIENT)


def outsider() -> Person:
    person = make_person("Olga", "Outsider", email="outsider@people.example")
    subscribe(person)
    return person


def support() -> Person:
    return make_person("Sam", "Support", email="support@people.example", is_staff=True)


def _member(clinic: Organization, first_name: str, last_name: str, role: str) -> Person:
    person = make_person(first_name, last_name, email=f"{last_name}@people.example".lower())
    join(clinic, person, role)
    return person
