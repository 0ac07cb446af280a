"""Joining a session in a browser, signed in or as a guest."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import Person
from devices import browser_sign_ins, browsers
from devices.models import DeviceAuthorization
from medimic.audit.log import Origin
from medimic.problems import Problem
from orgs.standing import SignedInRequest
from sessions_app import joining
from sessions_app.forms_join import JoinForm


@require_http_methods(["GET", "HEAD", "POST"])
@browsers.identified
def join(request: HttpRequest, code: str = "") -> HttpResponse:
    """Ask to be let into a session by its code; nobody needs to sign in for it."""
    account = request.user if isinstance(request.user, Person) else None
    form = JoinForm(
        request.POST if request.method == "POST" else None,
        code=code,
        name=account.name if account else "",
        may_provide=joining.may_provide(account),
    )
    problem: Problem | None = None
    if form.is_valid():
        try:
            joined = _join(request, form.wanted(), account)
        except Problem as refusal:
            problem = refusal
        else:
            return redirect("session_detail", joined.visit.pk)
    status = problem.status if problem else 200
    context = {"form": form, "problem": problem}
    # To a browser, 401 would say that it can authenticate by a header.
    return render(request, "sessions/join.html", context, status=403 if status == 401 else status)


def _join(request: HttpRequest, wanted: joining.Joining, account: Person | None) -> joining.Joined:
    registered: list[DeviceAuthorization] = []

    def device_of(_visit: object) -> DeviceAuthorization:
        if account:
            found = browsers.authorization_for(cast(SignedInRequest, request))
        else:
            found = browsers.guest_authorization_for(request)
        registered.append(found)
        return found

    joined = joining.ask(wanted, device_of, account=account, origin=Origin.of(request), with_token=False)
    if account:
        browser_sign_ins.bind(request, registered[0])
    else:
        browsers.note_guest(request, registered[0], until=joined.visit.expires_at)
    return joined
