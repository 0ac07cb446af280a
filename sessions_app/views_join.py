"""Joining a session in a browser, signed in or as a guest."""

from typing import Any, cast

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

# Where in the form it is said.
FIELDS = {"code_unknown": "code", "role_refused": "role"}


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
    if not form.is_valid():
        return render(request, "sessions/join.html", {"form": form})
    try:
        joined = _join(request, form.wanted(), account)
    except Problem as problem:
        return _refused(request, form, problem)
    return redirect("session_detail", joined.visit.pk)


def _refused(request: HttpRequest, form: JoinForm, problem: Problem) -> HttpResponse:
    if problem.code == "already_host":
        return redirect("session_detail", problem.extra["session_id"])
    context: dict[str, Any] = {"form": form}
    if problem.code in FIELDS:
        form.add_error(FIELDS[problem.code], str(problem.detail))
    else:
        context["problem"] = problem
    # To a browser, 401 would say that it can authenticate by a header.
    status = 403 if problem.status == 401 else problem.status
    response = render(request, "sessions/join.html", context, status=status)
    if problem.retry_after is not None:
        response["Retry-After"] = str(problem.retry_after)
    return response


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
