"""Append-only tables: the ledger and the audit trail. Model, queryset and database refuse to change a row.

SQLite drops a table's triggers when a migration rebuilds the table, so every migration that alters such a table ends
with `migrations.RunPython(guard.create_triggers, guard.drop_triggers)`.
"""

from dataclasses import dataclass
from typing import Any, NoReturn

from django.db import models

NEVER_CHANGED = "Ledger and audit entries are never changed. Write a correcting entry."
NEVER_DELETED = "Ledger and audit entries are never deleted. Write a correcting entry."


class AppendOnlyRows:
    """A queryset mixin; goes first among the bases.

    Refuses before the database's triggers do, with a clearer message.
    """

    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError(NEVER_CHANGED)

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(NEVER_CHANGED)

    def delete(self) -> NoReturn:
        raise TypeError(NEVER_DELETED)


class AppendOnlyModel(models.Model):
    """A model whose saved rows cannot be saved again: that would be an UPDATE, which the triggers refuse."""

    class Meta:
        abstract = True

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(NEVER_DELETED)


@dataclass(frozen=True, slots=True)
class TableGuard:
    """The triggers of one table. `name` prefixes their names, `refusal` is the database's error message.

    If `verbs` is UPDATE alone, expired rows may be deleted.
    """

    table: str
    name: str
    refusal: str
    verbs: tuple[str, ...] = ("UPDATE", "DELETE")

    def create_triggers(self, apps: Any, schema_editor: Any) -> None:
        self.drop_triggers(apps, schema_editor)
        for statement in self._create(schema_editor.connection.vendor):
            schema_editor.execute(statement)

    def drop_triggers(self, apps: Any, schema_editor: Any) -> None:
        for statement in self._drop(schema_editor.connection.vendor):
            schema_editor.execute(statement)

    def _create(self, vendor: str) -> list[str]:
        if vendor == "sqlite":
            return [
                f"CREATE TRIGGER {self.name}_no_{verb.lower()} BEFORE {verb} ON {self.table} "
                f"BEGIN SELECT RAISE(ABORT, '{self.refusal}'); END"
                for verb in self.verbs
            ]
        return [
            f"CREATE OR REPLACE FUNCTION refuse_{self.name}_change() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{self.refusal}' USING ERRCODE = 'restrict_violation'; END $$",
            f"CREATE TRIGGER {self.name}_append_only BEFORE {self._verbs_of_postgres()} ON {self.table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION refuse_{self.name}_change()",
        ]

    def _verbs_of_postgres(self) -> str:
        return " OR ".join([*self.verbs, *(["TRUNCATE"] if "DELETE" in self.verbs else [])])

    def _drop(self, vendor: str) -> list[str]:
        if vendor == "sqlite":
            return [f"DROP TRIGGER IF EXISTS {self.name}_no_{verb}" for verb in ("update", "delete")]
        return [f"DROP TRIGGER IF EXISTS {self.name}_append_only ON {self.table}"]


AUDIT_GUARD = TableGuard("accounts_auditentry", "audit", "audit entries are append-only")
