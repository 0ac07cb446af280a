"""Versions in an order that people expect: 3.10 comes after 3.9."""

import re

from django.db import models

LONGEST_KEY = 120
DIGITS = 6


def version_key(version: str) -> str:
    """Sorts as text the way the version sorts as a version."""
    padded: str = re.sub(r"\d+", lambda digits: digits[0].zfill(DIGITS), version)
    return padded.casefold()[:LONGEST_KEY]


class VersionKeyField(models.CharField):
    """The key of the version in another field of the row, written along with it."""

    def __init__(self, *, of: str, **options: object) -> None:
        self.of = of
        fixed = {"max_length": LONGEST_KEY, "blank": True, "default": "", "editable": False}
        super().__init__(**{**options, **fixed})  # type: ignore[arg-type]

    def deconstruct(self) -> tuple[str, str, list[object], dict[str, object]]:
        name, path, arguments, options = super().deconstruct()
        for fixed in ("max_length", "blank", "default", "editable"):
            options.pop(fixed, None)
        return name, path, list(arguments), {**options, "of": self.of}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        key = version_key(getattr(model_instance, self.of))
        setattr(model_instance, self.attname, key)
        return key
