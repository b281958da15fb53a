"""A queue without a worker is seen everywhere, and its jobs fail only when nobody served it for long enough."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone
from prometheus_client import CollectorRegistry

from accounts.models import Maintenance
from operations.metrics import JobMetrics
from tests.factories import make_job
from tests.operations.desk.conftest import ada, administrator  # noqa: F401
from tests.support.rows import text_of
from tests.support.waiting import wait_for
from tests.support.workers import (
    QUEUE,
    assert_charged_once,
    assert_failed_and_refunded,
    ledger_adds_up,  # noqa: F401
    race,
    submit,
)
from tests.webhooks.conftest import make_endpoint
from tts.models import Job, QueueWatch
from tts.queue_presence import list_needed_queues, list_unserved_queues
from tts.services import lifecycle, queue_presence
from tts.services.queue_presence import note_served, watch_queues
from tts.services.sweep import sweep
from tts.stopping import worker_is_stopping
from tts.worker import presence
from voices.models import Voice
from webhooks.models import Delivery

LIMIT = 900  # settings.QUEUE_UNSERVED_SECONDS
MESSAGE = (
    "No worker has been available for this voice for 15 minutes. "
    "Try again later, or try another voice. Your credits were refunded."
)


@pytest.fixture(autouse=True)
def _voices(voices: None) -> None:
    """eSpeak's voices are offered, so its queue needs a worker."""


def ago(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def set_watch(*, served: float, watched: float = 10 * LIMIT, looked: float = 5.0, queue: str = QUEUE) -> None:
    """As if a worker last served the queue, and the sweeper began to watch and last looked, so many seconds ago."""
    changed = QueueWatch.objects.filter(queue=queue).update(
        last_served_at=Now() - ago(served), watched_since=Now() - ago(watched), watched_at=Now() - ago(looked)
    )
    assert changed == 1


def serve_everything() -> None:
    note_served(list(QueueWatch.objects.values_list("queue", flat=True)))


def waiting_job(account, *, waited: float = LIMIT + 10, **fields) -> Job:
    job = submit(account)
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - ago(waited), **fields)
    job.refresh_from_db()
    return job


def unserved() -> list[str]:
    return [status.queue for status in list_unserved_queues()]


# --- what is known --------------------------------------------------------------------------------


def test_every_queue_of_the_product_is_known_from_the_first_migration_on() -> None:
    known = set(QueueWatch.objects.values_list("queue", flat=True))
    assert known == {*django_settings.ENGINE_QUEUES.values(), "maintenance", "webhooks"}


def test_a_worker_notes_the_queues_it_serves_and_no_others() -> None:
    for queue in (QUEUE, "maintenance"):
        set_watch(served=100, queue=queue)
    note_served([QUEUE, "speech.new"])
    assert "maintenance" in unserved()
    assert QUEUE not in unserved()
    assert QueueWatch.objects.filter(queue="speech.new").exists()


@pytest.mark.parametrize(("served", "expected"), [(29, []), (31, [QUEUE])])
def test_a_queue_has_no_worker_once_three_signs_of_life_are_missing(served: int, expected: list[str]) -> None:
    serve_everything()
    set_watch(served=served)
    assert unserved() == expected


def test_a_queue_is_needed_for_voices_on_offer_or_jobs_that_wait(account, settings) -> None:
    settings.WEBHOOK_SECRET_KEYS = []
    Voice.objects.update(unavailable_reason="it is broken")
    assert [needed.queue for needed in list_needed_queues()] == ["maintenance"]
    make_job(account, queue="speech.remote")
    assert [needed.queue for needed in list_needed_queues()] == ["maintenance", "speech.remote"]


# --- where it is seen -----------------------------------------------------------------------------


def test_readyz_stays_200_and_lists_queues_without_a_worker() -> None:
    def answer():
        return Client().get("/readyz")

    serve_everything()
    wait_for(lambda: answer().status_code == 200, "/readyz to be well")
    assert answer().json()["degraded"] == []
    set_watch(served=31)
    assert (answer().status_code, answer().json()["status"]) == (200, "ready")
    assert answer().json()["degraded"] == [QUEUE]


