"""What the script of the key requests is given: where it asks, and every word that it says."""

from typing import Any

from django.utils.translation import get_language, gettext

from accounts.models import Person
from sessions_app.models import Visit


def settings_of(person: Person, visit: Visit | None) -> dict[str, Any]:
    return {
        "account": str(person.pk),
        "api": "/api/key-requests",
        "session": str(visit.pk) if visit else None,
        "language": get_language() or "en",
    }


def words() -> dict[str, Any]:
    return {
        "asksForAll": gettext("asks for the keys of all sessions that this browser can open"),
        "asksForOne": gettext("asks for the key of one session"),
        "asked": gettext("Asked {time}"),
        "exchanged": gettext("The other device's key was exchanged on the way. Refuse it, and ask anew."),
        "tooMany": gettext("Too many requests were answered in the last 24 hours. Try again tomorrow."),
        "carried": gettext("{count} of {total} keys are carried over."),
        "done": gettext(
            "Done: {count} keys are carried over. The other device can open those transcripts now."
        ),
        "nothing": gettext(
            "This browser holds none of the keys that are asked for. Answer on another device."
        ),
        "received": gettext("Done: this browser can open {count} more transcripts."),
        "notDone": gettext("That did not work: no connection. Try again."),
    }
