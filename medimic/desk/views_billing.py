"""Support's acts of billing: an invoice was paid, is given back, or a trial goes on for a while."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Person
from accounts.requests import SignedInRequest
from billing import invoices, payments, usage
from billing.entitlements import Payer
from billing.models import GatewayName, Invoice
from billing.money import money
from medimic.audit.log import Origin
from medimic.desk.forms import CreditForm, SessionsForm
from medimic.desk.views_acts import ask, desk_view, form_of, person_page
from orgs.models import Organization


@desk_view("desk.settle_invoices")
def invoice_payment(request: SignedInRequest, invoice_id: uuid.UUID) -> HttpResponse:
    """The money came (of a credit note: went back)."""
    invoice = get_object_or_404(Invoice, pk=invoice_id)
    back = reverse("admin:billing_invoice_change", args=[invoice.pk])
    refusal = _settled_elsewhere(invoice)
    if invoice.state != Invoice.State.OPEN:
        refusal = _("Nothing is to be paid of it.")
    form = form_of(request)
    if not refusal and form.is_valid():
        payments.settle(
            invoice, origin=Origin.staff(request), at=timezone.now(), reason=form.cleaned_data["reason"]
        )
        messages.success(request, _("%(number)s is marked as paid.") % {"number": invoice.number})
        return redirect(back)
    return ask(
        request,
        form,
        question=_("Mark %(number)s as paid?") % {"number": invoice.number},
        happens=[
            _("%(amount)s, billed to %(name)s.")
            % {"amount": money(invoice.total_minor, invoice.currency, "en_GB"), "name": invoice.bill_to_name},
            _("If nothing else is overdue, new sessions and devices are possible again at once."),
            _("It cannot be taken back. Name what you saw: the account's statement and its date."),
        ],
        button=_("Mark as paid"),
        back=back,
        refusal=refusal,
    )


@desk_view("desk.settle_invoices")
def invoice_credit(request: SignedInRequest, invoice_id: uuid.UUID) -> HttpResponse:
    invoice = get_object_or_404(Invoice, pk=invoice_id)
    back = reverse("admin:billing_invoice_change", args=[invoice.pk])
    refusal = _settled_elsewhere(invoice)
    if invoice.kind != Invoice.Kind.INVOICE or invoice.state == Invoice.State.CREDITED:
        refusal = _("There is nothing left to give back.")
    form = form_of(request, CreditForm)
    if not refusal and form.is_valid():
        amount = form.cleaned_data["amount"]
        try:
            note = payments.credit(
                invoice,
                origin=Origin.staff(request),
                at=timezone.now(),
                reason=form.cleaned_data["reason"],
                net_minor=None if amount is None else int(amount * 100),
            )
        except invoices.NothingToCredit:
            form.add_error("amount", _("It must be more than nothing, and no more than is left."))
        else:
            messages.success(request, _("Credit note %(number)s is issued.") % {"number": note.number})
            return redirect(back)
    return ask(
        request,
        form,
        question=_("Credit %(number)s?") % {"number": invoice.number},
        happens=[
            _("%(amount)s without tax, billed to %(name)s.")
            % {"amount": money(invoice.net_minor, invoice.currency, "en_GB"), "name": invoice.bill_to_name},
            _("A credit note with a number of its own is issued. The invoice itself stays as it is."),
            _("If it was paid, the money is given back by hand; then mark the credit note as paid."),
        ],
        button=_("Issue credit note"),
        back=back,
        refusal=refusal,
    )


@desk_view("desk.extend_trials")
def sessions_of_person(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    person = get_object_or_404(Person.objects.defer("phone_number"), pk=person_id)
    return _grant(request, Payer(person_id=person.pk), str(person), person_page(person.pk))


@desk_view("desk.extend_trials")
def sessions_of_organization(request: SignedInRequest, organization_id: uuid.UUID) -> HttpResponse:
    organization = get_object_or_404(Organization, pk=organization_id)
    back = reverse("admin:orgs_organization_change", args=[organization.pk])
    return _grant(request, Payer(organization_id=organization.pk), organization.name, back)


def _grant(request: SignedInRequest, payer: Payer, name: str, back: str) -> HttpResponse:
    now = timezone.now()
    before = usage.summary(payer, at=now)
    form = form_of(request, SessionsForm)
    if before.quota is not None and form.is_valid():
        usage.grant(
            payer,
            form.cleaned_data["sessions"],
            origin=Origin.staff(request),
            reason=form.cleaned_data["reason"],
            at=now,
        )
        messages.success(request, _("%(name)s can start more sessions now.") % {"name": name})
        return redirect(back)
    facts = {"plan": before.plan.name, "used": before.used, "quota": before.quota}
    return ask(
        request,
        form,
        question=_("Grant %(name)s further sessions?") % {"name": name},
        happens=[
            _("%(plan)s: %(used)s of %(quota)s sessions are used.") % facts,
            _("On the Free Trial they are there for good; on a paid plan until its period ends."),
        ],
        button=_("Grant sessions"),
        back=back,
        refusal=_("The plan has no quota.") if before.quota is None else "",
    )


def _settled_elsewhere(invoice: Invoice) -> str:
    if invoice.gateway == GatewayName.OFFLINE:
        return ""
    return _("%(gateway)s collects this one: do it there, and it arrives here by itself.") % {
        "gateway": invoice.get_gateway_display()
    }
