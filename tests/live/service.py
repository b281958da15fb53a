"""The real thing: `manage.py serve` as `make run` starts it, with a folder, a port and a database of its own."""

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.run import ROOT, clean_environment
from tests.support.ports import free_port
from tests.support.processes import Process, descendants, ends_with_parent, processes_with
from tests.support.waiting import wait_for

START_SECONDS = 60.0  # to give up; a machine may be busy with other things
STOP_SECONDS = 5.0  # what the product promises
LEASE_SECONDS = 3
VOICE_ID = "espeak:en-US-eSpeak-Annie"
PRICE_MICROCREDITS = 100  # a character of an eSpeak voice, on a fresh installation
SENTENCE = "Nobody knows how the story ends. "
# Cut into pieces of a minute each, of which a speech process can have a few seconds ready: it is always amid one.
LONG_SENTENCE = "Nobody knows how the story ends, " * 90

logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log every look at a job


class Service:
    """One installation, which can be started and ended again and again."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str],
        program: Sequence[str] = ("manage.py", "serve"),
        root: Path = ROOT,
        umask: int = -1,
    ) -> None:
        self.folder = folder
        self.root = root
        self.umask = umask  # -1: that of the tests
        self.program = program
        self.data_dir = folder / "data"
        self.home = folder / "home"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.is_one_machine = "DATABASE_URL" not in settings
        self._database_url = settings.get("DATABASE_URL", "")
        self._output = folder / "output"
        self._process: subprocess.Popen[bytes] | None = None
        self._ending: list[Process] = []
        self._told_at = 0.0
        self.home.mkdir()
        # A home and a folder for temporary files of its own, so that a test sees what is written there.
        self.environment = clean_environment() | {
            "DATA_DIR": str(self.data_dir),
            "PORT": str(self.port),
            "JOB_LEASE_SECONDS": str(LEASE_SECONDS),
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "PYTHONUNBUFFERED": "1",
            "SAMPLE_ENGINES": "none",  # the processor is for the tests
            "KOKORO": "0",  # nothing is fetched; a test about Kokoro says KOKORO=1
            **settings,
        }

    # --- its processes ---

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """What it has printed since it was started last."""
        return self._output.read_text(errors="replace")

    def start(self) -> float:
        """Waits until it answers; returns the seconds that took."""
        began = time.monotonic()
        self.begin()
        wait_for(lambda: self.answers() or not self.is_running, "/healthz to answer", seconds=START_SECONDS)
        assert self.is_running, self.output
        return time.monotonic() - began

    def begin(self) -> "subprocess.Popen[bytes]":
        """Starts it and waits for nothing."""
        assert not self.is_running
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, *self.program],
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=ends_with_parent(signal.SIGTERM),
                umask=self.umask,
            )
        return self._process

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def send(self, number: signal.Signals) -> None:
        """Tells the supervisor to end, and notes what has to end with it."""
        self._ending = self.processes()
        self._told_at = time.monotonic()
        self.process.send_signal(number)

    def wait_for_end(self) -> float:
        """The seconds from the signal until every process was gone."""
        self.process.wait(START_SECONDS)
        wait_for(lambda: not any(process.is_running for process in self._ending), f"the end of {self._ending}")
        return time.monotonic() - self._told_at

    def kill_everything(self) -> None:
        """Whatever a failed test left behind."""
        leftovers = processes_with(str(self.data_dir))
        if self._process is not None:
            leftovers += descendants(self._process.pid)
        for process in leftovers:
            process.kill()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def processes(self) -> list[Process]:
        """All that belong to it, the supervisor excepted: its descendants, and whoever works in its folder."""
        supervisor = self.process.pid
        found = {*descendants(supervisor), *processes_with(str(self.data_dir))}
        return [process for process in found if process.pid != supervisor and process.is_running]

    def child(self, what: str) -> Process | None:
        """The child of the supervisor with `what` in its command."""
        children = [process for process in self.processes() if what in process.command]
        return min(children, key=lambda process: process.start_ticks, default=None)

    @contextmanager
    def standing_worker(self) -> Iterator[None]:
        """Within the block all workers stand still: what is submitted waits, and no message is taken."""
        workers = [process for process in self.processes() if "config worker" in process.command]
        assert workers
        for worker in workers:
            worker.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for worker in workers:
                worker.signal(signal.SIGCONT)

    def speech_children(self) -> list[Process]:
        return [process for process in self.processes() if "engines/espeak/child.py" in process.command]

    # --- its operator ---

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            umask=self.umask,
        )

    def manage_json(self, *arguments: str) -> dict[str, Any]:
        """The one JSON object that an operator's command prints."""
        done = self.manage(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("\n") == 1
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Rows of its database, looked up from outside. `%s` stands for a parameter."""
        if self.is_one_machine:
            connection = sqlite3.connect(self.data_dir / "db.sqlite3", timeout=20)
            try:
                return connection.execute(statement.replace("%s", "?"), parameters).fetchall()
            finally:
                connection.close()
        with psycopg.connect(self._database_url) as postgres:
            return postgres.execute(statement.encode(), parameters).fetchall()


class Caller:
    """A customer with a key, and what can be said about their jobs from outside."""

    def __init__(self, service: Service, key: str) -> None:
        self.service = service
        self.key = key
        self.http = httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def submit(self, text: str = SENTENCE, **fields: object) -> str:
        """The id of the job."""
        answer = self.http.post("/api/v1/tts", json={"text": text, "voice_id": VOICE_ID, **fields})
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["data"]["job_id"]
        return job_id

    @contextmanager
    def job_midway(self) -> Iterator[str]:
        """A long job of which a part is spoken. It goes on after the block, in which the worker stands still."""
        job_id = self.submit(LONG_SENTENCE, output_format="ogg_opus")  # which takes the longest to encode
        spool = self.service.data_dir / "spool"
        wait_for(lambda: any(file.stat().st_size > 0 for file in spool.glob(f"{job_id}*")), "some sound")
        with self.service.standing_worker():
            assert self.status_in_database(job_id) == "processing"
            yield job_id

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/api/v1/tts/{job_id}")
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    def wait_until_completed(self, job_id: str, *, seconds: float = 45.0) -> dict[str, Any]:
        def finished() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["status"] not in {"pending", "processing"} else None

        job = wait_for(finished, f"job {job_id} to finish", seconds=seconds)
        assert job is not None
        assert job["status"] == "completed", job
        return job

    def attempts(self, job_id: str) -> int:
        [(attempts,)] = self.service.query("SELECT attempt FROM tts_job WHERE id = %s", [self._id(job_id)])
        return int(attempts)

    def status_in_database(self, job_id: str) -> str:
        [(status,)] = self.service.query("SELECT status FROM tts_job WHERE id = %s", [self._id(job_id)])
        return str(status)

    def ledger(self, job_id: str) -> list[tuple[str, int]]:
        """Kind and microcredits of every entry for the job."""
        of_job = "SELECT kind, amount_microcredits FROM billing_ledgerentry WHERE job_id = %s ORDER BY created_at"
        rows = self.service.query(of_job, [self._id(job_id)])
        return [(str(kind), int(amount)) for kind, amount in rows]

    def stored_files(self, job_id: str) -> list[Path]:
        return list((self.service.data_dir / "audio").rglob(f"{job_id}*"))

    def _id(self, job_id: str) -> str:
        return job_id.replace("-", "") if self.service.is_one_machine else job_id


def settings_of_services() -> dict[str, str]:
    """What the environment of this test run says about PostgreSQL and Redis; empty on one machine."""
    if "DATABASE_URL" not in os.environ:
        return {}
    broker = os.environ.get("TEST_LIVE_REDIS_URL") or os.environ["TEST_REDIS_DATABASES"].split()[-1]
    return {"SECRET_KEY": os.environ["SECRET_KEY"], "REDIS_URL": broker, "CELERY_BROKER_URL": broker}
