"""Alerts: mails that tell a person what happened to their account, when, and where from.

Most hold a link, "This wasn't me". Opening it changes nothing; what confirming it does, `accounts.lockdown`
and, for what floors above keep, `medimic.flows.alerts` say.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext

from accounts.alert_models import LASTS
from accounts.models import Alert, MailPreferences, Person
from accounts.notices import Notice
from medimic import agents, crypto
from medimic.audit.log import Origin
from medimic.formatting import Dates
from medimic.network import UNKNOWN_ADDRESS
from medimic.outbox.mail import enqueue_mail

PRUNE_EVERY = dt.timedelta(hours=6)


def send(
    kind: str,
    notice: Notice,
    *,
    person: Person,
    origin: Origin | None,
    to: str | None = None,
    facts: Mapping[str, str] | None = None,
    more: Sequence[tuple[str, str]] = (),
    subject_id: uuid.UUID | None = None,
    device_id: uuid.UUID | None = None,
    with_link: bool = True,
) -> None:
    """Tell a person by mail, in the transaction of what happened; nobody is told who has no address,
    and of what can be switched off nobody who did.

    `kind` is the outbox's (`accounts.password_changed`). `facts` fill the notice's sentences, `more`
    are lines of label and value. `origin` is where it came from, or None where that was none of theirs:
    an organization's or support's act, which also goes `with_link=False`. `device_id` names the
    authorization that the link revokes with everything else.
    """
    to = to or person.email
    if not to or (notice.can_be_off and _are_off(person)):
        return
    now = timezone.now()
    with translation.override(person.language):
        words = dict(facts or {})
        subject = str(notice.subject) % words
        lines = [(gettext("When"), Dates.of(person).named(now)), *more]
        if origin is not None:
            lines += where(origin)
        enqueue_mail(
            kind,
            to=to,
            template="accounts/mail/alert",
            context={
                "subject": subject,
                "sentence": str(notice.sentence) % words,
                "lines": lines,
                "lock_url": _link(kind, person, to, subject, now, device_id) if with_link else "",
                "security_url": settings.PORTAL_URL + reverse("security"),
            },
            person=person,
            subject_id=subject_id,
        )


def prune() -> None:
    """Forget alerts whose link is no longer good."""
    Alert.objects.filter(expires_at__lte=timezone.now()).delete()


def _are_off(person: Person) -> bool:
    return MailPreferences.objects.filter(person=person, security_alerts=False).exists()


def _link(
    kind: str, person: Person, to: str, subject: str, now: dt.datetime, device_id: uuid.UUID | None
) -> str:
    token = crypto.new_token()
    Alert.objects.create(
        person=person,
        kind=kind,
        token_hash=crypto.token_hash(token),
        sent_to=to,
        subject=subject,
        device_id=device_id,
        created_at=now,
        expires_at=now + LASTS,
    )
    return settings.PORTAL_URL + reverse("alert", args=[token])


def where(origin: Origin) -> list[tuple[str, str]]:
    """Lines that say where something came from, in the active language."""
    address = origin.address if origin.address not in ("", UNKNOWN_ADDRESS) else gettext("unknown")
    used = agents.in_words(origin.agent) or gettext("an unknown browser or app")
    return [(gettext("Where from"), address), (gettext("With what"), used)]
