"""How long a sign-in lasts: while it is used, and in all.

Shorter in a browser that is not trusted, and shorter for staff. What counts as use: a page that was
opened, or something sent, by a person; not what a page asks for by itself again and again (`polled`).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import Person
from accounts.trusted_browsers import NOTE as TRUSTED
from medimic import crypto
from medimic.network import client_address

View = TypeVar("View", bound=Callable[..., Any])

# In the sign-in's row: when it began; when it was last used, and from which address.
BEGAN = "began"
SEEN = "seen"
# In the row of whoever comes after a time-out: whose sign-in it was, and what was asked for since.
LEFT = "left"
IDLE, LONGEST = "idle", "longest"

SECONDS_BETWEEN_WRITES = 60
# A page that was still open asks for itself once more when its time is over.
STILL_OPEN = 60
MOST_PATHS = 5
# The pages of the sign-in, reloaded by whoever sits down there.
SIGNING_IN = "/accounts/"
# What a page is warned of before its end.
WARNING = 120
READING_MODES = {"", "navigate"}


@dataclass(frozen=True)
class Limits:
    """In seconds: unused, and in all."""

    idle: int
    longest: int

    @property
    def between_writes(self) -> int:
        """How far "last used" may be behind: a page that is read all day need not write each time."""
        return min(SECONDS_BETWEEN_WRITES, self.idle // 10)


def limits(*, is_trusted: bool, is_staff: bool) -> Limits:
    ordinary = Limits(*(settings.TRUSTED_TIME_OUTS if is_trusted else settings.TIME_OUTS))
    if not is_staff:
        return ordinary
    staff = Limits(*(settings.STAFF_TRUSTED_TIME_OUTS if is_trusted else settings.STAFF_TIME_OUTS))
    return Limits(min(ordinary.idle, staff.idle), min(ordinary.longest, staff.longest))


def limits_of(request: HttpRequest) -> Limits:
    """Of a signed-in request."""
    return limits(is_trusted=TRUSTED in request.session, is_staff=request.user.is_staff)


def polled(view: View) -> View:
    """For what pages ask for by themselves: it keeps no sign-in alive."""
    view.is_polled = True  # type: ignore[attr-defined]
    return view


def begin(request: HttpRequest) -> None:
    """At the end of a sign-in."""
    now = int(time.time())
    request.session[BEGAN] = now
    request.session[SEEN] = (now, client_address(request))


def over(data: Mapping[str, Any], *, is_staff: bool, now: float | None = None) -> str:
    """Why a sign-in with this data has ended: IDLE, LONGEST, or "" as long as it has not."""
    left = seconds_left(data, is_staff=is_staff, now=now)
    return "" if min(left.values()) > 0 else min(left, key=lambda reason: left[reason])


def seconds_left(data: Mapping[str, Any], *, is_staff: bool, now: float | None = None) -> dict[str, float]:
    """How long it lasts unless it is used, and at most."""
    now = time.time() if now is None else now
    bounds = limits(is_trusted=TRUSTED in data, is_staff=is_staff)
    seen_at = data.get(SEEN, (now, ""))[0]
    return {IDLE: seen_at + bounds.idle - now, LONGEST: data.get(BEGAN, now) + bounds.longest - now}


def counts(request: HttpRequest) -> bool:
    """Whether a person did this, and not a page by itself."""
    match = request.resolver_match
    if match is None or getattr(match.func, "is_polled", False):
        return False
    if request.method in ("GET", "HEAD"):
        # Where the browser says so: a script's own questions are told apart from pages that are opened.
        return request.headers.get("Sec-Fetch-Mode", "") in READING_MODES and not _is_call(request)
    return not _is_call(request)


def _is_call(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def end(request: HttpRequest, reason: str) -> None:
    """Sign out, as Sign Out does; the next page says why."""
    person, at = request.user, time.time()
    # Of several tabs that ask in one moment one ends it: the others' cookies would take the place of
    # that one's, which says why, and where they were.
    if not Session.objects.filter(session_key=request.session.session_key).delete()[0]:
        request.session, request.user = type(request.session)(), AnonymousUser()
        return
    request.timed_out = reason  # type: ignore[attr-defined]
    logout(request)
    request.session[LEFT] = {"by": _reference(person), "at": int(at), "paths": [request.get_full_path()]}
    # With the browser's own end, like any sign-in that is not trusted.
    request.session.set_expiry(0)
    if reason == IDLE:
        messages.info(request, _("You were signed out because this browser was not used for a while."))
    else:
        messages.info(request, _("You were signed out because you signed in a long time ago."))


def follow(request: HttpRequest) -> None:
    """Note what a page that was still open at the end asks for, where `next` would lead; and that
    somebody opens a page of their own later on."""
    left = request.session.get(LEFT)
    if not left or request.method != "GET":
        return
    path = request.get_full_path()
    if time.time() - left["at"] < STILL_OPEN:
        if path not in left["paths"] and len(left["paths"]) < MOST_PATHS:
            left["paths"].append(path)
            request.session.modified = True
    elif not left.get("is_over") and not path.startswith(SIGNING_IN):
        left["is_over"] = True
        request.session.modified = True


def was_left_by_another(request: HttpRequest, person: Person, onward: str) -> bool:
    """Whether this is where somebody else was when their sign-in here ended: not for this person.

    So is anything until a page was opened later on: of several tabs that ask at once one may be noted
    in the place of another.
    """
    left = request.session.pop(LEFT, None)
    if not left or left["by"] == _reference(person):
        return False
    return onward in left["paths"] or not left.get("is_over")


def standing(request: HttpRequest) -> dict[str, Any]:
    """Who is signed in, as a page compares it, and for how many seconds: unused, and in all."""
    if not request.user.is_authenticated:
        return {"who": ""}
    left = seconds_left(request.session, is_staff=request.user.is_staff)
    return {"who": reference(request.user), **{reason: max(int(left[reason]), 0) for reason in left}}


def standing_of_page(request: HttpRequest) -> dict[str, Any]:
    """The same for a page that is being opened, which counts as use; with when it is to warn."""
    idle = limits_of(request).idle
    return {**standing(request), IDLE: idle, "warning": min(WARNING, idle // 2)}


def reference(person: Person) -> str:
    """By which a page tells whether the same person is still signed in."""
    return _reference(person)[:16]


def _reference(person: Any) -> str:
    return crypto.keyed_hash("signed-in-person", str(person.pk))
