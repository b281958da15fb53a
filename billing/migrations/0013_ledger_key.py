"""Adds a column for the key that paid, and fills it from the actor's label of old charges."""

from django.db import migrations, models
from django.db.models import Value
from django.db.models.functions import Cast, Replace, Substr

from billing.triggers import create_triggers, drop_triggers

KEY_ACTOR = r"^key:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


def fill_key_ids(apps, schema_editor):
    """Fills the column with one statement. The triggers are dropped for it and restored in the same transaction."""
    drop_triggers(apps, schema_editor)
    key_id = Cast(Replace(Substr("actor", len("key:") + 1), Value("-"), Value("")), models.UUIDField())
    entries = apps.get_model("billing", "LedgerEntry").objects.using(schema_editor.connection.alias)
    entries.filter(kind="charge", actor__regex=KEY_ACTOR).update(key_id=key_id)
    create_triggers(apps, schema_editor)


class Migration(migrations.Migration):
    dependencies = [("billing", "0012_operator_refund")]

    operations = [
        # When migrating backwards this runs last: SQLite may rebuild the table to drop a column, which loses its
        # triggers.
        migrations.RunPython(migrations.RunPython.noop, create_triggers),
        migrations.AddField(
            model_name="ledgerentry",
            name="key_id",
            field=models.UUIDField(null=True),
        ),
        migrations.RunPython(fill_key_ids, migrations.RunPython.noop),
    ]
