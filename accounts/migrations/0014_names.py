from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_retention")]

    operations = [
        migrations.RenameModel("RememberedRequest", "IdempotencyRecord"),
    ]
