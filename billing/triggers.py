"""The database's own guard of the ledger: triggers that refuse UPDATE and DELETE, on SQLite and PostgreSQL.

SQLite drops a table's triggers when a migration rebuilds the table, so every migration that alters LedgerEntry ends with
`migrations.RunPython(create_triggers, drop_triggers)`.
"""

from typing import Any

TABLE = "billing_ledgerentry"
REFUSAL = "ledger entries are append-only"


def create_triggers(apps: Any, schema_editor: Any) -> None:
    drop_triggers(apps, schema_editor)
    for statement in _CREATE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop_triggers(apps: Any, schema_editor: Any) -> None:
    for statement in _DROP[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


_CREATE = {
    "sqlite": [
        f"CREATE TRIGGER ledger_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation'; END $$",
        f"CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()",
    ],
}

_DROP = {
    "sqlite": ["DROP TRIGGER IF EXISTS ledger_no_update", "DROP TRIGGER IF EXISTS ledger_no_delete"],
    "postgresql": [f"DROP TRIGGER IF EXISTS ledger_append_only ON {TABLE}"],
}
