"""Deliveries: recorded with the job's event, claimed by a sender, attempted, finished, replayed."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from accounts.models import Account
from webhooks.client import DeliveryResponse
from webhooks.db_time import database_now
from webhooks.dispatch import wake_sender
from webhooks.errors import WebhookDisabled
from webhooks.models import BY_DECISION, Attempt, Delivery, DeliveryState, DisabledReason, Endpoint, Event
from webhooks.schedule import FAILING_FOR, next_attempt_at
from webhooks.selectors import due_deliveries, get_delivery, get_endpoint
from webhooks.services.endpoints import disable_endpoint
from webhooks.ssrf import parse_target

CLAIM_SECONDS = 60  # a sender spends at most 20 s on claimed deliveries, plus one attempt of 10 s
KEPT_DAYS = 30
FORGET_BATCH = 1000
MAX_REPLAY = 10_000  # deliveries per range


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """An attempt and its result."""

    delivery: Delivery
    started_at: datetime
    answer: DeliveryResponse


def record_job_event(*, account: Account, job_id: uuid.UUID, event: str, job_url: str = "") -> None:
    """Records an event. Call it in the transaction that completes or fails the job.

    Does nothing if the account has no endpoint. While the endpoint is disabled, the event is kept for a replay.
    """
    assert transaction.get_connection().in_atomic_block
    endpoint = Endpoint.objects.for_account(account).first()
    if endpoint is None:
        return
    now = database_now()
    is_due = _is_wanted(endpoint, job_url)
    Delivery.objects.create(
        account=account,
        event=event,
        job_id=job_id,
        job_url=job_url,
        receiver=parse_target(job_url or endpoint.url).receiver,
        created_at=now,
        state=DeliveryState.PENDING if is_due else DeliveryState.SKIPPED,
        next_attempt_at=now if is_due else None,
        finished_at=None if is_due else now,
    )
    if is_due:
        # Robust: the job stays finished even if waking the sender fails.
        transaction.on_commit(wake_sender, robust=True)


def _is_wanted(endpoint: Endpoint, job_url: str) -> bool:
    """Whether to send it.

    A job's own URL is stopped only by a decision, not by an endpoint that was disabled as failing.
    """
    if job_url:
        return endpoint.disabled_reason not in BY_DECISION
    return endpoint.is_enabled


def claim_test(*, account: Account) -> Delivery:
    """Creates a test event that the caller has claimed and sends now, even if the endpoint is disabled.

    Raises NotFound.
    """
    endpoint = get_endpoint(account=account)
    now = database_now()
    return Delivery.objects.create(
        account=account,
        event=Event.TEST,
        receiver=parse_target(endpoint.url).receiver,
        created_at=now,
        next_attempt_at=now,
        claim=uuid.uuid4(),
        claim_expires_at=now + timedelta(seconds=CLAIM_SECONDS),
    )


@transaction.atomic
def claim_batch(*, receiver: str, limit: int, now: datetime) -> list[Delivery]:
    """Claims due deliveries of a receiver, oldest first. Returns them with account, plan and endpoint."""
    claim = uuid.uuid4()
    due = due_deliveries(now).filter(receiver=receiver)
    ids = list(due.select_for_update(skip_locked=True).order_by("next_attempt_at").values_list("pk", flat=True)[:limit])
    due.filter(pk__in=ids).update(claim=claim, claim_expires_at=now + timedelta(seconds=CLAIM_SECONDS))
    claimed = Delivery.objects.filter(claim=claim).select_related("account__plan", "account__webhook_endpoint")
    return sorted(claimed, key=lambda delivery: (delivery.next_attempt_at, delivery.created_at))


def release_claims(*, deliveries: Sequence[Delivery]) -> None:
    """Releases claimed deliveries that were not attempted."""
    for claim in {delivery.claim for delivery in deliveries}:
        ids = [delivery.pk for delivery in deliveries if delivery.claim == claim]
        Delivery.objects.filter(pk__in=ids, claim=claim).update(claim=None, claim_expires_at=None)


def skip_deliveries(*, deliveries: Sequence[Delivery]) -> None:
    """Marks claimed deliveries as skipped. They can be replayed."""
    now = database_now()
    for claim in {delivery.claim for delivery in deliveries}:
        ids = [delivery.pk for delivery in deliveries if delivery.claim == claim]
        Delivery.objects.filter(pk__in=ids, claim=claim).update(**_finished(DeliveryState.SKIPPED, now))


@transaction.atomic
def record_attempts(*, made: Sequence[AttemptResult]) -> None:
    """Records attempts and what happens next. An attempt whose claim was lost is dropped."""
    now = database_now()
    # Lock endpoints before deliveries, in the order in which changes of endpoints do, to avoid a deadlock.
    accounts = {attempt.delivery.account_id for attempt in made}
    list(Endpoint.objects.filter(account__in=accounts).select_for_update().order_by("pk").values_list("pk"))
    rows = Delivery.objects.filter(pk__in=[attempt.delivery.pk for attempt in made])
    held = set(rows.select_for_update(of=("self",)).values_list("pk", "claim"))
    ours = [attempt for attempt in made if (attempt.delivery.pk, attempt.delivery.claim) in held]
    Attempt.objects.bulk_create([_attempt(attempt) for attempt in ours])
    delivered = [attempt.delivery.pk for attempt in ours if attempt.answer.is_success]
    counted = {"tries": F("tries") + 1, "attempts_made": F("attempts_made") + 1}
    Delivery.objects.filter(pk__in=delivered).update(**_finished(DeliveryState.DELIVERED, now), **counted)
    for attempt in ours:
        if not attempt.answer.is_success:
            Delivery.objects.filter(pk=attempt.delivery.pk).update(**_after_failure(attempt, now), **counted)
    _note_health(ours, now)


def _attempt(made: AttemptResult) -> Attempt:
    answer = made.answer
    return Attempt(
        delivery=made.delivery,
        number=made.delivery.attempts_made + 1,
        started_at=made.started_at,
        duration_ms=answer.duration_ms,
        outcome=answer.outcome,
        status=answer.status,
        error=answer.error[:300],
        answer=answer.text,
    )


def _finished(state: DeliveryState, now: datetime) -> dict[str, object]:
    return {"state": state, "next_attempt_at": None, "finished_at": now, "claim": None, "claim_expires_at": None}


def _after_failure(made: AttemptResult, now: datetime) -> dict[str, object]:
    delivery, answer = made.delivery, made.answer
    moment = None
    if delivery.event != Event.TEST and answer.outcome != "gone":
        moment = next_attempt_at(tries=delivery.tries + 1, now=now, retry_after=answer.retry_after)
    if moment is None:
        return _finished(DeliveryState.FAILED, now)
    return {"next_attempt_at": moment, "claim": None, "claim_expires_at": None}


def _note_health(made: Sequence[AttemptResult], now: datetime) -> None:
    """Updates the health of endpoints. Tests and jobs' own URLs do not count."""
    telling = [attempt for attempt in made if not attempt.delivery.job_url and attempt.delivery.event != Event.TEST]
    healthy = {attempt.delivery.account_id for attempt in telling if attempt.answer.is_success}
    if healthy:
        Endpoint.objects.filter(account__in=healthy, failing_since__isnull=False).update(failing_since=None)
    failing = {attempt.delivery.account_id for attempt in telling} - healthy
    if failing:
        Endpoint.objects.filter(account__in=failing, failing_since=None).update(failing_since=now)
    for account_id in {attempt.delivery.account_id for attempt in telling if attempt.answer.outcome == "gone"}:
        disable_endpoint(account_id=account_id, reason=DisabledReason.GONE, now=now)
    long_failing = Q(account__in=failing, failing_since__lte=now - FAILING_FOR, disabled_at=None)
    for account_id in Endpoint.objects.filter(long_failing).values_list("account_id", flat=True) if failing else ():
        disable_endpoint(account_id=account_id, reason=DisabledReason.FAILING, now=now)


