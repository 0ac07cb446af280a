"""The rows of the Security page: browsers, passkeys, and the last sign-ins."""

import datetime as dt
import uuid
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from accounts import passkeys, sign_ins, trusted_browsers
from accounts.adapters import NO_ADDRESS
from accounts.models import Person, TrustedBrowser
from medimic import agents
from medimic.audit.models import AuditEvent
from medimic.audit.presenters import sentence
from medimic.formatting import Dates
from medimic.network import UNKNOWN_ADDRESS

MOST_SIGN_INS = 10
LAST = dt.timedelta(days=90)
SUCCEEDED = ("accounts.signed_in", "accounts.signed_up")
FAILED = (
    "accounts.sign_in_failed",
    "accounts.factor_failed",
    "accounts.confirmation_failed",
    "accounts.sign_on_failed",
)


@dataclass(frozen=True)
class BrowserRow:
    """One browser: signed in now, trusted, or both. Addresses are empty where there is nothing to do."""

    browser: str
    address: str
    first_seen: str
    last_seen: str
    is_this: bool = False
    is_signed_in: bool = True
    is_trusted: bool = False
    sign_out_href: str = ""
    forget_href: str = ""


def browser_rows(person: Person, dates: Dates, this_key: str | None) -> list[BrowserRow]:
    """This one, the others that are signed in, and those that are trusted alone. Four queries."""
    trusted = {str(row.pk): row for row in trusted_browsers.living(person)}
    rows = []
    for one in sign_ins.open_now(person):
        trust = trusted.pop(one.data.get(trusted_browsers.NOTE, ""), None)
        is_this = one.row.session_key == this_key
        rows.append(
            BrowserRow(
                browser=_browser(one.row.user_agent),
                address=_address(one.row.ip),
                first_seen=dates.date_time(min([one.row.created_at, *([trust.created_at] if trust else [])])),
                last_seen=dates.relative(one.row.last_seen_at),
                is_this=is_this,
                is_trusted=trust is not None,
                sign_out_href="" if is_this else _at("browser_sign_out", sign_ins.reference(one.row)),
                forget_href=_at("browser_forgetting", trust.pk) if trust else "",
            )
        )
    rows.sort(key=lambda row: not row.is_this)
    return rows + [_only_trusted(row, dates) for row in trusted.values()]


def _only_trusted(row: TrustedBrowser, dates: Dates) -> BrowserRow:
    return BrowserRow(
        browser=_browser(row.agent),
        address=_address(row.address),
        first_seen=dates.date_time(row.created_at),
        last_seen=dates.relative(row.last_used_at),
        is_signed_in=False,
        is_trusted=True,
        forget_href=_at("browser_forgetting", row.pk),
    )


@dataclass(frozen=True)
class PasskeyRow:
    name: str
    added: str
    last_used: str
    name_href: str
    removal_href: str


def passkey_rows(factors: list[Authenticator], dates: Dates) -> list[PasskeyRow]:
    """In the order given."""
    return [
        PasskeyRow(
            name=str(passkey),
            added=dates.date(passkey.created_at),
            last_used=dates.relative(passkey.last_used_at) if passkey.last_used_at else "",
            name_href=_at("passkey_name", passkeys.reference(passkey)),
            removal_href=_at("passkey_removal", passkeys.reference(passkey)),
        )
        for passkey in factors
        if passkey.type == Authenticator.Type.WEBAUTHN
    ]


@dataclass(frozen=True)
class SignInRow:
    what: str
    when: str
    ago: str
    browser: str
    address: str
    is_failed: bool


def last_sign_ins(person: Person, dates: Dates) -> list[SignInRow]:
    """From the audit log, the newest first: those that succeeded, and those that did not."""
    events = AuditEvent.objects.filter(
        Q(kind__in=SUCCEEDED + FAILED), person_id=person.pk, created_at__gt=timezone.now() - LAST
    ).order_by("-created_at", "-id")[:MOST_SIGN_INS]
    return [
        SignInRow(
            what=sentence(event),
            when=dates.date_time(event.created_at),
            ago=dates.relative(event.created_at),
            browser=_browser(event.agent),
            address=_address(event.address),
            is_failed=event.kind in FAILED,
        )
        for event in events
    ]


def _browser(agent: str) -> str:
    return agents.in_words(agent) or gettext("Unknown browser")


def _address(address: str) -> str:
    return gettext("unknown") if address in ("", NO_ADDRESS, UNKNOWN_ADDRESS) else address


def _at(name: str, reference: str | uuid.UUID) -> str:
    """One `reverse` for each kind of row would be enough; there are a handful of them."""
    return reverse(name, args=[reference])
