"""Keyset pages: the last page costs what the first one does.

A cursor is the sort key of a row at the edge of a page, and the page beside it
is asked for by comparison, never by counting rows. It tells the reader nothing
that the page did not show, and a mangled one is a 404.
"""

import base64
import binascii
import datetime as dt
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.http import Http404, HttpRequest

Row = TypeVar("Row", bound=models.Model)

PAGE_SIZE = 50
LONGEST_CURSOR = 1000
LAST = "last"


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of rows, and the addresses of its neighbours where there are any."""

    rows: list[Row]
    next_url: str | None
    previous_url: str | None
    first_url: str | None = None
    last_url: str | None = None


@dataclass(frozen=True)
class Place:
    """Where in a list a page lies: behind a cursor, before one, or at the end; else at the beginning."""

    after: str = ""
    before: str = ""
    is_last: bool = False

    @classmethod
    def of(cls, request: HttpRequest) -> "Place":
        """What `?after=`, `?before=` or `?page=last` asks for."""
        asked = request.GET
        return cls(asked.get("after", ""), asked.get("before", ""), asked.get("page") == LAST)

    @property
    def is_backwards(self) -> bool:
        """Whether its rows are counted from its end."""
        return bool(self.before) or self.is_last


def page_of(
    rows: models.QuerySet[Row], request: HttpRequest, *, order: Sequence[str], size: int = PAGE_SIZE
) -> Page[Row]:
    """The page that `?after=`, `?before=` or `?page=last` asks for, one query.

    `order` names fields or annotations as `order_by` does; together they must be
    unique (end with the primary key), and none of them may be null.
    """
    found, has_previous, has_next = slice_at(rows, order=order, size=size, place=Place.of(request))
    edges = (cursor_of(found[0], order), cursor_of(found[-1], order)) if found else ("", "")
    return page_from(found, request, edges=edges, has_previous=has_previous, has_next=has_next)


def page_from(
    rows: list[Row], request: HttpRequest, *, edges: tuple[str, str], has_previous: bool, has_next: bool
) -> Page[Row]:
    """A page of rows that were found already; `edges` are the cursors of its first and its last row."""
    if not rows:
        return Page(rows, None, None)
    return Page(
        rows,
        next_url=_address(request, after=edges[1]) if has_next else None,
        previous_url=_address(request, before=edges[0]) if has_previous else None,
        first_url=_address(request) if has_previous else None,
        last_url=_address(request, page=LAST) if has_next else None,
    )


def keyset_slice(
    rows: models.QuerySet[Row], *, order: Sequence[str], size: int, after: str | None, before: str | None
) -> tuple[list[Row], bool, bool]:
    """Up to `size` rows, and whether there are some before and some behind them.

    Raises `Http404` on a cursor that is not one.
    """
    return slice_at(rows, order=order, size=size, place=Place(after or "", before or ""))


def slice_at(
    rows: models.QuerySet[Row], *, order: Sequence[str], size: int, place: Place
) -> tuple[list[Row], bool, bool]:
    """As `keyset_slice`, at any place; on the last page there is nothing behind."""
    found = list(rows_from(rows, order=order, place=place)[: size + 1])
    if place.is_backwards:
        return found[:size][::-1], len(found) > size, bool(place.before)
    return found[:size], bool(place.after), len(found) > size


def rows_from(rows: models.QuerySet[Row], *, order: Sequence[str], place: Place) -> models.QuerySet[Row]:
    """Those from that place on, the nearest first: backwards, where pages are counted from their end."""
    if place.is_backwards:
        if place.before:
            rows = rows.filter(_beyond(order, _values(rows, order, place.before), backwards=True))
        return rows.order_by(*_reverse(order))
    if place.after:
        rows = rows.filter(_beyond(order, _values(rows, order, place.after), backwards=False))
    return rows.order_by(*order)


def cursor_of(row: models.Model, order: Sequence[str]) -> str:
    """The row's place in that order, as URL-safe text."""
    return cursor_from([getattr(row, name.lstrip("-")) for name in order])


def cursor_from(values: Sequence[Any]) -> str:
    """A place given by the values of its order."""
    plain = json.dumps([_plain(value) for value in values], ensure_ascii=False)
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def _values(rows: models.QuerySet[Any], order: Sequence[str], cursor: str) -> list[Any]:
    """The cursor's values, as their fields understand them."""
    fields = [_field(rows, name) for name in order]
    try:
        if len(cursor) > LONGEST_CURSOR:
            raise ValueError
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(plain, list) or len(plain) != len(order):
            raise ValueError
        values = [field.to_python(value) for field, value in zip(fields, plain, strict=True)]
    except (ValueError, TypeError, binascii.Error, ValidationError):
        raise Http404 from None
    if any(value is None or (isinstance(value, str) and "\0" in value) for value in values):
        raise Http404
    return values


def _field(rows: models.QuerySet[Any], name: str) -> "models.Field[Any, Any]":
    plain = name.lstrip("-")
    annotation = rows.query.annotations.get(plain)
    field = rows.model._meta.get_field(plain) if annotation is None else annotation.output_field
    if not isinstance(field, models.Field):
        raise TypeError(f"{name} holds no value of its own to sort by")
    return field


def _beyond(order: Sequence[str], values: Sequence[Any], *, backwards: bool) -> Q:
    """Rows behind that key in that order (before it, where `backwards`)."""
    condition = Q()
    equal = Q()
    for name, value in zip(order, values, strict=True):
        field = name.lstrip("-")
        smaller = name.startswith("-") != backwards
        condition |= equal & Q(**{f"{field}__{'lt' if smaller else 'gt'}": value})
        equal &= Q(**{field: value})
    # The first field's bound alone lets the index start at the right place.
    first, field = order[0], order[0].lstrip("-")
    smaller = first.startswith("-") != backwards
    return Q(**{f"{field}__{'lte' if smaller else 'gte'}": values[0]}) & condition


def _reverse(order: Sequence[str]) -> list[str]:
    return [name[1:] if name.startswith("-") else f"-{name}" for name in order]


def _address(request: HttpRequest, **place: str) -> str:
    """This list at another place, with whatever else its address says."""
    parameters = request.GET.copy()
    for name in ("after", "before", "page"):
        parameters.pop(name, None)
    parameters.update(place)
    return f"?{parameters.urlencode()}"
