"""requirements.txt names all that a documented configuration imports; packages of the tests hide no gap in it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.check_settings import PRODUCTION
from tests.run import ROOT, clean_environment

REDIS, RABBITMQ = "redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//"
S3, GCS = "s3://audio?region=us-east-1", "gs://audio"
CJK = ("requirements.txt", "requirements-kokoro-cjk.txt")


def only_with(*files: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tests.only_requirements", *files],
        cwd=ROOT, env=clean_environment() | environment,
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("files", "environment"),
    [
        pytest.param(("requirements.txt",), {}, id="one machine"),
        pytest.param(("requirements.txt",), PRODUCTION | {"AUDIO_STORE_URL": S3}, id="Redis"),
        pytest.param(
            ("requirements.txt",),
            PRODUCTION | {"REDIS_URL": "", "CELERY_BROKER_URL": RABBITMQ, "AUDIO_STORE_URL": GCS},
            id="RabbitMQ",
        ),
        pytest.param(CJK, {"CELERY_BROKER_URL": REDIS}, id="Japanese and Chinese"),
    ],
)
def test_a_documented_configuration_imports_nothing_that_is_not_required(
    tmp_path: Path, files: tuple[str, ...], environment: dict[str, str]
) -> None:
    done = only_with(*files, **environment, DATA_DIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_a_missing_requirement_is_named(tmp_path: Path) -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    (tmp_path / "requirements.txt").write_text("\n".join(line for line in lines if not line.startswith("packaging==")))
    done = only_with(str(tmp_path / "requirements.txt"), CELERY_BROKER_URL=REDIS, DATA_DIR=str(tmp_path))
    assert done.returncode == 1, done.stderr
    assert "the broker: No module named 'packaging'" in done.stdout.splitlines()
