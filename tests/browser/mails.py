"""The mails and texts that a portal has sent."""

import email
import email.policy
import re
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

from tests.browser.portal import Portal
from tests.browser.waiting import PATIENCE

# Django writes it after each mail: a file that lacks it is being written.
END = b"-" * 79


def mails(portal: Portal) -> Iterator[EmailMessage]:
    """The newest first."""
    files = [(path.stat().st_mtime, path) for path in Path(portal.directory, "mail").glob("*")]
    for _, path in sorted(files, reverse=True):
        content = path.read_bytes()
        if content.rstrip().endswith(END):
            yield email.message_from_bytes(content, policy=email.policy.default)


def mailed_link(portal: Portal, pattern: str, to: str = "", subject: str = "") -> str:
    """The link of this form in the newest mail (to this address, of a subject with these words) that
    has one, once it has come."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for mail in mails(portal):
            text = mail.get_body(("plain",))
            is_meant = to in ("", mail["To"]) and subject in mail["Subject"]
            if is_meant and text and (found := re.search(pattern, text.get_content())):
                return portal.url + found[0]
        time.sleep(0.1)
    raise AssertionError(f"no mail {f'to {to} ' if to else ''}with {pattern}")
