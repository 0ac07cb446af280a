"""Which browsers are signed in, when they were last used, and when that is too long ago."""

import time
from typing import Any, cast

from allauth.usersessions.models import UserSession
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from accounts import time_outs, trusted_browsers
from accounts.models import Person
from accounts.time_outs import SEEN
from medimic.middleware import GetResponse
from medimic.network import client_address


class Sessions(SessionMiddleware):
    """Django's, but a cookie whose row is gone stays in the browser.

    Of two tabs that ask at the end of a sign-in the first gets a new cookie, with the reason in its row;
    the second's answer would remove that one, which it never saw.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if not request.session.modified and request.session.is_empty():
            patch_vary_headers(response, ("Cookie",))
            return response
        return super().process_response(request, response)


def time_limits(get_response: GetResponse) -> GetResponse:
    """Sign out whom nobody saw for too long, or who signed in too long ago."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            # Without a cookie of one there is no row to look into.
            if request.session.session_key and time_outs.LEFT in request.session:
                time_outs.follow(request)
        elif reason := time_outs.over(request.session, is_staff=request.user.is_staff):
            time_outs.end(request, reason)
        return get_response(request)

    return middleware


def browser_activity(get_response: GetResponse) -> GetResponse:
    """Keep each sign-in's last use, address and agent, with at most one write a minute.

    It stands in for allauth's own middleware, which writes with every request.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_view(request: HttpRequest, *view: Any) -> None:
        if request.user.is_authenticated and request.session.session_key and time_outs.counts(request):
            note_use(request)

    # Only here is it known which view it is: some are asked by pages themselves, again and again.
    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def note_use(request: HttpRequest) -> None:
    """Somebody is there."""
    now, address = int(time.time()), client_address(request)
    seen_at, seen_from = request.session.get(SEEN, (0, ""))
    if now - seen_at < time_outs.limits_of(request).between_writes and seen_from == address:
        return
    UserSession.objects.create_from_request(request)
    trusted_browsers.check(request, cast(Person, request.user))
    request.session.setdefault(time_outs.BEGAN, now)
    request.session[SEEN] = (now, address)
