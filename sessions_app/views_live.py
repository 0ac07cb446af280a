"""A session's page in a browser that takes part in it: live while it runs, or the room where one waits.

To everybody else, and once it is over, it is the session's detail.
"""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import Person
from devices import browsers
from devices.qr import qr_code
from sessions_app import presenters_live as present
from sessions_app import views
from sessions_app.models import Participant, Visit
from sessions_app.presenters import duration

State = Participant.State


@require_safe
@never_cache
def session_page(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """One session, as whoever asks takes part in it or took part."""
    own = _own_part(request, session_id)
    if own is None:
        return _detail(request, session_id)
    is_active = own.visit.status(timezone.now()) is Visit.Status.ACTIVE
    if is_active and own.is_present:
        return _live(request, own)
    if is_active and own.state == State.WAITING and own.left_at is None:
        return _waiting_room(request, own)
    if own.state == State.ADMITTED and request.user.is_authenticated:
        return _detail(request, session_id)
    return _no_part_any_more(request, own, is_active=is_active)


def _detail(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """Which asks for a sign-in itself."""
    return views.detail(request, session_id)  # type: ignore[arg-type]


def _own_part(request: HttpRequest, session_id: uuid.UUID) -> Participant | None:
    """What this very browser is in the session: its host, else whoever joined on it last."""
    authorization = browsers.taking_part(request)
    if authorization is None:
        return None
    own = Participant.objects.filter(visit=session_id, authorization=authorization)
    return own.select_related("visit").order_by("-is_host", "-joined_at", "id").first()


def _live(request: HttpRequest, own: Participant) -> HttpResponse:
    visit = own.visit
    url = present.join_url(visit)
    context = {
        "visit": visit,
        "is_host": own.is_host,
        "is_shared": visit.mode == Visit.Mode.SHARED_DEVICE,
        "started": visit.started_at.isoformat(),
        "duration": duration(visit.duration(timezone.now())),
        "join_url": url,
        "qr_code": qr_code(url),
        "roles": present.ROLES,
        "speaker_roles": present.SPEAKER_ROLES,
        "settings": present.live_settings(visit, own, _reader(request)),
        "words": present.live_words(),
    }
    response = render(request, "sessions/live.html", context)
    # For dictation, which a person turns on; no other page listens.
    response["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(self)"
    return response


def _waiting_room(request: HttpRequest, own: Participant) -> HttpResponse:
    context: dict[str, Any] = {
        "host": own.visit.hosting.name,
        "name": own.name,
        "role": own.get_role_display(),
        "settings": present.waiting_settings(own.visit, own, _reader(request)),
    }
    return render(request, "sessions/waiting.html", context)


def _no_part_any_more(request: HttpRequest, own: Participant, *, is_active: bool) -> HttpResponse:
    """They were refused, left, or it ended: to somebody who may not read it, or not here."""
    was_refused = own.state == State.REFUSED
    context = {"is_over": not is_active, "was_refused": was_refused and is_active}
    return render(request, "sessions/no_part.html", context)


def _reader(request: HttpRequest) -> Person | None:
    return request.user if isinstance(request.user, Person) else None
