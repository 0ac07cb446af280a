"""How allauth behaves here."""

import datetime as dt
import io
import ipaddress
from typing import Any
from urllib.parse import quote

import segno
from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.internal.httpkit import is_headless_request
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import alerts, browser_arrivals, passkeys, passwords, phone_sign_ins, sign_on_demands
from accounts.models import Person
from accounts.notices import EMAIL_ARRIVED, NOTICES
from medimic import crypto
from medimic.audit.log import Origin
from medimic.network import client_address
from medimic.outbox.mail import enqueue_mail

# What allauth's table of sign-ins and its limits take in place of an address that nobody knows.
NO_ADDRESS = "0.0.0.0"  # noqa: S104

# A mail is not sent any more once what it carries has run out.
STALE_AFTER = {
    "password_reset_key": dt.timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT),
    "email_confirmation": dt.timedelta(seconds=app_settings.EMAIL_VERIFICATION_BY_CODE_TIMEOUT),
    "email_confirmation_signup": dt.timedelta(seconds=app_settings.EMAIL_VERIFICATION_BY_CODE_TIMEOUT),
}
LONGEST_WAIT = dt.timedelta(days=2)


# How to prove that it is you, as a page offers it beside another way.
WAYS = {
    "reauthenticate": _("Use your password"),
    "mfa_reauthenticate": _("Use a code"),
    "mfa_reauthenticate:webauthn": _("Use a passkey"),
}


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _("The email address or the password is not right. Try again."),
        "enter_current_password": _("This is not your current password."),
        "incorrect_password": _("This is not your password."),
        "incorrect_code": _("This code is not right. Look at the newest mail or code and try again."),
        "too_many_login_attempts": _("Too many attempts. Wait a few minutes, then try again."),
        "rate_limited": _("Too many attempts. Wait a few minutes, then try again."),
        "duplicate_email": _("This is your email address already."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return True

    def get_client_ip(self, request: HttpRequest) -> str:
        """The caller's address, always one that an address column takes."""
        try:
            return str(ipaddress.ip_address(client_address(request)))
        except ValueError:
            return NO_ADDRESS

    def save_user(self, request: HttpRequest, user: Person, form: BaseForm, commit: bool = True) -> Person:
        """The new person, who goes on in the language that they signed up in."""
        user.language = translation.get_supported_language_variant(translation.get_language() or "en")
        saved: Person = super().save_user(request, user, form, commit=commit)
        return saved

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """allauth's mails go through the outbox, as all mails do, and in our own words."""
        name = template_prefix.rsplit("/", 1)[-1]
        with transaction.atomic():
            enqueue_mail(
                f"accounts.{name}",
                to=email,
                template=f"accounts/mail/{name}",
                context={**context, "email": email},
                person=context.get("user"),
                stale_after=STALE_AFTER.get(name, LONGEST_WAIT),
            )

    def send_notification_mail(
        self,
        template_prefix: str,
        user: Person,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell a person that something about their security changed."""
        name = template_prefix.rsplit("/", 1)[-1]
        notice = NOTICES.get(name)
        if notice is None:
            return
        origin = Origin.of(self.request)
        facts = {"provider": str(context["provider"].name)} if context and "provider" in context else {}
        with transaction.atomic():
            alerts.send(f"accounts.{name}", notice, person=user, origin=origin, to=email, facts=facts)
            if name == "email_changed":
                # Without a link: whoever reads it here has just proved that the address is theirs.
                alerts.send(
                    "accounts.email_arrived", EMAIL_ARRIVED, person=user, origin=origin, with_link=False
                )

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Never with the host that the request claims."""
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return settings.PORTAL_URL + path.replace("UID-KEY", quote(key))

    def set_password(self, user: Person, password: str) -> None:
        passwords.replace(user, password, request=self.request)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """The address, what follows from it and its audit row stand or fall together."""
        with transaction.atomic():
            return bool(super().confirm_email(request, email_address))

    def pre_login(self, request: HttpRequest, user: Any, **options: Any) -> HttpResponse | None:
        """Where a provider alone may sign somebody in, no other way does."""
        answered: HttpResponse | None = super().pre_login(request, user, **options)
        return answered or sign_on_demands.refuse_other_ways(request, user)

    def post_login(self, request: HttpRequest, user: Any, **options: Any) -> HttpResponse:
        """A phone is no browser: what signed in there does not stand among those."""
        with transaction.atomic():
            response: HttpResponse = super().post_login(request, user, **options)
            if is_headless_request(request):
                phone_sign_ins.is_no_browser(request)
            else:
                response = browser_arrivals.arrived(request, response, user)
        return response

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("security")

    def get_login_stages(self) -> list[str]:
        """Whether this browser is trusted is asked at the very beginning, and kept by ourselves."""
        ours = {"allauth.mfa.stages.AuthenticateStage": "accounts.stages.SecondFactor"}
        return [ours.get(stage, stage) for stage in super().get_login_stages()]

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Without the password where there is a second factor: alone it could switch that off.

        A passkey comes first: it is the one that no false page can ask for.
        """
        methods = super().get_reauthentication_methods(user)
        factors = [method for method in methods if method["id"] != "reauthenticate"]
        known = sorted(factors or methods, key=lambda method: method["id"] != "mfa_reauthenticate:webauthn")
        return [{**method, "description": WAYS[method["id"]]} for method in known]


class FactorAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _(
            "This code is not right or was used before. Wait for the next one and try again."
        ),
        "incorrect_passkey": _("This passkey did not work. Try again, or use another way."),
    }

    def build_totp_svg(self, url: str) -> str:
        """Dark on light whatever the theme: scanners want it so."""
        picture = io.BytesIO()
        segno.make(url, error="m", micro=False).save(
            picture, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=False
        )
        return picture.getvalue().decode()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Never with the host that the request claims."""
        return {"id": settings.PORTAL_HOST, "name": "MediMic"}

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        return gettext("Passkey %(number)s") % {"number": passkeys.of(user).count() + 1}

    def encrypt(self, text: str) -> str:
        return crypto.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.decrypt(encrypted_text)
