"""Talking to a provider: its own description, its tokens, and what they must say."""

import hmac
from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.oidc import id_tokens
from medimic.identity_providers import ENTRA


class Adapter(OpenIDConnectOAuth2Adapter):
    # Of the attempt that is being answered.
    nonce = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        """The provider's description of itself, which must speak for the issuer that was configured."""
        if not hasattr(self, "_openid_config"):
            with get_adapter().get_requests_session() as session:
                answer = session.get(self.get_provider().server_url)
                answer.raise_for_status()
                found = answer.json()
            self._check_issuer(found)
            self._openid_config = found
        return dict(self._openid_config)

    def _check_issuer(self, found: Any) -> None:
        asked = self.get_provider().app.settings
        issuer = found.get("issuer") if isinstance(found, dict) else None
        # A tenant may be named by its domain, and answers with its id.
        is_theirs = isinstance(issuer, str) and (
            issuer.startswith(f"{ENTRA}/")
            if asked.get("tenant")
            else issuer.rstrip("/") == asked["server_url"]
        )
        if not is_theirs:
            raise OAuth2Error("the description is another issuer's")

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """Never with the host that the request claims."""
        return settings.PORTAL_URL + reverse("openid_connect_callback", args=[self.provider_id])

    def complete_login(
        self, request: HttpRequest, app: Any, token: SocialToken, **answered: Any
    ) -> SocialLogin:
        """Who signed in, from the signed id token; the user info may only add to the same person.

        Raises `OAuth2Error` or `requests.RequestException`, and `KeyError`, `TypeError` or `ValueError` for
        an answer that is not in shape.
        """
        config = self.openid_config
        with get_adapter().get_requests_session() as session:
            keys = session.get(config["jwks_uri"])
            keys.raise_for_status()
        claims = id_tokens.claims_of(
            answered["response"]["id_token"], keys.json(), issuer=config["issuer"], client_id=app.client_id
        )
        if not self.nonce or not hmac.compare_digest(str(claims.get("nonce")), self.nonce):
            raise OAuth2Error("the nonce is another attempt's")
        more: dict[str, Any] = {}
        if "userinfo_endpoint" in config:
            more = self._fetch_user_info(token.token)
            if more["sub"] != claims["sub"]:
                raise OAuth2Error("the user info is another person's")
        data = {"id_token": claims, "claims": {**claims, **more}}
        return self.get_provider().sociallogin_from_response(request, data)
