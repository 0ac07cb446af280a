"""Authenticate Device: make a link, show or send it, watch it being used, confirm who used it.

Each page is plain HTML and works as it is; where there is a script, its `data-dialog-body`
stands in a dialog over Connected Devices, and follows what happens (`authenticate.js`).

The link is in the answer to the POST that made it, and nowhere else: a page that wants it
sent posts it back (`devices.handover` says why). Reloading that answer makes a new link for
the same row, and once the device has signed in, leads to the device.
"""

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q
from django.http import Http404, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.recent import recent_authentication_required
from accounts.time_outs import polled
from devices import confirmation, handover, limits, links
from devices.exchange import ExchangeForm
from devices.forms import DeviceLinkForm
from devices.limits import DeviceLimitReached
from devices.links import IssuedLink
from devices.models import Confirmation, DeviceAuthorization, Platform, Registration, os_name
from devices.permissions import LinkRight, link_right
from devices.presenters import DevicePresenter, DeviceRow
from devices.qr import qr_code
from medimic.audit.log import Origin
from medimic.formatting import Dates
from medimic.outbox import registry
from medimic.problems import Problem
from orgs.standing import SignedInRequest

State = Confirmation.State


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@recent_authentication_required
def device_authentication(request: SignedInRequest) -> HttpResponse:
    """A link for a device of one's own."""
    return authenticate(request, _right_for_oneself(request))


