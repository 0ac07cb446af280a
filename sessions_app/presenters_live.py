"""What the scripts of a running session are given: its facts, and every word that they say."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext, pgettext

from accounts.models import Person
from sessions_app.models import Participant, Visit

# What the host may choose for somebody at the door; a speaker on the host's screen is never the provider.
ROLES = [(role.value, role.label) for role in Participant.Role]
SPEAKER_ROLES = [one for one in ROLES if one[0] != Participant.Role.PROVIDER]


def join_url(visit: Visit) -> str:
    """Where another device goes; `code` is part of the address, so that scanning is all."""
    return settings.PORTAL_URL + reverse("join_code", args=[visit.code])


def addresses(visit: Visit, reader: Person | None) -> dict[str, Any]:
    """Where the scripts of this session ask, and whose keys they use: `account` is null for a guest."""
    session = str(visit.pk)
    return {
        "session": session,
        "account": str(reader.pk) if reader else None,
        "api": f"/api/sessions/{session}",
        "token": reverse("session_token", args=[session]),
        "page": reverse("session_detail", args=[session]),
        "language": get_language() or "en",
        # Of a guest both are the browser's own.
        "locale": reader.date_locale.replace("_", "-") if reader else None,
        "zone": reader.time_zone if reader else None,
    }


def live_settings(visit: Visit, own: Participant, reader: Person | None) -> dict[str, Any]:
    return addresses(visit, reader) | {
        "participant": str(own.pk),
        "isHost": own.is_host,
        # The host's browser makes the key with its first page.
        "isKeyed": visit.envelopes.exists(),
        "isShared": visit.mode == Visit.Mode.SHARED_DEVICE,
        "ending": reverse("session_ending", args=[visit.pk]) if own.is_host else None,
        "startedAt": _instant(visit.started_at),
        "expiresAt": _instant(visit.expires_at),
        "now": _instant(timezone.now()),
    }


def waiting_settings(visit: Visit, own: Participant, reader: Person | None) -> dict[str, Any]:
    """For somebody at the door: nothing that the session is called or holds."""
    return addresses(visit, reader) | {"participant": str(own.pk), "commitment": own.commitment}


def transcript_settings(visit: Visit, reader: Person) -> dict[str, Any]:
    """For the transcript of a session that is over; one query."""
    parts = list(
        visit.participants.admitted().filter(Q(is_host=True) | Q(person=reader)).order_by("-joined_at")
    )
    host = next((part for part in parts if part.is_host), None)
    own = next((part for part in parts if part.person_id == reader.pk), None)
    return addresses(visit, reader) | {
        "isActive": visit.status(timezone.now()) is Visit.Status.ACTIVE,
        "host": str(host.pk) if host else "",
        "own": str(own.pk) if own else None,
    }


def transcript_words() -> dict[str, Any]:
    """What is said of a transcript and its parts."""
    return {
        "roles": {value: str(label) for value, label in ROLES},
        "problems": {
            "changed": gettext("This part was changed or does not belong here."),
            "repeated": gettext("This part was sent a second time and is not shown again."),
            "missing": gettext("Parts are missing here."),
            "order": gettext("Parts stand in another order here than they were written in."),
        },
        "warnings": {
            "changed": gettext("A part of this transcript was changed or does not belong here."),
            "repeated": gettext("A part of this transcript came twice."),
            "missing": gettext("Parts of this transcript are missing."),
            "order": gettext("Parts of this transcript are not in the order in which they were written."),
            "end": gettext("The end of this transcript could not be confirmed."),
        },
        "failed": gettext(
            "The transcript could not be fetched. Check the connection, and load the page again."
        ),
        "delivered": gettext("What waited in this browser was delivered late: {count}."),
    }


def live_words() -> dict[str, Any]:
    return transcript_words() | {
        "you": pgettext("participant", "You"),
        "host": gettext("Host"),
        "guest": gettext("Guest"),
        "left": gettext("Left at {time}"),
        "timeLeft": gettext("{time} left"),
        "expiring": gettext("This session ends in {time}."),
        "asksAs": gettext("asks to come in as {role}"),
        "doorWaits": gettext("{name} waits to be let in."),
        "stages": {
            "commitment": gettext("Exchanging keys. The digits come in a moment."),
            "digits": gettext("Does their screen show the same digits?"),
        },
        "exchanged": gettext(
            "This joiner's key was exchanged on the way. Refuse them, and let them join anew."
        ),
        "tooMany": gettext("Too many people have asked to come in. End this session, and start a new one."),
        "admitted": gettext("{name} is in."),
        "notDone": gettext("That did not work: no connection. Try again."),
        "removeQuestion": gettext("Remove {name}?"),
        "composerAs": gettext("Message, spoken by {name}"),
        "tooLong": gettext("That is too long for one message. Send it in two."),
        "full": gettext("Too much waits to be sent. Go on once the connection is back."),
        "closed": gettext("The session is being ended: nothing more can be written."),
        "notStored": gettext("This browser could not keep the message. Copy it, and load the page again."),
        "dictating": gettext("Listening. Press again to stop."),
        "dictationFailed": gettext("The browser gives no access to the microphone, or heard nothing."),
        "endFailed": gettext(
            "The session could not be ended: no connection. What was written waits here. Try again."
        ),
        "overUnsent": gettext("Not sent yet: {count}. It waits in this browser, and is delivered late."),
        "failure": gettext("Something went wrong: {detail} Load the page again."),
    }


def _instant(at: dt.datetime) -> str:
    return at.isoformat()
