"""`manage.py lift_single_sign_on SLUG`: let an organization's members sign in with their password again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orgs import single_sign_on
from orgs.models import Organization


class Command(BaseCommand):
    help = "Lets an organization's members sign in with their password again, where their provider fails."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the organization, as its address names it")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(slug=options["slug"]).first()
        if organization is None:
            raise CommandError(f"There is no organization {options['slug']}.")
        lifted = single_sign_on.lift(organization)
        self.stdout.write("Lifted." if lifted else "It did not ask for single sign-on.")
