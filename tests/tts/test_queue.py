"""Wake-ups: sent when there is work, and never missed when they are not."""

import shutil
import socket
import time
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.workers import (
    FILE_QUEUE,
    QUEUE,
    VOICE,
    assert_charged_once,
    broker,
    ledger_adds_up,  # noqa: F401
)
from tts.models import Job
from tts.queue import wake_worker
from tts.services.sweep import sweep
from tts.tasks import speak_next


@pytest.fixture
def folder(tmp_path: Path):
    """The queue of files, in a folder that is not there yet."""
    path = tmp_path / "queue"
    with broker(FILE_QUEUE, data_folder_in=str(path), data_folder_out=str(path)):
        yield path


@pytest.fixture
def silent_port():
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield server.getsockname()[1]


def submit_by_http(api) -> tuple[Job, float]:
    started = time.monotonic()
    response = api.post("/api/v1/tts", {"text": "Hello there.", "voice_id": VOICE})
    seconds = time.monotonic() - started
    assert response.status_code == 202, response.content
    return Job.objects.get(pk=response.json()["data"]["job_id"]), seconds


def messages(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*.{QUEUE}.msg"))


def test_a_submission_sends_one_wake_up_for_its_queue(voices, api, folder):
    submit_by_http(api)
    assert len(messages(folder)) == 1


def test_a_refused_submission_wakes_nobody(voices, api, folder):
    assert api.post("/api/v1/tts", {"text": "x" * 200_000, "voice_id": VOICE}).status_code == 402
    assert messages(folder) == []


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
@pytest.mark.parametrize("broken", ["refuses", "is silent"])
def test_a_broker_that_is_away_costs_a_submission_about_a_second_and_no_job(
    voices, api, folder, silent_port, scheme, broken
):
    port = free_port() if broken == "refuses" else silent_port
    with broker(f"{scheme}://127.0.0.1:{port}//"):
        wake_worker(QUEUE)  # the transport is imported once per process
        job, seconds = submit_by_http(api)
        assert seconds < (1.0 if broken == "refuses" else 2.0)
        assert sweep().woken_queues == 0

    assert (job.status, messages(folder)) == ("pending", [])
    assert sweep().woken_queues == 1
    assert len(messages(folder)) == 1
    speak_next(QUEUE)
    job.refresh_from_db()
    assert job.status == "completed"
    assert_charged_once(job)


def test_a_queue_folder_that_was_deleted_is_made_again(voices, api, folder):
    submit_by_http(api)
    shutil.rmtree(folder)

    assert sweep().woken_queues == 1
    assert len(messages(folder)) == 1

    shutil.rmtree(folder)
    submit_by_http(api)
    assert len(messages(folder)) == 1


def test_a_queue_folder_that_cannot_be_made_costs_no_job(voices, api, folder):
    folder.touch()
    job, _ = submit_by_http(api)
    assert job.status == "pending"
    assert sweep().woken_queues == 0
    assert_charged_once(job)