def test_readyz_lists_nothing_when_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError("the database's own words")

    monkeypatch.setattr("operations.health.list_unserved_queues", fail)
    answer = Client().get("/readyz")
    assert answer.json()["degraded"] == []
    assert b"own words" not in answer.content


def test_metrics_tell_for_how_long_a_queue_had_no_worker() -> None:
    serve_everything()
    set_watch(served=3600)
    registry = CollectorRegistry()
    registry.register(JobMetrics())
    seconds = {
        queue: registry.get_sample_value("utterance_queue_unserved_seconds", {"queue": queue})
        for queue in (QUEUE, "maintenance", "speech.remote")
    }
    assert seconds.pop(QUEUE) == pytest.approx(3600, abs=20)
    assert seconds == {"maintenance": 0.0, "speech.remote": None}


def test_the_operators_first_page_names_a_queue_without_a_worker(administrator: Client) -> None:  # noqa: F811
    serve_everything()
    assert "No worker for" not in text_of(administrator.get("/admin/").content.decode())
    set_watch(served=7200)
    last_served_at = QueueWatch.objects.get(queue=QUEUE).last_served_at
    text = text_of(administrator.get("/admin/").content.decode())
    assert f"No worker for speech.espeak since {last_served_at:%Y-%m-%d %H:%M} UTC." in text


def test_the_log_names_a_queue_once_when_its_worker_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    serve_everything()
    set_watch(served=32, looked=5)
    for _ in range(3):
        watch_queues()
    [line] = [record.getMessage() for record in caplog.records if "no worker" in record.getMessage()]
    assert line.startswith("no worker for speech.espeak since 20")


# --- jobs that nobody would speak -----------------------------------------------------------------


def test_a_job_fails_and_is_refunded_once_when_nobody_served_its_queue_for_15_minutes(account) -> None:
    make_endpoint(account, "https://93.184.216.34/")
    job = waiting_job(account)
    set_watch(served=LIMIT + 5)

    assert sweep().unserved_jobs == 1
    assert sweep().unserved_jobs == 0

    assert_failed_and_refunded(job)
    assert job.error_message == MESSAGE
    assert Delivery.objects.get().event == "job.failed"


@pytest.mark.parametrize(
    ("waited", "watch"),
    [
        pytest.param(100 * LIMIT, {"served": 5}, id="waits in turn while a worker serves the queue"),
        pytest.param(100 * LIMIT, {"served": LIMIT - 30}, id="the worker is gone for less than that"),
        pytest.param(LIMIT - 30, {"served": 100 * LIMIT}, id="the job came later"),
        pytest.param(100 * LIMIT, {"served": 100 * LIMIT, "watched": LIMIT - 30}, id="nobody watched before"),
        pytest.param(100 * LIMIT, {"served": 100 * LIMIT, "looked": 61}, id="everything was off over night"),
    ],
)
def test_a_job_goes_on_waiting_when(account, waited: float, watch: dict[str, Any]) -> None:
    job = waiting_job(account, waited=waited)
    set_watch(**watch)
    assert sweep().unserved_jobs == 0
    assert sweep().unserved_jobs == 0
    job.refresh_from_db()
    assert job.status == "pending"
    assert_charged_once(job)


def test_a_job_whose_engine_asked_for_a_pause_waits_from_its_end_on(account) -> None:
    job = waiting_job(account, waited=100 * LIMIT, not_before=timezone.now() - ago(LIMIT - 30))
    set_watch(served=100 * LIMIT)
    assert sweep().unserved_jobs == 0
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now() - ago(LIMIT + 5))
    assert sweep().unserved_jobs == 1


def test_after_a_night_in_which_everything_was_off_the_clock_starts_again(account) -> None:
    waiting_job(account, waited=100 * LIMIT)
    set_watch(served=50 * LIMIT, looked=50 * LIMIT)
    sweep()
    watch = QueueWatch.objects.annotate(now=Now()).get(queue=QUEUE)
    assert watch.now - watch.watched_since < ago(30)
    set_watch(served=50 * LIMIT, watched=LIMIT + 5)
    assert sweep().unserved_jobs == 1


