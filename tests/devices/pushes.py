"""What a push service got, and an outbox that a test works off."""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import transaction

from devices import push_alerts, push_services
from devices.models import DeviceAuthorization, PushKind
from devices.push_services import PushAlert
from medimic.outbox import worker
from medimic.outbox.models import Delivery

CHANNELS = tuple(push_services.SERVICES)
MESSAGE = "tests.alert"


@dataclass
class Services:
    """In place of Apple's, Google's and the browsers': takes everything, unless `answer` raises."""

    answer: Callable[[], None] = lambda: None
    got: list[tuple[str, str, PushAlert]] = field(default_factory=list)

    def send(self, service: str, token: str, alert: PushAlert) -> None:
        self.answer()
        self.got.append((service, token, alert))

    @property
    def tokens(self) -> list[str]:
        return [token for _service, token, _alert in self.got]

    @property
    def titles(self) -> list[str]:
        return [alert.title for _service, _token, alert in self.got]


class Never:
    is_asked = False

    def wait(self, seconds: float) -> None:
        raise AssertionError("nothing is to be waited for")


def queued() -> list[Delivery]:
    return list(Delivery.objects.filter(channel__in=CHANNELS).order_by("created_at", "id"))


def states() -> list[str]:
    return [delivery.state for delivery in queued()]


def deliver() -> None:
    """What is due now."""
    while worker.deliver_next(Never()):
        pass


def tell(person, subject=None, kind=PushKind.PARTICIPANT_JOINED, **changes) -> int:
    """An alert that nothing but routing can stop."""
    with transaction.atomic():
        return push_alerts.alert(
            person,
            kind,
            **{
                "message": MESSAGE,
                "title": "Somebody asks",
                "body": "Open it",
                "session_id": uuid.uuid4(),
                "subject_id": subject or uuid.uuid4(),
                "path": "/sessions/",
                "collapse": "door",
                "stale_after": dt.timedelta(hours=1),
                **changes,
            },
        )


def route_of(person) -> list[str]:
    """The services' tokens that routing knows of a person."""
    return [
        row.push_token for row in DeviceAuthorization.objects.filter(account=person).exclude(push_hash="")
    ]
