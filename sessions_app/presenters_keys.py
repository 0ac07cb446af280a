"""What the script of the key requests is given: where it asks, and every word that it says."""

from typing import Any

from django.utils.translation import gettext

from accounts.models import Person
from sessions_app.models import Visit


def settings_of(person: Person, visit: Visit | None, *, is_device: bool) -> dict[str, Any]:
    return {
        "account": str(person.pk),
        "session": str(visit.pk) if visit else None,
        "isDevice": is_device,
    }


def words() -> dict[str, Any]:
    return {
        "asksForAll": gettext("asks for the keys of all sessions that this browser can open"),
        "asksForOne": gettext("asks for the key of one session"),
        "onlyDevices": gettext(
            "This browser holds no keys. Answer on a device that has started or joined sessions."
        ),
        "answeredElsewhere": gettext("Answered on {device}."),
        "wait": gettext("Exchanging keys. The digits come in a moment."),
        "compare": gettext("Does the other device show the same digits?"),
        "by": gettext("It is {device}."),
        "exchanged": gettext("The other device's key was exchanged on the way. Refuse it, and call support."),
        "tooMany": gettext("Too many requests were answered in the last 24 hours. Try again tomorrow."),
        "progress": gettext("{count} keys are carried over."),
        "done": gettext("Done: {count} keys are carried over."),
        "nothing": gettext(
            "This browser holds none of the keys that are asked for. Answer on another device."
        ),
        "received": gettext(
            "This browser now has the keys of sessions that it could not open before: {count}."
        ),
        "notDone": gettext("That did not work: no connection. Try again."),
    }
