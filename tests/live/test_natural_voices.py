"""`manage.py serve` on a machine without Kokoro's model: it comes in the background, or it cannot be had."""

import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.service import STOP_SECONDS, Caller, Service, settings_of_services
from tests.support.audio import measure_audio
from tests.support.kokoro_places import client_settings
from tests.support.ports import free_port
from tests.support.real_kokoro import model_dir_or_skip
from tests.support.waiting import slowdown, wait_for

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(settings_of_services()), reason="DATABASE_URL is set: no demo account is made"),
]

HEART = "kokoro:en-US-Kokoro-Heart"
FAILURE = "No natural voices yet; eSpeak speaks meanwhile. Trying again in 1 minute."
HEARD_SECONDS = 45.0  # from the start of `serve` to a sentence of Heart's, the model being in the cache


def places_without_answer(folder: Path) -> dict[str, str]:
    """Settings in which nobody listens where the model could be had."""
    nobody = f"http://127.0.0.1:{free_port()}"
    return client_settings(nobody, folder / "wheels", folder) | {
        "KOKORO": "1",
        "KOKORO_HUB_URL": nobody,
        "KOKORO_RELEASES_URL": nobody,
    }


def started(folder: Path, settings: Mapping[str, str]) -> Iterator[Service]:
    service = Service(folder, settings=settings)
    try:
        service.start()
        wait_for(lambda: "Ctrl-C stops it" in service.output, "the introduction", seconds=60)
        yield service
    finally:
        service.kill_everything()


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("offline")
    for service in started(folder, places_without_answer(folder)):
        wait_for(lambda: FAILURE in service.output, "the first try to fail", seconds=90)  # noqa: B023
        yield service


@pytest.fixture(scope="module")
def without_kokoro(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("without")
    yield from started(folder, places_without_answer(folder) | {"KOKORO": "0"})


@contextmanager
def demo_caller(service: Service) -> Iterator[Caller]:
    """With the key that was printed."""
    key = re.search(r"tts_\w{36}", service.output)
    assert key is not None, service.output
    caller = Caller(service, key[0])
    with caller.http:
        yield caller


def voices_of_kokoro(service: Service) -> dict[str, Any]:
    data: dict[str, Any] = httpx.get(f"{service.url}/api/v1/voices?provider=kokoro").json()["data"]
    return data


def has_natural_worker(service: Service) -> bool:
    return any("speech.kokoro" in process.command for process in service.processes())


def test_without_a_network_the_console_has_one_clear_line(offline: Service):
    lines = [line for line in offline.output.splitlines() if "Kokoro was not installed" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"{FAILURE} Kokoro was not installed: model.onnx and 55 more could not be had (")
    assert "run `make kokoro` again" in lines[0]
    assert "Traceback" not in offline.output
    assert "ERROR" not in offline.output.replace(lines[0], "")


def test_without_a_network_espeak_speaks(offline: Service):
    with demo_caller(offline) as caller:
        job = caller.wait_until_completed(caller.submit("Nobody else is here."))
    assert job["duration_seconds"] > 0.5


def test_without_a_network_the_natural_voices_are_refused_with_the_reason(offline: Service):
    data = voices_of_kokoro(offline)
    assert (data["total"], data["installing"]) == (0, None)
    with demo_caller(offline) as caller:
        answer = caller.http.post("/api/v1/tts", json={"text": "Hello.", "voice_id": HEART})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_VOICE")
    reason = "the model is not installed: model.onnx is missing; run `make kokoro`"
    assert answer.json()["error"]["message"] == f"The voice {HEART} is not available here: {reason}."
    assert not has_natural_worker(offline)


def test_while_the_next_try_is_awaited_everything_stops_in_time(offline: Service):
    assert offline.child("kokoro_install") is not None
    offline.send(signal.SIGTERM)
    assert offline.wait_for_end() < STOP_SECONDS * slowdown()


def test_left_out_nothing_is_fetched_and_no_voice_is_offered(without_kokoro: Service):
    assert without_kokoro.child("kokoro_install") is None
    assert not has_natural_worker(without_kokoro)
    assert not (without_kokoro.data_dir / "kokoro").exists()
    assert voices_of_kokoro(without_kokoro)["total"] == 0
    assert "atural voices" not in without_kokoro.output
    assert "espeak:en-US-eSpeak-Annie" in without_kokoro.output


def test_the_model_arrives_while_the_service_runs_and_heart_speaks(tmp_path: Path):
    cache, bound_seconds = model_dir_or_skip(), HEARD_SECONDS * slowdown()
    for service in started(tmp_path, places_without_answer(tmp_path) | {"KOKORO_CACHE": str(cache)}):
        web = service.child("granian")
        assert HEART in service.output  # the command to copy names what is about to come
        wait_for(lambda: "Natural voices are ready." in service.output, "natural voices", seconds=bound_seconds)  # noqa: B023
        found = re.search(r"Natural voices are ready\. First audio: (\S+) \(([\d.]+) s\)", service.output)
        assert found is not None, service.output
        audio = measure_audio(Path(found[1]))
        assert audio.duration_seconds == pytest.approx(float(found[2]), abs=0.01)
        assert 2.0 < audio.duration_seconds < 8.0
        assert audio.rms_dbfs > -40

        data = voices_of_kokoro(service)
        assert (data["total"], data["installing"]) == (54, None)
        assert service.child("granian") == web  # nothing was restarted
        assert has_natural_worker(service)
        assert service.child("kokoro_install") is None
        assert "no worker for" not in service.output
        with demo_caller(service) as caller:
            job = caller.wait_until_completed(caller.submit("A sentence for anybody.", voice_id=HEART))
        assert 1.0 < job["duration_seconds"] < 6.0

        service.send(signal.SIGTERM)
        service.wait_for_end()
        service.start()
        wait_for(lambda: "Ctrl-C stops it" in service.output, "the second start")  # noqa: B023
        assert service.child("kokoro_install") is None
        assert has_natural_worker(service)
