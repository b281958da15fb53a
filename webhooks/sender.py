"""Sends due deliveries: a few requests at a time, with a limit per receiver.

Each process has one sender. It runs until nothing is due, and a message or beat starts it again. The database records
who has claimed a delivery (`services.deliveries`), so any number of senders can run.

A receiver is a host and port. It gets at most PER_RECEIVER slots, so a slow one cannot block the others. A sender
claims a few of its deliveries at a time and releases those that it has no time for.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db import close_old_connections, connections
from django.utils import timezone

from config.connections import release_connection
from webhooks import client
from webhooks.db_time import database_now
from webhooks.events import build_bodies
from webhooks.mails import tell_owners
from webhooks.models import BY_DECISION, Delivery, Endpoint, Event
from webhooks.selectors import due_receivers, still_claimed
from webhooks.services.deliveries import AttemptResult, claim_batch, record_attempts, release_claims, skip_deliveries
from webhooks.services.endpoints import get_signing_secrets
from webhooks.signing import signature_headers
from webhooks.ssrf import Target, parse_target

logger = logging.getLogger(__name__)

PER_RECEIVER = 4
BATCH = 25
BATCH_SECONDS = 20.0  # then the rest is released; with one more attempt, this is well below CLAIM_SECONDS
RECORD_EVERY_SECONDS = 0.5  # after a kill, attempts since the last record are sent again
LOOK_EVERY_SECONDS = 1.0
STOP_SECONDS = 2.0  # for requests in progress when the process is stopped
UNSIGNED = "Not sent: the signing secret can no longer be decrypted. Generate a new one."


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request that is ready to be sent."""

    delivery: Delivery
    target: Target
    secrets: Sequence[str]
    body: bytes


class Sender:
    """Sends deliveries. `slots` is the number of concurrent requests, one thread each."""

    def __init__(self, *, slots: int) -> None:
        self._slots = slots
        self._running = threading.Lock()
        self._asked = threading.Event()
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._busy: Counter[str] = Counter()  # used slots by receiver

    def run(self) -> None:
        """Runs until nothing is due. If it is already running, makes that run look again and returns at once."""
        self._asked.set()
        while self._asked.is_set() and self._running.acquire(blocking=False):
            try:
                self._asked.clear()
                self._run()
            finally:
                self._running.release()

    def stop(self) -> None:
        """Stops claiming deliveries.

        Requests not answered within STOP_SECONDS are sent again by another sender, with the same ID.
        """
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        while not self._stopping.is_set():
            started = self._start_batches()
            with self._changed:
                if not started and not self._busy:
                    break
                if not started or self._busy.total() >= self._slots:
                    self._changed.wait(LOOK_EVERY_SECONDS)
        deadline = time.monotonic() + STOP_SECONDS
        with self._changed:
            while self._busy and time.monotonic() < deadline:
                self._changed.wait(0.1)

    def _start_batches(self) -> int:
        """Starts threads for due deliveries while there are slots. Returns how many."""
        with self._changed:
            free = self._slots - self._busy.total()
            full = {receiver for receiver, count in self._busy.items() if count >= PER_RECEIVER}
        if not free:
            return 0
        now = database_now()
        started = 0
        for receiver in due_receivers(now, but=full, limit=free):
            batch = claim_batch(receiver=receiver, limit=BATCH, now=now)
            if not batch:
                continue  # another sender was faster
            with self._changed:
                self._busy[receiver] += 1
            threading.Thread(target=self._send, args=(receiver, batch), daemon=True).start()
            started += 1
        return started

    def _send(self, receiver: str, batch: Sequence[Delivery]) -> None:
        try:
            send_batch(batch, is_over=self._stopping.is_set)
        except AnyDatabaseError as error:
            # The claims expire, then the deliveries are sent again.
            logger.error("database error in the webhook sender: %s", error)
        except Exception:
            logger.exception("a batch of webhooks failed")
        finally:
            connections.close_all()
            with self._changed:
                self._busy[receiver] -= 1
                if not self._busy[receiver]:
                    del self._busy[receiver]
                self._changed.notify_all()


