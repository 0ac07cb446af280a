"""`manage.py prepare`: bring the database, the cache's table and the static files up to this version."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Bring the database, the cache's table and the static files up to this version."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        _collect_static()


def _collect_static() -> None:
    """Collect the static files where one has changed: compressing them all takes seconds."""
    note = Path(settings.STATIC_ROOT).with_suffix(".collected")
    sources = _fingerprint()
    if note.exists() and note.read_text() == sources:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    note.write_text(sources)


def _fingerprint() -> str:
    found = sorted(
        f"{path} {storage.size(path)} {storage.get_modified_time(path).timestamp()}"
        for finder in get_finders()
        for path, storage in finder.list([])
    )
    return hashlib.sha256("\n".join(found).encode()).hexdigest()
