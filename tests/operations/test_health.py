"""Liveness and readiness."""

import threading

import pytest
from django.core.files.storage import storages
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from operations import health
from tests.support.waiting import wait_for

pytestmark = pytest.mark.django_db

ALL_WELL = dict.fromkeys(("database", "migrations", "cache", "broker", "store"), "ok")


def test_a_process_that_answers_is_alive() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_ready_when_all_is_there() -> None:
    # The first look at the migrations reads them all, which takes more than the bound on a busy machine.
    wait_for(lambda: Client().get("/readyz").status_code == 200, "/readyz to be well")
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["status"], answer.json()["checks"]) == (200, "ready", ALL_WELL)
    assert "no-store" in answer.headers["Cache-Control"]


def test_not_ready_when_the_store_cannot_be_written(tmp_path) -> None:
    (tmp_path / "audio").write_text("a file where the folder should be")
    assert str(storages["audio"].base_location) == str(tmp_path / "audio")  # type: ignore[attr-defined]
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
    assert answer.json()["checks"]["store"] == "failed"


def test_a_migration_that_is_not_applied_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_is_migrated", False)
    MigrationRecorder.Migration.objects.filter(app="tts").latest("pk").delete()
    # In this test's own connection, for only it sees what is rolled back at the end.
    with pytest.raises(health.PendingMigrations):
        health._check_migrations()
    assert not health._is_migrated


def test_a_check_that_hangs_is_given_up_and_asked_once_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    release, begun = threading.Event(), []

    def hang() -> None:
        begun.append(1)
        assert release.wait(20)

    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)
    monkeypatch.setitem(health.CHECKS, "cache", hang)
    try:
        outcomes = [health.run_checks()["cache"] for _ in range(5)]
        assert outcomes == ["no answer"] * 5
        assert begun == [1]
    finally:
        release.set()
    monkeypatch.setitem(health.CHECKS, "cache", lambda: None)
    wait_for(lambda: health.run_checks()["cache"] == "ok", "the check to be asked again")
