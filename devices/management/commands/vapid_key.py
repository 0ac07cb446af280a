"""`manage.py vapid_key`: a key for pushes to browsers."""

from typing import Any

from django.core.management.base import BaseCommand

from devices.push_services import webpush


class Command(BaseCommand):
    help = "Make a key for pushes to browsers: a line for the environment or `.env`. Stores nothing."
    # It is asked for before there is a configuration that passes.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"VAPID_PRIVATE_KEY={webpush.new_private_key()}")
