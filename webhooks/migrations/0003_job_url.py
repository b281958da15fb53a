from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0002_disabled_reason_labels")]

    operations = [
        migrations.RenameField("delivery", "own_url", "job_url"),
    ]
