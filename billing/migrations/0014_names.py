from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0013_ledger_key")]

    operations = [
        migrations.RenameModel("Recharge", "AutoTopUp"),
        migrations.RenameModel("StripeCursor", "StripeEventLock"),
    ]
