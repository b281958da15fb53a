import django.db.models.functions.datetime
from django.db import migrations, models

# Every queue of this version, so that one which never has a worker is missed from now on.
QUEUES = ('speech.espeak', 'speech.kokoro', 'speech.remote', 'maintenance', 'webhooks')


def add_queues(apps, schema_editor):
    watch = apps.get_model('tts', 'QueueWatch')
    watch.objects.bulk_create([watch(queue=queue) for queue in QUEUES])


class Migration(migrations.Migration):

    dependencies = [
        ('tts', '0010_handed_out'),
    ]

    operations = [
        migrations.CreateModel(
            name='QueueWatch',
            fields=[
                ('queue', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('last_served_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('watched_since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('watched_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.RunPython(add_queues, migrations.RunPython.noop),
    ]
