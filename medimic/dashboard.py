"""The Dashboard: Recent Sessions, Active Devices, Usage Summary, Quick Actions."""

import datetime as dt
from dataclasses import dataclass, replace

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from accounts.models import Person
from billing.addresses import Addresses
from billing.arrangements import arrangements_of
from billing.presenters import ArrangementPanel, charted_days
from billing.presenters_account import Notice, standing_notices
from billing.presenters_invoices import InvoicePresenter
from devices.limits import Places, places
from devices.models import DeviceAuthorization
from devices.presenters import DevicePresenter, DeviceRow
from medimic.formatting import Dates
from orgs.standing import SignedInRequest, Standing, standing_in
from sessions_app import reads, visits

RECENT_SESSIONS = 8
SHOWN_DEVICES = 5


@login_required
@require_safe
def dashboard(request: SignedInRequest) -> HttpResponse:
    """How things stand, at a glance; as many queries for a busy person as for a new one."""
    dates = Dates.of(request.user)
    standing = standing_in(request)
    usage = _usage(request.user, standing, dates)
    context = {
        "sessions": reads.recent(request.user, limit=RECENT_SESSIONS),
        "devices": _devices(request.user, dates),
        "usage": usage,
        "notices": _notices(usage, request.user, dates),
        "is_patient": standing.is_patient_only,
        "may_start": visits.may_start(request.user, standing),
        "invites_to": next((o for o in standing.organizations if standing.is_admin_of(o)), None),
    }
    return render(request, "dashboard.html", context)


@dataclass(frozen=True)
class ActiveDevices:
    """The devices seen last, how many there are, and what the plan's limit leaves."""

    rows: list[DeviceRow]
    count: str
    places: str


def _devices(person: Person, dates: Dates) -> ActiveDevices:
    active = DeviceAuthorization.objects.visible_to(person).active()
    latest = active.with_state().order_by("-last_seen_at", "id")[:SHOWN_DEVICES]
    count = active.count()
    return ActiveDevices(
        rows=DevicePresenter(dates).rows(latest),
        count=ngettext("%(n)d device", "%(n)d devices", count) % {"n": count},
        places=_places_text(places(person)),
    )


def _places_text(found: Places) -> str:
    """What the plan's limit leaves; a pending link holds a place, another's device takes none."""
    limit = found.allowance.limit
    if limit is None:
        return _("Your plan sets no limit.")
    free = max(limit - found.taken, 0)
    if not free:
        return _("All places of your plan are taken (%(limit)d).") % {"limit": limit}
    return ngettext(
        "%(free)d place of %(limit)d is free.", "%(free)d places of %(limit)d are free.", free
    ) % {"free": free, "limit": limit}


def _notices(usage: list[ArrangementPanel], person: Person, dates: Dates) -> list[Notice]:
    """What is owed for a plan that the person looks after; no query of its own."""
    found = []
    for panel in usage:
        arrangement = panel.arrangement
        if arrangement.is_manager:
            addresses = Addresses.of(arrangement.organization)
            present = InvoicePresenter(addresses, dates, person.date_locale, at=dates.now)
            notices = standing_notices(
                arrangement.terms.subscription, None, addresses, present, person.date_locale
            )
            if arrangement.organization:
                notices = [replace(one, title=f"{panel.payer}: {one.title}") for one in notices]
            found += notices
    return found


def _usage(person: Person, standing: Standing, dates: Dates) -> list[ArrangementPanel]:
    """A panel for each plan; the first one, where the person starts sessions, with their own days."""
    arrangements = arrangements_of(person, standing, at=timezone.now())
    if standing.is_patient_only and not any(a.terms.subscription for a in arrangements):
        return []
    first, last = charted_days(arrangements[0].terms, dates)
    counts = dict(reads.per_day(person, first, last, dt.UTC))
    return [
        ArrangementPanel.of(
            arrangement, dates, person.date_locale, counts=counts if arrangement is arrangements[0] else None
        )
        for arrangement in arrangements
    ]
