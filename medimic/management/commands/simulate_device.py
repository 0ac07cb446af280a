"""A simulated phone: see `medimic.simulator`."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from medimic.simulator import command


class Command(BaseCommand):
    """Hands the command line on as it is: the client has its own, and knows nothing of Django."""

    help = "Stand in for a phone, over HTTP and nothing else."
    requires_system_checks = []

    def run_from_argv(self, argv: list[str]) -> None:
        sys.exit(command.main(argv[2:], f"{argv[0]} {argv[1]}"))

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> ArgumentParser:  # type: ignore[override]
        # For `manage.py help simulate_device`.
        return command.parser(f"{prog_name} {subcommand}")

    def handle(self, *args: Any, **options: Any) -> None:
        raise NotImplementedError("run it as a process of its own")
