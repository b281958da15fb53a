from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0014_names")]

    operations = [
        # Remove the index first: Django remembers its condition with the old field name.
        migrations.RemoveIndex("subscription", "subscription_held"),
        migrations.RenameField("subscription", "is_held", "renewal_paused"),
        migrations.AddIndex(
            "subscription",
            models.Index(
                condition=models.Q(("renewal_paused", True)), fields=["account"], name="subscription_renewal_paused"
            ),
        ),
        migrations.AlterField(  # changes only a label
            "ledgerentry",
            "kind",
            models.CharField(
                choices=[
                    ("grant", "Grant"),
                    ("adjustment", "Adjustment"),
                    ("charge", "Charge"),
                    ("refund", "Refund"),
                    ("operator_refund", "Operator Refund"),
                    ("top_up", "Top Up"),
                    ("subscription", "Subscription"),
                    ("taken_back", "Clawed Back"),
                    ("restored", "Restored"),
                ],
                max_length=16,
            ),
        ),
    ]
