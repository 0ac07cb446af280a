"""What somebody typed for a new session while every place for devices was taken.

The sign-in keeps it for as long as it takes to revoke a device: that leads back to the form.
"""

import time
from typing import Any

from django.http import HttpRequest

from sessions_app.forms import NewSessionForm

NOTE = "new_session"
KEPT_SECONDS = 15 * 60


def keep(request: HttpRequest, form: NewSessionForm) -> None:
    request.session[NOTE] = {"typed": form.cleaned_data, "until": time.time() + KEPT_SECONDS}


def is_kept(request: HttpRequest) -> bool:
    return bool(request.session.get(NOTE, {"until": 0})["until"] > time.time())


def take(request: HttpRequest) -> dict[str, Any]:
    """What was typed, once; empty where nothing waits."""
    if not is_kept(request):
        return {}
    typed: dict[str, Any] = request.session.pop(NOTE)["typed"]
    return typed
