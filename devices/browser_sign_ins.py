"""Sign-ins of browsers that are devices: such a sign-in ends with its device's authorization.

The sign-in itself notes the authorization (`bind`), so that it keeps the note when its
key changes. A revocation deletes the sign-ins that it finds; the middleware compares the
state on each request, so that one whose key is just changing is refused as well.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts import actions, sign_ins
from accounts.models import Person
from devices import tokens
from devices.models import DeviceAuthorization
from medimic.audit.log import Origin

NOTE = "device_authorization"


def bind(request: HttpRequest, authorization: DeviceAuthorization) -> None:
    """From here on the browser's sign-in lives no longer than this authorization."""
    request.session[NOTE] = str(authorization.pk)


def is_bound(request: HttpRequest, authorization: DeviceAuthorization) -> bool:
    """Whether this very browser is that device."""
    return bool(request.session.get(NOTE) == str(authorization.pk))


@dataclass(frozen=True)
class SignedIn:
    """Where an account is signed in by a browser: the authorizations of those that are
    devices, and the sign-ins of all others, the latest used first."""

    devices: set[uuid.UUID]
    elsewhere: list[UserSession]


def of_account(person: Person) -> SignedIn:
    """Two queries, however many there are."""
    living = list(sign_ins.living(person))
    sessions = Session.objects.filter(session_key__in=[row.session_key for row in living])
    noted = {session.session_key: session.get_decoded().get(NOTE) for session in sessions}
    return SignedIn(
        {uuid.UUID(note) for note in noted.values() if note},
        [row for row in living if not noted.get(row.session_key)],
    )


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


def end(*, person: Person, sign_in: UserSession, origin: Origin) -> None:
    """Sign one of the person's browsers out, and out of the sessions that it takes part in."""
    with transaction.atomic():
        for session in Session.objects.filter(session_key=sign_in.session_key):
            if noted := session.get_decoded().get(NOTE):
                tokens.end_session_tokens(authorization=DeviceAuthorization(pk=noted))
        actions.end_sign_in(person=person, sign_in=sign_in, origin=origin)


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
