"""Why a command failed, as the document that it prints."""

from typing import Any

FAILED = 1
KEY_MISSING = 2


class Failure(Exception):
    """A command that did not do what it was asked for.

    `document` is the portal's problem document, or one of our own in its form.
    """

    def __init__(self, document: dict[str, Any], exit_code: int = FAILED) -> None:
        super().__init__(document.get("code"))
        self.document = document
        self.exit_code = exit_code


def failure(code: str, detail: str, *, exit_code: int = FAILED, **extra: Any) -> Failure:
    """One of our own: the portal was not asked, or gave no answer that could be read."""
    return Failure({"code": code, "detail": detail, **extra}, exit_code)
