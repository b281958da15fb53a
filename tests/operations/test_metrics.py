"""/metrics: who may read it, and what it says of jobs and queues."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from prometheus_client import CollectorRegistry

from operations.metrics import SETTLE_SECONDS, JobMetrics
from tests.factories import make_job
from tts.models import JobStatus

NOW = datetime(2026, 1, 8, 10, 0, tzinfo=UTC)


def sample(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "headers", "address", "status"),
    [
        ("", {}, "127.0.0.1", 200),
        ("", {}, "203.0.113.7", 404),
        ("", {"X-Forwarded-For": "203.0.113.7"}, "127.0.0.1", 404),  # a proxy on this machine, for somebody
        ("Mt", {"Authorization": "Bearer Mt"}, "203.0.113.7", 200),
        ("Mt", {"Authorization": "Bearer Mu"}, "203.0.113.7", 404),
        ("Mt", {}, "127.0.0.1", 404),
    ],
)
def test_metrics_are_for_this_machine_or_for_who_has_the_token(settings, token, headers, address, status) -> None:
    settings.METRICS_TOKEN = token
    answer = Client().get("/metrics", headers=headers, REMOTE_ADDR=address)
    assert answer.status_code == status
    assert (b"utterance_requests_total" in answer.content) == (status == 200)


def test_queues_tell_how_many_wait_and_how_long(account, registry) -> None:
    with time_machine.travel(NOW, tick=False):
        registry.register(JobMetrics())
        make_job(account, created_at=NOW - timedelta(seconds=90))
        make_job(account, created_at=NOW - timedelta(seconds=30))
        make_job(account, status=JobStatus.PROCESSING)
        make_job(account, queue="speech.retired", created_at=NOW - timedelta(seconds=5))
        assert sample(registry, "utterance_queue_depth", queue="speech.espeak") == 2
        assert sample(registry, "utterance_queue_oldest_seconds", queue="speech.espeak") == 90
        assert sample(registry, "utterance_queue_depth", queue="speech.retired") == 1
        assert sample(registry, "utterance_jobs_processing", engine="espeak") == 1


def test_an_empty_queue_is_there_with_zero(db, registry) -> None:
    registry.register(JobMetrics())
    assert sample(registry, "utterance_queue_depth", queue="speech.espeak") == 0
    assert sample(registry, "utterance_queue_oldest_seconds", queue="speech.espeak") == 0
    assert sample(registry, "utterance_database_up") == 1


def test_finished_jobs_are_counted_once_by_engine_and_status(account, registry) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        make_job(account, status=JobStatus.COMPLETED, finished_at=NOW - timedelta(hours=1))  # before this process
        registry.register(JobMetrics())
        clock.shift(1)
        done = {"started_at": NOW, "finished_at": NOW + timedelta(milliseconds=500), "duration_ms": 1500}
        make_job(account, status=JobStatus.COMPLETED, text="Hello", **done)
        make_job(account, status=JobStatus.COMPLETED, text="there", **done, erased_at=NOW)
        make_job(account, status=JobStatus.FAILED, finished_at=NOW + timedelta(milliseconds=500))
        assert sample(registry, "utterance_jobs_finished_total", engine="espeak", status="completed") is None
        clock.shift(SETTLE_SECONDS)
        for _ in range(3):
            assert sample(registry, "utterance_jobs_finished_total", engine="espeak", status="completed") == 2
        assert sample(registry, "utterance_jobs_finished_total", engine="espeak", status="failed") == 1
        assert sample(registry, "utterance_audio_seconds_total", engine="espeak") == 3.0
        assert sample(registry, "utterance_synthesis_seconds_total", engine="espeak") == 1.0
        assert sample(registry, "utterance_characters_total", engine="espeak") == 10
        make_job(account, status=JobStatus.FAILED, finished_at=NOW + timedelta(seconds=2))
        clock.shift(5)
        assert sample(registry, "utterance_jobs_finished_total", engine="espeak", status="failed") == 2
