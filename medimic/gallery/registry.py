"""Sample mails by name, and what a sample comes to."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass

from django.core.mail import EmailMultiAlternatives
from django.db import models, transaction
from django.utils import timezone, translation

from medimic.gallery.stage import Stage
from medimic.outbox.email import compose
from medimic.outbox.mail import CHANNEL
from medimic.outbox.models import Delivery
from medimic.outbox.registry import Message

Send = Callable[[Stage], object]


@dataclass(frozen=True)
class Sample:
    """One mail as it can be: `template` is its name among the templates, `about` says when it is sent."""

    name: str
    template: str
    about: str
    send: Send

    @property
    def app(self) -> str:
        return self.template.partition("/")[0]


@dataclass(frozen=True)
class Shown:
    """A sample as it would be sent, with the headers that its reader's mailbox gets."""

    subject: str
    headers: list[tuple[str, str]]
    text: str
    html: str


SAMPLES: dict[str, Sample] = {}


def sample(template: str, about: str) -> Callable[[Send], Send]:
    """Show what this function sends. Its own name is the sample's, after that of the app."""

    def add(send: Send) -> Send:
        name = f"{template.partition('/')[0]}-{getattr(send, '__name__', '')}".replace("_", "-")
        add_sample(name, template, about, send)
        return send

    return add


def add_sample(name: str, template: str, about: str, send: Send) -> None:
    if name in SAMPLES:
        raise ValueError(f"there is a sample {name} already")
    SAMPLES[name] = Sample(name, template, about, send)


class _Undo(Exception):
    """The sample was taken: what it was made of goes away."""


def mail_of(sample: Sample, language: str, *, is_long: bool = False) -> EmailMultiAlternatives:
    """Have a sample sent to nobody; what the channel would hand to the mail server."""
    found: list[Message] = []
    try:
        with transaction.atomic():
            found.append(_sent(sample, language, is_long))
            raise _Undo
    except _Undo:
        return compose(found[0])


def show(sample: Sample, language: str, *, is_long: bool = False) -> Shown:
    mail = mail_of(sample, language, is_long=is_long)
    message = mail.message()
    headers = [(name, str(value)) for name, value in message.items() if name not in ENVELOPE]
    return Shown(str(mail.subject), headers, str(mail.body), str(mail.alternatives[0][0]))


# Of the parts, and the subject as it is encoded.
ENVELOPE = {"Content-Type", "MIME-Version", "Subject"}


def _sent(sample: Sample, language: str, is_long: bool) -> Message:
    earliest = timezone.now() - dt.timedelta(seconds=1)
    before = set(_mails(earliest).values_list("pk", flat=True))
    with translation.override(language):
        sample.send(Stage(language, is_long=is_long))
    # What a sample needs before it may have been told of, too.
    delivery = _mails(earliest).exclude(pk__in=before).latest("created_at")
    return Message(
        id=delivery.pk,
        kind=delivery.kind,
        recipient=delivery.recipient,
        body=json.loads(delivery.body),
        created_at=delivery.created_at,
    )


def _mails(earliest: dt.datetime) -> "models.QuerySet[Delivery]":
    return Delivery.objects.filter(channel=CHANNEL, created_at__gte=earliest)
