"""Jobs end, and the receiver hears of it: signed, at least once, on a schedule that outlives everything."""

import os
import signal
import threading
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import Account, AuditEntry, Role
from accounts.services.audit import SYSTEM
from tests.factories import make_account, make_job, make_user
from tests.peers.webhook_receiver import Receiver, authority_file, receiver
from tests.support.waiting import wait_for
from tests.support.workers import Background, ledger_adds_up, process, race, submit  # noqa: F401
from tests.webhooks.conftest import make_delivery, make_endpoint
from tts.services.lifecycle import claim_next_job, complete_job, erase_job, fail_job
from tts.tasks import speak_next
from webhooks import schedule
from webhooks.client import DeliveryResponse
from webhooks.db_time import database_now
from webhooks.mails import tell_owners
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.schedule import asked_pause
from webhooks.sender import PER_RECEIVER, Sender
from webhooks.services.deliveries import (
    AttemptResult,
    claim_batch,
    forget_old_deliveries,
    record_attempts,
    record_job_event,
)
from webhooks.services.endpoints import save_endpoint
from webhooks.tasks import tidy


def send_all(*, slots: int = 8) -> None:
    Sender(slots=slots).run()


def make_due(delivery: Delivery) -> None:
    """As if its pause were over."""
    assert Delivery.objects.filter(pk=delivery.pk, state="pending").update(next_attempt_at=database_now())


def test_a_completed_job_is_told_with_a_signed_url_of_its_audio(account, voices, hook, endpoint, settings):
    job = submit(account, metadata={"room": 3})
    speak_next(job.queue)
    send_all()
    (request,) = hook.received
    job.refresh_from_db()
    delivery = Delivery.objects.get()
    data = request.json["data"]
    assert request.json.keys() == {"event", "created_at", "data"}
    assert request.json["event"] == "job.completed"
    assert data.pop("audio_url").startswith(f"{settings.PUBLIC_URL}/audio/{job.audio_key}?")
    assert data.pop("audio_url_expires_at").endswith(".000Z")
    assert data == {
        "job_id": str(job.pk),
        "status": "completed",
        "audio_endpoint": f"/api/v1/tts/{job.pk}/audio",
        "chars_charged": 12,
        "metadata": {"room": 3},
    }
    assert request.headers["x-tts-event"] == "job.completed"
    assert request.headers["x-tts-delivery-id"] == str(delivery.pk)
    assert request.headers["x-tts-attempt"] == "1"
    assert request.headers["user-agent"] == f"Utterance/{settings.VERSION} (webhooks)"
    assert request.headers["content-type"] == "application/json"
    assert (delivery.state, delivery.tries, delivery.next_attempt_at) == ("delivered", 1, None)
    attempt = delivery.attempts.get()
    assert (attempt.number, attempt.outcome, attempt.status, attempt.error) == (1, "delivered", 204, "")


def test_a_failed_job_is_told_with_its_error(account, voices, hook, endpoint):
    submit(account)
    job = claim_next_job(queue="speech.espeak")
    assert job is not None and fail_job(job=job, message="It could not be said.")
    send_all()
    (request,) = hook.received
    assert request.json["event"] == "job.failed"
    assert request.json["data"] == {
        "job_id": str(job.pk),
        "status": "failed",
        "error": {"code": "GENERATION_FAILED", "message": "It could not be said. Your credits were refunded."},
        "chars_charged": 12,
        "metadata": None,
    }


def test_the_event_stands_or_falls_with_the_completion(account, voices, endpoint):
    submit(account)
    job = claim_next_job(queue="speech.espeak")
    assert job is not None
    with pytest.raises(RuntimeError), transaction.atomic():
        assert complete_job(job=job, audio_key="k", audio_bytes=1, duration_ms=1)
        raise RuntimeError
    assert not Delivery.objects.exists()
    assert complete_job(job=job, audio_key="k", audio_bytes=1, duration_ms=1)
    assert not complete_job(job=job, audio_key="k", audio_bytes=1, duration_ms=1)  # no longer ours
    assert Delivery.objects.count() == 1


