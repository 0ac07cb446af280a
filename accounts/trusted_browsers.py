"""Trusted browsers: "Trust this browser" at the sign-in, as one choice.

It means a long sign-in and, where a second factor was shown, no prompt for it at the next one. The
browser holds a cookie with 256 random bits, we a row for each account that trusts it. Forgetting it
ends both, from wherever one is signed in: that is why it is no signed cookie (`docs/adr/0016`).
"""

import datetime as dt
import re
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import Person, TrustedBrowser
from medimic import cookies, crypto
from medimic.audit.log import Origin, record
from medimic.network import client_address, client_agent

# In the sign-in's row: what was chosen, until the sign-in is through; then whose trust it has.
CHOICE = "trust_this_browser"
NOTE = "trusted_browser"
PRUNE_EVERY = dt.timedelta(days=1)
TOKEN = re.compile(r"[\w-]{43}", re.ASCII)


def note_choice(request: HttpRequest, is_wanted: bool) -> None:
    """Remember what was chosen until the sign-in is through: a second factor may come in between."""
    request.session[CHOICE] = is_wanted


def spares_prompt(request: HttpRequest, person: Person) -> bool:
    """Whether the second factor was shown in this browser before, and nothing has changed since."""
    row = _here(request, person)
    return row is not None and row.is_proved and is_alive(row, person)


def apply(request: HttpRequest, response: HttpResponse, person: Person, *, is_proved: bool) -> None:
    """At the end of a sign-in: trust this browser if that was chosen, or if it is trusted already.

    `is_proved`: a second factor was shown in this very sign-in.
    """
    is_wanted = request.session.pop(CHOICE, False)
    row = _here(request, person)
    if row is not None and not is_alive(row, person):
        row.delete()
        row = None
    if is_wanted and (row is None or is_proved):
        row = _trust(request, response, person, is_proved=is_proved)
    request.session.set_expiry(settings.SESSION_COOKIE_AGE if row is not None else 0)
    if row is not None:
        request.session[NOTE] = str(row.pk)
        row.seen(client_address(request), client_agent(request))


def is_alive(row: TrustedBrowser, person: Person) -> bool:
    """Whether it still counts: Sign Out Everywhere, another password or other factors end it."""
    return row.expires_at > timezone.now() and constant_time_compare(row.stamp, stamp(person))


def stamp(person: Person) -> str:
    """What a person's sign-in rests on. Any change of it ends every trust."""
    factors = Authenticator.objects.filter(user_id=person.pk).order_by("pk").values_list("pk", flat=True)
    parts = [person.pk, person.sign_in_epoch, person.password, *factors]
    return salted_hmac("accounts.trusted-browser", "|".join(map(str, parts)), algorithm="sha256").hexdigest()


def living(person: Person) -> QuerySet[TrustedBrowser]:
    """Those that count, the latest used first."""
    now = stamp(person)
    return person.trusted_browsers.filter(expires_at__gt=timezone.now(), stamp=now).order_by(
        "-last_used_at", "pk"
    )


def is_trusted(request: HttpRequest) -> bool:
    """Whether this sign-in is a long one; without a query."""
    return NOTE in request.session


def check(request: HttpRequest, person: Person) -> None:
    """From here on an ordinary sign-in, where the trust has ended meanwhile."""
    noted = request.session.get(NOTE)
    if noted is None:
        return
    row = person.trusted_browsers.filter(pk=noted).first()
    if row is None or not is_alive(row, person):
        del request.session[NOTE]
        request.session.set_expiry(0)


def keep(request: HttpRequest, person: Person, **changed: bool) -> None:
    """After a change that was made in this browser itself, by whoever proved who they are: it stays
    trusted, and all others end. `is_proved=True` where the change was a factor that was shown."""
    noted = request.session.get(NOTE)
    if noted is None:
        forget_all(person)
        return
    person.trusted_browsers.exclude(pk=noted).delete()
    person.trusted_browsers.filter(pk=noted).update(stamp=stamp(person), **changed)


def forget(*, person: Person, browser: TrustedBrowser, origin: Origin) -> None:
    """End the trust alone; the caller ends the browser's sign-in, if it has one."""
    with transaction.atomic():
        if person.trusted_browsers.filter(pk=browser.pk).delete()[0]:
            record("accounts.browser_forgotten", origin=origin, person_id=person.pk, subject=person)


def forget_all(person: Person) -> None:
    person.trusted_browsers.all().delete()


def prune() -> None:
    """Rows whose time is over."""
    TrustedBrowser.objects.filter(expires_at__lte=timezone.now()).delete()


def _trust(
    request: HttpRequest, response: HttpResponse, person: Person, *, is_proved: bool
) -> TrustedBrowser:
    token = _token(request) or crypto.new_token()
    has_factor = Authenticator.objects.filter(user_id=person.pk).exists()
    with transaction.atomic():
        row, _is_new = TrustedBrowser.objects.update_or_create(
            person=person,
            token_hash=crypto.token_hash(token),
            defaults={
                "stamp": stamp(person),
                "is_proved": is_proved and has_factor,
                "expires_at": timezone.now() + dt.timedelta(seconds=settings.SESSION_COOKIE_AGE),
                "address": client_address(request),
                "agent": client_agent(request),
            },
        )
        record("accounts.browser_trusted", origin=Origin.of(request), person_id=person.pk, subject=person)
    # Of several accounts that trust this browser each has a row of its own, for the same cookie.
    cookies.keep(response, settings.TRUST_COOKIE_NAME, token, max_age=settings.SESSION_COOKIE_AGE)
    return row


def _here(request: HttpRequest, person: Person) -> TrustedBrowser | None:
    token = _token(request)
    if not token:
        return None
    return TrustedBrowser.objects.filter(person_id=person.pk, token_hash=crypto.token_hash(token)).first()


def _token(request: HttpRequest) -> str:
    value: Any = request.COOKIES.get(settings.TRUST_COOKIE_NAME, "")
    return value if TOKEN.fullmatch(value) else ""
