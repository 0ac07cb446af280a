"""Who is there: people, where they work, and what they pay for."""

import datetime as dt
from dataclasses import dataclass, field

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts import staff
from accounts.models import Person
from billing.catalogue import CURRENCY, ENTERPRISE, INDIVIDUAL, TEAM, Plan
from billing.models import Subscription
from billing.periods import months_after
from orgs.models import Membership, Organization

# An organization is older than the oldest of what its people have left, and pays for longer than a year.
FOUNDED_BEFORE = dt.timedelta(days=240)
ADMIN, PROVIDER, PATIENT = Membership.Role.ADMIN, Membership.Role.PROVIDER, Membership.Role.PATIENT
CLINIC = ("fernbrook-clinic", "Fernbrook Clinic", TEAM)
HOSPITAL = ("hollin-hill-hospital", "Hollin Hill Hospital", ENTERPRISE)

# First name, last name, and e-mail where they have one to sign in with.
CLINIC_STAFF = (
    ("Ada", "Quillmoor", "admin@clinic.example", ADMIN),
    ("Paul", "Venndale", "provider@clinic.example", PROVIDER),
    ("Kira", "Ostermoor", "colleague@clinic.example", PROVIDER),
    ("Nora", "Fennickson", "nora.fennickson@clinic.example", PROVIDER),
    ("Tobin", "Harrowleigh", "tobin.harrowleigh@clinic.example", PROVIDER),
)
HOSPITAL_STAFF = (
    ("Helena", "Drosswick", "admin@hospital.example", ADMIN),
    ("Imre", "Castellow", "imre.castellow@hospital.example", PROVIDER),
    ("Wanda", "Brightmere", "wanda.brightmere@hospital.example", PROVIDER),
    ("Lukas", "Tannevelt", "lukas.tannevelt@hospital.example", PROVIDER),
    ("Oona", "Marrowby", "oona.marrowby@hospital.example", PROVIDER),
    ("Faisal", "Ardenholt", "faisal.ardenholt@hospital.example", PROVIDER),
    ("Greta", "Lindqvale", "greta.lindqvale@hospital.example", PROVIDER),
    ("Mateo", "Rosenfalk", "mateo.rosenfalk@hospital.example", ADMIN),
)
CLINIC_PATIENTS = (
    ("Piet", "Lowenbrook", "patient@clinic.example"),
    ("Hanna", "Silverstrand", None),
    ("Yusuf", "Pellowby", None),
    ("Martha", "Greyling-Noor", None),
    ("Dario", "Windemoor", None),
)
HOSPITAL_PATIENTS = (
    ("Elif", "Norrisande", "elif.norrisande@hospital.example"),
    ("Gerard", "Holloway-Tamm", None),
    ("Zofia", "Bellwether-Kos", None),
    ("Ines", "Farrowdale", None),
)


@dataclass
class House:
    """One organization with everybody in it."""

    organization: Organization
    staff: list[Person] = field(default_factory=list)
    patients: list[Person] = field(default_factory=list)


@dataclass
class Cast:
    solo: Person
    trial: Person
    locum: Person
    overdue: Person
    clinic: House
    hospital: House

    def person(self, email: str) -> Person:
        everybody = [*self.clinic.staff, *self.clinic.patients, *self.hospital.staff, self.solo, self.trial]
        return next(person for person in everybody if person.email == email)


class Casting:
    """Makes the people. They were there since `since`."""

    def __init__(self, password_hash: str, *, since: dt.datetime) -> None:
        self.password_hash = password_hash
        self.since = since
        self.numbers = iter(range(100, 1000))

    def make(self) -> Cast:
        clinic = self._house(*CLINIC, CLINIC_STAFF, CLINIC_PATIENTS)
        hospital = self._house(*HOSPITAL, HOSPITAL_STAFF, HOSPITAL_PATIENTS)
        solo = self._person("Mirela", "Sandholm", "solo@demo.example", display_name="Dr. Mirela Sandholm")
        trial = self._person("Jonas", "Trellinger", "trial@demo.example")
        locum = self._person("Runa", "Kestermann", "locum@demo.example")
        for house in (clinic, hospital):
            self._join(house.organization, locum, PROVIDER)
            house.staff.append(locum)
        overdue = self._person("Bastian", "Thornquist", "overdue@demo.example")
        self._subscribe(INDIVIDUAL, person=solo)
        self._subscribe(INDIVIDUAL, person=overdue, days_ago=17)
        self._staff("Sam", "Overbrook", "support@demo.example", staff.SUPPORT)
        self._staff("Aurel", "Ledgerwood", "auditor@demo.example", staff.AUDITOR)
        return Cast(solo, trial, locum, overdue, clinic, hospital)

    def _house(
        self,
        slug: str,
        name: str,
        plan: Plan,
        people: tuple[tuple[str, str, str, Membership.Role], ...],
        patients: tuple[tuple[str, str, str | None], ...],
    ) -> House:
        house = House(
            Organization.objects.create(slug=slug, name=name, created_at=self.since - FOUNDED_BEFORE)
        )
        # The clinic's last invoice is paid, the hospital's is not due yet.
        self._subscribe(plan, organization=house.organization, days_ago=20 if plan == TEAM else 6)
        for first, last, email, role in people:
            house.staff.append(self._person(first, last, email))
            self._join(house.organization, house.staff[-1], role)
        for first, last, address in patients:
            house.patients.append(self._person(first, last, address))
            self._join(house.organization, house.patients[-1], PATIENT)
        return house

    def _person(
        self, first: str, last: str, email: str | None, *, display_name: str = "", is_staff: bool = False
    ) -> Person:
        person = Person(
            email=email,
            first_name=first,
            last_name=last,
            display_name=display_name,
            # Numbers that Ofcom keeps for fiction.
            # London's range for fiction: that of mobiles does not pass for a number in the profile's form.
            phone_number="" if is_staff else f"+442079460{next(self.numbers)}",
            time_zone="Europe/London",
            is_staff=is_staff,
            created_at=self.since,
        )
        if email:
            # One hash for all: hashing each would take longer than everything else together.
            person.password = self.password_hash
        else:
            person.set_unusable_password()
        person.save()
        if email:
            EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
        return person

    def _staff(self, first: str, last: str, email: str, group: str) -> None:
        person = self._person(first, last, email, is_staff=True)
        person.groups.add(Group.objects.get_or_create(name=group)[0])

    def _join(self, organization: Organization, person: Person, role: str) -> None:
        Membership.objects.create(
            organization=organization, person=person, role=role, created_at=self.since + dt.timedelta(days=2)
        )

    def _subscribe(
        self,
        plan: Plan,
        *,
        person: Person | None = None,
        organization: Organization | None = None,
        days_ago: int = 20,
    ) -> None:
        """For a year, and so many days into a period."""
        Subscription.objects.create(
            person=person,
            organization=organization,
            plan_code=plan.code,
            price_minor=plan.price_minor,
            currency=CURRENCY,
            anchor_at=months_after(timezone.now() - dt.timedelta(days=days_ago), -12),
        )
