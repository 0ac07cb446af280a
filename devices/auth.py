"""Who calls the API: a device by its token, or a browser by its portal sign-in."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from accounts.models import Person
from devices import dpop, tokens, touch
from devices.models import Token
from medimic.problems import Problem
from orgs import second_factor

SCHEMES = ("bearer", dpop.SCHEME)


def token_of(request: HttpRequest) -> str:
    """The token that a request carries, with a proof or without one; empty without a token."""
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() in SCHEMES else ""


class TokenAuth(HttpBearer):
    """A token of one kind; `request.auth` is the `Token` with all that belongs to it."""

    def __init__(self, kind: Token.Kind) -> None:
        self.kind = kind
        super().__init__()

    def __call__(self, request: HttpRequest) -> Token:
        return self.authenticate(request, token_of(request))

    def authenticate(self, request: HttpRequest, token: str) -> Token:
        try:
            found = self.find(request, token)
        except Problem as refusal:
            if not refusal.challenge and dpop.scheme_of(request) == dpop.SCHEME:
                refusal.challenge = dpop.challenge("invalid_token", refusal.code)
            raise
        touch.seen(found.authorization)
        return found

    def find(self, request: HttpRequest, token: str) -> Token:
        """The token, if it counts and is sent as it was bound."""
        return tokens.authenticate(token, self.kind, prove=partial(dpop.prove_header, request, token))


class PortalAuth(APIKeyCookie):
    """A portal sign-in, with `X-CSRFToken` where something changes; `request.auth` is the person."""

    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Person:
        return self.authenticate(request, None)

    def authenticate(self, request: HttpRequest, key: str | None) -> Person:
        if not isinstance(request.user, Person):
            raise Problem(401, "not_signed_in", _("Sign in to the portal first."))
        if check_csrf(request) is not None:
            raise Problem(403, "csrf_failed", _("Send the page's token as X-CSRFToken."))
        if second_factor.demanding(request) is not None:
            raise Problem(
                403, "second_factor_required", _("Your organization asks for a second factor. Set one up.")
            )
        return request.user


class EitherAuth(HttpBearer):
    """A device's access token where one is sent, otherwise the portal sign-in."""

    def __call__(self, request: HttpRequest) -> Any:
        return (device_auth if "Authorization" in request.headers else portal_auth)(request)

    def authenticate(self, request: HttpRequest, token: str) -> Token:
        return device_auth.authenticate(request, token)


device_auth = TokenAuth(Token.Kind.ACCESS)
session_auth = TokenAuth(Token.Kind.SESSION)
portal_auth = PortalAuth()
device_or_portal_auth = EitherAuth()
