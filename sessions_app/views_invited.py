"""An invitation as whoever got it sees it. A link that opens nothing says so, and not why."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Person
from devices import browser_sign_ins, browsers
from medimic.audit.log import Origin
from medimic.formatting import Dates
from medimic.problems import Problem
from sessions_app import invitations, joining
from sessions_app.forms_join import InvitedForm
from sessions_app.invitations import Link, NotAddressed, NotGood
from sessions_app.models import Participant


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@browsers.identified
def session_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks; POST accepts, for whoever signed in with the invited address."""
    account = request.user if isinstance(request.user, Person) else None
    try:
        link = invitations.opened(token, account)
    except NotGood:
        return _already_or_none(request, token, account)
    if account is None or not link.is_theirs:
        return _ask(request, token, link, status=403 if account and request.method == "POST" else 200)
    form = InvitedForm(
        request.POST if request.method == "POST" else None,
        name=account.name,
        may_provide=joining.may_provide(account),
    )
    if not form.is_valid():
        return _ask(request, token, link, form=form)
    try:
        participant = _accept(request, token, form.wanted())
    except (NotGood, NotAddressed):
        return _already_or_none(request, token, account)
    except Problem as problem:
        # To a browser, 401 would say that it can authenticate by a header.
        status = 403 if problem.status == 401 else problem.status
        return _ask(request, token, link, form=form, problem=problem, status=status)
    return redirect("session_detail", participant.visit_id)


@require_POST
@never_cache
def invitation_declining(request: HttpRequest, token: str) -> HttpResponse:
    """Say no; whoever has the mail may."""
    try:
        invitation = invitations.decline(token, origin=Origin.of(request))
    except NotGood:
        return _none(request)
    return render(request, "sessions/declined.html", {"host": invitation.invited_by.name})


def _accept(request: HttpRequest, token: str, wanted: joining.Joining) -> Participant:
    """Where the invitation is not good any more, the browser does not become a device for it either."""
    with transaction.atomic():
        authorization = browsers.authorization_for(request)  # type: ignore[arg-type]
        participant = invitations.accept(
            token, wanted, authorization=authorization, origin=Origin.of(request)
        )
    browser_sign_ins.bind(request, authorization)
    return participant


def _ask(
    request: HttpRequest,
    token: str,
    link: Link,
    *,
    form: InvitedForm | None = None,
    problem: Problem | None = None,
    status: int = 200,
) -> HttpResponse:
    visit, host = link.invitation.visit, link.invitation.invited_by
    reader = request.user if isinstance(request.user, Person) else host
    dates = Dates.of(reader)
    context: dict[str, Any] = {
        "token": token,
        "host": host.name,
        "began": f"{dates.date_time(visit.started_at)} ({dates.zone.key})",
        "is_theirs": link.is_theirs,
        "form": form,
        "problem": problem,
    }
    return render(request, "sessions/invited.html", context, status=status)


def _already_or_none(request: HttpRequest, token: str, account: Person | None) -> HttpResponse:
    """Who accepted it is led to the session; for anybody else there is nothing at this address."""
    taken = invitations.accepted_by(token, account) if account else None
    return redirect("session_detail", taken.visit_id) if taken else _none(request)


def _none(request: HttpRequest) -> HttpResponse:
    return render(request, "sessions/no_invitation.html", status=404)
