"""A notice on pages of other floors: one of the person's devices asks this one for keys."""

from typing import Any

from django import template
from django.utils import timezone

from devices import browser_sign_ins
from sessions_app.models import KeyRequest

register = template.Library()


@register.inclusion_tag("sessions/key_notice.html", takes_context=True)
def key_request_notice(context: dict[str, Any]) -> dict[str, Any]:
    """The latest open request of another device; asked for only in a browser that is a device itself."""
    request = context["request"]
    own = request.session.get(browser_sign_ins.NOTE)
    if not own:
        return {"device": ""}
    waiting = KeyRequest.objects.open(timezone.now()).filter(
        person=request.user, authorization__revoked_at=None
    )
    latest = (
        waiting.exclude(authorization=own)
        .select_related("authorization__device")
        .order_by("-created_at")
        .first()
    )
    return {"device": latest.authorization.title if latest else ""}
