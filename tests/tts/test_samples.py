"""Samples: each voice says its sentence once, at a plain URL, when nobody waits for the worker."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from speech.engines.base import Segment, TransientEngineError
from speech.engines.espeak import EspeakEngine
from tests.factories import make_account, make_job
from tests.support.audio import measure_audio
from tests.support.envelopes import ANNIE, data_of
from tests.support.waiting import wait_for
from tests.support.workers import (
    QUEUE,
    celery_worker,
    ledger_adds_up,  # noqa: F401
    own_queue,  # noqa: F401
    race,
    spool_files,
)
from tts import tasks
from tts.services import samples
from voices.models import Voice
from voices.services import claim_sample

SENTENCE = "All human beings are born free and equal in dignity and rights."


@pytest.fixture(autouse=True)
def three_voices(voices: None, settings: Any) -> None:
    settings.SAMPLE_ENGINES = ["espeak"]
    Voice.objects.exclude(voice_id__in=[ANNIE, "espeak:fr-FR-eSpeak-Lee", "espeak:de-DE-eSpeak-Annie"]).delete()


def test_every_voice_gets_a_sample_that_anybody_hears_at_a_plain_url(anonymous, client):
    path = f"/voices/{ANNIE}/sample"
    assert data_of(anonymous.get(f"/api/v1/voices/{ANNIE}"))["sample_url"] is None
    assert client.get(path).status_code == 404

    assert samples.make_samples_when_idle(queue=QUEUE) == 3

    assert samples.make_samples_when_idle(queue=QUEUE) == 0  # once
    listed = data_of(anonymous.get("/api/v1/voices"))["voices"]
    assert [voice["sample_url"] for voice in listed] == [
        f"http://testserver/voices/{voice['voice_id']}/sample" for voice in listed
    ]
    redirect = client.get(path)
    assert (redirect.status_code, redirect["Cache-Control"]) == (302, "public, max-age=3600")
    audio = client.get(redirect["Location"])
    assert (audio.status_code, audio["Content-Type"]) == (200, "audio/mpeg")
    heard = measure_audio(b"".join(audio.streaming_content))
    assert 3.0 < heard.duration_seconds < 5.0
    assert -30 < heard.rms_dbfs < -10
    assert spool_files() == []


def test_a_sample_is_what_the_voice_says_in_its_own_language(monkeypatch):
    said: dict[str, str] = {}
    speak = EspeakEngine.speak

    def listen(self: EspeakEngine, segment: Segment) -> Any:
        said[segment.engine_voice] = said.get(segment.engine_voice, "") + segment.text
        return speak(self, segment)

    monkeypatch.setattr(EspeakEngine, "speak", listen)
    samples.make_all_samples(providers=["espeak"])

    assert said == {
        "gmw/en-US+Annie": SENTENCE,
        "gmw/de+Annie": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
        "roa/fr+Lee": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    }


def test_nothing_is_made_while_a_job_waits(account):
    job = make_job(account)
    assert samples.make_samples_when_idle(queue=QUEUE) == 0
    assert not Voice.objects.exclude(sample_tried_at=None).exists()
    job.delete()
    assert samples.make_samples_when_idle(queue=QUEUE) == 3


def test_an_engine_that_cannot_is_asked_again_a_day_later(monkeypatch, client):
    def fail(self: EspeakEngine, segment: Segment) -> Any:
        raise TransientEngineError("away")

    with monkeypatch.context() as broken:
        broken.setattr(EspeakEngine, "speak", fail)
        assert samples.make_all_samples(providers=["espeak"]) == (0, 3)
    assert samples.queues_without_samples() == []
    assert samples.make_samples_when_idle(queue=QUEUE) == 0
    assert client.get(f"/voices/{ANNIE}/sample").status_code == 404

    Voice.objects.update(sample_tried_at=timezone.now() - timedelta(days=1, seconds=1))
    assert samples.queues_without_samples() == [QUEUE]
    assert samples.make_samples_when_idle(queue=QUEUE) == 3


def test_workers_that_ask_at_once_get_a_voice_each():
    claimed = race(*[lambda: claim_sample(providers=["espeak"])] * 6)
    assert sorted(str(voice) for voice in claimed if voice is not None) == sorted(
        Voice.objects.values_list("voice_id", flat=True)
    )
    assert claimed.count(None) == 3


def test_a_voice_that_does_not_speak_here_has_no_sample(client):
    samples.make_all_samples(providers=["espeak"])
    path = f"/voices/{ANNIE}/sample"
    assert client.head(path).status_code == 302
    Voice.objects.filter(voice_id=ANNIE).update(is_enabled=False)
    assert client.get(path).status_code == 404
    assert client.get("/voices/espeak:en-US-eSpeak-Nobody/sample").status_code == 404
    assert client.get("/voices/%00/sample").status_code == 404


def test_samples_that_nobody_asked_for_are_made_for_the_named_engines_only(settings):
    settings.SAMPLE_ENGINES = ["none"]
    assert samples.queues_without_samples() == []
    assert samples.make_samples_when_idle(queue=QUEUE) == 0


def test_the_command_makes_what_is_missing_or_all_of_them_again():
    def run(*arguments: str) -> dict[str, int]:
        output = io.StringIO()
        call_command("make_samples", *arguments, "--json", stdout=output)
        report: dict[str, int] = json.loads(output.getvalue())
        return report

    assert run() == {"made": 3, "failed": 0}
    keys = set(Voice.objects.values_list("sample_key", flat=True))
    assert run() == {"made": 0, "failed": 0}
    assert run("--provider", "espeak", "--again") == {"made": 3, "failed": 0}
    assert set(Voice.objects.values_list("sample_key", flat=True)) == keys


def test_a_worker_makes_them_unasked(own_queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # noqa: F811
    monkeypatch.setattr(tasks, "SAMPLES_EXPIRE_SECONDS", 60)  # a worker may take its time to start
    make_account("Acme")
    with celery_worker(tmp_path, SAMPLE_ENGINES="espeak"):
        tasks.ask_for_samples()
        wait_for(lambda: not Voice.objects.filter(sample_key="").exists(), "the worker to make the samples")