def test_an_account_without_an_endpoint_has_no_events(account, voices):
    submit(account)
    speak_next("speech.espeak")
    assert not Delivery.objects.exists()


def test_what_was_erased_meanwhile_is_not_sent(account, voices, hook, endpoint):
    job = submit(account, metadata={"name": "somebody"})
    speak_next(job.queue)
    job.refresh_from_db()
    erase_job(job=job)
    send_all()
    data = hook.received[0].json["data"]
    assert (data["audio_url"], data["audio_url_expires_at"], data["metadata"]) == (None, None, None)


# --- the schedule ---------------------------------------------------------------------------------


PAUSES_MINUTES = [1, 5, 30, 120, 300, 600, 1200]


def test_eight_attempts_over_38_hours_each_with_the_same_id(account, hook, endpoint):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has a clock of its own, which no test can turn; the pauses are tested below")
    hook.status = 503
    with time_machine.travel(timezone.now(), tick=False) as clock:
        delivery = make_delivery(account)
        began = timezone.now()
        send_all()
        for minutes in PAUSES_MINUTES:
            delivery.refresh_from_db()
            assert delivery.next_attempt_at is not None
            pause = delivery.next_attempt_at - timezone.now()
            assert timedelta(minutes=minutes * 0.9) <= pause <= timedelta(minutes=minutes * 1.1)
            clock.move_to(delivery.next_attempt_at - timedelta(seconds=1))
            send_all()
            assert Attempt.objects.count() == len(hook.received)
            made_so_far = len(hook.received)
            clock.shift(timedelta(seconds=1))
            send_all()
            assert len(hook.received) == made_so_far + 1
        delivery.refresh_from_db()
        assert timedelta(hours=33) < timezone.now() - began < timedelta(hours=42)
        assert (delivery.state, delivery.tries, delivery.next_attempt_at) == ("failed", 8, None)
        clock.shift(timedelta(days=3))
        send_all()
    assert [request.headers["x-tts-attempt"] for request in hook.received] == list("12345678")
    assert {request.headers["x-tts-delivery-id"] for request in hook.received} == {str(delivery.pk)}
    assert list(Attempt.objects.order_by("number").values_list("number", "outcome", "status")) == [
        (number, "http_error", 503) for number in range(1, 9)
    ]


def test_the_pauses_sum_to_about_38_hours():
    assert [pause / timedelta(minutes=1) for pause in schedule.PAUSES] == PAUSES_MINUTES
    assert sum(schedule.PAUSES, timedelta()) == timedelta(hours=37, minutes=36)


def test_after_a_failure_it_waits_and_a_later_success_ends_it(account, hook, endpoint):
    hook.status = 500
    delivery = make_delivery(account)
    send_all()
    send_all()  # not yet due
    assert len(hook.received) == 1
    make_due(delivery)
    hook.status = 200
    send_all()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries, delivery.attempts_made) == ("delivered", 2, 2)
    assert [request.headers["x-tts-attempt"] for request in hook.received] == ["1", "2"]
    send_all()
    assert len(hook.received) == 2


@pytest.mark.parametrize(("header", "seconds"), [("3600", 3600), ("5", 54), ("999999999", 24 * 3600)])
def test_retry_after_is_honoured(account, hook, endpoint, header, seconds):
    hook.status, hook.headers = 429, {"Retry-After": header}
    delivery = make_delivery(account)
    before = database_now()
    send_all()
    delivery.refresh_from_db()
    assert delivery.next_attempt_at is not None
    pause = (delivery.next_attempt_at - before).total_seconds()
    assert seconds <= pause <= max(seconds, 66) + 5
    assert Attempt.objects.get().outcome == "rate_limited"


def test_retry_after_may_be_a_date_and_nonsense_is_nothing():
    now = datetime.fromisoformat("2026-01-08T10:00:00+00:00")
    assert asked_pause("Thu, 08 Jan 2026 10:02:00 GMT", now=now) == timedelta(minutes=2)
    for text in ("", "soon", "-5", "Thu, 08 Jan 2025 10:02:00 GMT", "Thu, 99 Jan 2026", "1.5", "9" * 40):
        assert asked_pause(text, now=now) == timedelta(0)


