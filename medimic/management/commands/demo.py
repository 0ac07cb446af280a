"""`manage.py demo`: demonstration data."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from medimic.demo import house, password
from medimic.demo.accounts import lines


class Command(BaseCommand):
    help = "Fill an installation with demonstration data, once, and tell its accounts and their password."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("Demonstration accounts share one password: they are not for production.")
        agreed = password.agreed()
        if house.is_built():
            house.set_password(agreed)
        else:
            house.build(agreed)
        self.stdout.write("Demonstration accounts:\n")
        for line in lines():
            self.stdout.write(f"  {line}")
        self.stdout.write(f"Their password: {agreed}")
