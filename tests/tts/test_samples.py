"""Samples: each voice says its texts once, at plain URLs, when nobody waits for the worker."""

import io
import json
from datetime import timedelta
from itertools import groupby
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
from tts.stopping import worker_is_stopping
from tts.storage import store
from voices.models import Sample, Voice
from voices.sample_texts import TEXTS, list_sample_texts
from voices.sentences import get_sentence
from voices.services import claim_sample

STORY, DIALOGUE, NEWS = (text for _, text in list_sample_texts("en-US"))
CZECH = "espeak:cs-CZ-eSpeak-Annie"  # of a language with one sentence
THREE = ["story", "dialogue", "news"]


@pytest.fixture(autouse=True)
def three_voices(voices: None, settings: Any) -> None:
    """Two with three samples, and one with one."""
    settings.SAMPLE_ENGINES = ["espeak"]
    Voice.objects.exclude(voice_id__in=[ANNIE, "espeak:de-DE-eSpeak-Annie", CZECH]).delete()


def make_all() -> int:
    """As the beat and a worker do it in turns."""
    assert samples.queues_without_samples() == [QUEUE]
    return samples.make_samples_when_idle(queue=QUEUE)


def test_every_voice_gets_samples_that_anybody_hears_at_plain_urls(anonymous, client):
    paths = [f"/voices/{ANNIE}/sample", *(f"/voices/{ANNIE}/samples/{kind}" for kind in THREE)]
    voice = data_of(anonymous.get(f"/api/v1/voices/{ANNIE}"))
    assert (voice["sample_url"], voice["samples"]) == (None, [])
    assert [client.get(path).status_code for path in paths] == [404] * 4

    assert make_all() == 7

    assert samples.queues_without_samples() == []  # once
    assert samples.make_samples_when_idle(queue=QUEUE) == 0
    voice = data_of(anonymous.get(f"/api/v1/voices/{ANNIE}"))
    assert voice["sample_url"] == f"http://testserver{paths[0]}"
    assert [sample["kind"] for sample in voice["samples"]] == THREE
    assert [sample["text"] for sample in voice["samples"]] == [STORY, DIALOGUE, NEWS]
    for sample, path in zip(voice["samples"], paths[1:], strict=True):
        assert sample["url"] == f"http://testserver{path}"
        redirect = client.get(path)
        assert (redirect.status_code, redirect["Cache-Control"]) == (302, "public, max-age=300")
        audio = client.get(redirect["Location"])
        assert (audio.status_code, audio["Content-Type"]) == (200, "audio/mpeg")
        heard = measure_audio(b"".join(audio.streaming_content))
        assert heard.duration_seconds == pytest.approx(sample["duration_seconds"], abs=0.1)
        assert 4.0 < heard.duration_seconds < 9.0
        assert -30 < heard.rms_dbfs < -10
    first = client.get(paths[0])["Location"]
    assert first.partition("?")[0] == client.get(paths[1])["Location"].partition("?")[0]
    [sample] = data_of(anonymous.get(f"/api/v1/voices/{CZECH}"))["samples"]
    assert (sample["kind"], sample["text"]) == ("sentence", get_sentence("cs-CZ"))
    assert spool_files() == []


def test_a_voice_says_its_samples_in_its_own_language_and_each_its_first_before_any_its_second(monkeypatch):
    said: list[tuple[str, str]] = []
    speak = EspeakEngine.speak

    def listen(self: EspeakEngine, segment: Segment) -> Any:
        said.append((segment.engine_voice, segment.text))
        return speak(self, segment)

    monkeypatch.setattr(EspeakEngine, "speak", listen)
    samples.make_all_samples(providers=["espeak"])

    english = "".join(text for voice, text in said if voice == "gmw/en-US+Annie")
    german = "".join(text for voice, text in said if voice == "gmw/de+Annie")
    assert english == STORY + DIALOGUE + NEWS
    assert german == "".join(text for _, text in list_sample_texts("de-DE"))
    turns = [voice for voice, _ in groupby(said, key=lambda spoken: spoken[0])]
    annie, anja, czech = "gmw/en-US+Annie", "gmw/de+Annie", "zlw/cs+Annie"
    assert turns == [annie, czech, anja, annie, anja, annie, anja]  # each time the best first, then by language


def test_nothing_is_made_while_a_job_waits(account):
    job = make_job(account)
    assert samples.queues_without_samples() == [QUEUE]
    assert samples.make_samples_when_idle(queue=QUEUE) == 0
    assert not Sample.objects.exclude(claimed_at=None).exists()
    job.delete()
    assert samples.make_samples_when_idle(queue=QUEUE) == 7


def test_an_engine_that_cannot_is_asked_again_a_day_later(monkeypatch, client):
    def fail(self: EspeakEngine, segment: Segment) -> Any:
        raise TransientEngineError("away")

    with monkeypatch.context() as broken:
        broken.setattr(EspeakEngine, "speak", fail)
        assert samples.make_all_samples(providers=["espeak"]) == (0, 7)
    assert samples.queues_without_samples() == []
    assert samples.make_samples_when_idle(queue=QUEUE) == 0
    assert client.get(f"/voices/{ANNIE}/sample").status_code == 404

    Sample.objects.update(failed_at=timezone.now() - timedelta(days=1, seconds=1))
    assert make_all() == 7


def test_workers_that_ask_at_once_get_a_sample_each():
    samples.plan_samples(["espeak"])
    Sample.objects.filter(kind="news").delete()
    claimed = race(*[lambda: claim_sample(providers=["espeak"])] * 7)
    assert len({sample.pk for sample in claimed if sample is not None}) == 5
    assert claimed.count(None) == 2


