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


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of rows, and the addresses of its neighbours where there are any."""

    rows: list[Row]
    next_url: str | None
    previous_url: str | None


def page_of(
    rows: models.QuerySet[Row], request: HttpRequest, *, order: Sequence[str], size: int = PAGE_SIZE
) -> Page[Row]:
    """The page that `?after=` or `?before=` asks for, one query.

    `order` names fields or annotations as `order_by` does; together they must be
    unique (end with the primary key), and none of them may be null.
    """
    found, has_previous, has_next = keyset_slice(
        rows, order=order, size=size, after=request.GET.get("after"), before=request.GET.get("before")
    )
    return Page(
        found,
        next_url=_neighbour(request, "after", cursor_of(found[-1], order)) if found and has_next else None,
        previous_url=_neighbour(request, "before", cursor_of(found[0], order))
        if found and has_previous
        else None,
    )


def keyset_slice(
    rows: models.QuerySet[Row], *, order: Sequence[str], size: int, after: str | None, before: str | None
) -> tuple[list[Row], bool, bool]:
    """Up to `size` rows, and whether there are some before and some behind them.

    Raises `Http404` on a cursor that is not one.
    """
    if before:
        start = _values(rows, order, before)
        found = list(
            rows.filter(_beyond(order, start, backwards=True)).order_by(*_reverse(order))[: size + 1]
        )
        more = len(found) > size
        return found[:size][::-1], more, True
    if after:
        rows = rows.filter(_beyond(order, _values(rows, order, after), backwards=False))
    found = list(rows.order_by(*order)[: size + 1])
    return found[:size], bool(after), len(found) > size


def cursor_of(row: models.Model, order: Sequence[str]) -> str:
    """The row's place in that order, as URL-safe text."""
    values = [getattr(row, name.lstrip("-")) for name in order]
    return (
        base64.urlsafe_b64encode(json.dumps([_plain(value) for value in values], ensure_ascii=False).encode())
        .decode()
        .rstrip("=")
    )


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


def _neighbour(request: HttpRequest, direction: str, cursor: str) -> str:
    parameters = request.GET.copy()
    parameters.pop("after", None)
    parameters.pop("before", None)
    parameters[direction] = cursor
    return f"?{parameters.urlencode()}"
