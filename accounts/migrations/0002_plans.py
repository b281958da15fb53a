"""Creates the four plans with the limits that the API promises. Operators can change them later."""

from django.db import migrations

PLANS = [
    # code, name, API, webhooks, generate and read requests per 15 minutes
    ("free", "Free", False, False, 10, 1_800),
    ("payg", "Pay as you go", True, False, 10, 1_800),
    ("pro", "Pro", True, False, 100, 12_000),
    ("enterprise", "Enterprise", True, True, 1_000, 120_000),
]


def create_plans(apps, schema_editor):
    plan = apps.get_model("accounts", "Plan")
    for code, name, allows_api, allows_webhooks, generate_limit, read_limit in PLANS:
        plan.objects.create(
            code=code,
            name=name,
            allows_api=allows_api,
            allows_webhooks=allows_webhooks,
            generate_limit=generate_limit,
            read_limit=read_limit,
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(create_plans, migrations.RunPython.noop)]
