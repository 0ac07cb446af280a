"""Mails: written when they are enqueued, in their reader's language, and sent by the worker."""

import datetime as dt
import textwrap
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from django.conf import settings
from django.core.validators import validate_email
from django.template import Context
from django.template.loader import get_template, select_template
from django.utils import timezone, translation

from medimic.outbox.models import Delivery
from medimic.outbox.queue import STALE_AFTER, enqueue

CHANNEL = "email"
# What an inbox shows beside a subject.
LONGEST_PREHEADER = 140


class Addressee(Protocol):
    """What a mail needs to know of the person it is for."""

    language: str
    time_zone: str

    @property
    def pk(self) -> Any: ...


def enqueue_mail(
    kind: str,
    *,
    to: str,
    template: str,
    context: Mapping[str, Any],
    person: Addressee | None = None,
    subject_id: uuid.UUID | None = None,
    stale_after: dt.timedelta = STALE_AFTER,
    dedupe_key: str | None = None,
    unsubscribe_url: str = "",
) -> Delivery:
    """Write a mail from `templates/<template>.subject.txt`, `.txt` and `.html`, and enqueue it.

    It is written in the person's language, without one in the active one; a `|date` in it is in
    their time zone (`medimic.formatting.Dates` also knows their form of dates). Beside `context`
    the templates know `portal_url`, `support_email`, `unsubscribe_url`, `subject`, `preheader` and
    `why`: the reason that the reader gets it, from `<template>.why.txt`, or `why.txt` for all mails
    beside it. Text templates are not escaped; the HTML one extends `mail/base.html`, the text
    `mail/base.txt`. `unsubscribe_url` ends this kind of mail by one POST (RFC 8058), for mails that
    can be ended.
    """
    language = person.language if person else translation.get_language()
    with translation.override(language), timezone.override(person.time_zone if person else None):
        shared = {
            "portal_url": settings.PORTAL_URL,
            "support_email": settings.SUPPORT_EMAIL,
            "unsubscribe_url": unsubscribe_url,
            **context,
        }
        subject = _one_line(_render(f"{template}.subject.txt", shared, escape=False))
        shared["subject"] = subject
        shared["why"] = _why(template, shared)
        text = _render(f"{template}.txt", shared, escape=False).strip() + "\n"
        shared["preheader"] = _preheader(text)
        return enqueue_message(
            kind,
            to=to,
            subject=subject,
            text=text,
            html=_render(f"{template}.html", shared, escape=True),
            person_id=person.pk if person else None,
            subject_id=subject_id,
            stale_after=stale_after,
            dedupe_key=dedupe_key,
            unsubscribe_url=unsubscribe_url,
        )


def enqueue_message(
    kind: str,
    *,
    to: str,
    subject: str,
    text: str,
    html: str | None = None,
    person_id: uuid.UUID | None = None,
    subject_id: uuid.UUID | None = None,
    stale_after: dt.timedelta = STALE_AFTER,
    dedupe_key: str | None = None,
    unsubscribe_url: str = "",
) -> Delivery:
    """Enqueue a mail that is written already. Raises `ValidationError` for what is no address."""
    validate_email(to)
    body = {"subject": _one_line(subject), "text": text, "language": translation.get_language()}
    if html is not None:
        body["html"] = html
    if unsubscribe_url:
        body["unsubscribe_url"] = unsubscribe_url
    return enqueue(
        kind,
        channel=CHANNEL,
        recipient=to,
        body=body,
        person_id=person_id,
        subject_id=subject_id,
        stale_after=stale_after,
        dedupe_key=dedupe_key,
    )


def _why(template: str, context: Mapping[str, Any]) -> str:
    places = (f"{template}.why.txt", f"{template.rpartition('/')[0]}/why.txt", "mail/why.txt")
    found = select_template(places).template
    return _one_line(found.render(Context(dict(context), autoescape=False)))


def _preheader(text: str) -> str:
    """How the text begins, in whole words."""
    return textwrap.shorten(text.strip().partition("\n\n")[0], LONGEST_PREHEADER, placeholder=" …")


def _render(name: str, context: Mapping[str, Any], *, escape: bool) -> str:
    template = get_template(name).template  # type: ignore[attr-defined]
    return str(template.render(Context(dict(context), autoescape=escape)))


def _one_line(text: str) -> str:
    return " ".join(text.split())
