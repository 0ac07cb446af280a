"""Everything that is encrypted at rest under `FIELD_KEYS`: found, counted and re-encrypted.

Columns are found in the model registry, so that a new `EncryptedTextField` is never
forgotten; allauth's factors keep theirs inside JSON.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import models, transaction
from django.db.models import F, Value
from django.db.models.functions import Cast

from medimic import crypto
from medimic.fields import EncryptedTextField

BATCH = 500
# What stands under none of the keys: one was taken away too early, or the text was damaged.
UNREADABLE = -1
# Members of an authenticator's `data` that allauth hands to the adapter's `encrypt`.
FACTOR_SECRETS = ("secret", "seed", "migrated_codes")


@dataclass
class Outcome:
    """What became of the rows of one place: rewritten, current before, changed by somebody
    else in between, or opened by none of the keys."""

    rewritten: int = 0
    current: int = 0
    changed: int = 0
    unreadable: int = 0


class Place(Protocol):
    """One column, or part of one, that holds encrypted text."""

    name: str

    def standing(self) -> Counter[int]:
        """How many rows stand under which key, by its place in `FIELD_KEYS`, or `UNREADABLE`."""
        ...

    def reencrypt(self, *, batch: int = BATCH) -> Outcome:
        """Write every row anew that stands under an older key, each on its own.

        Nothing is locked for longer than one row takes, and a row that somebody changes
        meanwhile is left as they wrote it. Stopped halfway, the next run goes on: what
        is done is told by the rows themselves.
        """
        ...


class Column:
    """An `EncryptedTextField`."""

    def __init__(self, model: type[models.Model], field: EncryptedTextField) -> None:
        self.rows: models.QuerySet[Any] = model._base_manager.annotate(
            # As it is stored: the field itself would open it.
            stored=Cast(F(field.attname), models.TextField())
        )
        self.field = field.attname
        self.name = f"{model._meta.label_lower}.{field.name}"

    def standing(self) -> Counter[int]:
        return Counter(_standing(stored) for _pk, stored in self._stored(BATCH))

    def reencrypt(self, *, batch: int = BATCH) -> Outcome:
        outcome = Outcome()
        for pk, stored in self._stored(batch):
            standing = _standing(stored)
            if standing == 0:
                outcome.current += 1
            elif standing == UNREADABLE:
                outcome.unreadable += 1
            elif self._replace(pk, stored):
                outcome.rewritten += 1
            else:
                outcome.changed += 1
        return outcome

    def _replace(self, pk: Any, stored: str) -> bool:
        unchanged = self.rows.filter(pk=pk, stored=stored)
        renewed = Value(crypto.reencrypt(stored), output_field=models.TextField())
        return bool(unchanged.update(**{self.field: renewed}))

    def _stored(self, batch: int) -> Iterator[tuple[Any, str]]:
        filled = self.rows.exclude(stored="").exclude(stored=None).order_by("pk").values_list("pk", "stored")
        rows = list(filled[:batch])
        while rows:
            yield from rows
            rows = list(filled.filter(pk__gt=rows[-1][0])[:batch])


class Factors:
    """allauth's authenticator apps and recovery codes."""

    name = f"{Authenticator._meta.label_lower}.data"

    def standing(self) -> Counter[int]:
        rows = Authenticator.objects.order_by("pk").values_list("data", flat=True).iterator()
        return Counter(standing for data in rows if (standing := _factor_standing(data)) is not None)

    def reencrypt(self, *, batch: int = BATCH) -> Outcome:
        outcome = Outcome()
        for pk in list(Authenticator.objects.order_by("pk").values_list("pk", flat=True)):
            with transaction.atomic():
                # Locked for the blink of an eye: using a recovery code locks it as well.
                row = Authenticator.objects.select_for_update(no_key=True).filter(pk=pk).first()
                standing = _factor_standing(row.data) if row else None
                if row is None or standing is None:
                    continue
                if standing == 0:
                    outcome.current += 1
                elif standing == UNREADABLE:
                    outcome.unreadable += 1
                else:
                    row.data = _renewed(row.data)
                    row.save(update_fields=["data"])
                    outcome.rewritten += 1
        return outcome


def places() -> list[Place]:
    """All of them, by name."""
    columns: list[Place] = [
        Column(model, field)
        for model in apps.get_models(include_auto_created=True)
        # An unmanaged model is a second view of somebody else's table.
        if model._meta.managed and not model._meta.proxy
        for field in model._meta.local_concrete_fields
        if isinstance(field, EncryptedTextField)
    ]
    return sorted([*columns, Factors()], key=lambda place: place.name)


def _standing(stored: str) -> int:
    found = crypto.standing(stored)
    return UNREADABLE if found is None else found


def _factor_standing(data: dict[str, Any]) -> int | None:
    """The oldest key that a factor needs; None where it holds nothing encrypted, as passkeys do."""
    standings = [_standing(text) for text in _secrets(data)]
    if not standings:
        return None
    return UNREADABLE if UNREADABLE in standings else max(standings)


def _secrets(data: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for name in FACTOR_SECRETS:
        value = data.get(name)
        found += value if isinstance(value, list) else [value] if value else []
    return found


def _renewed(data: dict[str, Any]) -> dict[str, Any]:
    renewed = dict(data)
    for name in FACTOR_SECRETS:
        value = data.get(name)
        if isinstance(value, list):
            renewed[name] = [crypto.reencrypt(text) for text in value]
        elif value:
            renewed[name] = crypto.reencrypt(value)
    return renewed
