"""The people and things that sample mails are about. They exist in one transaction, which is rolled back."""

import datetime as dt
import secrets
import uuid
from functools import cached_property

from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.models import Person
from billing.catalogue import CURRENCY, ENTERPRISE, INDIVIDUAL, Plan
from billing.models import Subscription
from billing.periods import months_after
from devices.models import Device, DeviceAuthorization, DeviceType, Platform
from medimic.audit.log import Origin
from medimic.audit.models import ActorKind
from orgs.models import Membership, Organization
from sessions_app.models import Participant, Visit

# Whose form of dates and time zone go with a language.
PLACES = {
    "en": ("en_GB", "Europe/London"),
    "pl": ("pl_PL", "Europe/Warsaw"),
    "de": ("de_DE", "Europe/Berlin"),
}
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"
# As long as each of them may become, more or less, and the last without a place to break it.
LONG_FIRST, LONG_LAST = "Maximiliana Katharina", "Freifrau von Hohenstein-Oberwiesenbach"
LONG_CLINIC = "Wojewódzki Szpital Specjalistyczny im. Stefana Kardynała Wyszyńskiego w Lublinie"
LONG_DEVICE = "Therapieraum" + "erdgeschoss" * 5


class Stage:
    """Made anew for each mail; what a mail does not speak of is never made."""

    def __init__(self, language: str, *, is_long: bool = False) -> None:
        self.language = language
        self.is_long = is_long
        self.now = timezone.now()

    @cached_property
    def reader(self) -> Person:
        """Who gets the mail."""
        if self.is_long:
            return self._person(LONG_FIRST, LONG_LAST)
        return self._person("Anna", "Kowalska")

    @cached_property
    def colleague(self) -> Person:
        if self.is_long:
            return self._person(LONG_FIRST, f"{LONG_LAST} zu Unterwiesenbach")
        return self._person("Colin", "Baker")

    @cached_property
    def clinic(self) -> Organization:
        """The reader is its admin."""
        name = LONG_CLINIC if self.is_long else "Fernbrook Clinic"
        clinic = Organization.objects.create(name=name, slug=f"gallery-{secrets.token_hex(8)}")
        Membership.objects.create(organization=clinic, person=self.reader, role=Membership.Role.ADMIN)
        return clinic

    @property
    def origin(self) -> Origin:
        return Origin(ActorKind.PERSON, self.reader.pk, "203.0.113.24", BROWSER)

    @cached_property
    def device(self) -> Device:
        """The reader's own."""
        return Device.objects.create(
            identifier_hash=secrets.token_hex(32),
            owner_person=self.reader,
            model="iPhone 15 Pro",
            device_type=DeviceType.PHONE,
            platform=Platform.IOS,
            os_version="17.4",
            app_version="3.2.0",
        )

    @cached_property
    def phone(self) -> DeviceAuthorization:
        """The reader's leave to use it."""
        return DeviceAuthorization.objects.create(
            account=self.reader, device=self.device, name=self.device_name, activated_at=self.now
        )

    @cached_property
    def awaited(self) -> DeviceAuthorization:
        """The reader's, of a device that has not signed in yet."""
        return DeviceAuthorization.objects.create(
            account=self.reader, name=self.device_name, issued_by=self.reader
        )

    @property
    def device_name(self) -> str:
        return LONG_DEVICE if self.is_long else "Anna's iPhone"

    @cached_property
    def visit(self) -> Visit:
        """Hosted by the reader, with two others."""
        started_at = self.now - dt.timedelta(minutes=47)
        visit = Visit.objects.create(
            name="Follow-up",
            code="ABCDEF",
            mode=Visit.Mode.TWO_DEVICE,
            host=self.reader,
            authorization=self.phone,
            started_at=started_at,
            expires_at=started_at + dt.timedelta(hours=8),
        )
        Participant.objects.create(
            visit=visit,
            person=self.reader,
            role=Participant.Role.PROVIDER,
            is_host=True,
            joined_at=started_at,
        )
        for role in (Participant.Role.PATIENT, Participant.Role.INTERPRETER):
            Participant.objects.create(visit=visit, name="Somebody", role=role, joined_at=started_at)
        return visit

    @cached_property
    def own_plan(self) -> Subscription:
        return self._subscription(INDIVIDUAL, person=self.reader)

    @cached_property
    def clinic_plan(self) -> Subscription:
        return self._subscription(ENTERPRISE, organization=self.clinic, seats=12)

    def _subscription(self, plan: Plan, **fields: object) -> Subscription:
        start = self.now - dt.timedelta(days=20)
        return Subscription.objects.create(
            plan_code=plan.code,
            price_minor=plan.price_minor,
            currency=CURRENCY,
            tax_basis_points=2300,
            anchor_at=start,
            period_start=start,
            period_end=months_after(start, 1),
            **fields,
        )

    def _person(self, first_name: str, last_name: str) -> Person:
        date_locale, time_zone = PLACES[self.language]
        person = Person(
            email=f"{first_name}.{last_name}.{uuid.uuid4().hex[:8]}@mails.example".replace(" ", "-"),
            first_name=first_name,
            last_name=last_name,
            language=self.language,
            date_locale=date_locale,
            time_zone=time_zone,
        )
        # Hashing one takes longer than all else.
        person.password = "!"  # noqa: S105
        person.save()
        EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
        return person
