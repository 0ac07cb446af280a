"""Whom somebody else demands single sign-on of: organizations, a floor above, say so at start.

A person who has connected the provider is signed in by it alone, from then on. One who has not yet signs in
as before, and is led to connecting it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal.httpkit import is_headless_request
from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.models import Person
from medimic.audit.log import Origin, record
from medimic.problems import Problem, problem_response


@dataclass(frozen=True)
class Demand:
    """Who asks, for which provider of the configuration."""

    organization: str
    provider: str
    provider_name: str


Ask = Callable[[Person], Demand | None]
_asked: list[Ask] = []


def register(ask: Ask) -> None:
    """Have `ask` say, at each sign-in, whether one is demanded of this person."""
    _asked.append(ask)


def of(person: Person) -> Demand | None:
    return next((demand for ask in _asked if (demand := ask(person)) is not None), None)


def is_connected(person: Person, demand: Demand) -> bool:
    return SocialAccount.objects.filter(user=person, provider=demand.provider).exists()


def refuse_other_ways(request: HttpRequest, person: Person) -> HttpResponse | None:
    """Where the provider alone may sign this person in: the way there, in place of any other sign-in.

    Asked once password or passkey were right: it tells nobody else anything.
    """
    records = get_authentication_records(request, person)
    demand = of(person)
    if demand is None or not is_connected(person, demand):
        return None
    if any(
        entry["method"] == "socialaccount" and entry.get("provider") == demand.provider for entry in records
    ):
        return None
    with transaction.atomic():
        record(
            "accounts.sign_on_demanded",
            origin=Origin.of(request),
            person_id=person.pk,
            details={"organization": demand.organization, "provider": demand.provider},
        )
    words = {"organization": demand.organization, "provider": demand.provider_name}
    if is_headless_request(request):
        problem = Problem(
            403,
            "single_sign_on_required",
            _("%(organization)s asks you to sign in with %(provider)s. Use a link from the portal.") % words,
        )
        raise ImmediateHttpResponse(problem_response(request, problem))
    messages.warning(
        request, _("%(organization)s asks you to sign in with %(provider)s, not with a password.") % words
    )
    return redirect("openid_connect_login", demand.provider)
