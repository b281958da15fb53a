"""Creates the default prices (premium: 1 credit per 1,000 characters, ultra: 4) and the ledger's triggers."""

from django.db import migrations

from billing.triggers import create_triggers, drop_triggers


def create_prices(apps, schema_editor):
    price = apps.get_model("billing", "Price")
    price.objects.create(model_type="premium", microcredits_per_character=1_000)
    price.objects.create(model_type="ultra", microcredits_per_character=4_000)


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [
        migrations.RunPython(create_prices, migrations.RunPython.noop),
        migrations.RunPython(create_triggers, drop_triggers),
    ]
