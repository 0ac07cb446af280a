"""Which models the database commands see."""

from typing import Any


class OwnTablesOnly:
    """Keeps unmanaged models out of `dumpdata` and its kin.

    The audit log must not be loaded from a file, and `accounts.Factor` is a second
    view of allauth's table, whose rows and secrets would be written twice.
    """

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool | None:
        model = hints.get("model")
        return False if model is not None and not model._meta.managed else None
