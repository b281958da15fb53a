"""Auditions are given up when a visitor has waited too long, and forgotten after an hour; none is made without room."""

import pytest
from django.core.files.base import ContentFile

from tests.factories import make_job
from tests.support.voice_previews import SECOND, ask, grow_old, of, silence
from tests.support.workers import QUEUE, audio_files
from tts.errors import CapacityReached, StoreUnavailable
from tts.models import VoicePreview, VoicePreviewState
from tts.services.sweep import sweep
from tts.services.voice_previews import CLAIM, KEPT, PATIENCE, speak_auditions, sweep_auditions
from tts.storage import store
from tts.storage.local import LocalAudioStorage


@pytest.fixture(autouse=True)
def _voices(voices: None) -> None:
    """Every test here has a voice speak."""


def test_a_visitor_waits_so_long_and_no_longer_unless_it_is_being_spoken(account):
    make_job(account)
    audition = ask()
    grow_old(audition, PATIENCE - 5 * SECOND)
    sweep_auditions()
    assert of(audition)[0] == "waiting"
    grow_old(audition, PATIENCE + SECOND)
    silence(audition, attempt=1, tries_left=1, ago=SECOND)
    sweep_auditions()
    assert of(audition)[0] == "waiting"
    silence(audition, attempt=1, tries_left=1, ago=CLAIM + SECOND)
    sweep_auditions()
    assert of(audition)[0] == "failed"


def test_text_and_sound_are_forgotten_after_an_hour_with_what_dead_workers_left():
    old, fresh = ask(), ask("Platform five.")
    store.audio_storage().save(old.get_store_key(1), ContentFile(b"ID3"))
    silence(old, attempt=1, tries_left=1, ago=CLAIM + SECOND)
    assert speak_auditions(queue=QUEUE) == 2
    grow_old(old, KEPT + SECOND)
    grow_old(fresh, KEPT - 5 * SECOND)
    assert sweep().forgotten_auditions == 1
    assert list(VoicePreview.objects.values_list("text", flat=True)) == ["Platform five."]
    assert audio_files() == [f"{fresh.pk}-1.mp3"]


def test_a_sweep_that_died_between_file_and_row_is_made_good_by_the_next():
    audition = ask()
    speak_auditions(queue=QUEUE)
    grow_old(audition, KEPT + SECOND)
    audition.refresh_from_db()
    store.audio_storage().delete(audition.audio_key)
    assert sweep_auditions() == 1
    assert not VoicePreview.objects.exists()


def test_a_store_that_is_away_keeps_the_row_for_the_next_sweep(monkeypatch):
    audition = ask()
    speak_auditions(queue=QUEUE)
    grow_old(audition, KEPT + SECOND)

    def fail(self: LocalAudioStorage, name: str) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as away:
        away.setattr(LocalAudioStorage, "delete", fail)
        assert sweep().forgotten_auditions == 0
    assert VoicePreview.objects.filter(state=VoicePreviewState.READY).exists()
    assert sweep().forgotten_auditions == 1
    assert audio_files() == []


def test_nothing_is_taken_when_the_store_is_nearly_full(settings):
    ask("Platform five.")
    settings.MIN_FREE_BYTES = 10**18
    with pytest.raises(CapacityReached):
        ask()
    assert VoicePreview.objects.get().text == "Platform five."
    assert ask("Platform five.").text == "Platform five."  # what is there needs no room
