"""What the tests of jobs and workers share: racing threads, worker processes, an engine that does as the text says."""

import errno
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

from accounts.models import Account
from billing.models import EntryKind, LedgerEntry
from billing.money import format_credits
from billing.selectors import get_balance
from config.celery import app
from speech.engines.base import PermanentEngineError, Segment, TransientEngineError
from speech.engines.espeak import EspeakEngine
from tests.factories import make_admission
from tests.support.engines import write_child
from tests.support.processes import ends_with_parent
from tests.support.waiting import wait_for
from tts.models import Job
from tts.requests import SpeechRequest
from tts.services.submit import submit_job
from tts.storage.local import LocalAudioStorage
from tts.storage.store import audio_storage

ROOT = Path(__file__).resolve().parent.parent.parent
VOICE = "espeak:en-US-eSpeak-Annie"
QUEUE = "speech.espeak"
CREDIT = 1_000_000  # microcredits
REFUNDED = "Your credits were refunded."  # at the end of every failure that nobody heard anything of
FILE_QUEUE = "filesystem://localhost//"


@pytest.fixture(autouse=True)
def ledger_adds_up(committed_db: None) -> Iterator[None]:
    """After every test of a module that imports this: `manage.py check_ledger` has nothing to say."""
    yield
    call_command("check_ledger", stdout=io.StringIO())  # raises when an account does not add up


# --- threads -------------------------------------------------------------------------------------


def race(*actions: Callable[[], Any], seconds: float = 60.0) -> list[Any]:
    """Each action in a thread of its own, all let go at once; their results in order, an exception as itself."""
    barrier = threading.Barrier(len(actions))
    results: list[Any] = [TimeoutError("still running")] * len(actions)

    def run(number: int, action: Callable[[], Any]) -> None:
        try:
            barrier.wait(seconds)
            results[number] = action()
        except Exception as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in enumerate(actions)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return results


class Background:
    """One action in a thread; as a context manager it is waited for, and its failure is raised."""

    def __init__(self, action: Callable[[], Any], *, seconds: float = 30.0) -> None:
        self._action, self._seconds = action, seconds
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(self._seconds)
        assert not self._thread.is_alive(), "the thread does not end"
        if self._error is not None:
            raise self._error

    def __enter__(self) -> "Background":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        ScriptedEngine.gate.set()  # whatever failed, nothing waits for ever
        if kind is None:
            self.join()
        else:
            self._thread.join(self._seconds)

    def _run(self) -> None:
        try:
            self._action()
        except BaseException as error:
            self._error = error
        finally:
            connections.close_all()


# --- jobs and money ------------------------------------------------------------------------------


def submit(account: Account, text: str = "Hello there.", **fields: Any) -> Job:
    """A paid job, by the product's own road."""
    request = SpeechRequest(text=text, voice_id=VOICE, **fields)
    submission = submit_job(admission=make_admission(account), request=request)
    return Job.objects.get(pk=submission.job_id)


def entries_of(job: Job) -> list[tuple[str, int]]:
    """The job's movements of credits, oldest first: (kind, microcredits)."""
    rows = LedgerEntry.objects.filter(job_id=job.pk).order_by("created_at")
    return list(rows.values_list("kind", "amount_microcredits"))


def assert_charged_once(job: Job) -> None:
    assert entries_of(job) == [(EntryKind.CHARGE, -job.cost_microcredits)]


def assert_failed_and_refunded(job: Job) -> None:
    """Failed, every credit back exactly once, and no file left anywhere."""
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "GENERATION_FAILED")
    assert job.refunded_microcredits == job.cost_microcredits
    assert entries_of(job) == [(EntryKind.CHARGE, -job.cost_microcredits), (EntryKind.REFUND, job.cost_microcredits)]
    assert audio_files() == []
    assert spool_files() == []


def assert_failed_after_heard(job: Job) -> None:
    """Failed after a part was handed out: that part is kept, the rest is back exactly once, and no file is left."""
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "GENERATION_FAILED")
    assert 0 < job.chars_handed_out < job.chars_charged, (job.chars_handed_out, job.chars_charged)
    kept_microcredits = job.chars_handed_out * job.cost_microcredits // job.chars_charged
    assert job.refunded_microcredits == job.cost_microcredits - kept_microcredits
    assert entries_of(job) == [
        (EntryKind.CHARGE, -job.cost_microcredits),
        (EntryKind.REFUND, job.refunded_microcredits),
    ]
    kept = format_credits(kept_microcredits)
    assert job.error_message.endswith(f" You were charged {kept} credits for the audio that was already streamed.")
    assert audio_files() == []
    assert spool_files() == []


def available(account: Account) -> int:
    return get_balance(account).available_microcredits


def audio_files() -> list[str]:
    """Names of everything in the audio store."""
    location = Path(audio_storage().get_address(""))
    return sorted(path.name for path in location.rglob("*") if path.is_file())


def spool_files() -> list[str]:
    return sorted(path.name for path in settings.SPOOL_DIR.glob("*"))


def expire_lease(job: Job) -> None:
    """As if its worker had been silent for long enough."""
    updated = Job.objects.filter(pk=job.pk, status="processing").update(lease_expires_at=job.created_at)
    assert updated == 1


# --- an engine that does as the text says --------------------------------------------------------


