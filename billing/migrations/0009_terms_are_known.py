"""Alters the table separately: PostgreSQL cannot alter a table whose rows changed in the same transaction."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0008_terms")]

    operations = [
        migrations.AlterField(
            model_name="subscription",
            name="sold_plan",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.plan"
            ),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="sold_price",
            field=models.PositiveBigIntegerField(),
        ),
    ]
