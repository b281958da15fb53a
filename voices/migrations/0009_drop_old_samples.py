from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("voices", "0008_samples")]

    operations = [
        migrations.RemoveField("voice", "sample_key"),
        migrations.RemoveField("voice", "sample_tried_at"),
        migrations.RemoveField("voice", "sample_peaks"),
    ]
