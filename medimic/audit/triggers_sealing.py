"""What guards the seal in the database itself: checkpoints, prunes and heads, and which rows may go.

Migration 0003 runs this file, so it never changes: a later rule is another file and another migration.

A row may be deleted once it is sealed, older than six years, and covered by a prune. Whether that
prune was signed by whom it should the database cannot tell: `manage.py audit verify` can.
"""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

YEARS = 6
# Written once: their keys.
FIXED = {"audit_checkpoint": "batch", "audit_prune": "batch"}
HEAD = "audit_head"


def create(_apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    statements = {"postgresql": postgresql, "sqlite": sqlite}[schema_editor.connection.vendor]()
    for statement in statements:
        # As they stand: `%` and `;` mean nothing to Django here.
        schema_editor.execute(statement, params=None)


def postgresql() -> list[str]:
    refuse = "RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';"
    statements = [
        f"""
        CREATE FUNCTION audit_event_delete() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.position IS NULL OR OLD.created_at >= now() - interval '{YEARS} years' OR NOT EXISTS (
                SELECT 1 FROM audit_prune WHERE count >= OLD.position AND signature <> ''
            ) THEN
                {refuse}
            END IF;
            RETURN OLD;
        END $$""",  # noqa: S608 constants of this file
        f"""
        CREATE FUNCTION audit_head_update() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.scope IS DISTINCT FROM OLD.scope OR (NEW.number > OLD.number) IS NOT TRUE THEN
                {refuse}
            END IF;
            RETURN NEW;
        END $$""",
        "DROP TRIGGER audit_event_delete ON audit_event",
        *_postgresql_trigger("audit_event", "delete", "BEFORE DELETE", "ROW", "audit_event_delete"),
        *_postgresql_trigger(HEAD, "update", "BEFORE UPDATE", "ROW", "audit_head_update"),
    ]
    for table in FIXED:
        statements += _postgresql_trigger(table, "update", "BEFORE UPDATE", "ROW", "audit_event_refuse")
    for table in (*FIXED, HEAD):
        statements += _postgresql_trigger(table, "delete", "BEFORE DELETE", "ROW", "audit_event_refuse")
        statements += _postgresql_trigger(
            table, "truncate", "BEFORE TRUNCATE", "STATEMENT", "audit_event_refuse"
        )
    return statements


def _postgresql_trigger(table: str, name: str, event: str, each: str, function: str) -> list[str]:
    return [
        f"CREATE TRIGGER {table}_{name} {event} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()",
        # A plain trigger is passed over where session_replication_role is "replica".
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name}",
    ]


def sqlite() -> list[str]:
    refuse = "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    statements = [
        "DROP TRIGGER audit_event_delete",
        f"""
        CREATE TRIGGER audit_event_delete BEFORE DELETE ON audit_event
        WHEN OLD.position IS NULL OR OLD.created_at >= datetime('now', '-{YEARS} years')
            OR NOT EXISTS (SELECT 1 FROM audit_prune WHERE count >= OLD.position AND signature != '')
        {refuse}""",  # noqa: S608 constants of this file
        f"""
        CREATE TRIGGER {HEAD}_update BEFORE UPDATE ON {HEAD}
        WHEN NEW.rowid != OLD.rowid OR NEW.scope IS NOT OLD.scope OR (NEW.number > OLD.number) IS NOT TRUE
        {refuse}""",
    ]
    for table in FIXED:
        statements.append(f"CREATE TRIGGER {table}_update BEFORE UPDATE ON {table} {refuse}")
    for table, key in {**FIXED, HEAD: "scope"}.items():
        statements += [
            f"CREATE TRIGGER {table}_delete BEFORE DELETE ON {table} {refuse}",
            # REPLACE removes what is in its way without asking the trigger above.
            f"""
            CREATE TRIGGER {table}_insert BEFORE INSERT ON {table}
            WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})
                OR EXISTS (SELECT 1 FROM {table} WHERE rowid = NEW.rowid)
            {refuse}""",  # noqa: S608 constants of this file
            f"CREATE TRIGGER {table}_inserted AFTER INSERT ON {table} WHEN NEW.rowid < 1 {refuse}",
        ]
    return statements
