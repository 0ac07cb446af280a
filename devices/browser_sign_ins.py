"""Sign-ins of browsers that are devices: such a sign-in ends with its device's authorization.

The sign-in itself notes the authorization (`bind`), so that it keeps the note when its
key changes. A revocation deletes the sign-ins that it finds; the middleware compares the
state on each request, so that one whose key is just changing is refused as well.
"""

from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts import sign_ins
from devices.models import DeviceAuthorization

NOTE = "device_authorization"


def bind(request: HttpRequest, authorization: DeviceAuthorization) -> None:
    """From here on the browser's sign-in lives no longer than this authorization."""
    request.session[NOTE] = str(authorization.pk)


def is_bound(request: HttpRequest, authorization: DeviceAuthorization) -> bool:
    """Whether this very browser is that device."""
    return bool(request.session.get(NOTE) == str(authorization.pk))


def living_on(authorization: DeviceAuthorization) -> list[UserSession]:
    """The account's sign-ins on the browser that this device is; for a phone there are none."""
    if authorization.account is None:
        return []
    rows = {row.session_key: row for row in sign_ins.living(authorization.account)}
    return [
        rows[session.session_key]
        for session in Session.objects.filter(session_key__in=rows)
        if session.get_decoded().get(NOTE) == str(authorization.pk)
    ]


def end_with_device(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Sign a browser out whose authorization has ended; costs a query where the browser is a device."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        # Reading the key alone does not count as using the session.
        if request.session.session_key and NOTE in request.session:
            living = DeviceAuthorization.objects.living()
            if not living.filter(
                pk=request.session[NOTE], account=request.session.get("_auth_user_id")
            ).exists():
                request.session.flush()
                request.user = AnonymousUser()
        return get_response(request)

    return middleware
