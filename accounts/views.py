"""Pages of one's own account. Signing in and its kin are allauth's views."""

from allauth.account import views as allauth_views
from allauth.account.decorators import reauthentication_required
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods
from django_otp.middleware import is_verified

from accounts import actions, sign_ins
from accounts.forms import ProfileForm
from accounts.presenters import sign_in_rows
from accounts.requests import SignedInRequest
from medimic.audit.log import Origin
from medimic.formatting import Dates

# Where somebody was going when they were asked for a second factor that they had yet to set up.
STEP_UP_NEXT = "step_up_next"


@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponseBase:
    """allauth's page; the person, the audit row and the mail with the code stand or fall together."""
    if request.method == "GET":
        return allauth_views.signup(request)
    try:
        with transaction.atomic():
            return allauth_views.signup(request)
    except IntegrityError:
        # Somebody signed up with this address in the same instant. Now it is a taken one.
        with transaction.atomic():
            return allauth_views.signup(request)


@login_required
@require_http_methods(["GET", "POST"])
def profile(request: SignedInRequest) -> HttpResponse:
    person = request.user
    form = ProfileForm.of(person, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        actions.change_profile(person=person, fields=form.cleaned_data, origin=Origin.of(request))
        # The page that follows is in the new language; so is what it says.
        with translation.override(person.language):
            messages.success(request, _("Your profile is saved."))
        return redirect("profile")
    return render(request, "accounts/profile.html", {"form": form})


@login_required
@require_GET
def security(request: SignedInRequest) -> HttpResponse:
    factors = {factor.type: factor for factor in Authenticator.objects.filter(user=request.user)}
    dates = Dates.of(request.user)
    app = factors.get(Authenticator.Type.TOTP)
    codes = factors.get(Authenticator.Type.RECOVERY_CODES)
    return render(
        request,
        "accounts/security.html",
        {
            "app_since": dates.date(app.created_at) if app else None,
            "codes_left": len(codes.wrap().get_unused_codes()) if codes else None,
            "sign_ins": sign_in_rows(list(sign_ins.living(request.user)), dates, request.session.session_key),
        },
    )


@login_required
@require_http_methods(["GET", "POST"])
@reauthentication_required
def confirm_devices(request: SignedInRequest) -> HttpResponse:
    """Whether a device that used a link must wait until its digits are picked in the portal."""
    if request.method == "POST":
        is_wanted = request.POST.get("confirm") == "on"
        if actions.confirm_devices(person=request.user, is_wanted=is_wanted, origin=Origin.of(request)):
            messages.success(
                request,
                _("New devices must be confirmed from now on.")
                if is_wanted
                else _("New devices are let in without being confirmed."),
            )
        return redirect("security")
    return render(request, "accounts/confirm_devices.html")


@login_required
@require_http_methods(["GET", "POST"])
@reauthentication_required
def sign_out_everywhere(request: SignedInRequest) -> HttpResponse:
    if request.method == "GET":
        return render(request, "accounts/sign_out_everywhere.html")
    actions.sign_out_everywhere(person=request.user, origin=Origin.of(request))
    request.session.flush()
    messages.success(request, _("You are signed out everywhere."))
    return redirect("account_login")


@login_required
@require_GET
def step_up(request: SignedInRequest) -> HttpResponse:
    """Ask a signed-in person for their second factor, or to set one up, and go on to `next`."""
    onward = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(onward, {request.get_host()}, request.is_secure()):
        onward = reverse("admin:index")
    if is_verified(request.user):
        request.session.pop(STEP_UP_NEXT, None)
        return redirect(onward)
    if Authenticator.objects.filter(user=request.user).exists():
        return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': onward})}")
    request.session[STEP_UP_NEXT] = onward
    return redirect("mfa_activate_totp")