# --- replays --------------------------------------------------------------------------------------


@transaction.atomic
def replay_delivery(*, account: Account, delivery_id: uuid.UUID) -> Delivery:
    """Sends a delivery again now, with the same ID and a new schedule. Raises NotFound or WebhookDisabled."""
    delivery = get_delivery(account=account, delivery_id=delivery_id)
    endpoint = get_endpoint(account=account)
    if not _is_wanted(endpoint, delivery.job_url):
        raise WebhookDisabled
    _replay(account, endpoint, Q(pk=delivery.pk))
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def replay_range(*, account: Account, created_after: datetime, created_before: datetime) -> int:
    """Replays everything in a time range that was not delivered. Returns how many.

    Raises NotFound or WebhookDisabled.
    """
    endpoint = get_endpoint(account=account)
    if not endpoint.is_enabled:
        raise WebhookDisabled
    missed = Q(state__in=[DeliveryState.FAILED, DeliveryState.SKIPPED])
    in_range = Q(created_at__gte=created_after, created_at__lte=created_before) & ~Q(event=Event.TEST)
    wanted = Delivery.objects.for_account(account).filter(missed & in_range).order_by("created_at")
    return _replay(account, endpoint, Q(pk__in=list(wanted.values_list("pk", flat=True)[:MAX_REPLAY])))


def _replay(account: Account, endpoint: Endpoint, which: Q) -> int:
    now = database_now()
    rows = Delivery.objects.for_account(account).filter(which)
    # Send to the endpoint's current host, not to the earlier one.
    rows.filter(job_url="").update(receiver=parse_target(endpoint.url).receiver)
    count = rows.update(
        state=DeliveryState.PENDING, next_attempt_at=now, tries=0, finished_at=None, claim=None, claim_expires_at=None
    )
    if count:
        transaction.on_commit(wake_sender, robust=True)
    return count


def forget_old_deliveries() -> int:
    """Deletes deliveries older than 30 days, in batches. Returns how many."""
    limit = database_now() - timedelta(days=KEPT_DAYS)
    old = Delivery.objects.filter(created_at__lt=limit).exclude(state=DeliveryState.PENDING)
    ids = list(old.order_by("created_at").values_list("pk", flat=True)[:FORGET_BATCH])
    Delivery.objects.filter(pk__in=ids).delete()
    return len(ids)
