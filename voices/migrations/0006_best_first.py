from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("voices", "0005_favourites")]

    operations = [
        migrations.AddField(
            model_name="voice",
            name="quality",
            field=models.CharField(default="basic", max_length=8),
        ),
        migrations.AddField(
            model_name="voice",
            name="rank",
            field=models.PositiveIntegerField(default=1000),
        ),
        migrations.AddIndex(
            model_name="voice",
            index=models.Index(fields=["-quality", "rank"], name="voice_best_first"),
        ),
        migrations.AddConstraint(
            model_name="voice",
            constraint=models.CheckConstraint(
                condition=models.Q(("quality__in", ("natural", "basic"))), name="voice_quality_valid"
            ),
        ),
    ]
