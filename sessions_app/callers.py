"""Who may read a session's transcript and who may write to it, by what they call with.

While a session is Active that is the session token of somebody who was admitted. Afterwards an account that
hosted it or was admitted reads it with a device's token or its portal sign-in; a guest does not. For what
was written before the end and did not get through, `LATE_FOR` after it a writer comes with the token
that ended with the session, or as the account's device that took part.

Whom the host removed reads what was there until then, and nothing that was said without them.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja.security import HttpBearer

from accounts.models import Person
from devices import browsers, dpop, tokens
from devices.auth import device_auth, portal_auth, token_of
from devices.models import DeviceAuthorization, Token
from medimic.problems import Problem
from sessions_app.live import Caller, live_auth
from sessions_app.models import Envelope, Participant, Visit

LATE_FOR = dt.timedelta(hours=24)
OVER = ("token_ended", "token_expired")


class ReaderAuth(HttpBearer):
    """A session token, a device's access token, or without either a portal sign-in."""

    def __call__(self, request: HttpRequest) -> Any:
        if "Authorization" not in request.headers:
            return portal_auth(request)
        try:
            return live_auth(request)
        except Problem as problem:
            if problem.code != "token_unknown":
                return self.past(request, problem)
        return device_auth(request)

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        raise NotImplementedError

    def past(self, request: HttpRequest, problem: Problem) -> Any:
        """For a session token that does not count any more: it reads nothing."""
        raise problem


class WriterAuth(ReaderAuth):
    """The same, and a session token that ended with its session."""

    def past(self, request: HttpRequest, problem: Problem) -> Any:
        if problem.code not in OVER:
            raise problem
        bearer = token_of(request)
        found = tokens.find_past(bearer, prove=partial(dpop.prove_header, request, bearer))
        if found is None or not _ended_with_its_session(found):
            raise problem
        return found


reader_auth = ReaderAuth()
writer_auth = WriterAuth()


@dataclass(frozen=True)
class Reader:
    """Somebody who may read the transcript of that session: `version` is its own. Who was removed
    reads what came before `until`."""

    visit_id: uuid.UUID
    version: int
    account_id: uuid.UUID | None
    authorization_id: uuid.UUID | None
    until: dt.datetime | None = None

    @property
    def envelopes(self) -> QuerySet[Envelope]:
        """The account's own; a guest's device has those that were made for it."""
        rows = Envelope.objects.filter(visit=self.visit_id)
        if self.account_id is not None:
            return rows.filter(person=self.account_id)
        return rows.filter(person=None, authorization=self.authorization_id)


@dataclass(frozen=True)
class Writer:
    """Whose segments are taken: those of the authorization's participants in that session.

    `participant_id` is that of a session token; without one only what is late is taken.
    """

    visit_id: uuid.UUID
    authorization_id: uuid.UUID
    participant_id: uuid.UUID | None

    def parts(self, visit: Visit) -> QuerySet[Participant]:
        """The participants that it may write for: admitted, and there until the end."""
        own = Q(authorization=self.authorization_id)
        if self.participant_id is not None:
            own |= Q(pk=self.participant_id)
        present = Q(left_at=None) | Q(left_at__isnull=False, left_at=visit.ended_at)
        return visit.participants.admitted().filter(own, present)


def reader(request: HttpRequest, session_id: uuid.UUID) -> Reader:
    """Raises `Http404` for a session that is none of the caller's; `Problem` 403 `not_admitted`,
    `session_token_needed` or `account_needed`."""
    by: Caller | Token | Person = request.auth  # type: ignore[attr-defined]
    if isinstance(by, Caller):
        authorization = _own(by.token, session_id)
        by.require_admitted()
        return Reader(session_id, by.visit_version, authorization.account_id, authorization.pk)
    visit = _of_account(by, session_id)
    authorization_id = by.authorization_id if isinstance(by, Token) else None
    account_id = _account_of(by)
    return Reader(visit.pk, visit.version, account_id, authorization_id, _until(visit, account_id))


def writer(request: HttpRequest, session_id: uuid.UUID) -> Writer:
    """Raises as `reader` does."""
    by: Caller | Token | Person = request.auth  # type: ignore[attr-defined]
    if isinstance(by, Caller):
        authorization = _own(by.token, session_id)
        by.require_admitted()
        return Writer(session_id, authorization.pk, by.token.participant_id)
    if isinstance(by, Token) and by.kind == Token.Kind.SESSION:
        return Writer(session_id, _own(by, session_id).pk, by.participant_id)
    visit = _of_account(by, session_id)
    if isinstance(by, Token):
        return Writer(visit.pk, by.authorization_id, None)
    browser = browsers.taking_part(request)
    if browser is None:
        raise Http404
    return Writer(visit.pk, browser.pk, None)


def _own(token: Token, session_id: uuid.UUID) -> DeviceAuthorization:
    if token.session_id != session_id:
        raise Http404
    return token.authorization


def _account_of(by: Token | Person) -> uuid.UUID | None:
    return by.authorization.account_id if isinstance(by, Token) else by.pk


def _of_account(by: Token | Person, session_id: uuid.UUID) -> Visit:
    """The session, if the account reads it now: it hosted or was admitted, and the session is over."""
    if isinstance(by, Person):
        mine = Visit.objects.visible_to(by)
    else:
        mine = Visit.objects.visible_to_device(by.authorization)
    visit = mine.filter(pk=session_id).first()
    if visit is None:
        raise Http404
    if _account_of(by) is None:
        raise Problem(403, "account_needed", _("A guest cannot read a transcript once it has ended."))
    if visit.status(timezone.now()) is Visit.Status.ACTIVE:
        raise Problem(
            403, "session_token_needed", _("While the session is active, call with its session token.")
        )
    return visit


def _until(visit: Visit, account_id: uuid.UUID | None) -> dt.datetime | None:
    """When the account was sent out of the session, if it never came in again."""
    if visit.host_id == account_id:
        return None
    last = visit.participants.admitted().filter(person=account_id).order_by("-joined_at", "id").first()
    return last.left_at if last is not None and last.was_removed else None


def _ended_with_its_session(token: Token) -> bool:
    """Whether it was the session's end that took the token along, and not something before it."""
    if token.session_id is None:
        return False
    visit = Visit.objects.get(pk=token.session_id)
    if visit.ended_at is not None:
        return token.ended_at == visit.ended_at
    return token.ended_at is None and token.expires_at == visit.expires_at