def send_batch(batch: Sequence[Delivery], *, is_over: Callable[[], bool] = lambda: False) -> None:
    """Sends claimed deliveries of one receiver one after the other, and records the attempts along the way."""
    now = database_now()
    ahead = now - timezone.now()  # how far the database's clock is ahead of ours
    wanted = [delivery for delivery in batch if is_wanted(delivery)]
    skip_deliveries(deliveries=[delivery for delivery in batch if delivery not in wanted])
    waiting = deque(_letters(wanted, now))
    release_connection()
    began = recorded_at = time.monotonic()
    made: list[AttemptResult] = []
    while waiting:
        if is_over() or time.monotonic() - began > BATCH_SECONDS:
            release_claims(deliveries=[letter.delivery for letter in waiting])
            break
        made.append(attempt(waiting.popleft(), ahead=ahead))
        if time.monotonic() - recorded_at > RECORD_EVERY_SECONDS or not made[-1].answer.is_success:
            record(made)
            made, recorded_at = [], time.monotonic()
            # The endpoint may have been disabled or changed in the meantime, possibly because of this response.
            held = still_claimed([letter.delivery for letter in waiting])
            waiting = deque(letter for letter in waiting if letter.delivery.pk in held)
    record(made)


def attempt(letter: PreparedRequest, *, ahead: timedelta) -> AttemptResult:
    """Makes one attempt. `ahead` is how far the database's clock is ahead of ours."""
    started_at = timezone.now() + ahead
    delivery = letter.delivery
    if not letter.secrets:
        return AttemptResult(delivery, started_at, client.DeliveryResponse("unsigned", 0, error=UNSIGNED))
    headers = {
        "X-TTS-Event": delivery.event,
        "X-TTS-Delivery-ID": str(delivery.pk),
        "X-TTS-Attempt": str(delivery.attempts_made + 1),
    } | signature_headers(
        secrets=letter.secrets,
        delivery_id=str(delivery.pk),
        timestamp=int(started_at.timestamp()),
        body=letter.body,
    )
    return AttemptResult(delivery, started_at, client.post(letter.target, headers=headers, body=letter.body))


def send_test(delivery: Delivery) -> client.DeliveryResponse:
    """Sends a claimed test event in this thread."""
    now = database_now()
    delivery = Delivery.objects.select_related("account__plan", "account__webhook_endpoint").get(pk=delivery.pk)
    (letter,) = _letters([delivery], now)
    release_connection()
    made = attempt(letter, ahead=now - timezone.now())
    record_attempts(made=[made])
    return made.answer


def record(made: Sequence[AttemptResult]) -> None:
    if made:
        record_attempts(made=made)
        if not all(result.answer.is_success for result in made):
            tell_owners()
        close_old_connections()


def is_wanted(delivery: Delivery) -> bool:
    """Whether to send it: the account may use webhooks, and the delivery was not stopped in the meantime."""
    account = delivery.account
    endpoint: Endpoint | None = getattr(account, "webhook_endpoint", None)
    if endpoint is None or account.is_suspended or not account.plan.allows_webhooks:
        return False
    if delivery.event == Event.TEST:
        return True
    if delivery.job_url:
        return endpoint.disabled_reason not in BY_DECISION
    return endpoint.is_enabled


def _letters(deliveries: Sequence[Delivery], now: datetime) -> list[PreparedRequest]:
    bodies = build_bodies(deliveries) if deliveries else {}
    secrets_of: dict[object, list[str]] = {}
    letters = []
    for delivery in deliveries:
        endpoint = delivery.account.webhook_endpoint
        if delivery.account_id not in secrets_of:
            secrets_of[delivery.account_id] = get_signing_secrets(endpoint, now)
        target = parse_target(delivery.job_url or endpoint.url)
        letters.append(PreparedRequest(delivery, target, secrets_of[delivery.account_id], bodies[delivery.pk]))
    return letters


sender = Sender(slots=settings.WEBHOOK_SLOTS)
