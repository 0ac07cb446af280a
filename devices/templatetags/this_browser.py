"""The panel "This browser" of the Notifications page, which stands on another floor."""

from typing import Any

from django import template

from devices import browser_push, browsers, limits, push_settings
from devices.push_services import webpush
from medimic.formatting import Dates

register = template.Library()


@register.inclusion_tag("devices/this_browser_panel.html", takes_context=True)
def this_browser(context: dict[str, Any]) -> dict[str, Any]:
    """Whether alerts come to this browser, about what, and what turning them on would take."""
    request = context["request"]
    key = webpush.public_key()
    shown: dict[str, Any] = {"key": key, "csrf_token": context.get("csrf_token")}
    authorization = browsers.taking_part(request)
    if authorization is not None and browser_push.is_on(authorization):
        settings = push_settings.of(authorization)
        quiet = push_settings.in_words(settings, Dates.of(request.user))
        return shown | {"is_on": True, "kinds": [str(kind.label) for kind in settings.kinds], "quiet": quiet}
    if key and authorization is None:
        shown["places"] = limits.places(request.user)
    return shown | {"is_on": False}
