"""The channel of text messages, over `medimic.sms`."""

import datetime as dt
import uuid

from medimic import sms
from medimic.outbox.models import Delivery
from medimic.outbox.queue import STALE_AFTER, enqueue
from medimic.outbox.registry import Message, Refused, Retry, Unreachable

CHANNEL = "sms"


class SMSChannel:
    """Takes a body of `text`."""

    def send(self, message: Message) -> None:
        text = sms.Text(to=message.recipient, body=message.body["text"], reference=str(message.id))
        try:
            sms.connect().send(text)
        except sms.Refused as error:
            raise Refused(str(error)) from error
        except sms.Unreachable as error:
            raise Unreachable(str(error), after=error.after) from error
        except sms.Unavailable as error:
            raise Retry(str(error), after=error.after) from error

    def masked(self, recipient: str) -> str:
        return f"…{recipient[-4:]}"


def enqueue_text(
    kind: str,
    *,
    to: str,
    text: str,
    person_id: uuid.UUID | None = None,
    subject_id: uuid.UUID | None = None,
    stale_after: dt.timedelta = STALE_AFTER,
    dedupe_key: str | None = None,
) -> Delivery:
    """Enqueue a text message that was written already; `to` is a number in E.164."""
    return enqueue(
        kind,
        channel=CHANNEL,
        recipient=to,
        body={"text": text},
        person_id=person_id,
        subject_id=subject_id,
        stale_after=stale_after,
        dedupe_key=dedupe_key,
    )
