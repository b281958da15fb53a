from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tts", "0011_queue_watch")]

    operations = [
        migrations.RenameModel("Audition", "VoicePreview"),
    ]