def test_maintenance_fails_nothing_and_does_not_count(account) -> None:
    job = waiting_job(account, waited=100 * LIMIT)
    set_watch(served=100 * LIMIT)
    Maintenance.objects.create()
    assert sweep().unserved_jobs == 0
    Maintenance.objects.all().delete()
    assert sweep().unserved_jobs == 0
    job.refresh_from_db()
    assert job.status == "pending"


def test_a_job_of_another_queue_is_left_alone(account) -> None:
    job = waiting_job(account)
    other = make_job(account, queue="speech.kokoro", created_at=timezone.now() - ago(100 * LIMIT))
    set_watch(served=LIMIT + 5)
    set_watch(served=5, queue="speech.kokoro")
    assert sweep().unserved_jobs == 1
    other.refresh_from_db()
    job.refresh_from_db()
    assert (job.status, other.status) == ("failed", "pending")


def test_a_worker_that_comes_up_meanwhile_keeps_the_rest_from_failing(account, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [waiting_job(account) for _ in range(3)]
    set_watch(served=LIMIT + 5)

    def fail_after_the_first_note(**arguments):
        failed = lifecycle.fail_waiting_job(**arguments)
        note_served([QUEUE])
        return failed

    monkeypatch.setattr(queue_presence, "fail_waiting_job", fail_after_the_first_note)
    assert sweep().unserved_jobs == 1
    assert Job.objects.filter(pk__in=[job.pk for job in jobs], status="pending").count() == 2


def test_a_job_is_either_claimed_or_failed_when_both_happen_at_once(account) -> None:
    outcomes = []
    for _ in range(10):
        job = waiting_job(account)
        set_watch(served=LIMIT + 5)
        claimed, failed = race(
            lambda: lifecycle.claim_next_job(queue=QUEUE), queue_presence.fail_unserved_jobs, seconds=20
        )
        job.refresh_from_db()
        outcomes.append(job.status)
        assert (claimed is not None, failed) == ((True, 0) if job.status == "processing" else (False, 1))
    assert set(outcomes) <= {"processing", "failed"}


def test_sweeps_at_once_refund_every_job_once(account) -> None:
    jobs = [waiting_job(account) for _ in range(10)]
    set_watch(served=LIMIT + 5)
    sweeps = race(*[sweep] * 4)
    assert sum(sweep.unserved_jobs for sweep in sweeps) == 10
    for job in jobs:
        assert_failed_and_refunded(job)


# --- the worker's thread --------------------------------------------------------------------------


@pytest.fixture
def running_worker():
    """This process is a worker until the test is over."""
    threads: list[threading.Thread] = []
    yield threads
    worker_is_stopping.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    worker_is_stopping.clear()


def test_a_worker_goes_on_noting_after_the_database_was_away(
    settings, running_worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WORKER_PRESENCE_SECONDS = 0.05
    set_watch(served=3600)
    failures: list[int] = []

    def note_or_fail(queues):
        if len(failures) < 3:
            failures.append(1)
            raise OperationalError("it is away")
        note_served(queues)

    monkeypatch.setattr(presence, "note_served", note_or_fail)
    running_worker.append(presence.start_noting([QUEUE]))
    wait_for(lambda: QUEUE not in unserved(), "the first note")
    set_watch(served=3600)
    wait_for(lambda: QUEUE not in unserved(), "the next note")


def test_a_worker_holds_no_connection_between_two_notes() -> None:
    set_watch(served=3600)
    worker_is_stopping.set()
    try:
        presence._note_until_stopped([QUEUE])
    finally:
        worker_is_stopping.clear()
    assert connection.connection is None
    assert QUEUE not in unserved()


def test_the_log_names_no_queue_after_everything_was_off(caplog: pytest.LogCaptureFixture) -> None:
    serve_everything()
    set_watch(served=98, looked=97)
    watch_queues()
    assert "no worker" not in caplog.text
