"""A device's own notification preferences, over the API."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja import Router

from devices import push_settings
from devices.auth import device_auth
from devices.models import DeviceAuthorization, PushKind, PushSettings, Token
from devices.schemas_push import NotificationPreferencesIn, NotificationPreferencesOut
from medimic.api_schema import refuses
from medimic.audit.log import Origin
from medimic.problems import Problem

router = Router(tags=["Devices"])


@router.get(
    "/notification-preferences",
    auth=device_auth,
    response=NotificationPreferencesOut,
    summary="Read what is pushed to this device",
    openapi_extra=refuses("account_needed"),
)
def notification_preferences(request: HttpRequest) -> dict[str, Any]:
    """Of this device for its account: what it is told of, and when not. Until it says otherwise, it is told
    of everything. They stay when it signs in anew."""
    return _record(push_settings.of(_own(request)))


@router.put(
    "/notification-preferences",
    auth=device_auth,
    response=NotificationPreferencesOut,
    summary="Change what is pushed to this device",
    openapi_extra=refuses("account_needed"),
)
def change_notification_preferences(request: HttpRequest, body: NotificationPreferencesIn) -> dict[str, Any]:
    """All of them at once. What happens in the quiet hours is not told afterwards."""
    authorization = _own(request)
    settings = push_settings.change(
        authorization,
        kinds=[kind for kind in PushKind if getattr(body, kind.value)],
        quiet=body.quiet_hours.times if body.quiet_hours else None,
        origin=Origin.device(request, authorization.account_id),
    )
    return _record(settings)


def _own(request: HttpRequest) -> DeviceAuthorization:
    held: Token = request.auth  # type: ignore[attr-defined]
    if held.authorization.account_id is None:
        # Alerts go to those who signed in: a guest is told of nothing that they could switch.
        raise Problem(403, "account_needed", _("Sign in on this device first."))
    return held.authorization


def _record(settings: PushSettings) -> dict[str, Any]:
    begins, ends = settings.quiet_from, settings.quiet_until
    quiet = {"start": f"{begins:%H:%M}", "end": f"{ends:%H:%M}"} if begins and ends else None
    return {**{kind.value: getattr(settings, kind.value) for kind in PushKind}, "quiet_hours": quiet}
