from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("voices", "0003_openai_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="voice",
            name="sample_peaks",
            field=models.BinaryField(default=bytes),
        ),
    ]
