"""What people are told by mail about a plan: a person about theirs, admins about an organization's."""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.models import Person
from billing.catalogue import Plan
from billing.models import Invoice, Subscription
from billing.money import money
from medimic.formatting import Dates
from medimic.outbox.mail import enqueue_mail
from orgs.models import Membership, Organization

if TYPE_CHECKING:
    from billing.entitlements import Payer

INVOICE = "billing.invoice"
PAST_DUE = "billing.past_due"


def invoice_issued(invoice: Invoice) -> None:
    """With what is to be paid, by when and where to; for one that is paid already, as a receipt."""
    for person in _people(invoice.person, invoice.organization):
        dates = Dates.of(person)
        _mail(
            person,
            INVOICE,
            "billing/mail/invoice",
            invoice.organization,
            {
                "number": invoice.number,
                "amount": money(invoice.total_minor, invoice.currency, person.date_locale),
                "due": dates.day(invoice.due_at.astimezone(dt.UTC).date()),
                "is_paid": invoice.state == Invoice.State.PAID,
                "account": [line for line in invoice.pay_to.splitlines() if line.strip()],
            },
            dedupe_key=f"invoice:{invoice.pk}:{person.pk}",
        )


def still_past_due(holder_id: uuid.UUID | None) -> bool:
    """Whether a reminder that waits to be sent is still true."""
    of_holder = Q(person=holder_id) | Q(organization=holder_id)
    return Subscription.objects.living().filter(of_holder).exclude(past_due_since=None).exists()


def past_due(subscription: Subscription, day: int) -> None:
    """Of the days of grace: 0 as it begins, 7, and 13, the day before it is over."""
    owed = subscription.invoices.owed().order_by("due_at")
    until = subscription.read_only_from
    if until is None:
        return
    for person in _people(subscription.person, subscription.organization):
        _mail(
            person,
            PAST_DUE,
            "billing/mail/past_due",
            subscription.organization,
            {
                "is_first": day == 0,
                "is_last": day == 13,
                "until": Dates.of(person).date(until),
                "invoices": [
                    {
                        "number": invoice.number,
                        "amount": money(invoice.owed_minor, invoice.currency, person.date_locale),
                    }
                    for invoice in owed
                ],
            },
            dedupe_key=f"past-due:{subscription.pk}:{subscription.past_due_since:%Y%m%d%H%M}:{day}:{person.pk}",
        )


def lifted(subscription: Subscription) -> None:
    for person in _people(subscription.person, subscription.organization):
        _mail(person, "billing.lifted", "billing/mail/lifted", subscription.organization, {})


def ended(subscription: Subscription) -> None:
    """It ended with its period, as was chosen."""
    for person in _people(subscription.person, subscription.organization):
        with translation.override(person.language):
            plan = str(subscription.plan.name)
        _mail(person, "billing.ended", "billing/mail/ended", subscription.organization, {"plan": plan})


def nearly_used(payer: "Payer", plan: Plan, *, used: int, quota: int) -> None:
    """Four of five sessions of a quota are used. Nobody is told of a guest's."""
    person = Person.objects.filter(pk=payer.person_id).first() if payer.person_id else None
    organization = (
        Organization.objects.filter(pk=payer.organization_id).first() if payer.organization_id else None
    )
    for reader in _people(person, organization):
        with translation.override(reader.language):
            name = str(plan.name)
        _mail(
            reader,
            "billing.nearly_used",
            "billing/mail/nearly_used",
            organization,
            {"plan": name, "used": used, "quota": quota, "left": max(quota - used, 0)},
        )


def no_seat(organization: Organization, *, email: str, invitation: uuid.UUID) -> None:
    """Somebody invited could not join: all paid seats are taken. Once a day for each invitation."""
    today = timezone.now().date()
    for admin in _people(None, organization):
        _mail(
            admin,
            "billing.no_seat",
            "billing/mail/no_seat",
            organization,
            {"email": email},
            dedupe_key=f"no-seat:{invitation}:{today}:{admin.pk}",
        )


def _people(person: Person | None, organization: Organization | None) -> Iterable[Person]:
    """The holder; of an organization its admins. Those without an address are not told."""
    if person is not None:
        return [person] if person.email else []
    if organization is None:
        return []
    admins = Membership.objects.admins().filter(organization=organization).with_people()
    return [membership.person for membership in admins if membership.person.email]


def _mail(
    person: Person,
    kind: str,
    template: str,
    organization: Organization | None,
    context: dict[str, Any],
    *,
    dedupe_key: str | None = None,
) -> None:
    where = reverse("organization_billing", args=[organization.slug]) if organization else reverse("billing")
    with translation.override(person.language):
        whose = organization.name if organization else _("your account")
    enqueue_mail(
        kind,
        to=person.email or "",
        template=template,
        context={
            "organization": organization.name if organization else "",
            "whose": whose,
            "url": settings.PORTAL_URL + where,
            **context,
        },
        person=person,
        subject_id=organization.pk if organization else person.pk,
        dedupe_key=dedupe_key,
    )
