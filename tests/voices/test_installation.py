"""What visitors and callers learn while Kokoro is being installed beside the running service."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Balance
from speech.engines.kokoro.progress import Status, write_progress
from tests.conftest import ApiClient
from tests.support.envelopes import data_of, error_of
from tests.support.installing import at_percent, installing
from tts.models import Job
from voices import installation
from voices.installation import Installation, get_running_installation

HEART = "kokoro:en-US-Kokoro-Heart"


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.SPEECH_ENGINES = settings.SPEECH_ENGINES | {"kokoro": "speech.engines.kokoro.KokoroEngine"}
    settings.KOKORO_MODEL_DIR = tmp_path / "kokoro"
    return tmp_path / "kokoro"


def test_nothing_is_being_installed_where_nobody_does(folder: Path):
    assert get_running_installation() is None


@pytest.mark.parametrize("status", ["failed", "installed"])
def test_an_installation_that_ended_is_none(folder: Path, status: Status):
    folder.mkdir()
    write_progress(folder, status, at_percent(43))
    assert get_running_installation() is None


def test_an_installer_that_was_killed_is_none(folder: Path):
    with installing(folder, 43):
        pass
    assert get_running_installation() is None


def test_where_the_engine_is_left_out_nothing_is_read(folder: Path, settings: Any):
    settings.SPEECH_ENGINES = {}
    with installing(folder, 43):
        assert get_running_installation() is None


def test_the_state_is_read_at_most_once_a_second_and_costs_no_query(
    folder: Path, db: None, monkeypatch: pytest.MonkeyPatch
):
    assert installation.CACHE_SECONDS <= 1.0
    monkeypatch.setattr(installation, "CACHE_SECONDS", 60.0)  # however slow this machine is
    with installing(folder, 43), CaptureQueriesContext(connection) as queries:
        assert get_running_installation() == Installation("kokoro", 43)
        write_progress(folder, "installing", at_percent(44))
        assert get_running_installation() == Installation("kokoro", 43)
        monkeypatch.setattr(installation, "CACHE_SECONDS", 0.0)
        assert get_running_installation() == Installation("kokoro", 44)
    assert len(queries) == 0


def test_the_list_of_voices_says_how_far_it_is(folder: Path, voices: None, anonymous: ApiClient):
    with installing(folder, 43):
        data = data_of(anonymous.get("/api/v1/voices"))
    assert data["installing"] == {"provider": "kokoro", "percent": 43}
    assert data["total"] > 0


def test_the_list_of_voices_says_null_otherwise(folder: Path, voices: None, anonymous: ApiClient):
    assert data_of(anonymous.get("/api/v1/voices"))["installing"] is None


def test_a_job_is_told_how_far_its_voice_is_and_costs_nothing(folder: Path, voices: None, api: ApiClient, account: Any):
    before = Balance.objects.get(account=account).available_microcredits
    with installing(folder, 43):
        refusal = error_of(api.post("/api/v1/tts", {"text": "Hello.", "voice_id": HEART}), 400, "INVALID_VOICE")
    assert refusal["message"] == f"The voice {HEART} is not available here: Kokoro is being installed (43 %)."
    assert Balance.objects.get(account=account).available_microcredits == before
    assert not Job.objects.exists()


def test_other_voices_speak_meanwhile(folder: Path, voices: None, api: ApiClient):
    with installing(folder, 43):
        data_of(api.post("/api/v1/tts", {"text": "Hello.", "voice_id": "espeak:en-US-eSpeak-Annie"}), 202)
