"""A recent authentication: asked for before whatever matters.

That is: changing e-mail, password or factors, seeing recovery codes, making a device link, Sign Out
Everywhere, a file of anything, an organization's ownership.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

Rest = ParamSpec("Rest")
Request = TypeVar("Request", bound=HttpRequest)
Response = TypeVar("Response", bound=HttpResponseBase)


def authenticated_recently(request: HttpRequest) -> bool:
    """Whether the person proved who they are within `ACCOUNT_REAUTHENTICATION_TIMEOUT`.

    A sign-in counts like a re-authentication (allauth's own check takes only the
    latter). Who has a second factor must have shown it: neither a trusted browser
    nor the password alone does. Who has neither factor nor password, and comes in
    through single sign-on, has nothing to prove it with, and enrols a factor first.
    """
    if not request.user.is_authenticated or not _can_prove(request):
        return False
    return _has_record(request, "mfa" if is_mfa_enabled(request.user) else None)


def require_recent_authentication(request: HttpRequest) -> None:
    """Asked before anything is done, for a view that needs it only in some cases.

    Leads through allauth's re-authentication, and back to where the request was going.
    """
    if authenticated_recently(request):
        return
    if request.user.is_authenticated and not _can_prove(request):
        raise ImmediateHttpResponse(redirect(_with_next("second_factor", request.get_full_path())))
    raise ReauthenticationRequired


def recent_authentication_required(
    view: Callable[Concatenate[Request, Rest], Response],
) -> Callable[Concatenate[Request, Rest], Response]:
    """The same, for a view that always needs it."""

    @wraps(view)
    def checked(request: Request, *args: Rest.args, **kwargs: Rest.kwargs) -> Response:
        require_recent_authentication(request)
        return view(request, *args, **kwargs)

    return checked


def require_before_enrolment(request: HttpRequest) -> None:
    """For enrolling a factor: who has nothing else to prove it with must have signed in just now."""
    if not request.user.is_authenticated or _can_prove(request):
        require_recent_authentication(request)
    elif not _has_record(request):
        raise ImmediateHttpResponse(redirect(_with_next("sign_in_again", request.get_full_path())))


def recent_before_enrolment(
    view: Callable[Concatenate[Request, Rest], Response],
) -> Callable[Concatenate[Request, Rest], Response]:
    @wraps(view)
    def checked(request: Request, *args: Rest.args, **kwargs: Rest.kwargs) -> Response:
        require_before_enrolment(request)
        return view(request, *args, **kwargs)

    return checked


def without_setting_secrets_aside(
    view: Callable[Concatenate[Request, Rest], Response],
) -> Callable[Concatenate[Request, Rest], Response]:
    """For a form that holds a password: while somebody is asked to confirm, allauth keeps what they sent,
    as it is, in the sign-in's row. This is typed once more."""

    @wraps(view)
    def checked(request: Request, *args: Rest.args, **kwargs: Rest.kwargs) -> Response:
        try:
            return view(request, *args, **kwargs)
        except ReauthenticationRequired:
            if request.method != "POST":
                raise
            raise ImmediateHttpResponse(redirect(request.path)) from None

    return checked


def _can_prove(request: HttpRequest) -> bool:
    return bool(get_adapter().get_reauthentication_methods(request.user))


def _has_record(request: HttpRequest, method: str | None = None) -> bool:
    earliest = time.time() - app_settings.REAUTHENTICATION_TIMEOUT
    return any(
        entry["at"] > earliest and method in (None, entry["method"])
        for entry in get_authentication_records(request, request.user)
    )


def _with_next(name: str, onward: str) -> str:
    return f"{reverse(name)}?{urlencode({'next': onward})}"
