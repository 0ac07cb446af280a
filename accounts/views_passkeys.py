"""Pages of passkeys: to add, rename and remove one, to sign in with one, and to prove oneself by one."""

from typing import Any

from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url, passthrough_next_redirect_url
from allauth.account.views import BaseReauthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import views as webauthn
from allauth.mfa.webauthn.internal import auth, flows
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.generic.edit import FormView

from accounts import passkeys, trusted_browsers
from accounts.passkey_forms import PasskeyName
from accounts.recent import (
    recent_before_enrolment,
    require_recent_authentication,
)
from accounts.requests import SignedInRequest
from medimic.audit.log import Origin


class AddPasskey(webauthn.AddWebAuthnView):
    template_name = "mfa/webauthn/add_form.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        # Kept by the device itself, and behind its finger, face or PIN: such a one signs in alone, too.
        options = auth.begin_registration(self.request.user, True)
        return {**FormView.get_context_data(self, **kwargs), "js_data": {"creation_options": options}}

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            response: HttpResponse = super().form_valid(form)
        return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@recent_before_enrolment
def add(request: SignedInRequest) -> HttpResponseBase:
    if not passkeys.has_room(request.user):
        messages.error(request, _("You have as many passkeys as an account holds. Remove one first."))
        return redirect("security")
    return AddPasskey.as_view()(request)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: SignedInRequest, reference: str) -> HttpResponse:
    passkey = _find(request, reference)
    require_recent_authentication(request)
    form = PasskeyName(request.POST if request.method == "POST" else None, initial={"name": str(passkey)})
    if form.is_valid():
        name = form.cleaned_data["name"]
        passkeys.rename(person=request.user, passkey=passkey, name=name, origin=Origin.of(request))
        messages.success(request, _("The passkey is called “%(name)s” now.") % {"name": name})
        return redirect("security")
    return render(request, "mfa/webauthn/edit_form.html", {"form": form, "passkey": passkey})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: SignedInRequest, reference: str) -> HttpResponse:
    passkey = _find(request, reference)
    require_recent_authentication(request)
    if request.method == "POST":
        with transaction.atomic():
            flows.remove_authenticator(request, passkey)
        return redirect("security")
    factors = Authenticator.objects.filter(user=request.user).exclude(pk=passkey.pk)
    others = factors.exclude(type=Authenticator.Type.RECOVERY_CODES)
    context = {"passkey": passkey, "is_last": not others.exists()}
    return render(request, "mfa/webauthn/authenticator_confirm_delete.html", context)


def _find(request: SignedInRequest, reference: str) -> Authenticator:
    passkey = passkeys.find(request.user, reference)
    if passkey is None:
        raise Http404
    return passkey


class SignIn(webauthn.LoginWebAuthnView):
    """Signing in with a passkey alone: what is known, and what is proved, in one step."""

    def form_valid(self, form: Any) -> HttpResponse:
        trusted_browsers.note_choice(self.request, bool(self.request.POST.get("remember")))
        passkey = form.cleaned_data["credential"]
        login = Login(user=passkey.user, redirect_url=get_next_redirect_url(self.request))
        response: HttpResponse = flows.perform_passwordless_login(self.request, passkey, login)
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        super().form_invalid(form)
        return redirect(passthrough_next_redirect_url(self.request, reverse("account_login"), "next"))


sign_in = SignIn.as_view(http_method_names=["get", "head", "post"])


class Confirm(webauthn.ReauthenticateWebAuthnView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        options = auth.begin_authentication(self.request.user)
        found = BaseReauthenticateView.get_context_data(self, **kwargs)
        return {**found, "js_data": {"request_options": options}}

    def form_invalid(self, form: Any) -> HttpResponse:
        """allauth's leads to the sign-in, and forgets where one was going."""
        return FormView.form_invalid(self, form)


confirm = Confirm.as_view(http_method_names=["get", "head", "post"])
