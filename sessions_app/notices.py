"""What hosts are told by mail of their sessions: that one started under their account, and what it came to.

Neither holds what a session is called, who took part in it, or anything that was said there.
"""

import datetime as dt
import uuid

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext, pgettext

from accounts import alerts, mail_preferences
from accounts.mail_preferences import Kind
from accounts.models import Person
from medimic.audit.log import Origin
from medimic.formatting import Dates
from medimic.outbox.mail import enqueue_mail
from sessions_app.models import Visit
from sessions_app.presenters import duration

STARTED = "sessions.started"
SUMMARY = "sessions.summary"
# Later it warns of nothing: the session is over by itself.
STARTED_STALE_AFTER = dt.timedelta(hours=6)


def started(visit: Visit, origin: Origin) -> None:
    """That a session started under the host's account: when, on which device, and where from."""
    host = _reader(visit, Kind.NEW_SESSIONS)
    if host is None:
        return
    with translation.override(host.language):
        lines = [
            (gettext("Start"), Dates.of(host).named(visit.started_at)),
            (gettext("Mode"), str(visit.get_mode_display())),
            (gettext("Device"), visit.authorization.title),
            *alerts.where(origin),
        ]
    _mail(visit, host, STARTED, Kind.NEW_SESSIONS, lines, stale_after=STARTED_STALE_AFTER)


def over(visit: Visit) -> None:
    """What a session came to, once it was ended or has expired; the same one is told of once."""
    host = _reader(visit, Kind.SESSION_SUMMARIES)
    if host is None:
        return
    with translation.override(host.language):
        dates = Dates.of(host)
        over_at = visit.ended_at or visit.expires_at
        lines = [
            (gettext("Start"), dates.named(visit.started_at)),
            (pgettext("of a session", "End"), dates.named(over_at)),
            (gettext("Duration"), duration(over_at - visit.started_at)),
            (gettext("Mode"), str(visit.get_mode_display())),
            (gettext("Participants"), str(visit.people_admitted())),
        ]
    _mail(visit, host, SUMMARY, Kind.SESSION_SUMMARIES, lines)


def start_is_wanted(visit_id: uuid.UUID | None) -> bool:
    """Whether the host still wants to be told of new sessions, right before the mail goes out."""
    return _is_wanted(visit_id, Kind.NEW_SESSIONS)


def summary_is_wanted(visit_id: uuid.UUID | None) -> bool:
    return _is_wanted(visit_id, Kind.SESSION_SUMMARIES)


def _is_wanted(visit_id: uuid.UUID | None, kind: Kind) -> bool:
    visit = Visit.objects.select_related("host").filter(pk=visit_id).first() if visit_id else None
    return visit is not None and _reader(visit, kind) is not None


def _reader(visit: Visit, kind: Kind) -> Person | None:
    """The host, if it is somebody with an address who wants these mails; a guest's device has none."""
    host = visit.host
    if host is None or not host.email or not host.is_active:
        return None
    return host if mail_preferences.wants(host, kind) else None


def _mail(
    visit: Visit,
    host: Person,
    kind: str,
    preference: Kind,
    lines: list[tuple[str, str]],
    *,
    stale_after: dt.timedelta = dt.timedelta(days=2),
) -> None:
    enqueue_mail(
        kind,
        to=host.email or "",
        template=f"sessions/mail/{kind.rpartition('.')[2]}",
        context={
            "lines": lines,
            "start": Dates.of(host).date_time(visit.started_at),
            "is_ended": visit.ended_at is not None,
            "session_url": settings.PORTAL_URL + reverse("session_detail", args=[visit.pk]),
            "devices_url": settings.PORTAL_URL + reverse("devices"),
        },
        person=host,
        subject_id=visit.pk,
        stale_after=stale_after,
        dedupe_key=f"{kind}:{visit.pk}",
        unsubscribe_url=mail_preferences.unsubscribe_url(host, preference),
    )
