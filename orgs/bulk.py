"""Many people invited at once: what a CSV file asks for, line by line, before anything is sent.

A line names an address and perhaps a role. A line that makes no sense is kept and shown as it is,
with what is wrong with it; the others are not held up by it.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from orgs import invitations
from orgs.invitations import Prospect, Wish
from orgs.models import Membership, Organization

LARGEST = 100 * 1024
MOST_LINES = 500
LONGEST_SHOWN = 120
DELIMITERS = ",;\t"
# How a first line calls the column of addresses: then it names columns, and nobody.
EMAIL_TITLES = {"email", "e-mail", "mail", "email address", "e-mail address"}


class TooLong(Exception):
    """More lines than one list may have."""


@dataclass(frozen=True)
class Line:
    """One line of the list: what it says, and what would come of it.

    `problem` is set where nothing can; otherwise `prospect` says what.
    """

    number: int
    said: str
    email: str = ""
    role: str = ""
    problem: str | Promise = ""
    prospect: Prospect | None = None

    @property
    def is_to_send(self) -> bool:
        return self.prospect is Prospect.INVITE

    @property
    def wish(self) -> Wish:
        return Wish(self.email, self.role)


PROBLEMS = {
    "email": pgettext_lazy("line of a list", "This is no email address"),
    "role": pgettext_lazy("line of a list", "This is no role: admin, provider or patient"),
    "columns": pgettext_lazy("line of a list", "Too many columns: an address and a role, no more"),
    "repeated": pgettext_lazy("line of a list", "Named further up already"),
}


def decoded(content: bytes) -> str:
    """A file's text. Raises `ValidationError` for what is none."""
    if len(content) > LARGEST:
        raise ValidationError(_("The list is larger than 100 kB. Split it."))
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise ValidationError(_("This is no text file. Save the list as CSV."))


def lines_of(organization: Organization, text: str, *, role: str) -> list[Line]:
    """Every line that says something, with what it would come to; `role` is for lines without one.

    Raises `TooLong`.
    """
    read = list(_read(text, role))
    found = invitations.prospects(organization, [line.email for line in read if not line.problem])
    return [
        line
        if line.problem
        else Line(line.number, line.said, line.email, line.role, prospect=found[line.email])
        for line in read
    ]


def _read(text: str, role: str) -> Iterator[Line]:
    seen: set[str] = set()
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    lines = [(number, line) for number, line in lines if line.strip(DELIMITERS + " \"'")]
    if len(lines) > MOST_LINES + 1:
        raise TooLong
    for place, (number, line) in enumerate(lines):
        cells = _cells(line)
        if place == 0 and cells[0].lower() in EMAIL_TITLES:
            continue
        read = _line(number, line, cells, role)
        if not read.problem and read.email in seen:
            read = Line(number, read.said, read.email, read.role, problem=PROBLEMS["repeated"])
        seen.add(read.email)
        if place >= MOST_LINES and len(seen) > MOST_LINES:
            raise TooLong
        yield read


def _cells(line: str) -> list[str]:
    """The line's columns; empty ones at its end, as spreadsheets write them, are none."""
    delimiter = max(DELIMITERS, key=line.count)
    try:
        cells = next(csv.reader(io.StringIO(line), delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration):
        cells = line.split(delimiter)
    cells = [cell.strip() for cell in cells]
    while len(cells) > 1 and not cells[-1]:
        cells.pop()
    return cells


def _line(number: int, line: str, cells: list[str], role: str) -> Line:
    said = line if len(line) <= LONGEST_SHOWN else f"{line[:LONGEST_SHOWN]}…"
    if len(cells) > 2:
        return Line(number, said, problem=PROBLEMS["columns"])
    email = cells[0].lower()
    try:
        validate_email(email)
    except ValidationError:
        return Line(number, said, problem=PROBLEMS["email"])
    wanted = _role(cells[1]) if len(cells) == 2 else role
    if wanted is None or len(email) > 254:
        return Line(number, said, email, problem=PROBLEMS["role" if wanted is None else "email"])
    return Line(number, said, email, wanted)


def _role(text: str) -> str | None:
    """By its code, or by what the page calls it."""
    known = {name.lower(): role.value for role in Membership.Role for name in (role.value, str(role.label))}
    return known.get(text.lower())
