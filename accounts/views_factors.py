"""Pages of second factors. What allauth's views do there, they do behind our own rules.

Each of these stands before allauth's own of the same address.
"""

from typing import Any

from allauth.account import views as account_views
from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as code_views
from allauth.mfa.totp import views as app_views
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_safe
from django_otp.middleware import is_verified

from accounts import enrolment, passkeys
from accounts.recent import (
    recent_authentication_required,
    recent_before_enrolment,
    require_recent_authentication,
    without_setting_secrets_aside,
)
from accounts.requests import SignedInRequest
from medimic.audit.log import Origin, record

# --- What matters, behind a recent authentication ----------------------------

change_email = login_required(recent_authentication_required(account_views.email))
change_password = login_required(
    without_setting_secrets_aside(recent_authentication_required(account_views.password_change))
)
set_password = login_required(
    without_setting_secrets_aside(recent_before_enrolment(account_views.password_set))
)
set_up_app = login_required(recent_before_enrolment(app_views.activate_totp))
new_recovery_codes = login_required(recent_authentication_required(code_views.generate_recovery_codes))


class RemoveApp(app_views.DeactivateTOTPView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        others = passkeys.of(self.request.user).exists()
        return {**super().get_context_data(**kwargs), "is_last": not others}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove_app(request: SignedInRequest) -> HttpResponseBase:
    get_object_or_404(Authenticator, user=request.user, type=Authenticator.Type.TOTP)
    require_recent_authentication(request)
    with transaction.atomic():
        return RemoveApp.as_view()(request)


@login_required
@require_safe
def recovery_codes(request: SignedInRequest) -> HttpResponseBase:
    """The codes that are left. That they were shown is in the log."""
    return _codes(request, "accounts.recovery_codes_shown", code_views.view_recovery_codes)


@login_required
@require_safe
def recovery_codes_file(request: SignedInRequest) -> HttpResponseBase:
    return _codes(request, "accounts.recovery_codes_downloaded", code_views.download_recovery_codes)


def _codes(request: SignedInRequest, kind: str, view: Any) -> HttpResponseBase:
    get_object_or_404(Authenticator, user=request.user, type=Authenticator.Type.RECOVERY_CODES)
    require_recent_authentication(request)
    response: HttpResponseBase = view(request)
    if response.status_code == 200:
        with transaction.atomic():
            record(kind, origin=Origin.of(request), person_id=request.user.pk, subject=request.user)
    return response


# --- Which one ---------------------------------------------------------------


@login_required
@require_safe
def second_factor(request: SignedInRequest) -> HttpResponse:
    """What there is to choose from, for whoever has none yet; others find theirs under Security."""
    if onward := request.GET.get("next"):
        request.session[enrolment.NEXT] = enrolment.safe(request, onward, reverse("security"))
    if Authenticator.objects.filter(user=request.user).exists():
        return redirect(request.session.pop(enrolment.NEXT, None) or "security")
    return render(request, "mfa/choice.html", {"is_demanded": enrolment.is_demanded(request.user)})


@login_required
@require_GET
def step_up(request: SignedInRequest) -> HttpResponse:
    """Ask a signed-in person for their second factor, or to set one up, and go on to `next`."""
    onward = enrolment.safe(request, request.GET.get("next", ""), reverse("admin:index"))
    if is_verified(request.user):
        request.session.pop(enrolment.NEXT, None)
        return redirect(onward)
    if Authenticator.objects.filter(user=request.user).exists():
        # Of several ways the first one; its page names the others.
        [way, *_others] = get_adapter().get_reauthentication_methods(request.user)
        return redirect(f"{way['url']}?{urlencode({'next': onward})}")
    return enrolment.lead(request, onward)


@login_required
@require_safe
def sign_in_again(request: SignedInRequest) -> HttpResponse:
    """For who comes in by single sign-on and has nothing of ours to prove it with: it is asked anew."""
    onward = enrolment.safe(request, request.GET.get("next", ""), reverse("security"))
    login = f"{reverse('account_login')}?{urlencode({'next': onward})}"
    return render(request, "accounts/sign_in_again.html", {"login": login})
