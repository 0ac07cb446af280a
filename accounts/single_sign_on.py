"""How allauth's single sign-on behaves here."""

from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, _build_apps_from_settings
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from accounts import sign_on_demands
from accounts.models import Person, validate_time_zone

LONGEST_NAME = 100


class SignOnAdapter(DefaultSocialAccountAdapter):
    error_messages = {
        **DefaultSocialAccountAdapter.error_messages,
        "email_taken": _(
            "There is an account with this email address. "
            "Sign in to it, then connect %s on its Security page."
        ),
        "no_password": _("Set a password first: without it, nothing else signs you in."),
        "connected_other": _("This account signs in somebody else already."),
    }

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Those of the configuration, and no others: no row of a table makes a provider."""
        found = _build_apps_from_settings(provider=provider, client_id=client_id)
        return [app for apps in found.values() for app in apps]

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> Person:
        """The new person, as far as the provider tells, who goes on in the language of this page."""
        person: Person = super().populate_user(request, sociallogin, data)
        for name in ("first_name", "last_name"):
            setattr(person, name, getattr(person, name).strip()[:LONGEST_NAME])
        person.language = translation.get_supported_language_variant(translation.get_language() or "en")
        try:
            validate_time_zone(data.get("time_zone", ""))
        except ValidationError:
            pass
        else:
            person.time_zone = data["time_zone"]
        return person

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Without a question to ask; otherwise a form asks for what is missing."""
        person = sociallogin.user
        return bool(person and person.first_name and person.last_name and sociallogin.email_addresses)

    def validate_disconnect(self, account: SocialAccount, accounts: Any) -> None:
        demand = sign_on_demands.of(account.user)
        if demand is not None and demand.provider == account.provider:
            raise ValidationError(
                _("%(organization)s asks you to sign in with it.") % {"organization": demand.organization}
            )

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: SocialAccount) -> str:
        return reverse("socialaccount_connections")
