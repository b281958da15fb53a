"""Prices of families of voices, and the first of them: eSpeak, which costs the operator nothing, for a tenth.

An installation whose premium price was ever changed gets no row for eSpeak: whoever set a price has decided what these
voices cost too, and a tenth of the default may be more than that. No price rises.
"""

from django.db import migrations, models

DEFAULT_PREMIUM = 1_000  # microcredits per character, since migration 0002
ESPEAK = 100


def add_espeak(apps, schema_editor):
    prices = apps.get_model("billing", "Price").objects
    changes = apps.get_model("accounts", "AuditEntry").objects.filter(action="price.changed", target_id="premium")
    if prices.get(code="premium").microcredits_per_character == DEFAULT_PREMIUM and not changes.exists():
        prices.create(code="espeak:eSpeak", microcredits_per_character=ESPEAK)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_operators"), ("billing", "0015_plain_names")]

    operations = [
        migrations.RenameField(model_name="price", old_name="model_type", new_name="code"),
        migrations.AlterField(
            model_name="price",
            name="code",
            field=models.CharField(max_length=100, primary_key=True, serialize=False),
        ),
        migrations.AddField(
            model_name="price",
            name="is_enabled",
            field=models.BooleanField(default=True),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(
                condition=models.Q(("code__contains", ":"), ("is_enabled", True), _connector="OR"),
                name="price_of_tier_enabled",
            ),
        ),
        migrations.RunPython(add_espeak, migrations.RunPython.noop),
    ]
