"""An OpenID Connect provider: who somebody is there, and what it says of their email address."""

import hashlib
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.openid_connect.provider import (
    OpenIDConnectProvider,
    OpenIDConnectProviderAccount,
)
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import get_random_string

from accounts.oidc.adapter import Adapter

NONCE_LENGTH = 32


class Connection(OpenIDConnectProviderAccount):
    """A connected account, by the name that its owner knows it by."""

    def to_str(self) -> str:
        data = self.account.extra_data
        return str(data.get("email") or data.get("name") or self.get_brand()["name"])


class OpenIdConnect(OpenIDConnectProvider):
    account_class = Connection
    oauth2_adapter_class = Adapter
    pkce_enabled_default = True

    @property
    def is_entra(self) -> bool:
        return bool(self.app.settings.get("tenant"))

    def serialize(self) -> dict[str, Any]:
        """By its own name: two providers may have given this portal the same client id."""
        return {"id": self.sub_id, "app.client_id": self.app.client_id}

    def redirect(
        self, request: HttpRequest, process: str, next_url: str | None = None, data: Any = None, **more: Any
    ) -> HttpResponse:
        """On to the provider, whose answer must name the `nonce` of this browser's attempt."""
        nonce = get_random_string(NONCE_LENGTH)
        params = {**self.get_auth_params(), "nonce": nonce}
        if process == AuthProcess.LOGIN and request.user.is_authenticated:
            # Signed in already: to prove it anew.
            params["prompt"] = "login"
        more |= {"auth_params": params, "scope": self.get_scope(), "nonce": nonce}
        answer: HttpResponse = super().redirect(request, process, next_url, data, **more)
        return answer

    def extract_uid(self, data: dict[str, Any]) -> str:
        """Whom the provider means, for as long as it exists: never an email address, which can change hands.

        With its issuer, so that a name given to another provider later finds nobody. Entra's `sub` is another
        one for each client; its `oid` with the tenant is the person's own.
        """
        claims = data["id_token"]
        parts = [claims["iss"], claims["sub"]]
        if self.is_entra:
            parts = [claims["iss"], claims["tid"], claims["oid"]]
        if not all(isinstance(part, str) and part for part in parts):
            raise ValueError("the provider does not say who it is")
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """What a person recognizes the connection by, and no more."""
        claims = data["claims"]
        return {name: str(claims[name])[:254] for name in ("email", "name") if claims.get(name)}

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        claims = data["claims"]
        return {
            "email": claims.get("email"),
            "name": _text(claims, "name"),
            "first_name": _text(claims, "given_name"),
            "last_name": _text(claims, "family_name"),
            "time_zone": _text(claims, "zoneinfo"),
        }

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        claims = data["claims"]
        email = claims.get("email")
        if not isinstance(email, str) or not email:
            return []
        return [EmailAddress(email=email, verified=self._vouches_for_email(claims), primary=True)]

    def _vouches_for_email(self, claims: dict[str, Any]) -> bool:
        """Only where it says so. Of Entra's `email` any tenant's admin decides: it takes a claim of its own,
        which says that the domain is the tenant's (`xms_edov`)."""
        claim = claims.get("xms_edov") if self.is_entra else claims.get("email_verified")
        return claim in (True, "true", "1")


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


provider_classes = [OpenIdConnect]
