"""An upgrade from the schema of 0.1: every table keeps its rows, whatever it is called afterwards."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from tests.run import clean_environment
from tests.support.upgrade_program import RENAMED

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEMA_0_1 = (
    "accounts.0013_retention", "billing.0011_held", "voices.0005_favourites",
    "webhooks.0001_endpoints_and_deliveries", "tts.0009_auditions",
)  # fmt: skip


@pytest.fixture
def empty_database(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings by which another process finds a database of its own, of the kind that the tests run on."""
    environment = clean_environment() | {"DATA_DIR": str(tmp_path), "SECRET_KEY": settings.SECRET_KEY}
    if not settings.DATABASE_URL:
        yield environment
        return
    name = f"upgrade_{uuid.uuid4().hex}"
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            url = settings.DATABASE_URL.rpartition("/")[0] + f"/{name}"
            yield environment | {"DATABASE_URL": url, "WEBHOOK_SECRET_KEYS": settings.WEBHOOK_SECRET_KEYS[0]}
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_every_table_keeps_its_rows_through_an_upgrade(empty_database: dict[str, str]):
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.upgrade_program", *SCHEMA_0_1],
        cwd=ROOT, env=empty_database | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert len(report) > 30
    for before, (after, rows, is_same) in report.items():
        assert (after, is_same) == (RENAMED.get(before, before), True), before
        assert rows >= 1, before
