"""Signing another one of one's own browsers out, and forgetting a trusted one."""

import uuid

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import sign_ins, trusted_browsers
from accounts.requests import SignedInRequest
from devices import browser_sign_ins
from medimic.audit.log import Origin


@login_required
@require_POST
def browser_sign_out(request: SignedInRequest, reference: str) -> HttpResponse:
    """Here and not with the account's other pages: what that browser takes part in ends with it."""
    sign_in = sign_ins.find(request.user, reference)
    if sign_in is None or sign_in.session_key == request.session.session_key:
        raise Http404
    browser_sign_ins.end(person=request.user, sign_in=sign_in, origin=Origin.of(request))
    messages.success(request, _("The browser is signed out."))
    onward = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(onward, {request.get_host()}, request.is_secure())
    return redirect(onward if is_ours else "security")


@login_required
@require_POST
def browser_forgetting(request: SignedInRequest, browser_id: uuid.UUID) -> HttpResponse:
    """End the trust and the long sign-in, of this browser too: that is what trusting it was."""
    browser = get_object_or_404(trusted_browsers.living(request.user), pk=browser_id)
    is_here = browser_sign_ins.forget(
        person=request.user, browser=browser, but=request.session.session_key, origin=Origin.of(request)
    )
    if is_here:
        logout(request)
        messages.success(request, _("This browser is forgotten, and signed out."))
        return redirect("account_login")
    messages.success(request, _("The browser is forgotten, and signed out."))
    return redirect("security")
