"""`make test-requirements`: every role of compose.yaml starts and speaks from nothing but its requirements files.

    python -m tests.requirements_alone [files] [redis] [rabbitmq]

Makes a virtual environment from each set of files that an operator installs, kept in `.requirements` for as long as the
files stay the same, and runs the whole deployment with its Python on each broker: files and SQLite, Redis and
PostgreSQL, RabbitMQ and PostgreSQL. A job has to be spoken, and every worker and beat have to do their work.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.live.compose import Deployment
from tests.run import ROOT
from tests.support import kokoro_files
from tests.support.ports import free_port
from tests.support.services import NoServices, postgres, rabbitmq_vhost, redis_databases
from tests.support.waiting import wait_for

ENVIRONMENTS = ROOT / ".requirements"
INSTALL_SECONDS = 900.0
WORK_SECONDS = 90.0  # a busy machine starts ten programs, one after the other
# Which files, the voices that have to speak, and on which brokers: a further language is the same on each of them.
INSTALLATIONS: dict[tuple[str, ...], tuple[list[str], list[str]]] = {
    ("requirements.txt",): (
        ["espeak:en-US-eSpeak-Annie", "kokoro:en-US-Kokoro-Heart", "kokoro:fr-FR-Kokoro-Siwis"],
        ["files", "redis", "rabbitmq"],
    ),
    ("requirements.txt", "requirements-kokoro-cjk.txt"): (
        ["kokoro:ja-JP-Kokoro-Alpha", "kokoro:zh-CN-Kokoro-Xiaoxiao"],
        ["files"],
    ),
}
TEXTS = {"kokoro:ja-JP": "こんにちは。", "kokoro:zh-CN": "你好。"}  # other voices read what is written for English ones
QUEUES = """
import json
from django.core.serializers.json import DjangoJSONEncoder
from tts.models import QueueWatch
print(json.dumps(list(QueueWatch.objects.values("queue", "last_served_at", "watched_at")), cls=DjangoJSONEncoder))
"""


# --- brokers: the settings of a deployment ---------------------------------------------------------


@contextmanager
def files() -> Iterator[dict[str, str]]:
    yield {"DATABASE_URL": "", "REDIS_URL": "", "CELERY_BROKER_URL": ""}


@contextmanager
def redis() -> Iterator[dict[str, str]]:
    with postgres("") as (database_url, _), redis_databases("", count=1) as [redis_url]:
        yield {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "CELERY_BROKER_URL": ""}


@contextmanager
def rabbitmq() -> Iterator[dict[str, str]]:
    with postgres("") as (database_url, _), rabbitmq_vhost() as broker_url:
        yield {"DATABASE_URL": database_url, "REDIS_URL": "", "CELERY_BROKER_URL": broker_url}


BROKERS: dict[str, Callable[[], AbstractContextManager[dict[str, str]]]] = {
    "files": files,
    "redis": redis,
    "rabbitmq": rabbitmq,
}


# --- environments ----------------------------------------------------------------------------------


def python_with(requirements: Sequence[str]) -> str:
    """The Python of an environment that holds these files' packages and nothing else."""
    content = b"".join((ROOT / name).read_bytes() for name in requirements)
    digest = hashlib.sha256(sys.version.encode() + content).hexdigest()[:16]
    kind = "-".join(name.removesuffix(".txt") for name in requirements)
    folder = ENVIRONMENTS / f"{kind}-{digest}"
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        for outdated in ENVIRONMENTS.glob(f"{kind}-{'?' * len(digest)}"):
            shutil.rmtree(outdated)
        print(f"Installing {' and '.join(requirements)} alone ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=INSTALL_SECONDS)
        wanted = [word for name in requirements for word in ("-r", name)]
        install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted]
        subprocess.run(install, cwd=ROOT, check=True, timeout=INSTALL_SECONDS)
        # What `venv` brings along may be all that a package lacks; the image has none of it either.
        remove = [str(python), "-m", "pip", "uninstall", "-q", "--yes", "setuptools", "pip"]
        subprocess.run(remove, check=True, timeout=INSTALL_SECONDS)
        ready.touch()
    return str(python)


# --- one deployment --------------------------------------------------------------------------------


