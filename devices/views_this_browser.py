"""Alerts in this very browser: turned on, off, and what they are about; and the script that shows them."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import condition, require_http_methods, require_POST, require_safe

from accounts.time_outs import polled
from devices import browser_push, browsers, limits, push_settings, spare
from devices.forms_push import BrowserAlertsForm
from devices.limits import DeviceLimitReached
from devices.push_services import webpush
from medimic.audit.log import Origin
from medimic.problems import Problem, problem_response
from orgs.standing import SignedInRequest, standing_in

WORKER = Path(settings.BASE_DIR, "static", "js", "push-worker.js")
# A page that registers the worker names its address by a policy of this name; see static/js/this-browser.js.
registers_worker = csp_replace({"trusted-types": ["push-worker"]})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def this_browser(request: SignedInRequest) -> HttpResponse:
    """What alerts in this browser are about, and when it is to be quiet."""
    authorization = browsers.taking_part(request)
    if authorization is None or not browser_push.is_on(authorization):
        return redirect("notifications")
    wanted = push_settings.of(authorization)
    form = BrowserAlertsForm.of(wanted, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            push_settings.change(
                authorization, kinds=form.kinds(), quiet=form.quiet(), origin=Origin.of(request)
            )
        except Problem as problem:
            return _refused(request, problem)
        messages.success(request, _("The alerts in this browser are saved."))
        return redirect("notifications")
    return render(request, "devices/this_browser.html", {"form": form})


@require_POST
@login_required
@browsers.identified
def this_browser_subscription(request: SignedInRequest) -> HttpResponse:
    """Turn alerts on in this browser, with the subscription that its script got."""
    _require_a_use_for_it(request)
    try:
        browser_push.turn_on(request, browser_push.subscription(request.POST.dict()))
    except Problem as problem:
        return _refused(request, problem)
    messages.success(request, _("Alerts come to this browser now."))
    return redirect("notifications")


@require_POST
@login_required
def this_browser_ending(request: SignedInRequest) -> HttpResponse:
    """Turn them off."""
    browser_push.turn_off(request)
    messages.success(request, _("No alerts come to this browser any more."))
    return redirect("notifications")


@polled
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def this_browser_renewal(request: SignedInRequest) -> JsonResponse:
    """For the worker, whose browser replaced the subscription by itself: what stands, and what it is now."""
    try:
        if request.method == "POST":
            browser_push.renew(request, browser_push.subscription(request.POST.dict()))
    except Problem as problem:
        return problem_response(request, problem)
    is_on = browser_push.is_on(browsers.taking_part(request))
    return JsonResponse(
        {"is_on": is_on, "public_key": webpush.public_key() if is_on else "", "csrf": get_token(request)}
    )


@lru_cache(maxsize=1)
def _worker() -> bytes:
    return WORKER.read_bytes()


def _version(request: HttpRequest) -> str:
    return f'"{hashlib.sha256(_worker()).hexdigest()[:32]}"'


@polled
@require_safe
@condition(etag_func=_version)
def push_worker(request: HttpRequest) -> HttpResponse:
    """The service worker. At the root, since its address says for which pages it can open and focus tabs."""
    return HttpResponse(
        _worker(), content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"}
    )


def _refused(request: SignedInRequest, problem: Problem) -> HttpResponse:
    context: dict[str, Any] = {"problem": problem}
    if isinstance(problem, DeviceLimitReached):
        context |= {"places": limits.places(request.user), "spare": spare.rows(request.user)}
    # To a browser, 401 would say that it can authenticate by a header.
    status = 403 if problem.status == 401 else problem.status
    return render(request, "devices/this_browser_refused.html", context, status=status)


def _require_a_use_for_it(request: SignedInRequest) -> None:
    """Patients have no Notifications page, and without a key no push service takes anything of ours."""
    if standing_in(request).is_patient_only or not webpush.public_key():
        raise Http404
