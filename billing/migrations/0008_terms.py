import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F


def remember_what_was_sold(apps, schema_editor):
    """Copies the current terms to the sold ones: no earlier terms are known."""
    subscriptions = apps.get_model("billing", "Subscription").objects
    subscriptions.update(sold_plan=F("plan"), sold_price=F("price"), terms_said_at=F("synced_at"))
    months = apps.get_model("billing", "Purchase").objects.filter(subscription__isnull=False)
    for purchase in months.select_related("subscription").iterator():
        purchase.plan_id = purchase.subscription.plan_id
        purchase.save(update_fields=["plan"])


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_invitations"),
        ("billing", "0007_charges"),
    ]

    operations = [
        migrations.AddField(
            model_name="purchase",
            name="plan",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.plan"
            ),
        ),
        migrations.AddField(
            model_name="subscription",
            name="sold_plan",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.plan"
            ),
        ),
        migrations.AddField(
            model_name="subscription",
            name="sold_price",
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="subscription",
            name="terms_said_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunPython(remember_what_was_sold, migrations.RunPython.noop),
    ]
