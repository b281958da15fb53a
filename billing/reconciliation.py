"""Compares Stripe's list of events with ours, and applies the ones that were never delivered."""

import json
import logging
from datetime import datetime, timedelta

from django.utils import timezone

from billing import gateway
from billing.models import StripeEventLock
from billing.services.stripe_events import HANDLERS, apply_event, record_event

logger = logging.getLogger(__name__)

# Stripe keeps events for 30 days and retries deliveries for three: https://docs.stripe.com/api/events
REACH = timedelta(days=30)
OVERLAP = timedelta(days=4)


def reconcile(*, since: datetime | None = None) -> tuple[int, int]:
    """Returns how many events Stripe has and how many of them were missing here.

    Looks at events since `since`, by default since the last run. Raises PaymentsUnavailable. Does nothing without a
    Stripe API key.
    """
    if not gateway.is_set_up():
        return 0, 0
    began = timezone.now()
    if since is None:
        until = StripeEventLock.objects.filter(pk=1).values_list("reconciled_until", flat=True).first()
        since = max(until - OVERLAP, began - REACH) if until else began - REACH
    # Apply the oldest first, as in a delivery, although the order does not matter.
    events = list(gateway.list_events(since=since, types=list(HANDLERS)))[::-1]
    missed = [record_event(payload=json.dumps(event).encode(), is_reconciled=True) for event in events]
    for event_id in filter(None, missed):
        try:
            apply_event(event_id=event_id)
        except Exception:  # logged and counted; the sweep retries it, and the next event must not wait
            logger.warning("reconciliation could not apply event %s; continuing with the next one", event_id)
    StripeEventLock.objects.update_or_create(pk=1, defaults={"reconciled_until": began})
    return len(events), sum(1 for event_id in missed if event_id)
