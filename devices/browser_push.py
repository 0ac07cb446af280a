"""Alerts in this very browser: the subscription that it got from its push service is the account's
route to it, like a phone's push token.

A browser that is to be alerted is one of the account's devices: that is what alerts are routed to,
and what a revocation ends.
"""

from collections.abc import Mapping
from typing import Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from pydantic import ValidationError

from devices import browser_sign_ins, browsers, push, push_services
from devices.holding import hold
from devices.models import DeviceAuthorization
from devices.push_services import webpush
from devices.schemas import Push
from medimic.audit.log import Origin, record
from medimic.problems import Problem
from orgs.standing import SignedInRequest

SERVICE: Final = "webpush"
REVOKED = _("This browser's access was revoked. Sign in on it again.")
# What a browser gives of its subscription: where to send to, and what to encrypt with.
MEMBERS = ("endpoint", "p256dh", "auth")


def subscription(given: Mapping[str, str]) -> Push:
    """The route that a browser's subscription is. Raises `Problem` 422 `invalid_content` for what is none,
    or is with a service that the portal does not call."""
    token = webpush.token_of(**{name: given.get(name, "") for name in MEMBERS})
    try:
        if push_services.is_well_formed(SERVICE, token):
            return Push(service=SERVICE, token=token)
    except ValidationError:
        pass
    raise Problem(
        422,
        "invalid_content",
        _("The portal cannot send to the push service of this browser. Try another browser."),
    )


def is_on(authorization: DeviceAuthorization | None) -> bool:
    return authorization is not None and authorization.push_service == SERVICE


def turn_on(request: SignedInRequest, route: Push) -> DeviceAuthorization:
    """Alert the signed-in person in this browser, which becomes one of their devices.

    Behind `browsers.identified`, and raises what `browsers.authorization_for` does.
    """
    with transaction.atomic():
        authorization = browsers.authorization_for(request)
        # A revocation waits for us from here on, or came first.
        hold(authorization, why_not=REVOKED)
        push.take_route(authorization, route)
        _record("devices.alerts_turned_on", request, authorization)
    browser_sign_ins.bind(request, authorization)
    return authorization


def renew(request: SignedInRequest, route: Push) -> bool:
    """Take the subscription that replaced this browser's; False, without a change, where it had none."""
    with transaction.atomic():
        authorization = _here(request)
        if authorization is None:
            return False
        push.take_route(authorization, route)
    return True


def turn_off(request: SignedInRequest) -> bool:
    """Alert nobody in this browser any more; False if that was so already."""
    with transaction.atomic():
        authorization = _here(request)
        if authorization is None:
            return False
        push.take_route(authorization, None)
        _record("devices.alerts_turned_off", request, authorization)
    return True


def _here(request: SignedInRequest) -> DeviceAuthorization | None:
    """The authorization of this browser, locked, if alerts are on in it."""
    found = browsers.taking_part(request)
    if found is None:
        return None
    rows = DeviceAuthorization.objects.living().select_for_update(no_key=True, of=("self",))
    return rows.filter(pk=found.pk, push_service=SERVICE).first()


def _record(kind: str, request: SignedInRequest, authorization: DeviceAuthorization) -> None:
    record(
        kind,
        origin=Origin.of(request),
        person_id=request.user.pk,
        subject=authorization,
        details={"device": authorization.title},
    )
