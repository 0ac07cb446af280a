"""Which mails a person wants, how they change that, and the link that ends one kind with one click.

The link (RFC 8058) needs no sign-in and lasts as long as the mail: all it can do is switch its one kind off.
Security alerts have none: whoever reads a forwarded mail must not silence them.
"""

import base64
import binascii
import uuid
from collections.abc import Mapping

from django.conf import settings
from django.core import signing
from django.db import models, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import alerts
from accounts.models import MailPreferences, Person
from accounts.notices import SECURITY_ALERTS_OFF
from medimic import crypto
from medimic.audit.log import Origin, record

PURPOSE = "accounts.unsubscribe"


class Kind(models.TextChoices):
    """The mails that can be switched; the values name the fields of `MailPreferences`."""

    NEW_SESSIONS = "new_sessions", _("New sessions")
    SESSION_SUMMARIES = "session_summaries", _("Session summaries")
    SECURITY_ALERTS = "security_alerts", _("Security alerts")


def of(person: Person) -> MailPreferences:
    """Their choices, or the defaults."""
    return MailPreferences.objects.filter(person=person).first() or MailPreferences(person=person)


def wants(person: Person, kind: Kind) -> bool:
    return bool(getattr(of(person), kind))


def change(person: Person, wanted: Mapping[Kind, bool], origin: Origin) -> list[Kind]:
    """Switch these kinds, leaving the others; returns those that were otherwise before.

    Switching security alerts off is told by one last of them. That it asks for a recent
    authentication is the page's part.
    """
    with transaction.atomic():
        changed = _switch(person, wanted)
        if not changed:
            return []
        record(
            "accounts.mail_preferences_changed",
            origin=origin,
            person_id=person.pk,
            subject=person,
            details={kind.value: wanted[kind] for kind in changed},
        )
        if Kind.SECURITY_ALERTS in changed and not wanted[Kind.SECURITY_ALERTS]:
            alerts.send("accounts.security_alerts_off", SECURITY_ALERTS_OFF, person=person, origin=origin)
    return changed


def unsubscribe(person: Person, kind: Kind, origin: Origin) -> bool:
    """Switch one kind off by a mail's link; False if it is off already."""
    with transaction.atomic():
        if not _switch(person, {kind: False}):
            return False
        record(
            "accounts.unsubscribed",
            origin=origin,
            person_id=person.pk,
            subject=person,
            details={"mails": kind.value},
        )
    return True


def unsubscribe_url(person: Person, kind: Kind) -> str:
    """The link that ends this kind for this person. Raises `ValueError` for security alerts."""
    if kind == Kind.SECURITY_ALERTS:
        raise ValueError("security alerts are switched off by whoever is signed in alone")
    name = base64.urlsafe_b64encode(person.pk.bytes).rstrip(b"=").decode()
    token = _signer().sign(f"{kind.value}.{name}")
    return settings.PORTAL_URL + reverse("unsubscribe", args=[token])


def of_token(token: str) -> tuple[Person, Kind] | None:
    """Whom and what a link is of; None for one that we did not make."""
    try:
        value, _dot, name = _signer().unsign(token).partition(".")
        kind, person_id = Kind(value), uuid.UUID(bytes=base64.urlsafe_b64decode(f"{name}=="))
    except (signing.BadSignature, binascii.Error, ValueError):
        return None
    person = Person.objects.filter(pk=person_id).first()
    return None if person is None or kind == Kind.SECURITY_ALERTS else (person, kind)


def _signer() -> signing.Signer:
    # Not under SECRET_KEY: another one of those would void the links of all mails that are read later.
    return signing.Signer(key=crypto.keyed_hash(PURPOSE, "key"), sep=".", salt=PURPOSE)


def _switch(person: Person, wanted: Mapping[Kind, bool]) -> list[Kind]:
    MailPreferences.objects.get_or_create(person=person)
    # Two switches at once, from the page and from a mail: each changes its own alone.
    row = MailPreferences.objects.select_for_update().get(person=person)
    return [Kind(name) for name in row.change({kind.value: is_on for kind, is_on in wanted.items()})]