def test_a_sample_whose_worker_died_is_made_by_another_after_five_minutes():
    samples.plan_samples(["espeak"])
    lost = claim_sample(providers=["espeak"])
    assert lost is not None
    assert samples.make_all_samples(providers=["espeak"]) == (6, 0)
    Sample.objects.filter(pk=lost.pk).update(claimed_at=timezone.now() - timedelta(minutes=5, seconds=1))
    assert samples.make_all_samples(providers=["espeak"]) == (1, 0)


def test_a_worker_that_stops_leaves_its_sample_to_the_next(monkeypatch):
    def stop(self: EspeakEngine, segment: Segment) -> Any:
        worker_is_stopping.set()
        raise TransientEngineError("closed")

    samples.plan_samples(["espeak"])
    try:
        with monkeypatch.context() as stopping:
            stopping.setattr(EspeakEngine, "speak", stop)
            assert samples.make_samples_when_idle(queue=QUEUE) == 0
    finally:
        worker_is_stopping.clear()
    assert samples.make_samples_when_idle(queue=QUEUE) == 7


def test_a_voice_that_does_not_speak_here_has_no_sample(client):
    samples.make_all_samples(providers=["espeak"])
    path = f"/voices/{ANNIE}/sample"
    assert client.head(path).status_code == 302
    Voice.objects.filter(voice_id=ANNIE).update(is_enabled=False)
    assert client.get(path).status_code == 404
    assert client.get(f"/voices/{ANNIE}/samples/story").status_code == 404
    assert client.get("/voices/espeak:en-US-eSpeak-Nobody/sample").status_code == 404
    assert client.get("/voices/%00/sample").status_code == 404
    assert client.get(f"/voices/{CZECH}/samples/story").status_code == 404


def test_samples_that_nobody_asked_for_are_made_for_the_named_engines_only(settings):
    settings.SAMPLE_ENGINES = ["none"]
    assert samples.queues_without_samples() == []
    assert samples.make_samples_when_idle(queue=QUEUE) == 0


# --- what changes -----------------------------------------------------------------------------------


def stored() -> set[str]:
    """Names of the samples in the store."""
    folder = Path(store.audio_storage().get_address("samples"))
    return {f"samples/{file.relative_to(folder)}" for file in folder.rglob("*.mp3")}


def keys() -> set[str]:
    return set(Sample.objects.values_list("key", flat=True))


def test_an_engine_that_sounds_different_has_its_samples_made_again(client):
    samples.make_all_samples(providers=["espeak"])
    before = keys()
    Voice.objects.filter(voice_id=ANNIE).update(sound_version="another library")
    assert samples.queues_without_samples() == [QUEUE]
    assert client.get(f"/voices/{ANNIE}/samples/news").status_code == 302  # the old one, until the new one is there
    assert samples.make_samples_when_idle(queue=QUEUE) == 3
    assert len(keys() & before) == 4
    assert stored() == keys()


def test_another_text_is_spoken_and_the_old_audio_is_gone_at_once(monkeypatch, client):
    samples.make_all_samples(providers=["espeak"])
    monkeypatch.setitem(TEXTS, "en", (STORY, "“Who is there?”", NEWS))
    assert samples.queues_without_samples() == [QUEUE]
    assert client.get(f"/voices/{ANNIE}/samples/dialogue").status_code == 404
    assert client.get(f"/voices/{ANNIE}/samples/story").status_code == 302
    assert len(stored()) == 6
    assert samples.make_samples_when_idle(queue=QUEUE) == 1
    assert Sample.objects.get(voice__voice_id=ANNIE, kind="dialogue").text == "“Who is there?”"
    assert stored() == keys()


def test_the_only_sentence_of_a_language_makes_room_for_three_texts(monkeypatch):
    samples.make_all_samples(providers=["espeak"])
    monkeypatch.setitem(TEXTS, "cs", ("Bylo jaro.", "„Kdo je tam?“", "Dnes je 11 stupňů."))
    assert make_all() == 3
    assert set(Sample.objects.filter(voice__voice_id=CZECH).values_list("kind", flat=True)) == set(THREE)
    assert stored() == keys()


def test_audio_for_a_plan_that_changed_meanwhile_is_thrown_away(monkeypatch):
    samples.plan_samples(["espeak"])
    sample = claim_sample(providers=["espeak"])
    assert sample is not None
    Voice.objects.update(sound_version="another library")
    samples.plan_samples(["espeak"])
    assert not samples.make_sample(sample)
    assert stored() == set()
    assert samples.make_all_samples(providers=["espeak"])[1] == 0


def test_planning_what_is_planned_asks_twice_and_writes_nothing(django_assert_num_queries):
    samples.plan_samples(["espeak"])
    with django_assert_num_queries(2):
        samples.plan_samples(["espeak"])


def test_the_command_makes_what_is_missing_or_all_of_them_again():
    def run(*arguments: str) -> dict[str, int]:
        output = io.StringIO()
        call_command("make_samples", *arguments, "--json", stdout=output)
        report: dict[str, int] = json.loads(output.getvalue())
        return report

    assert run() == {"made": 7, "failed": 0}
    before = keys()
    assert run() == {"made": 0, "failed": 0}
    assert run("--provider", "espeak", "--again") == {"made": 7, "failed": 0}
    assert keys() == before == stored()


def test_a_worker_makes_them_unasked(own_queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # noqa: F811
    monkeypatch.setattr(tasks, "SAMPLES_EXPIRE_SECONDS", 60)  # a worker may take its time to start
    make_account("Acme")
    with celery_worker(tmp_path, SAMPLE_ENGINES="espeak"):
        tasks.ask_for_samples()
        wait_for(lambda: not Sample.objects.filter(key="").exists(), "the worker to make the samples")
