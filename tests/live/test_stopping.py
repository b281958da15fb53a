"""Ctrl-C, SIGTERM and kill -9 in the middle of a job: nothing survives, and nothing is lost."""

import signal

import pytest

from tests.live.service import PRICE_MICROCREDITS, START_SECONDS, STOP_SECONDS, Caller, Service
from tests.support.waiting import slowdown, wait_for


def assert_completed_and_charged_once(caller: Caller, job_id: str) -> None:
    job = caller.wait_until_completed(job_id)
    assert caller.ledger(job_id) == [("charge", -job["chars_charged"] * PRICE_MICROCREDITS)]
    assert len(caller.stored_files(job_id)) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_ends_every_process_and_the_job_completes_after_the_next_start(
    service: Service, caller: Caller, number: signal.Signals
):
    with caller.job_midway() as job_id:
        commands = " ".join(process.command for process in service.processes())
        assert all(part in commands for part in ("granian", "celery -q -A config worker", "beat", "espeak/child.py"))
        service.send(number)

    assert service.wait_for_end() < STOP_SECONDS * slowdown()
    assert service.process.returncode == 0
    assert caller.status_in_database(job_id) in {"pending", "processing"}
    service.start()
    assert_completed_and_charged_once(caller, job_id)
    assert caller.attempts(job_id) == 1  # to be stopped is no failed attempt


def test_a_killed_supervisor_leaves_no_strays_and_the_next_start_goes_on(service: Service, caller: Caller):
    with caller.job_midway() as job_id:
        service.send(signal.SIGKILL)

    service.wait_for_end()
    assert service.processes() == []
    service.start()
    assert_completed_and_charged_once(caller, job_id)


def test_a_signal_before_the_service_is_up_ends_it_too(service: Service):
    service.send(signal.SIGTERM)
    service.wait_for_end()
    process = service.begin()
    wait_for(lambda: service.processes() or process.poll() is not None, "the first process", seconds=START_SECONDS)
    service.send(signal.SIGTERM)
    assert service.wait_for_end() < STOP_SECONDS * slowdown()
