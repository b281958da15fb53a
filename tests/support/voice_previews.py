"""What the tests of comparisons share: asking as the page does, and rows as time or a dead worker would leave them."""

from datetime import timedelta

from django.utils import timezone

from tests.support.envelopes import ANNIE
from tts.models import VoicePreview
from tts.services import voice_previews
from voices.models import Voice

LEE = "espeak:en-GB-eSpeak-Lee"
TEXT = "Platform four for Galway."
SECOND = timedelta(seconds=1)


def ask(text: str = TEXT, *, voice_ids: tuple[str, ...] = (ANNIE,)) -> VoicePreview:
    """As the page does. Returns the row of the first voice."""
    voices = [Voice.objects.get(voice_id=voice_id) for voice_id in voice_ids]
    missing = voice_previews.missing_voices(voices=voices, text=text)
    voice_previews.request_auditions(voices=missing, text=text)
    return VoicePreview.objects.get(voice=voices[0], text=text)


def of(audition: VoicePreview) -> tuple[str, int, int]:
    """State, attempts of all time, tries left of this request."""
    audition.refresh_from_db()
    return audition.state, audition.attempt, audition.tries_left


def silence(audition: VoicePreview, *, attempt: int, tries_left: int, ago: timedelta) -> None:
    """As if a worker had taken it then, and was not heard of since."""
    VoicePreview.objects.filter(pk=audition.pk).update(
        attempt=attempt, tries_left=tries_left, claimed_at=timezone.now() - ago
    )


def grow_old(audition: VoicePreview, age: timedelta) -> None:
    VoicePreview.objects.filter(pk=audition.pk).update(created_at=timezone.now() - age)