class ScriptedEngine(EspeakEngine):
    """eSpeak, but for texts whose first word is one of these; each segment is looked at on its own."""

    gate = threading.Event()  # what GATE waits for
    reached = threading.Event()  # GATE is waiting

    def speak(self, segment: Segment) -> Generator[bytes, None, None]:
        match (segment.text.split() or [""])[0].rstrip("."):
            case "TRANSIENT":
                yield bytes(2000)
                raise TransientEngineError("a vendor's words")
            case "BUSY":  # asks to come back a minute later
                yield bytes(2000)
                raise TransientEngineError("a vendor's words", pause_seconds=60.0)
            case "PERMANENT":
                yield bytes(2000)
                raise PermanentEngineError("This cannot be said.")
            case "UNEXPECTED":
                yield bytes(2000)
                raise ZeroDivisionError("a bug of ours")
            case "NOTHING":
                return
            case "SECONDS":  # SECONDS 61: that much silence
                for _ in range(int(segment.text.split()[1].rstrip("."))):
                    yield bytes(2 * 22_050)
            case "QUICKLY":  # 0.01 s a character, to see the pipeline without the engine
                yield bytes(2 * 220) * len(segment.text)
            case "GATE":
                yield bytes(2000)
                type(self).reached.set()
                while not type(self).gate.wait(0.01):
                    yield bytes(20)
            case "HOLD":  # for other processes: as long as the file is there
                while hold_file(settings.DATA_DIR).exists():
                    yield bytes(20)
                    threading.Event().wait(0.01)
                yield bytes(2000)
            case "KILL":
                yield bytes(2000)
                os.kill(os.getpid(), signal.SIGKILL)
            case _:
                yield from super().speak(segment)


class CrashingChildEngine(EspeakEngine):
    """eSpeak with a child program that crashes when the text says so (see engine_helpers)."""

    def __init__(self) -> None:
        super().__init__(program=write_child(Path(settings.DATA_DIR) / "crashing_child.py"))


SCRIPTED = {"espeak": f"{__name__}.ScriptedEngine"}
CRASHING_CHILD = {"espeak": f"{__name__}.CrashingChildEngine"}


@pytest.fixture
def scripted_engine(settings: Any) -> type[ScriptedEngine]:
    settings.SPEECH_ENGINES = SCRIPTED
    ScriptedEngine.gate.clear()
    ScriptedEngine.reached.clear()
    return ScriptedEngine


class DiskFullStorage(LocalAudioStorage):
    """A store that is full after the first thousand bytes, as a disk would be."""

    def _save(self, name: str, content: Any) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read(1000))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# --- worker processes ----------------------------------------------------------------------------


def hold_file(data_dir: Path) -> Path:
    return Path(data_dir) / "hold"


def worker_environment(data_dir: Path, **more: str) -> dict[str, str]:
    """The settings by which another process finds the test database, and this test's folders and queue."""
    environment = os.environ | {"DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT), "SECRET_KEY": settings.SECRET_KEY}
    environment |= more
    if connection.vendor == "sqlite":
        database = data_dir / "db.sqlite3"
        if not database.exists():
            database.symlink_to(connection.settings_dict["NAME"])
    else:
        name = connection.settings_dict["NAME"]
        environment["DATABASE_URL"] = settings.DATABASE_URL.rpartition("/")[0] + f"/{name}"
    return environment


@contextmanager
def process(data_dir: Path, *arguments: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """`python arguments…` in the test's environment. What it still does at the end ends with it."""
    started = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=worker_environment(data_dir, **more),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=None, preexec_fn=ends_with_parent(signal.SIGKILL),
    )  # fmt: skip
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def work_once(data_dir: Path, *options: str, **more: str) -> tuple[int, str]:
    """A process that sweeps, speaks what waits, and ends. Its exit status (negative: the signal) and its output."""
    with process(data_dir, "-m", "tests.support.worker_program", "once", *options, **more) as worker:
        output, _ = worker.communicate(timeout=60)
        return worker.returncode, output.decode()


def celery_worker(data_dir: Path, *, concurrency: int = 2, **more: str) -> Any:
    """A worker as `make run` starts it, but with the scripted engine."""
    return process(data_dir, "-m", "tests.support.worker_program", "celery", str(concurrency), **more)


def wait_for_status(job: Job, status: str, *, seconds: float = 30.0) -> Job:
    def reached() -> bool:
        job.refresh_from_db()
        return job.status == status

    wait_for(reached, f"job {job.pk} to be {status}", seconds=seconds)
    return job


@contextmanager
def broker(url: str, **transport_options: Any) -> Iterator[None]:
    """Messages of this process go there for a while."""
    changed = {
        "broker_url": url,
        "broker_transport": "config.file_queue.Transport" if url == FILE_QUEUE else None,
        "broker_transport_options": transport_options,
    }
    before = {name: app.conf.get(name) for name in changed}
    app.conf.update(changed)
    # Celery prefers this variable to its configuration.
    variable = os.environ.pop("CELERY_BROKER_URL", None)
    try:
        yield
    finally:
        app.conf.update(before)
        if variable is not None:
            os.environ["CELERY_BROKER_URL"] = variable


@pytest.fixture
def own_queue(tmp_path: Path) -> Iterator[None]:
    """Messages of this process reach the workers it starts: by files in the test's own folder, or by Redis."""
    if settings.CELERY_BROKER_URL != FILE_QUEUE:
        yield
        return
    folder = str(tmp_path / "queue")
    with broker(FILE_QUEUE, data_folder_in=folder, data_folder_out=folder):
        yield


def lose_all_messages(data_dir: Path) -> None:
    """The folder of the file queue is deleted; a Redis is emptied of what the workers wait for."""
    if settings.CELERY_BROKER_URL == FILE_QUEUE:
        shutil.rmtree(data_dir / "queue")
    else:
        with redis.Redis.from_url(settings.CELERY_BROKER_URL) as client:
            client.flushdb()
