"""What makes the log append-only in the database itself.

Migration 0001 runs this file, so it never changes: a later rule is another
file and another migration.

Rows are inserted unsealed; each of the sealer's columns is set once, from null;
nothing else is updated, and nothing is deleted. The owner of the database can
still drop a trigger: the seal is what shows that.
"""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

SEALED = ("position", "batch", "person_position", "organization_position")
CONTENT = (
    "id", "created_at", "kind", "actor_kind", "actor_id", "person_id", "organization_id",
    "object_type", "object_id", "address", "agent", "details", "salt", "mac", "mac_key",
)  # fmt: skip


def create(_apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    statements = {"postgresql": postgresql, "sqlite": sqlite}[schema_editor.connection.vendor]()
    for statement in statements:
        # As they stand: `%` and `;` mean nothing to Django here.
        schema_editor.execute(statement, params=None)


def postgresql() -> list[str]:
    each_once = " AND ".join(f"(OLD.{name} IS NULL OR NEW.{name} = OLD.{name})" for name in SEALED)
    put_back = " ".join(f"unsealed.{name} := OLD.{name};" for name in SEALED)
    any_set = " OR ".join(f"NEW.{name} IS NOT NULL" for name in SEALED)
    refuse = "RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';"
    functions = [
        f"""
        CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            {refuse}
        END $$""",
        # `unsealed` is a whole row, so that a column added later is guarded as well.
        f"""
        CREATE FUNCTION audit_event_update() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE unsealed audit_event;
        BEGIN
            unsealed := NEW;
            {put_back}
            IF unsealed IS DISTINCT FROM OLD OR ({each_once}) IS NOT TRUE THEN
                {refuse}
            END IF;
            RETURN NEW;
        END $$""",
    ]
    triggers = {
        "audit_event_insert": f"BEFORE INSERT ON audit_event FOR EACH ROW WHEN ({any_set})",
        "audit_event_update": "BEFORE UPDATE ON audit_event FOR EACH ROW",
        "audit_event_delete": "BEFORE DELETE ON audit_event FOR EACH ROW",
        "audit_event_truncate": "BEFORE TRUNCATE ON audit_event FOR EACH STATEMENT",
    }
    return functions + [
        statement
        for name, event in triggers.items()
        for statement in (
            f"CREATE TRIGGER {name} {event} EXECUTE FUNCTION "
            f"{'audit_event_update' if name == 'audit_event_update' else 'audit_event_refuse'}()",
            # A plain trigger is passed over where session_replication_role is "replica".
            f"ALTER TABLE audit_event ENABLE ALWAYS TRIGGER {name}",
        )
    ]


def sqlite() -> list[str]:
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in ("rowid", *CONTENT))
    sealed_twice = " OR ".join(
        f"(OLD.{name} IS NOT NULL AND NEW.{name} IS NOT OLD.{name})" for name in SEALED
    )
    any_set = " OR ".join(f"NEW.{name} IS NOT NULL" for name in SEALED)
    refuse = "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    # REPLACE removes the row in its way without asking the delete trigger, whether it is in the
    # way by its id, its position or its rowid; so nothing may be in the way. Where an insert
    # names no rowid, NEW.rowid is -1 before it: no row may have that one, or none could follow.
    return [
        f"""
        CREATE TRIGGER audit_event_insert BEFORE INSERT ON audit_event
        WHEN {any_set}
            OR EXISTS (SELECT 1 FROM audit_event WHERE id = NEW.id)
            OR EXISTS (SELECT 1 FROM audit_event WHERE rowid = NEW.rowid)
        {refuse}""",  # noqa: S608 constants of this file
        f"""
        CREATE TRIGGER audit_event_inserted AFTER INSERT ON audit_event
        WHEN NEW.rowid < 1
        {refuse}""",
        f"""
        CREATE TRIGGER audit_event_update BEFORE UPDATE ON audit_event
        WHEN {changed} OR {sealed_twice}
            OR EXISTS (SELECT 1 FROM audit_event WHERE position = NEW.position AND id != NEW.id)
        {refuse}""",  # noqa: S608 constants of this file
        f"CREATE TRIGGER audit_event_delete BEFORE DELETE ON audit_event {refuse}",
    ]
