"""Telling the devices of whoever takes part that a session came or changed (`medimic.changes`)."""

from medimic.changes import feeds
from medimic.changes.models import Kind
from sessions_app.models import Visit


def session_changed(*visits: Visit) -> None:
    """For the host and everybody who was admitted; last in the transaction that changes it."""
    for visit in visits:
        admitted = visit.participants.admitted().exclude(person=None).values_list("person_id", flat=True)
        hosts = [visit.host_id] if visit.host_id else []
        feeds.note([*hosts, *admitted], (Kind.SESSION, visit.pk))
