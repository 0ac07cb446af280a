"""Waiting for changes costs little: who asks with a condition is told that nothing changed from one query.

A client keeps the ETag of its last answer and sends it as `If-None-Match`. `live_auth` finds, in the query
that compares its session token, what the tag is made of as well; so an operation decides on 304 before it
asks the database for anything. With `GET …/participants`, for instance:

    @router.get(path, auth=live_auth, response={200: …, 304: None})
    def participants(request, session_id, response: HttpResponse):
        caller = live.caller(request, session_id)
        tag = live.tag_of(caller)
        if live.is_known(request, tag):
            return live.unchanged(tag)
        response["ETag"] = tag
        …

Read the tag first and the content afterwards, never the other way round: what changes in between is then
told once too often, and not never.
"""

import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import parse_etags
from django.utils.translation import gettext_lazy as _

from devices import dpop, tokens
from devices.auth import TokenAuth
from devices.models import Token
from medimic.problems import Problem
from sessions_app.models import Participant, Visit

_own = Participant.objects.filter(pk=OuterRef("participant_id"))
# What the token's own query brings along: three look-ups by primary key.
FOUND_WITH = {
    "visit_version": Subquery(Visit.objects.filter(pk=OuterRef("session_id")).values("version")),
    "own_version": Subquery(_own.values("version")),
    "own_state": Subquery(_own.values("state")),
}


@dataclass(frozen=True)
class Caller:
    """Who calls with a living session token, and what a tag is made of. The session is Active."""

    token: Token
    visit_version: int
    own_version: int
    own_state: str

    @property
    def is_admitted(self) -> bool:
        return self.own_state == Participant.State.ADMITTED

    def require_admitted(self) -> None:
        """Until the host admits them, somebody reads their own state and nothing else."""
        if not self.is_admitted:
            raise Problem(403, "not_admitted", _("The host has not admitted you to this session."))


class SessionAuth(TokenAuth):
    """A living session token; `request.auth` is the `Caller`."""

    def __init__(self) -> None:
        super().__init__(Token.Kind.SESSION)

    def __call__(self, request: HttpRequest) -> Any:
        return super().__call__(request)

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        found: Any = super().authenticate(request, token)
        return Caller(found, found.visit_version or 0, found.own_version or 0, found.own_state or "")

    def find(self, request: HttpRequest, token: str) -> Token:
        prove = partial(dpop.prove_header, request, token)
        return tokens.authenticate(token, self.kind, prove=prove, found_with=FOUND_WITH)


live_auth = SessionAuth()


def caller(request: HttpRequest, session_id: uuid.UUID) -> Caller:
    """Whoever `live_auth` let in; with the token of another session, there is no such session."""
    found: Caller = request.auth  # type: ignore[attr-defined]
    if found.token.session_id != session_id:
        raise Http404
    return found


def tag_of(caller: Caller) -> str:
    """What changes whenever the answer would; of who is not admitted, that is their own row alone."""
    if caller.is_admitted:
        return tag(caller.visit_version)
    return tag(f"{caller.own_version}-{caller.own_state}")


def tag(version: int | str) -> str:
    return f'"{version}"'


def is_known(request: HttpRequest, tag: str) -> bool:
    """Whether the caller has this already. A proxy that compresses makes a tag weak, and no other one."""
    known = request.headers.get("If-None-Match")
    if not known:
        return False
    return known == tag or any(one.removeprefix("W/") == tag for one in parse_etags(known))


def unchanged(tag: str) -> HttpResponse:
    return HttpResponse(status=304, headers={"ETag": tag})
