"""Pages of one's own account. Signing in and its kin are allauth's views."""

from allauth.account import views as allauth_views
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts import actions, security_rows, time_outs
from accounts.forms import ProfileForm
from accounts.middleware import note_use
from accounts.recent import recent_authentication_required
from accounts.requests import SignedInRequest
from medimic.audit.log import Origin
from medimic.formatting import Dates


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
    found = list(Authenticator.objects.filter(user=request.user).order_by("created_at", "pk"))
    factors = {factor.type: factor for factor in found}
    dates = Dates.of(request.user)
    app = factors.get(Authenticator.Type.TOTP)
    codes = factors.get(Authenticator.Type.RECOVERY_CODES)
    return render(
        request,
        "accounts/security.html",
        {
            "app_since": dates.date(app.created_at) if app else None,
            "codes_left": len(codes.wrap().get_unused_codes()) if codes else None,
            "passkeys": security_rows.passkey_rows(found, dates),
            "sign_ins": security_rows.browser_rows(request.user, dates, request.session.session_key),
            "last_sign_ins": security_rows.last_sign_ins(request.user, dates),
        },
    )


@login_required
@require_http_methods(["GET", "POST"])
@recent_authentication_required
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
@recent_authentication_required
def sign_out_everywhere(request: SignedInRequest) -> HttpResponse:
    if request.method == "GET":
        return render(request, "accounts/sign_out_everywhere.html")
    actions.sign_out_everywhere(person=request.user, origin=Origin.of(request))
    request.session.flush()
    messages.success(request, _("You are signed out everywhere."))
    return redirect("account_login")


@time_outs.polled
@never_cache
@require_http_methods(["GET", "POST"])
def time_left(request: HttpRequest) -> JsonResponse:
    """For the script that warns before a sign-in ends: who is signed in, and for how long. A POST says that
    somebody is there."""
    if request.method == "POST" and request.user.is_authenticated:
        note_use(request)
    return JsonResponse(time_outs.standing(request))
