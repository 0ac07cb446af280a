"""The outbox's channels for pushes, one for each service.

A delivery names the authorization that it is for. What lies between queueing and sending (a
revocation, a sign-out, somebody else's sign-in on the device) is found here, right before the
service gets to see anything.
"""

import datetime as dt
import uuid

from django.db import transaction

from devices import push, push_alerts, push_services
from devices.models import DeviceAuthorization, PushKind
from devices.push_services import PushAlert, Unregistered
from medimic.audit.log import SYSTEM, record
from medimic.outbox.registry import Message, Unwanted


class PushChannel:
    """Takes the bodies that `devices.push_alerts` writes."""

    def __init__(self, service: str) -> None:
        self.service = service

    def send(self, message: Message) -> None:
        kind = PushKind(message.body["kind"])
        authorization = push_alerts.find(uuid.UUID(message.recipient), self.service, kind)
        if authorization is None:
            raise Unwanted("nothing of this kind goes to this device now")
        try:
            push_services.send(self.service, authorization.push_token, _alert(message))
        except Unregistered as dead:
            _forget(authorization)
            raise Unwanted("the service does not know the device any more", is_reached=True) from dead

    def masked(self, recipient: str) -> str:
        """Of the authorization's id: nothing of a token stands in a delivery."""
        return f"…{recipient[-4:]}"


def _alert(message: Message) -> PushAlert:
    body = message.body
    return PushAlert(
        id=message.id,
        kind=body["kind"],
        title=body["title"],
        body=body["body"],
        path=body["path"],
        collapse_id=body["collapse"],
        expires_at=dt.datetime.fromisoformat(body["expires_at"]),
        session_id=uuid.UUID(body["session"]),
    )


def _forget(authorization: DeviceAuthorization) -> None:
    """Route nothing to the dead token; one that has come in its place meanwhile stays."""
    with transaction.atomic():
        if push.end_route(authorization.pk, push_hash=authorization.push_hash):
            record(
                "devices.push_ended",
                origin=SYSTEM,
                person_id=authorization.account_id,
                subject=authorization,
                details={"device": authorization.title},
            )
