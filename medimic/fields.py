"""Model fields of the ground floor."""

from typing import Any

from django.db import models
from django.db.models.lookups import Exact

from medimic import crypto


class EncryptedTextField(models.TextField):
    """Text that the database holds encrypted, and empty text as it is.

    It can be asked for being empty and for nothing else: each encryption of one
    text differs, so that a comparison would silently find nothing. Keep a keyed
    hash beside it for exact search.
    """

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        return crypto.decrypt(value) if value else value

    def get_prep_value(self, value: Any) -> str | None:
        prepared = super().get_prep_value(value)
        return crypto.encrypt(prepared) if prepared else prepared

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name not in ("isnull", "exact"):
            raise TypeError(f"{self.name} is encrypted and cannot be looked up by {lookup_name}")
        return super().get_lookup(lookup_name)


@EncryptedTextField.register_lookup
class IsEmpty(Exact):
    """`field=""`, the one comparison that means anything."""

    def __init__(self, lhs: Any, rhs: Any) -> None:
        if rhs != "":
            raise TypeError("an encrypted field can be compared with empty text alone")
        super().__init__(lhs, rhs)