def test_a_sender_whose_clock_is_wrong_follows_the_databases(account, hook, endpoint):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has no clock of its own: it is the machine's")
    early, due = make_delivery(account, next_attempt_at=database_now() + timedelta(minutes=5)), make_delivery(account)
    for shift in (timedelta(minutes=10), timedelta(minutes=-10)):
        with time_machine.travel(timezone.now() + shift):
            hook.status = 500
            send_all()
            early.refresh_from_db()
            due.refresh_from_db()
        assert early.attempts_made == 0
        assert due.next_attempt_at is not None
        pause = due.next_attempt_at - database_now()
        assert timedelta(seconds=40) < pause < timedelta(minutes=6)
        assert abs(int(hook.received[-1].headers["webhook-timestamp"]) - database_now().timestamp()) < 5
        make_due(due)


def test_an_attempt_is_written_once(account, hook, endpoint):
    make_delivery(account)
    send_all()
    attempt = Attempt.objects.get()
    with pytest.raises(IntegrityError, match="written once"), transaction.atomic():
        Attempt.objects.update(status=200)
    attempt.refresh_from_db()
    assert attempt.status == 204


# --- who is disabled ------------------------------------------------------------------------------


def test_410_disables_at_once_skips_the_rest_and_tells_the_owner(account, hook, endpoint, settings, mailoutbox):
    make_user("alice@acme.example", account)
    make_user("bob@acme.example", account, Role.DEVELOPER)
    hook.status = 410
    first = make_delivery(account)
    waiting = make_delivery(account, next_attempt_at=database_now() + timedelta(hours=1))
    send_all()
    for row in (first, waiting, endpoint):
        row.refresh_from_db()
    assert (first.state, waiting.state) == ("failed", "skipped")
    assert (endpoint.is_enabled, endpoint.disabled_reason) == (False, "gone")
    (mail,) = mailoutbox
    assert mail.to == ["alice@acme.example"]
    assert "The endpoint returned 410 Gone" in mail.body
    assert f"{settings.PUBLIC_URL}/webhooks" in mail.body
    assert tell_owners() == 0
    assert AuditEntry.objects.get(action="webhook.disabled").actor == "system"
    # What ends now is kept, and not sent.
    job = make_job(account)
    with transaction.atomic():
        record_job_event(account=account, job_id=job.pk, event="job.completed")
    assert Delivery.objects.get(job_id=job.pk).state == "skipped"


def test_after_410_nothing_more_of_the_same_batch_is_sent(account, hook, endpoint):
    hook.status = 410
    for _ in range(5):
        make_delivery(account)
    send_all(slots=1)
    assert len(hook.received) == 1
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["failed", *["skipped"] * 4]


def test_what_waits_in_a_batch_goes_to_the_new_address(account, hook, endpoint):
    with receiver() as moved:

        def move(state: Receiver, request) -> None:
            save_endpoint(account=account, url=moved.url, actor=SYSTEM, reason="It moved.")
            connection.close()
            state.answer(request)

        hook.handler, hook.status = move, 500
        for _ in range(3):
            make_delivery(account)
        send_all(slots=1)
    assert len(hook.received) == 1
    assert len({request.headers["x-tts-delivery-id"] for request in moved.received}) == 3
    assert set(Delivery.objects.values_list("state", "attempts_made")) == {("delivered", 1)}


def test_five_days_of_failures_disable_and_one_success_in_between_does_not(account, hook, endpoint, mailoutbox):
    make_user("alice@acme.example", account)
    hook.status = 500
    make_delivery(account)
    send_all()
    endpoint.refresh_from_db()
    assert endpoint.failing_since is not None and endpoint.is_enabled

    hook.status = 200
    Endpoint.objects.update(failing_since=database_now() - timedelta(days=6))
    make_delivery(account)
    send_all()
    endpoint.refresh_from_db()
    assert endpoint.failing_since is None and endpoint.is_enabled

    hook.status = 500
    Endpoint.objects.update(failing_since=database_now() - timedelta(days=4, hours=23))
    make_delivery(account)
    send_all()
    endpoint.refresh_from_db()
    assert endpoint.is_enabled
    Endpoint.objects.update(failing_since=database_now() - timedelta(days=5))
    make_delivery(account)
    send_all()
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.disabled_reason) == (False, "failing")
    assert len(mailoutbox) == 1


