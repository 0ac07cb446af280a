"""What comes from Stripe: its events, and people on their way back from its pages."""

import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from billing.addresses import Addresses
from billing.gateways import Unavailable
from billing.gateways.stripe_customers import session_of
from billing.gateways.stripe_events import act_on, take_card
from billing.gateways.stripe_hints import NotStripes, read
from billing.gateways.stripe_mirror import customer_by_id
from orgs.access import managed
from orgs.standing import SignedInRequest

if TYPE_CHECKING:
    from stripe.checkout import Session

logger = logging.getLogger(__name__)

# Bytes. Stripe's own are some kB.
LONGEST = 256 * 1024
RETRY_AFTER = 60
SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{1,250}")


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """An event of Stripe's: 200 once it is acted upon or needs nothing, 503 to have it sent again."""
    if not settings.STRIPE_WEBHOOK_SECRET or not settings.STRIPE_SECRET_KEY:
        raise Http404
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > LONGEST:
        return HttpResponse(status=413)
    try:
        hint = read(request.body, request.headers.get("Stripe-Signature", ""))
        act_on(hint)
    except NotStripes as error:
        logger.warning("an event was refused: %s", error)
        return HttpResponse(status=400)
    except Unavailable:
        return HttpResponse(status=503, headers={"Retry-After": str(RETRY_AFTER)})
    return HttpResponse(status=200)


@login_required
@require_safe
def back(request: SignedInRequest) -> HttpResponse:
    """From the page that took a card, on to where they were. Only who was there knows this address."""
    try:
        session = session_of(_session_id(request))
        customer = customer_by_id(session.customer if isinstance(session.customer, str) else "")
        if customer is None:
            raise Http404
        if customer.organization is not None:
            managed(request, customer.organization.slug)
        elif customer.person_id != request.user.pk:
            raise Http404
        take_card(customer, session, at=timezone.now())
    except LookupError:
        raise Http404 from None
    except Unavailable:
        messages.warning(request, _("Your card is with Stripe. It shows here within the next minutes."))
        return redirect("billing")
    if session.status == "complete":
        messages.success(request, _("Your payment method is saved."))
    return redirect(_next(session, Addresses.of(customer.organization).home))


def _session_id(request: HttpRequest) -> str:
    found = request.GET.get("session", "")
    if not SESSION_ID.fullmatch(found):
        raise Http404
    return found


def _next(session: "Session", home: str) -> str:
    """Where the person came from: noted by us, and checked all the same."""
    found = str(session.metadata.to_dict().get("return_to", "")) if session.metadata else ""
    host, is_https = urlsplit(settings.PORTAL_URL).netloc, settings.PRODUCTION
    if url_has_allowed_host_and_scheme(found, {host}, require_https=is_https):
        return found
    return home
