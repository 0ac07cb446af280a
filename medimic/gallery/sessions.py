"""Mails of sessions."""

import datetime as dt

from accounts.models import MailPreferences
from medimic.gallery.registry import sample
from medimic.gallery.stage import Stage
from sessions_app import invitations, notices

SUMMARY = "sessions/mail/summary"


@sample("sessions/mail/started", "A session starts, and the host wants to know")
def started(stage: Stage) -> None:
    MailPreferences.objects.create(person=stage.reader, new_sessions=True)
    notices.started(stage.visit, stage.origin)


@sample(SUMMARY, "A session was ended")
def summary(stage: Stage) -> None:
    stage.visit.ended_at = stage.now
    notices.over(stage.visit)


@sample(SUMMARY, "A session expired by itself")
def summary_expired(stage: Stage) -> None:
    stage.visit.expires_at = stage.now - dt.timedelta(minutes=1)
    notices.over(stage.visit)


@sample("sessions/mail/invitation", "A colleague is asked into a session")
def invitation(stage: Stage) -> None:
    invitations.invite(stage.visit, email=stage.colleague.email or "", by=stage.reader, origin=stage.origin)
