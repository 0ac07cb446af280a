"""Texts on standard output."""

import sys
from typing import TextIO

from medimic.sms import Text


class Backend:
    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout

    def send(self, text: Text) -> None:
        self.stream.write(f"Text to {text.to} ({text.reference})\n{text.body}\n{'-' * 79}\n")
        self.stream.flush()
