"""OpenAI's names stand for Kokoro's best voices. Names that an operator edited stay as they are."""

from django.db import migrations

# Those that stood for a voice of the same name, which its author grades C or lower.
BETTER = {
    "alloy": ("kokoro:en-US-Kokoro-Alloy", "kokoro:en-US-Kokoro-Heart", "espeak:en-US-eSpeak-Auntie"),
    "echo": ("kokoro:en-US-Kokoro-Echo", "kokoro:en-US-Kokoro-Michael", "espeak:en-US-eSpeak-Michel"),
    "fable": ("kokoro:en-GB-Kokoro-Fable", "kokoro:en-GB-Kokoro-George", "espeak:en-GB-eSpeak-Lee"),
    "nova": ("kokoro:en-US-Kokoro-Nova", "kokoro:en-US-Kokoro-Bella", "espeak:en-US-eSpeak-Linda"),
    "onyx": ("kokoro:en-US-Kokoro-Onyx", "kokoro:en-US-Kokoro-Fenrir", "espeak:en-US-eSpeak-Lee"),
    "shimmer": ("kokoro:en-US-Kokoro-Sky", "kokoro:en-GB-Kokoro-Emma", "espeak:en-US-eSpeak-Annie"),
}


def point_to_the_best(apps, schema_editor):
    aliases = apps.get_model("voices", "VoiceAlias").objects
    for name, (before, after, espeak) in BETTER.items():
        for alias in aliases.filter(name=name):
            if alias.voice_ids == [before, espeak]:
                alias.voice_ids = [after, before, espeak]
                alias.save(update_fields=["voice_ids"])


class Migration(migrations.Migration):
    dependencies = [("voices", "0006_best_first")]
    operations = [migrations.RunPython(point_to_the_best, migrations.RunPython.noop)]
