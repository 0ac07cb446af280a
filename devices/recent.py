"""A recent authentication: asked for before a device link, which is a credential."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from allauth.account import app_settings
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponseBase

Rest = ParamSpec("Rest")
Request = TypeVar("Request", bound=HttpRequest)
Response = TypeVar("Response", bound=HttpResponseBase)


def authenticated_recently(request: HttpRequest) -> bool:
    """Whether the person proved who they are within `ACCOUNT_REAUTHENTICATION_TIMEOUT`.

    A sign-in counts like a re-authentication (allauth's own check takes only the
    latter). Who has a second factor must have shown it: neither a trusted browser
    nor the password alone does.
    """
    if not request.user.is_authenticated:
        return False
    earliest = time.time() - app_settings.REAUTHENTICATION_TIMEOUT
    recent = [
        record for record in get_authentication_records(request, request.user) if record["at"] > earliest
    ]
    if is_mfa_enabled(request.user):
        recent = [record for record in recent if record["method"] == "mfa"]
    return bool(recent)


def recent_authentication_required(
    view: Callable[Concatenate[Request, Rest], Response],
) -> Callable[Concatenate[Request, Rest], Response]:
    """Lead through allauth's re-authentication, and come back, where the last one is too old."""

    @wraps(view)
    def checked(request: Request, *args: Rest.args, **kwargs: Rest.kwargs) -> Response:
        if not authenticated_recently(request):
            raise ReauthenticationRequired
        return view(request, *args, **kwargs)

    return checked


def require_recent_authentication(request: HttpRequest) -> None:
    """The same, for a view that needs it only in some cases; asked before anything is done."""
    if not authenticated_recently(request):
        raise ReauthenticationRequired
