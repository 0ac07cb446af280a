"""Which browsers are signed in, and when they were last used."""

import time

from allauth.usersessions.models import UserSession
from django.http import HttpRequest, HttpResponse

from medimic.middleware import GetResponse
from medimic.network import client_address

SEEN = "seen"
# "Last used" may be this far behind: a page that is read all day need not write each time.
SECONDS_BETWEEN_WRITES = 60


def browser_activity(get_response: GetResponse) -> GetResponse:
    """Keep each sign-in's last use, address and agent, with at most one write a minute.

    It stands in for allauth's own middleware, which writes with every request.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and request.session.session_key:
            now, address = int(time.time()), client_address(request)
            seen_at, seen_from = request.session.get(SEEN, (0, ""))
            if now - seen_at >= SECONDS_BETWEEN_WRITES or seen_from != address:
                UserSession.objects.create_from_request(request)
                request.session[SEEN] = (now, address)
        return get_response(request)

    return middleware
