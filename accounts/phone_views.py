"""The calls that signing in on a phone needs, and no others: allauth's headless app client.

Answers keep allauth's shape. What cannot be read is refused with a problem document,
before allauth sees it.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.account import views as account_views
from allauth.headless.base.views import APIView
from allauth.headless.constants import Client
from allauth.headless.mfa import views as factor_views
from django.contrib.auth import get_user
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed, JsonResponse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from medimic.problems import Problem

View = Callable[[HttpRequest], HttpResponseBase]
LONGEST = 1024
# What the calls below are part of.
FLOWS = {"login", "mfa_authenticate", "verify_email"}


def _call(view: type[APIView], *methods: str) -> View:
    inner = view.as_api_view(client=Client.APP)

    def answered(request: HttpRequest) -> HttpResponseBase:
        if request.method not in methods:
            return HttpResponseNotAllowed(methods)
        _forget_browser(request)
        if request.method == "POST":
            _check_body(request)
        try:
            return _without_other_flows(inner(request))
        except ImmediateHttpResponse as answer:
            return _without_other_flows(answer.response)

    return answered


def _without_other_flows(response: HttpResponseBase) -> HttpResponseBase:
    """allauth names all that it knows as what one could go on with: here, some of it has no call."""
    if isinstance(response, JsonResponse):
        content = json.loads(response.content)
        data = content.get("data") if isinstance(content, dict) else None
        if isinstance(data, dict) and "flows" in data:
            data["flows"] = [flow for flow in data["flows"] if flow["id"] in FLOWS or flow.get("is_pending")]
            response.content = json.dumps(content)
    return response


def _forget_browser(request: HttpRequest) -> None:
    """Neither a browser's sign-in nor its being trusted counts on a phone.

    Cookies are gone, and the user is read anew: other middleware has looked already,
    and allauth puts its own sign-in below what that found.
    """
    request.COOKIES = {}
    request.__dict__.pop("_cached_user", None)
    request.user = SimpleLazyObject(partial(get_user, request))  # type: ignore[assignment]


def _check_body(request: HttpRequest) -> None:
    """An object of short texts. allauth would turn anything into one, or stumble over it."""
    if request.content_type != "application/json":
        raise Problem(415, "unsupported_type", _("Send the body as application/json."))
    try:
        content: Any = json.loads(request.body.decode())
    except (ValueError, RecursionError):
        raise Problem(400, "malformed_json", _("The body is not JSON.")) from None
    if not isinstance(content, dict) or not all(_is_short_text(value) for value in content.values()):
        raise Problem(422, "invalid_content", _("Send an object whose members are short texts."))


def _is_short_text(value: Any) -> bool:
    # Halves of surrogate pairs can be neither hashed nor stored.
    return (
        isinstance(value, str)
        and len(value) <= LONGEST
        and not any("\ud800" <= sign <= "\udfff" for sign in value)
    )


# By the end of their address.
CALLS: dict[str, View] = {
    "login": _call(account_views.LoginView, "POST"),
    "2fa/authenticate": _call(factor_views.AuthenticateView, "POST"),
    "email/verify": _call(account_views.VerifyEmailView, "POST"),
    "session": _call(account_views.SessionView, "GET", "DELETE"),
}
