"""Marks the addresses of existing users as confirmed, and lower-cases all emails."""

from django.db import migrations
from django.db.models.functions import Lower


def confirm_addresses(apps, schema_editor):
    User = apps.get_model("accounts", "User")
    EmailAddress = apps.get_model("account", "EmailAddress")
    User.objects.update(email=Lower("email"))
    without = User.objects.exclude(pk__in=EmailAddress.objects.values("user"))
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, primary=True, verified=True) for user in without
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_plans"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]

    operations = [migrations.RunPython(confirm_addresses, migrations.RunPython.noop)]
