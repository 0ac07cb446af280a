"""Carrying keys over: from one of a person's devices to another, with six digits compared on both."""

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from devices import browsers
from orgs.standing import SignedInRequest
from sessions_app import presenters_keys as present
from sessions_app.models import Visit


@require_safe
@login_required
@browsers.identified
@never_cache
def key_requests(request: SignedInRequest) -> HttpResponse:
    """Ask one's other devices for keys, and answer those that ask; `?session=` asks for one alone."""
    visit, is_device = _visit(request), browsers.taking_part(request) is not None
    context: dict[str, Any] = {
        "visit": visit,
        "is_device": is_device,
        "settings": present.settings_of(request.user, visit, is_device=is_device),
        "words": present.words(),
    }
    return render(request, "sessions/keys.html", context)


def _visit(request: SignedInRequest) -> Visit | None:
    """The one session that is asked for; a foreign or mangled one is none."""
    try:
        wanted = uuid.UUID(request.GET.get("session", ""))
    except ValueError:
        return None
    return Visit.objects.visible_to(request.user).filter(pk=wanted).first()
