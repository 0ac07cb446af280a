"""Billing & Plan: how things stand, and the invoices."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.arrangements import Arrangement, arrangements_of
from billing.desk import desk_of
from billing.invoice_paper import file_of
from billing.models import Invoice, Subscription
from billing.presenters import ArrangementPanel
from billing.presenters_account import accounts
from billing.presenters_invoices import InvoicePresenter
from billing.usage import DayCounts, per_day
from medimic.formatting import Dates
from medimic.pagination import page_of
from orgs.access import managed
from orgs.models import Membership, Organization
from orgs.standing import SignedInRequest, standing_in

NEWEST_FIRST = ("-issued_at", "-number")


@login_required
@require_safe
def billing(request: SignedInRequest) -> HttpResponse:
    """Every plan that the person creates sessions under; those they manage with all that belongs to it."""
    standing = standing_in(request)
    arrangements = arrangements_of(request.user, standing, at=timezone.now())
    if standing.is_patient_only and not any(a.terms.subscription for a in arrangements):
        if Subscription.objects.filter(person=request.user).exists():
            return redirect("billing_invoices")
        raise Http404
    panels = _panels(request, arrangements)
    return render(request, "billing/billing.html", {"panels": panels, "level": 3})


@login_required
@require_safe
def organization_billing(request: SignedInRequest, slug: str) -> HttpResponse:
    """The same for one organization, among its own pages."""
    organization = managed(request, slug)
    arrangements = arrangements_of(request.user, standing_in(request), at=timezone.now(), only=organization)
    context = {"panels": _panels(request, arrangements), "organization": organization, "level": 3}
    return render(request, "billing/organization.html", context)


@login_required
@require_safe
def invoices(request: SignedInRequest, slug: str = "") -> HttpResponse:
    """All invoices and credit notes of one holder, newest first."""
    desk = desk_of(request, slug)
    page = page_of(_invoices_of(request, desk.organization), request, order=NEWEST_FIRST)
    present = InvoicePresenter(desk.addresses, desk.dates, desk.locale, at=desk.at)
    return render(
        request, "billing/invoices.html", {**desk.context, "page": page, "rows": present.rows(page.rows)}
    )


@login_required
@require_safe
def invoice(request: SignedInRequest, invoice_id: uuid.UUID, slug: str = "") -> HttpResponse:
    """One of them as a PDF: the same file each time, in the language that it was issued in."""
    desk = desk_of(request, slug)
    found = get_object_or_404(_invoices_of(request, desk.organization), pk=invoice_id)
    return HttpResponse(
        file_of(found),
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{found.number}.pdf"'},
    )


def _invoices_of(request: SignedInRequest, organization: Organization | None) -> QuerySet[Invoice]:
    person = None if organization else request.user
    return Invoice.objects.of_holder(person=person, organization=organization)


def _panels(request: SignedInRequest, arrangements: list[Arrangement]) -> list[ArrangementPanel]:
    dates, locale = Dates.of(request.user), request.user.date_locale
    looked_after = [a for a in arrangements if a.is_manager]
    counts = per_day([a.usage_period for a in looked_after if a.usage_period])
    found = accounts(looked_after, dates, locale)
    admins = _admins(arrangements)
    return [
        ArrangementPanel.of(
            a,
            dates,
            locale,
            admins=admins[a.payer.organization_id] if not a.is_manager else (),
            counts=_counts(a, counts) if a.is_manager else None,
            account=found.get(a.payer),
            payer_name=a.organization.name if a.organization else request.user.name,
        )
        for a in arrangements
    ]


def _counts(arrangement: Arrangement, counts: Mapping[uuid.UUID, DayCounts]) -> DayCounts:
    """The sessions per day of one payer; none before its first session."""
    period = arrangement.usage_period
    return counts.get(period, {}) if period else {}


def _admins(arrangements: Iterable[Arrangement]) -> dict[uuid.UUID | None, list[str]]:
    """Whom to ask about the plan of each organization that somebody else manages, by name."""
    asked = [a.organization for a in arrangements if not a.is_manager]
    found: dict[uuid.UUID | None, list[str]] = defaultdict(list)
    admins = Membership.objects.living().filter(organization__in=asked, role=Membership.Role.ADMIN)
    for membership in admins.with_people():
        found[membership.organization_id].append(membership.person.name)
    return found
