"""What keeps issued invoices as they are, in the database itself.

A migration runs this file, so it never changes: a later rule is another file and another migration.

An invoice is inserted whole. Afterwards its state goes from open to paid, or to credited, once; its
lines are as many as it says it has, and stay. Nothing is deleted.
"""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

KEPT = (
    "id", "number", "kind", "subscription_id", "person_id", "organization_id", "credits_id",
    "issued_at", "due_at", "currency", "total_minor", "tax_minor", "tax_basis_points", "line_count",
    "language", "locale", "bill_to_name", "bill_to_email", "bill_to_address", "bill_to_tax_id",
    "seller", "pay_to", "gateway", "gateway_invoice",
)  # fmt: skip
REFUSAL = "an issued invoice does not change"


def create(_apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    statements = {"postgresql": postgresql, "sqlite": sqlite}[schema_editor.connection.vendor]()
    for statement in statements:
        # As they stand: `%` and `;` mean nothing to Django here.
        schema_editor.execute(statement, params=None)


def postgresql() -> list[str]:
    refuse = f"RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation';"
    functions = [
        f"""
        CREATE FUNCTION billing_invoice_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            {refuse}
        END $$""",
        # `before` is a whole row, so that a column added later is guarded as well.
        f"""
        CREATE FUNCTION billing_invoice_update() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE before billing_invoice;
        BEGIN
            before := NEW;
            before.state := OLD.state;
            before.paid_at := OLD.paid_at;
            IF before IS DISTINCT FROM OLD
                OR NOT (
                    (OLD.state = 'open' AND NEW.state IN ('paid', 'credited'))
                    OR (OLD.state = 'paid' AND NEW.state = 'credited')
                )
                OR (NEW.paid_at IS DISTINCT FROM OLD.paid_at AND NEW.state != 'paid')
            THEN
                {refuse}
            END IF;
            RETURN NEW;
        END $$""",
        f"""
        CREATE FUNCTION billing_invoice_line_insert() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.position < 1 OR NEW.position > (
                SELECT line_count FROM billing_invoice WHERE id = NEW.invoice_id
            ) THEN
                {refuse}
            END IF;
            RETURN NEW;
        END $$""",  # noqa: S608 constants of this file
        # An empty table may be emptied: what clears a test database does.
        f"""
        CREATE FUNCTION billing_invoice_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT 1 FROM billing_invoice) THEN
                {refuse}
            END IF;
            RETURN NULL;
        END $$""",  # noqa: S608 constants of this file
    ]
    triggers = [
        ("billing_invoice", "update", "BEFORE UPDATE", "FOR EACH ROW", "billing_invoice_update"),
        ("billing_invoice", "delete", "BEFORE DELETE", "FOR EACH ROW", "billing_invoice_refuse"),
        ("billing_invoice", "truncate", "BEFORE TRUNCATE", "FOR EACH STATEMENT", "billing_invoice_truncate"),
        ("billing_invoiceline", "insert", "BEFORE INSERT", "FOR EACH ROW", "billing_invoice_line_insert"),
        ("billing_invoiceline", "update", "BEFORE UPDATE", "FOR EACH ROW", "billing_invoice_refuse"),
        ("billing_invoiceline", "delete", "BEFORE DELETE", "FOR EACH ROW", "billing_invoice_refuse"),
        (
            "billing_invoiceline",
            "truncate",
            "BEFORE TRUNCATE",
            "FOR EACH STATEMENT",
            "billing_invoice_truncate",
        ),
    ]
    return functions + [
        statement
        for table, name, event, each, function in triggers
        for statement in (
            f"CREATE TRIGGER {table}_{name} {event} ON {table} {each} EXECUTE FUNCTION {function}()",
            # A plain trigger is passed over where session_replication_role is "replica".
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name}",
        )
    ]


def sqlite() -> list[str]:
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in ("rowid", *KEPT))
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    # REPLACE removes the row in its way without asking the delete trigger, so nothing may be in
    # the way, whether by id, by what is unique or by rowid. Where an insert names no rowid,
    # NEW.rowid is -1 before it: no row may have that one, or none could follow.
    return [
        f"""
        CREATE TRIGGER billing_invoice_insert BEFORE INSERT ON billing_invoice
        WHEN EXISTS (SELECT 1 FROM billing_invoice WHERE id = NEW.id OR number = NEW.number)
            OR EXISTS (SELECT 1 FROM billing_invoice WHERE rowid = NEW.rowid)
            OR EXISTS (
                SELECT 1 FROM billing_invoice
                WHERE NEW.gateway_invoice != '' AND gateway = NEW.gateway
                    AND gateway_invoice = NEW.gateway_invoice AND kind = NEW.kind
            )
        {refuse}""",  # noqa: S608 constants of this file
        f"""
        CREATE TRIGGER billing_invoice_inserted AFTER INSERT ON billing_invoice
        WHEN NEW.rowid < 1
        {refuse}""",
        f"""
        CREATE TRIGGER billing_invoice_update BEFORE UPDATE ON billing_invoice
        WHEN {changed}
            OR NOT (
                (OLD.state = 'open' AND NEW.state IN ('paid', 'credited'))
                OR (OLD.state = 'paid' AND NEW.state = 'credited')
            )
            OR (NEW.paid_at IS NOT OLD.paid_at AND NEW.state != 'paid')
        {refuse}""",
        f"CREATE TRIGGER billing_invoice_delete BEFORE DELETE ON billing_invoice {refuse}",
        f"""
        CREATE TRIGGER billing_invoiceline_insert BEFORE INSERT ON billing_invoiceline
        WHEN NEW.position < 1
            OR NEW.position > (SELECT line_count FROM billing_invoice WHERE id = NEW.invoice_id)
            OR EXISTS (
                SELECT 1 FROM billing_invoiceline
                WHERE id = NEW.id OR (invoice_id = NEW.invoice_id AND position = NEW.position)
            )
            OR EXISTS (SELECT 1 FROM billing_invoiceline WHERE rowid = NEW.rowid)
        {refuse}""",  # noqa: S608 constants of this file
        f"""
        CREATE TRIGGER billing_invoiceline_inserted AFTER INSERT ON billing_invoiceline
        WHEN NEW.rowid < 1
        {refuse}""",
        f"CREATE TRIGGER billing_invoiceline_update BEFORE UPDATE ON billing_invoiceline {refuse}",
        f"CREATE TRIGGER billing_invoiceline_delete BEFORE DELETE ON billing_invoiceline {refuse}",
    ]
