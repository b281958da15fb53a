"""Several samples for each voice, in a table of their own.

Audio that is there moves along without its text, which the column did not have: the next plan deletes it or has it made
again.
"""

import django.db.models.deletion
from django.db import migrations, models


def copy_samples(apps, schema_editor):
    voices = apps.get_model("voices", "Voice").objects.exclude(sample_key="")
    sample = apps.get_model("voices", "Sample")
    sample.objects.bulk_create(
        sample(voice=voice, kind="sentence", text="", version="", key=voice.sample_key, peaks=voice.sample_peaks)
        for voice in voices.iterator()
    )


class Migration(migrations.Migration):
    dependencies = [("voices", "0007_best_names")]

    operations = [
        migrations.AddField(
            "voice",
            "sound_version",
            models.CharField(blank=True, default="", max_length=80),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name="Sample",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=16)),
                ("text", models.TextField()),
                ("version", models.CharField(max_length=16)),
                ("made_version", models.CharField(blank=True, max_length=16)),
                ("key", models.CharField(blank=True, max_length=200)),
                ("peaks", models.BinaryField(default=bytes)),
                ("duration_ms", models.PositiveIntegerField(default=0)),
                ("claimed_at", models.DateTimeField(null=True)),
                ("failed_at", models.DateTimeField(null=True)),
                (
                    "voice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="samples", to="voices.voice"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("voice", "kind"), name="sample_once"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("story", "dialogue", "news", "sentence"))),
                        name="sample_kind_valid",
                    ),
                ],
            },
        ),
        migrations.RunPython(copy_samples, migrations.RunPython.noop),
    ]