def authenticate(request: SignedInRequest, right: LinkRight) -> HttpResponse:
    """Ask what the device is to be called, and make the link; for whomever the right is for.

    A page of another person's devices calls it behind `login_required` and
    `recent_authentication_required`, with what `permissions.link_right` gave it.
    """
    places = limits.places(right.account)
    form = _form(request, right, places)
    error = ""
    if form.is_valid():
        try:
            handed = handover.issue(right, origin=Origin.of(request), **form.cleaned_data)
        except handover.NotWaiting:
            return redirect("device_link", form.cleaned_data["draft"])
        except DeviceLimitReached:
            # Somebody took the last place since the page was shown.
            places = limits.places(right.account)
            form = _form(request, right, places)
        except Problem as problem:
            error = str(problem.detail)
        else:
            return _show(request, right, handed.authorization, handed.link)
    context = {"form": form, "right": right, "account": right.account, "places": places, "error": error}
    if not places.has_free and right.may_see:
        context["spare"] = _spare(request, right)
    return render(request, "devices/authentication.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def device_link(request: SignedInRequest, authorization_id: uuid.UUID) -> HttpResponse:
    """Where a link stands; POST issues it anew."""
    authorization, right = _resolve(request, authorization_id)
    if request.method == "POST":
        return _issue_anew(request, authorization.pk)
    return _where_it_stands(request, right, authorization)


@recent_authentication_required
def _issue_anew(request: SignedInRequest, authorization_id: uuid.UUID) -> HttpResponse:
    authorization, right = _resolve(request, authorization_id)
    try:
        handed = handover.reissue(right, authorization, origin=Origin.of(request))
    except handover.NotWaiting:
        return redirect("device_link", authorization.pk)
    except Problem as problem:
        return _where_it_stands(request, right, authorization, error=str(problem.detail))
    return _show(request, right, handed.authorization, handed.link)


@login_required
@require_POST
@never_cache
def device_link_sending(request: SignedInRequest, authorization_id: uuid.UUID) -> HttpResponse:
    """Send the link that the page was made with: by mail, or as a text."""
    authorization, right = _resolve(request, authorization_id)
    if not right.may_see:
        raise PermissionDenied
    channel = request.POST.get("channel", "")
    issued = links.recognize(request.POST.get("link", ""), authorization)
    if issued is None or channel not in (handover.EMAIL, handover.SMS):
        return redirect("device_link", authorization.pk)
    try:
        handover.send(right, issued, channel, origin=Origin.of(request))
    except Problem as problem:
        return _show(request, right, authorization, issued.link, error=str(problem.detail))
    return _show(request, right, authorization, issued.link, sent_by=channel)


@login_required
@require_POST
@never_cache
def device_confirmation(request: SignedInRequest, authorization_id: uuid.UUID) -> HttpResponse:
    """Take the pick of the digits, or the refusal."""
    authorization, right = _resolve(request, authorization_id)
    if not right.may_see:
        raise PermissionDenied
    origin = Origin.of(request)
    try:
        if "digits" in request.POST:
            confirmation.pick(authorization, request.POST["digits"], by=request.user, origin=origin)
        else:
            confirmation.refuse(authorization, by=request.user, origin=origin)
    except Problem as problem:
        return _where_it_stands(request, right, authorization, error=str(problem.detail))
    return redirect("device_link", authorization.pk)


@polled
@login_required
@require_safe
def device_link_state(request: SignedInRequest, authorization_id: uuid.UUID) -> HttpResponseBase:
    """One word for the script that waits: one query, and an empty 304 as long as nothing happened."""
    good = Registration.objects.good().filter(authorization=OuterRef("pk"))
    asking = Confirmation.objects.waiting().filter(registration__authorization=OuterRef("pk"))
    person = request.user.pk
    rows = DeviceAuthorization.objects.filter(Q(account=person) | Q(issued_by=person), pk=authorization_id)
    known = rows.annotate(is_good=Exists(good), is_asking=Exists(asking))
    row = known.values("account_id", "device_id", "revoked_at", "is_good", "is_asking").first()
    if row is None:
        raise Http404
    if row["account_id"] != person:
        # Whoever made it for somebody else may have lost the right to since.
        _resolve(request, authorization_id)
    state = _state(row)
    etag = f'"{state}"'
    answer = JsonResponse({"state": state}, headers={"ETag": etag})
    return get_conditional_response(request, etag=etag, response=answer) or answer


def _state(row: dict[str, Any]) -> str:
    if row["revoked_at"] is not None:
        return "ended"
    if row["device_id"] is not None:
        return "active"
    if row["is_asking"]:
        return "asking"
    return "waiting" if row["is_good"] else "ended"


def _right_for_oneself(request: SignedInRequest) -> LinkRight:
    right = link_right(request.user, request.user)
    if right is None:
        raise PermissionDenied
    return right


def _resolve(request: SignedInRequest, authorization_id: uuid.UUID) -> tuple[DeviceAuthorization, LinkRight]:
    """A row of one's own, or one that one may have made for somebody else and did."""
    rows = DeviceAuthorization.objects.with_state().select_related("account")
    authorization = get_object_or_404(rows, pk=authorization_id)
    if authorization.account_id == request.user.pk:
        return authorization, _right_for_oneself(request)
    if authorization.account is None or authorization.issued_by_id != request.user.pk:
        raise Http404
    right = link_right(request.user, authorization.account)
    if right is None:
        raise Http404
    return authorization, right


def _form(request: SignedInRequest, right: LinkRight, places: limits.Places) -> DeviceLinkForm:
    """What the device is called; at the limit also which one to revoke for it."""
    data = request.POST if request.method == "POST" else None
    initial = {"phone_number": right.account.phone_number if right.may_see else ""}
    if places.excess == 1 and right.may_see:
        return ExchangeForm(data, person=right.account, initial=initial)
    return DeviceLinkForm(data, initial=initial)


def _spare(request: SignedInRequest, right: LinkRight) -> list[DeviceRow]:
    """What takes the places, longest unused first, where more than one of them has to go."""
    taking = limits.longest_unused_first(right.account)
    rows = DeviceAuthorization.objects.with_state().in_bulk([row.pk for row in taking])
    present = DevicePresenter(Dates.of(request.user))
    return [present.row(rows[row.pk]) for row in taking]


def _show(
    request: SignedInRequest,
    right: LinkRight,
    authorization: DeviceAuthorization,
    link: str,
    *,
    sent_by: str = "",
    error: str = "",
) -> HttpResponse:
    """The link, for whoever may see it; others are told where it went."""
    if not link:
        return redirect("device_link", authorization.pk)
    issued = links.recognize(link, authorization)
    if issued is None:
        return redirect("device_link", authorization.pk)
    ways = _ways(right)
    context = _context(right, authorization) | {
        "link": issued.link,
        "qr_code": qr_code(issued.link),
        "ways": ways,
        "sent_to": ways.get(sent_by, ""),
        "error": error,
        **_times(request, issued),
    }
    return render(request, "devices/link.html", context)


def _where_it_stands(
    request: SignedInRequest, right: LinkRight, authorization: DeviceAuthorization, *, error: str = ""
) -> HttpResponse:
    if authorization.successor_id:
        return redirect("device_detail", authorization.successor_id)
    asked = confirmation.question_of(authorization) if right.may_see else None
    mistaken = Confirmation.objects.filter(
        registration__authorization=authorization, state=State.MISTAKEN
    ).exists()
    issued = authorization.registrations.good().order_by("-expires_at").first()
    context = _context(right, authorization) | {
        "error": error,
        "question": asked,
        "asking": asked and _described(asked),
        "was_mistaken": mistaken and authorization.revoked_at is not None,
        "issued": issued,
    }
    if issued is not None:
        context |= _times(request, IssuedLink(authorization, issued, ""))
    return render(request, "devices/link_state.html", context)


def _described(asked: confirmation.Question) -> str:
    facts = asked.facts
    return f"{facts.model} · {os_name(str(Platform(facts.platform).label), facts.os_version)}"


def _context(right: LinkRight, authorization: DeviceAuthorization) -> dict[str, Any]:
    return {
        "authorization": authorization,
        "device_name": authorization.title if authorization.device_id or authorization.name else "",
        "right": right,
        "account": right.account,
        "masked_email": registry.channel(handover.EMAIL).masked(right.email()) if not right.may_see else "",
        "asks": confirmation.is_wanted(right.account),
    }


def _times(request: SignedInRequest, issued: IssuedLink) -> dict[str, Any]:
    return {
        "expires": Dates.of(request.user).date_time(issued.expires_at),
        "expires_at": issued.expires_at.isoformat(timespec="seconds"),
    }


def _ways(right: LinkRight) -> dict[str, str]:
    """Where the link can be sent, by channel: one's own address as it is, another's masked."""
    recipients = {handover.EMAIL: right.email(), handover.SMS: right.phone_number()}
    return {
        name: recipient if right.is_own else registry.channel(name).masked(recipient)
        for name, recipient in recipients.items()
        if recipient
    }