def check(folder: Path, python: str, voices: Sequence[str], settings: dict[str, str]) -> None:
    """Raises AssertionError or TimeoutError when a part does not start or does not do its work."""
    variables = {
        "PUBLIC_HOST": "127.0.0.1",
        "AUDIO_HOST": "127.0.0.1",
        "URL_SCHEME": "http",
        "SERVE_HTTPS": "0",
        "SECRET_KEY": hashlib.sha256(str(folder).encode()).hexdigest(),
        "POSTGRES_PASSWORD": "replaced",
        "S3_ACCESS_KEY": "replaced",
        "S3_SECRET_KEY": "replaced",
    }
    kokoro_dir = folder / "kokoro"
    kokoro_files.tone_model(kokoro_dir)
    kokoro_files.packs(kokoro_dir)
    replaced = {
        "DATA_DIR": str(folder / "data"),
        "STATIC_ROOT": str(folder / "static"),
        "PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
        "AUDIO_STORE_URL": "",
        "KOKORO_MODEL_DIR": str(kokoro_dir),
        "SAMPLE_ENGINES": "none",
        "WORKER_PRESENCE_SECONDS": "1",
    }
    deployment = Deployment(folder, variables, replaced | settings, python=python)
    try:
        deployment.manage("collectstatic", "--noinput", "--verbosity", "0")
        deployment.start()
        account = deployment.manage(
            *("create_account", "alice@acme.example", "--plan", "enterprise", "--credits", "100", "--key", "--json")
        )
        for voice in voices:
            speak(deployment, json.loads(account)["api_key"], voice)
        every_worker_and_beat_work(deployment)
        ended = [
            program.name
            for program in deployment.running()
            if program.process is None or program.process.poll() is not None
        ]
        assert not ended, f"ended by themselves: {', '.join(ended)}"
    except (AssertionError, TimeoutError):
        print(deployment.output[-4000:], file=sys.stderr)
        raise
    finally:
        deployment.kill()


def speak(deployment: Deployment, key: str, voice: str) -> None:
    url, headers = deployment.containers["api"].url, {"Authorization": f"Bearer {key}"}
    text = TEXTS.get(voice.partition("-Kokoro")[0], "Hello there.")
    answer = httpx.post(f"{url}/api/v1/tts", json={"text": text, "voice_id": voice}, headers=headers)
    assert answer.status_code == 202, answer.text
    poll_url = url + answer.json()["data"]["poll_url"]

    def finished() -> dict[str, Any] | None:
        job: dict[str, Any] = httpx.get(poll_url, headers=headers).json()["data"]
        return None if job["status"] in {"pending", "processing"} else job

    job = wait_for(finished, f"{voice} to speak", seconds=WORK_SECONDS)
    assert job is not None
    assert job["status"] == "completed", job
    path = httpx.URL(job["audio_url"]).raw_path.decode()
    audio = httpx.get(deployment.containers["stream"].url + path)
    assert (audio.status_code, audio.content[:4]) == (200, b"RIFF")


def every_worker_and_beat_work(deployment: Deployment) -> None:
    """Each queue is noted by a worker, and the sweeper looks again after the workers' own looks at their start."""

    def queues() -> list[dict[str, str]]:
        rows: list[dict[str, str]] = json.loads(deployment.manage("shell", "--no-imports", "-c", QUEUES))
        return rows

    begun = queues()
    before = max(row["last_served_at"] for row in begun)
    wait_for(
        lambda: all(row["last_served_at"] > before for row in queues()), "every queue's worker", seconds=WORK_SECONDS
    )
    looked = max(row["watched_at"] for row in queues())
    wait_for(lambda: max(row["watched_at"] for row in queues()) > looked, "beat's sweep", seconds=WORK_SECONDS)


def main(names: Sequence[str]) -> int:
    if unknown := set(names) - set(BROKERS):
        print(f"There is no broker {', '.join(unknown)}. There are: {', '.join(BROKERS)}.", file=sys.stderr)
        return 2
    failed = 0
    for requirements, (voices, brokers) in INSTALLATIONS.items():
        python = python_with(requirements)
        for name in [name for name in brokers if name in (names or BROKERS)]:
            title, began = f"{' + '.join(requirements)} on {name}", time.monotonic()
            with tempfile.TemporaryDirectory(prefix="utterance-alone-", ignore_cleanup_errors=True) as folder:
                try:
                    with BROKERS[name]() as settings:
                        check(Path(folder), python, voices, settings)
                except NoServices as error:
                    print(f"{title}: SKIPPED, {error}", flush=True)
                    continue
                except (AssertionError, TimeoutError) as error:
                    print(f"{title}: FAILED, {error}", flush=True)
                    failed += 1
                    continue
            print(f"{title}: every role starts and speaks ({time.monotonic() - began:.0f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