def test_a_mail_that_could_not_be_sent_is_sent_later(account, hook, endpoint, settings, mailoutbox):
    make_user("alice@acme.example", account)
    hook.status = 410
    make_delivery(account)
    backend, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    send_all()
    settings.EMAIL_BACKEND = backend
    assert mailoutbox == []
    tidy()
    assert len(mailoutbox) == 1


@pytest.mark.parametrize(
    "change", [{"plan": "pro"}, {"suspended_at": timezone.now()}], ids=["another plan", "suspended"]
)
def test_an_account_that_may_no_longer_hears_nothing(account, hook, endpoint, change):
    delivery = make_delivery(account)
    Account.objects.filter(pk=account.pk).update(**change)
    send_all()
    delivery.refresh_from_db()
    assert (delivery.state, hook.received) == ("skipped", [])


# --- a job's own URL ------------------------------------------------------------------------------


def test_a_jobs_url_is_told_instead_and_never_disables_the_endpoint(account, api, voices, hook, endpoint):
    with receiver() as own:
        own.status = 410
        body = {"text": "Hello there.", "voice_id": "espeak:en-US-eSpeak-Annie", "webhook_url": own.url}
        response = api.post("/api/v1/tts", body)
        assert response.status_code == 202, response.content
        speak_next("speech.espeak")
        send_all()
    assert (len(own.received), hook.received) == (1, [])
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.job_url) == ("failed", own.url)
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.failing_since) == (True, None)


def test_a_jobs_url_is_vetted_before_anything_is_charged(account, api, voices, hook, endpoint):
    body = {"text": "Hello there.", "voice_id": "espeak:en-US-eSpeak-Annie", "webhook_url": "https://10.0.0.1/"}
    response = api.post("/api/v1/tts", body)
    assert response.status_code == 400
    assert response.json()["error"]["details"] == {"webhook_url": ["10.0.0.1 is an address that is not public."]}
    assert account.jobs.count() == 0


def test_a_jobs_url_needs_an_endpoint_that_is_enabled(account, api, voices, hook, endpoint):
    body = {"text": "Hello there.", "voice_id": "espeak:en-US-eSpeak-Annie", "webhook_url": hook.url}
    Endpoint.objects.update(disabled_at=timezone.now(), disabled_reason="paused")
    assert api.post("/api/v1/tts", body).status_code == 403
    assert account.jobs.count() == 0


# --- one does not hold up the others --------------------------------------------------------------


def test_a_receiver_that_hangs_holds_four_slots_and_the_others_are_not_delayed(account, hook, endpoint):
    hook.handler = lambda state, request: (state.closing.wait(60), state.answer(request))
    for _ in range(30):
        make_delivery(account)
    globex = make_account("Globex")
    with receiver() as quick:
        make_endpoint(globex, quick.url)
        theirs = [make_delivery(globex) for _ in range(30)]
        sender = Sender(slots=5)
        with Background(sender.run):
            wait_for(lambda: len(quick.received) == 30, "the quick receiver to have heard all", seconds=8)
            theirs_wait = Delivery.objects.filter(account=globex, state="pending")
            wait_for(lambda: not theirs_wait.exists(), "them to be recorded")
            assert hook.most_at_once <= PER_RECEIVER
            assert not Delivery.objects.filter(account=account, state="delivered").exists()
            hook.closing.set()
    assert {delivery.state for delivery in Delivery.objects.filter(pk__in=[one.pk for one in theirs])} == {"delivered"}
    assert len(hook.received) == 30
    assert hook.most_at_once <= PER_RECEIVER


