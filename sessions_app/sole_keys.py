"""Which of a person's devices alone can open a transcript: lost or revoked, nobody reads it any more.

A device's key is the one that it told last, for this account: also before its access was renewed,
since a browser keeps its key when it is signed out or revoked.
"""

import uuid

from django.db.models import Count, Exists, OuterRef

from devices.models import DeviceAuthorization, KeyPair
from sessions_app.models import Envelope, Segment


def held_alone(account_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """How many sessions with a transcript can be read on one of the account's living devices alone, by
    its authorization; devices without any are left out. Three queries, however much there is."""
    marks = _keys_of_living(account_id)
    mine = Envelope.objects.filter(person=account_id, thumbprint__in=marks)
    elsewhere = mine.filter(visit=OuterRef("visit")).exclude(thumbprint=OuterRef("thumbprint"))
    counts = (
        mine.filter(~Exists(elsewhere), Exists(Segment.objects.filter(visit=OuterRef("visit"))))
        .values("thumbprint")
        .annotate(sessions=Count("visit"))
        .values_list("thumbprint", "sessions")
    )
    return {marks[mark][0]: sessions for mark, sessions in counts if len(marks[mark]) == 1}


def on(authorization: DeviceAuthorization) -> int:
    """How many sessions' transcripts can be read on this device alone."""
    if authorization.account_id is None:
        return 0
    return held_alone(authorization.account_id).get(authorization.pk, 0)


def _keys_of_living(account_id: uuid.UUID) -> dict[str, list[uuid.UUID]]:
    """By thumbprint, the authorizations whose device has that key."""
    living = DeviceAuthorization.objects.active().filter(account=account_id)
    devices = {row.device_id: row.pk for row in living.only("device", "account")}
    told = KeyPair.objects.filter(authorization__account=account_id, authorization__device__in=devices)
    oldest_first = told.order_by("created_at", "id")
    last = dict(oldest_first.values_list("authorization__device", "thumbprint"))
    found: dict[str, list[uuid.UUID]] = {}
    for device_id, mark in last.items():
        found.setdefault(mark, []).append(devices[device_id])
    return found
