"""A real worker is killed or hangs: /readyz says so, its jobs are refunded, and all is well once it is back."""

import json
import os
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.live.compose import Container, Deployment
from tests.live.service import settings_of_services
from tests.support.ports import free_port
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(settings_of_services()), reason="runs on SQLite and files alone"),
]

QUEUE = "speech.espeak"
SPEECH = {"text": "Is anybody there?", "voice_id": "espeak:en-US-eSpeak-Annie"}
SECONDS = 90.0  # to give up


@dataclass
class Running:
    deployment: Deployment
    key: str

    @property
    def worker(self) -> Container:
        return self.deployment.containers["worker-espeak"]

    @property
    def url(self) -> str:
        return self.deployment.containers["api"].url

    def degraded(self) -> list[str]:
        answer = httpx.get(f"{self.url}/readyz")
        assert answer.status_code == 200, answer.text
        queues: list[str] = answer.json()["degraded"]
        return queues

    def request(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = httpx.request(method, f"{self.url}/api/v1/{path}", json=body, headers=headers)
        data: dict[str, Any] = answer.json()["data"]
        return data

    def finished_job(self) -> dict[str, Any]:
        job_id = self.request("POST", "tts", SPEECH)["job_id"]

        def finished() -> dict[str, Any] | None:
            job = self.request("GET", f"tts/{job_id}")
            return None if job["status"] in {"pending", "processing"} else job

        job = wait_for(finished, "the job to finish", seconds=SECONDS)
        assert job is not None
        return job


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("no-worker")
    variables = dict.fromkeys(("POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY", "AUDIO_HOST"), "replaced")
    variables |= {"PUBLIC_HOST": "127.0.0.1", "URL_SCHEME": "http", "SERVE_HTTPS": "0"}
    one_machine = dict.fromkeys(("DATABASE_URL", "REDIS_URL", "AUDIO_STORE_URL"), "")
    replaced = one_machine | {
        "DATA_DIR": str(folder / "data"),
        "PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "SAMPLE_ENGINES": "none",
        "WORKER_PRESENCE_SECONDS": "1",
        "QUEUE_UNSERVED_SECONDS": "6",
    }
    deployment = Deployment(folder, variables, replaced)
    for name in ("stream", "worker-kokoro", "worker-remote"):
        del deployment.containers[name]
    try:
        deployment.start()
        made = deployment.manage(
            *("create_account", "alice@acme.example", "--plan", "enterprise", "--credits", "100", "--key", "--json")
        )
        running = Running(deployment, json.loads(made)["api_key"])
        wait_for(lambda: running.degraded() == [], "every worker", seconds=SECONDS)
        yield running
    finally:
        deployment.kill()


def test_a_worker_that_hangs_counts_as_gone_until_it_goes_on(running: Running) -> None:
    assert running.worker.process is not None
    running.worker.process.send_signal(signal.SIGSTOP)
    try:
        wait_for(lambda: running.degraded() == [QUEUE], "the missing worker", seconds=SECONDS)
    finally:
        running.worker.process.send_signal(signal.SIGCONT)
    wait_for(lambda: running.degraded() == [], "the worker to be seen again", seconds=SECONDS)
    assert running.finished_job()["status"] == "completed"


def test_jobs_of_a_killed_worker_fail_and_are_refunded_and_the_next_one_speaks(running: Running) -> None:
    before = running.request("GET", "credits")["available"]
    assert running.worker.process is not None
    os.killpg(running.worker.process.pid, signal.SIGKILL)
    running.worker.process.wait()
    wait_for(lambda: running.degraded() == [QUEUE], "the missing worker", seconds=SECONDS)

    failed = running.finished_job()
    assert (failed["status"], failed["refunded"]) == ("failed", True)
    assert failed["error"]["message"].startswith("No worker has been available for this voice for 6 seconds.")
    assert running.request("GET", "credits")["available"] == before
    assert "no worker for speech.espeak since" in running.deployment.output

    running.worker.start()
    wait_for(lambda: running.degraded() == [], "the new worker", seconds=SECONDS)
    assert running.finished_job()["status"] == "completed"
    assert json.loads(running.deployment.manage("check_ledger", "--json"))["mismatches"] == []