def test_of_senders_that_look_at_once_each_delivery_has_one(account, hook, endpoint):
    for _ in range(60):
        make_delivery(account)
    race(*[send_all] * 4)
    assert len(hook.received) == 60
    assert len({request.headers["x-tts-delivery-id"] for request in hook.received}) == 60
    assert set(Delivery.objects.values_list("state", "attempts_made")) == {("delivered", 1)}


def test_a_sender_killed_in_the_middle_is_made_up_for_with_the_same_id(account, hook, endpoint, tmp_path, settings):
    delivery = make_delivery(account)
    hook.handler = lambda state, request: state.closing.wait(30)
    settings_of_it = {
        "WEBHOOK_ALLOW_NETWORKS": "127.0.0.0/8",
        "WEBHOOK_PORTS": str(hook.port),
        "WEBHOOK_CA_FILE": str(authority_file(tmp_path)),
        "WEBHOOK_SECRET_KEYS": ",".join(settings.WEBHOOK_SECRET_KEYS),
    }
    with process(tmp_path, "-m", "tests.webhooks.sender_program", **settings_of_it) as killed:
        wait_for(lambda: hook.received, "the request to be under way", seconds=30)
        killed.send_signal(signal.SIGKILL)
        assert killed.wait(10) == -signal.SIGKILL
    hook.handler = None
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts_made) == ("pending", 0)
    send_all()
    assert len(hook.received) == 1  # the dead sender's claim holds for a minute
    Delivery.objects.update(claim_expires_at=database_now() - timedelta(seconds=1))
    send_all()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts_made) == ("delivered", 1)
    assert [request.headers["x-tts-delivery-id"] for request in hook.received] == [str(delivery.pk)] * 2


def test_who_lost_his_claim_writes_nothing(account, hook, endpoint):
    delivery = make_delivery(account)

    def take_it_away(state: Receiver, request) -> None:
        Delivery.objects.filter(pk=delivery.pk).update(claim=os.urandom(16).hex(), attempts_made=5)
        connection.close()
        state.answer(request)

    hook.handler = take_it_away
    send_all()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts_made) == ("pending", 5)
    assert not Attempt.objects.exists()


def test_who_records_an_attempt_waits_for_who_changes_the_endpoint_and_holds_nothing_meanwhile(account, hook, endpoint):
    """Both touch endpoint and deliveries: in the same order, or PostgreSQL breaks one of them off."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    delivery = make_delivery(account)
    now = database_now()
    (claimed,) = claim_batch(receiver=delivery.receiver, limit=1, now=now)

    def record() -> None:
        record_attempts(made=[AttemptResult(claimed, now, DeliveryResponse("http_error", 1, 500))])
        connection.close()

    def is_waiting() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            return bool(cursor.fetchone()[0])

    recorder = threading.Thread(target=record)
    with transaction.atomic():
        Endpoint.objects.select_for_update().get(pk=endpoint.pk)
        recorder.start()
        wait_for(is_waiting, "the recorder to wait", seconds=30)
        assert Delivery.objects.select_for_update(nowait=True).get(pk=delivery.pk).claim == claimed.claim
    recorder.join(30)
    assert Attempt.objects.get().outcome == "http_error"


def test_a_sender_that_is_told_to_stop_gives_back_what_it_did_not_send(account, hook, endpoint):
    gate = threading.Event()
    hook.handler = lambda state, request: (gate.wait(30), state.answer(request))
    for _ in range(25):
        make_delivery(account)
    sender = Sender(slots=1)
    with Background(sender.run):
        wait_for(lambda: hook.received, "the first request")
        sender.stop()
        gate.set()
    sent = len(hook.received)
    assert sent < 25
    assert Delivery.objects.filter(state="delivered").count() == sent
    assert Delivery.objects.filter(state="pending", claim=None).count() == 25 - sent


def test_what_is_older_than_30_days_is_forgotten(account, hook, endpoint):
    for days in (29, 31):
        make_delivery(account, state="delivered", created_at=database_now() - timedelta(days=days))
    assert forget_old_deliveries() == 1
    assert Delivery.objects.get().created_at > database_now() - timedelta(days=30)
