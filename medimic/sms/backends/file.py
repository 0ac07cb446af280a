"""Texts as files, one for each."""

import os
from pathlib import Path

from django.utils import timezone

from medimic.sms import Text, Unavailable

OWNER_ALONE = 0o600


class Backend:
    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)

    def send(self, text: Text) -> None:
        """A file named after the time and the reference; in order of their names, the newest is last."""
        name = f"{timezone.now():%Y%m%d-%H%M%S-%f}-{text.reference}.txt"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"To: {text.to}\n\n{text.body}\n")
        except OSError as error:
            raise Unavailable(f"the directory of texts cannot be written: {type(error).__name__}") from error
