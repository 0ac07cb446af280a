"""Sign-ins of browsers that are devices: such a sign-in ends with its device's authorization.

The sign-in itself notes the authorization (`bind`), so that it keeps the note when its
key changes. A revocation deletes the sign-ins that it finds; the middleware compares the
state on each request, so that one whose key is just changing is refused as well.
"""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts import actions, sign_ins, trusted_browsers
from accounts.models import Person, TrustedBrowser
from devices import push, tokens
from devices.models import DeviceAuthorization, Token
from medimic.audit.log import Origin

NOTE = "device_authorization"
EVERY = dt.timedelta(minutes=1)


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
    found = sign_ins.open_now(person)
    return SignedIn(
        {uuid.UUID(one.data[NOTE]) for one in found if one.data.get(NOTE)},
        [one.row for one in found if not one.data.get(NOTE)],
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
                push.end_route(uuid.UUID(noted))
        actions.end_sign_in(person=person, sign_in=sign_in, origin=origin)


def forget(*, person: Person, browser: TrustedBrowser, but: str | None, origin: Origin) -> bool:
    """End the trust in a browser, and its sign-ins; whether the one with the key `but` is among these.

    That one is the caller's to end.
    """
    with transaction.atomic():
        is_here = False
        for one in sign_ins.open_now(person):
            if one.data.get(trusted_browsers.NOTE) != str(browser.pk):
                continue
            if one.row.session_key == but:
                is_here = True
            else:
                end(person=person, sign_in=one.row, origin=origin)
        trusted_browsers.forget(person=person, browser=browser, origin=origin)
    return is_here


def end_parts_of_timed_out() -> int:
    """End what browsers take part with whose sign-in has ended by itself; how many tokens there were.

    Their pages call with a session token, and may stand open where nobody is any more.
    """
    living = Token.objects.filter(kind=Token.Kind.SESSION, ended_at=None, expires_at__gt=timezone.now())
    # A phone has tokens in place of a sign-in, and a guest is there until the session's end.
    browsers = living.filter(authorization__account__isnull=False, authorization__token_families=None)
    held = browsers.values_list("authorization_id", "authorization__account_id").distinct()
    ended = 0
    for authorization_id, account_id in list(held):
        account = Person.objects.get(pk=account_id)
        if authorization_id in of_account(account).devices:
            continue
        with transaction.atomic():
            ended += tokens.end_session_tokens(authorization=DeviceAuthorization(pk=authorization_id))
    return ended


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
