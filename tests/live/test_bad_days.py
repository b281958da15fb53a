"""Parts that die while a job is spoken. The job is spoken all the same, is paid for once and leaves one file."""

import shutil

import pytest

from tests.live.service import Caller, Service, settings_of_services
from tests.live.test_stopping import assert_completed_and_charged_once
from tests.support.processes import Process
from tests.support.waiting import wait_for


def child(service: Service, what: str) -> Process:
    found = service.child(what)
    assert found is not None, f"no {what} among {service.processes()}"
    return found


def test_a_killed_worker_is_replaced_and_its_job_completes(service: Service, caller: Caller):
    with caller.job_midway() as job_id:
        worker, speech_children = child(service, "config worker"), service.speech_children()
        worker.kill()

    assert_completed_and_charged_once(caller, job_id)
    assert caller.attempts(job_id) == 2
    assert not worker.is_running
    assert child(service, "config worker").pid != worker.pid
    wait_for(lambda: not any(one.is_running for one in speech_children), "the end of the killed worker's children")


def test_a_killed_speech_process_costs_one_attempt_and_the_worker_goes_on(service: Service, caller: Caller):
    with caller.job_midway() as job_id:
        worker = child(service, "config worker")
        for process in service.speech_children():
            process.kill()

    assert_completed_and_charged_once(caller, job_id)
    assert caller.attempts(job_id) == 2
    assert worker.is_running


def test_a_killed_web_server_comes_back(service: Service, caller: Caller):
    job_id = caller.submit()
    web = [process for process in service.processes() if "granian" in process.command]

    child(service, "granian").kill()

    wait_for(lambda: not any(process.is_running for process in web), "the end of the old web processes")
    wait_for(service.answers, "the new web server")
    caller.wait_until_completed(job_id)


def test_a_killed_beat_comes_back(service: Service):
    beat = child(service, "beat")
    beat.kill()
    wait_for(lambda: (found := service.child("beat")) is not None and found.pid != beat.pid, "another beat")


@pytest.mark.skipif(bool(settings_of_services()), reason="with Redis there is no queue folder")
def test_jobs_whose_wake_ups_were_deleted_are_spoken(service: Service, caller: Caller):
    queue = service.data_dir / "queue"
    with service.standing_worker():
        job_ids = [caller.submit() for _ in range(3)]
        assert list(queue.glob("*.speech.espeak.msg"))
        shutil.rmtree(queue)

    for job_id in job_ids:
        assert_completed_and_charged_once(caller, job_id)


@pytest.mark.skipif(bool(settings_of_services()), reason="with Redis there is no queue folder")
def test_a_job_submitted_without_the_queue_folder_is_spoken(service: Service, caller: Caller):
    shutil.rmtree(service.data_dir / "queue")
    caller.wait_until_completed(caller.submit())


@pytest.mark.skipif(bool(settings_of_services()), reason="with Redis there is no queue folder")
def test_no_message_is_left_in_the_queue_folder(service: Service, caller: Caller):
    queue = service.data_dir / "queue"
    caller.wait_until_completed(caller.submit())
    wait_for(lambda: list(queue.iterdir()) == [], "an empty queue folder")
