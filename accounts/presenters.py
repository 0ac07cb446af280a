"""How the audit rows of accounts read, and the rows of the Security page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allauth.usersessions.models import UserSession
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import mail_preferences, sign_ins, time_outs
from accounts.adapters import NO_ADDRESS
from medimic import agents
from medimic.audit.models import AuditEvent
from medimic.audit.presenters import register
from medimic.formatting import Dates

FACTORS = {
    "totp": _("authenticator app"),
    "recovery_codes": _("recovery code"),
    "webauthn": _("passkey"),
}
FIELDS = {
    "first_name": _("first name"),
    "last_name": _("last name"),
    "display_name": _("display name"),
    "phone_number": _("phone number"),
    "language": _("language"),
    "date_locale": _("dates"),
    "time_zone": _("time zone"),
}


def register_all() -> None:
    register("accounts.signed_in", _signed_in, title=_("Signed in"))
    register("accounts.signed_out", _("Signed out"))
    register("accounts.sign_in_failed", _("A sign-in failed"))
    register("accounts.confirmation_failed", _("A wrong password was given as confirmation"))
    register("accounts.signed_up", _("Signed up"))
    register("accounts.email_verified", _("Verified the email address"))
    register("accounts.email_changed", _("Changed the email address"))
    register("accounts.password_changed", _("Changed the password"))
    register("accounts.password_reset", _("Reset the password by a mailed link"))
    register(
        "accounts.factor_added",
        _factor(_("Added a second factor: %(factor)s")),
        title=_("Added a second factor"),
    )
    register(
        "accounts.factor_removed",
        _factor(_("Removed a second factor: %(factor)s")),
        title=_("Removed a second factor"),
    )
    register("accounts.factor_failed", _("A wrong code was given"))
    register("accounts.recovery_codes_made", _("Made recovery codes"))
    register("accounts.profile_changed", _profile_changed, title=_("Changed the profile"))
    register(
        "accounts.mail_preferences_changed",
        _mail_preferences_changed,
        title=_("Changed the email notifications"),
    )
    register("accounts.unsubscribed", _unsubscribed, title=_("Unsubscribed by a mailed link"))
    register("accounts.device_confirmation_on", _("Switched the confirmation of new devices on"))
    register("accounts.device_confirmation_off", _("Switched the confirmation of new devices off"))
    register("accounts.browser_signed_out", _("Signed a browser out"))
    register("accounts.signed_out_everywhere", _("Signed out everywhere"))
    register("accounts.browser_trusted", _("Trusted a browser"))
    register("accounts.browser_forgotten", _("Forgot a trusted browser"))
    register("accounts.timed_out", _timed_out, title=_("Signed out by itself"))
    register("accounts.passkey_renamed", _("Renamed a passkey"))
    register("accounts.recovery_codes_shown", _("Looked at the recovery codes"))
    register("accounts.recovery_codes_downloaded", _("Downloaded the recovery codes"))
    register("accounts.alert_confirmed", _alert_confirmed, title=_("Said of a mail: this wasn't me"))
    register("accounts.email_restored", _("Took the email address back by a mailed link"))
    register("accounts.sign_on_connected", _("Connected single sign-on: %(provider)s"))
    register("accounts.sign_on_disconnected", _("Disconnected single sign-on: %(provider)s"))
    register(
        "accounts.sign_on_demanded",
        _("A sign-in without %(provider)s was refused: %(organization)s asks for it"),
    )
    register("accounts.sign_on_failed", _("A sign-in with %(provider)s failed"))


def _signed_in(event: AuditEvent, details: Mapping[str, Any]) -> str:
    factor, provider = details.get("factor"), details.get("provider")
    if provider and factor:
        names = {"provider": provider, "factor": FACTORS.get(factor, factor)}
        return gettext("Signed in with %(provider)s and %(factor)s") % names
    if provider:
        return gettext("Signed in with %(provider)s") % {"provider": provider}
    if not factor:
        return gettext("Signed in")
    return gettext("Signed in with %(factor)s") % {"factor": FACTORS.get(factor, factor)}


def _alert_confirmed(event: AuditEvent, details: Mapping[str, Any]) -> str:
    return gettext("Said of a mail: this wasn't me. Everything was signed out and the password ended")


def _timed_out(event: AuditEvent, details: Mapping[str, Any]) -> str:
    if details["reason"] == time_outs.IDLE:
        return gettext("Signed out by itself: the browser was not used for a while")
    return gettext("Signed out by itself: the sign-in was too long ago")


def _factor(sentence: Any) -> Any:
    def present(event: AuditEvent, details: Mapping[str, Any]) -> str:
        return str(sentence) % {"factor": FACTORS.get(details["factor"], details["factor"])}

    return present


def _profile_changed(event: AuditEvent, details: Mapping[str, Any]) -> str:
    names = [str(FIELDS.get(name, name)) for name in str(details["fields"]).split(", ")]
    return gettext("Changed the profile: %(fields)s") % {"fields": ", ".join(names)}


def _mail_preferences_changed(event: AuditEvent, details: Mapping[str, Any]) -> str:
    switched = [(_mails(name), is_on) for name, is_on in sorted(details.items())]
    said = [
        (gettext("%(mails)s on") if is_on else gettext("%(mails)s off")) % {"mails": mails}
        for mails, is_on in switched
    ]
    return gettext("Changed the email notifications: %(switched)s") % {"switched": ", ".join(said)}


def _unsubscribed(event: AuditEvent, details: Mapping[str, Any]) -> str:
    return gettext("Unsubscribed by a mailed link: %(mails)s") % {"mails": _mails(details["mails"])}


def _mails(name: str) -> str:
    return str(mail_preferences.Kind(name).label) if name in mail_preferences.Kind.values else name


@dataclass(frozen=True)
class SignInRow:
    """One browser on the Security page."""

    href: str
    browser: str
    address: str
    since: str
    last_used: str
    is_this: bool


def sign_in_rows(rows: list[UserSession], dates: Dates, this_key: str | None) -> list[SignInRow]:
    address = reverse("browser_sign_out", args=["-"])
    return [
        SignInRow(
            href=address.replace("/-/", f"/{sign_ins.reference(row)}/"),
            browser=agents.in_words(row.user_agent) or gettext("Unknown browser"),
            address=gettext("unknown") if row.ip == NO_ADDRESS else row.ip,
            since=dates.date_time(row.created_at),
            last_used=dates.relative(row.last_seen_at),
            is_this=row.session_key == this_key,
        )
        for row in rows
    ]
