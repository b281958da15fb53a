"""Auditions: a visitor's text in a voice, spoken when no job waits, at most twice for each request."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from speech.engines.base import Segment
from speech.engines.espeak import EspeakEngine
from tests.factories import make_job
from tests.support.audio import measure_audio, mp3_frames
from tests.support.envelopes import ANNIE
from tests.support.voice_previews import LEE, SECOND, TEXT, ask, grow_old, of, silence
from tests.support.waiting import wait_for
from tests.support.workers import (
    QUEUE,
    Background,
    audio_files,
    celery_worker,
    own_queue,  # noqa: F401
    race,
    scripted_engine,  # noqa: F401
    spool_files,
)
from tts.models import VoicePreview
from tts.services import voice_previews
from tts.services.voice_previews import CLAIM, KEPT, speak_auditions, sweep_auditions
from tts.stopping import worker_is_stopping
from tts.storage import store
from voices.models import Voice


@pytest.fixture(autouse=True)
def _voices(voices: None) -> None:
    """Every test here has a voice speak."""


@contextmanager
def first_speech_held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Background]:
    """A worker thread that is half-way through its first text until the block ends; who speaks later is not held."""
    reached, go_on, is_first = threading.Event(), threading.Event(), threading.Lock()
    speak = EspeakEngine.speak

    def hold_first(self: EspeakEngine, segment: Segment) -> Any:
        if is_first.acquire(blocking=False):
            reached.set()
            assert go_on.wait(30)
        return speak(self, segment)

    monkeypatch.setattr(EspeakEngine, "speak", hold_first)
    with Background(lambda: speak_auditions(queue=QUEUE)) as worker:
        try:
            assert reached.wait(30)
            yield worker
        finally:
            go_on.set()


# --- spoken ---------------------------------------------------------------------------------------


def test_a_text_is_spoken_as_an_mp3_that_sounds_like_speech():
    audition = ask()
    assert of(audition) == ("waiting", 0, 2)

    assert speak_auditions(queue=QUEUE) == 1

    assert of(audition) == ("ready", 1, 1)
    audio = Path(store.audio_storage().get_address(audition.audio_key)).read_bytes()
    assert {frame.channels for frame in mp3_frames(audio)} == {1}
    heard = measure_audio(audio)
    assert 1.0 < heard.duration_seconds < 3.0
    assert -30 < heard.rms_dbfs < -10
    assert len(audition.peaks) > 20
    assert max(audition.peaks) > 50
    assert 0 < audition.took_ms < 30_000
    assert spool_files() == []
    assert speak_auditions(queue=QUEUE) == 0  # once


def test_whoever_asks_for_the_same_hears_what_is_there():
    audition = ask(voice_ids=(ANNIE, LEE))
    assert ask().pk == audition.pk
    speak_auditions(queue=QUEUE)
    before = of(audition)
    ask()
    assert of(audition) == before
    assert VoicePreview.objects.count() == 2
    assert len(audio_files()) == 2


def test_visitors_who_ask_for_the_same_at_once_share_a_row(committed_db):
    asked = race(*[ask] * 4)
    assert {preview.pk for preview in asked} == {VoicePreview.objects.get().pk}


def test_other_texts_other_voices_and_what_a_voice_has_become_are_other_sounds():
    voice = Voice.objects.get(voice_id=ANNIE)
    keys = {voice_previews.audition_key(voice, TEXT), voice_previews.audition_key(voice, "Platform five.")}
    keys.add(voice_previews.audition_key(Voice.objects.get(voice_id=LEE), TEXT))
    voice.engine_voice = "gmw/en-US+Other"
    assert len(keys | {voice_previews.audition_key(voice, TEXT)}) == 4


def test_only_engines_that_cost_nothing_speak_for_visitors(settings):
    settings.COMPARE_ENGINES = ["none"]
    ask_for = Voice.objects.filter(voice_id=ANNIE)
    assert voice_previews.missing_voices(voices=list(ask_for), text=TEXT) == []


def test_a_worker_is_woken_and_speaks(committed_db, own_queue, tmp_path: Path):  # noqa: F811
    with celery_worker(tmp_path):
        audition = ask()
        wait_for(lambda: of(audition)[0] == "ready", "the worker to speak", seconds=60)
    assert audio_files() == [f"{audition.pk}-1.mp3"]


# --- jobs first, one at a time --------------------------------------------------------------------


def test_nothing_is_spoken_while_a_job_waits_or_the_worker_is_to_stop(account):
    audition, job = ask(), make_job(account)
    assert speak_auditions(queue=QUEUE) == 0
    assert of(audition) == ("waiting", 0, 2)
    job.delete()
    worker_is_stopping.set()
    try:
        assert speak_auditions(queue=QUEUE) == 0
    finally:
        worker_is_stopping.clear()
    assert speak_auditions(queue=QUEUE) == 1


def test_one_thread_of_a_worker_speaks_and_another_goes_away_at_once(committed_db, monkeypatch):
    audition, other = ask(), ask("Platform five.")
    with first_speech_held(monkeypatch):
        assert speak_auditions(queue=QUEUE) == 0
        assert of(other) == ("waiting", 0, 2)
    assert (of(audition)[0], of(other)[0]) == ("ready", "ready")


def test_several_workers_speak_each_text_once(committed_db, monkeypatch):
    monkeypatch.setattr(voice_previews, "_speaking", threading.Semaphore(4))  # as if they were four processes
    for number in range(8):
        ask(f"Platform {number}.")
    assert sum(race(*[lambda: speak_auditions(queue=QUEUE)] * 4)) == 8
    assert set(VoicePreview.objects.values_list("state", "attempt")) == {("ready", 1)}
    assert len(audio_files()) == 8


# --- dead and late workers, failures --------------------------------------------------------------


def test_what_a_dead_worker_had_is_taken_over_after_a_while_and_not_before():
    audition = ask()
    silence(audition, attempt=1, tries_left=1, ago=CLAIM - 5 * SECOND)
    assert speak_auditions(queue=QUEUE) == 0
    silence(audition, attempt=1, tries_left=1, ago=CLAIM + SECOND)
    assert speak_auditions(queue=QUEUE) == 1
    assert of(audition) == ("ready", 2, 0)
    assert audio_files() == [f"{audition.pk}-2.mp3"]


def test_a_worker_that_comes_late_changes_nothing_and_leaves_no_file(committed_db, monkeypatch):
    audition = ask()
    with first_speech_held(monkeypatch):
        silence(audition, attempt=1, tries_left=1, ago=CLAIM + SECOND)
        with monkeypatch.context() as another_process:
            another_process.setattr(voice_previews, "_speaking", threading.Lock())
            assert speak_auditions(queue=QUEUE) == 1
        took_ms = VoicePreview.objects.get(pk=audition.pk).took_ms
    assert of(audition) == ("ready", 2, 0)
    assert (audition.audio_key, audition.took_ms) == (audition.get_store_key(2), took_ms)
    assert audio_files() == [f"{audition.pk}-2.mp3"]


def test_a_late_worker_leaves_the_row_to_the_one_that_has_it_now(committed_db, monkeypatch):
    audition = ask()
    with first_speech_held(monkeypatch):
        silence(audition, attempt=2, tries_left=0, ago=SECOND)  # another has it, and is not done yet
    assert of(audition) == ("waiting", 2, 0)
    assert audition.claimed_at is not None
    assert audio_files() == []


def test_a_worker_whose_text_was_forgotten_meanwhile_leaves_no_file(committed_db, monkeypatch):
    audition = ask()
    with first_speech_held(monkeypatch):
        grow_old(audition, KEPT + SECOND)
        assert sweep_auditions() == 1
        again = ask()
    assert of(again)[0] == "ready"
    assert audio_files() == [f"{again.pk}-1.mp3"]


def test_a_text_that_kills_its_workers_fails_after_two_and_may_be_asked_for_again():
    audition = ask()
    silence(audition, attempt=2, tries_left=0, ago=CLAIM + SECOND)
    assert speak_auditions(queue=QUEUE) == 0
    sweep_auditions()
    assert of(audition) == ("failed", 2, 0)
    ask()
    assert of(audition) == ("waiting", 2, 2)
    sweep_auditions()
    assert speak_auditions(queue=QUEUE) == 1
    assert of(audition) == ("ready", 3, 1)


@pytest.mark.parametrize("text", ["TRANSIENT", "PERMANENT", "NOTHING"])
def test_an_engine_that_cannot_is_tried_twice_for_each_request(text, scripted_engine, settings, caplog):  # noqa: F811
    audition = ask(f"{text} of the visitor's business")
    assert speak_auditions(queue=QUEUE) == 0
    assert of(audition) == ("failed", 2, 0)
    assert (audio_files(), spool_files()) == ([], [])
    assert "could not generate a sample of" in caplog.text
    assert "visitor's business" not in caplog.text

    ask(audition.text)
    assert of(audition) == ("waiting", 2, 2)
    assert speak_auditions(queue=QUEUE) == 0
    assert of(audition) == ("failed", 4, 0)

    settings.SPEECH_ENGINES = {"espeak": "speech.engines.espeak.EspeakEngine"}
    ask(audition.text)
    assert speak_auditions(queue=QUEUE) == 1
    assert of(audition) == ("ready", 5, 1)
    assert audio_files() == [f"{audition.pk}-5.mp3"]


def test_a_voice_that_went_away_meanwhile_does_not_speak():
    audition = ask()
    Voice.objects.filter(voice_id=ANNIE).update(is_enabled=False)
    assert speak_auditions(queue=QUEUE) == 0
    assert of(audition)[0] == "failed"
    assert audio_files() == []
