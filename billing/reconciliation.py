"""Stripe's own list of events against ours: what was never delivered is applied by the same road."""

import json
import logging
from datetime import datetime, timedelta

from django.utils import timezone

from billing import gateway
from billing.models import StripeEventLock
from billing.services.stripe_events import HANDLERS, apply_event, record_event

logger = logging.getLogger(__name__)

# Stripe keeps events for 30 days, and delivers for three: https://docs.stripe.com/api/events
REACH = timedelta(days=30)
OVERLAP = timedelta(days=4)


def reconcile(*, since: datetime | None = None) -> tuple[int, int]:
    """How many events Stripe has since then (since the last time, if not given) and how many of them we lacked.

    Raises PaymentsUnavailable. Nothing is asked where no key of Stripe's is set.
    """
    if not gateway.is_set_up():
        return 0, 0
    began = timezone.now()
    if since is None:
        until = StripeEventLock.objects.filter(pk=1).values_list("reconciled_until", flat=True).first()
        since = max(until - OVERLAP, began - REACH) if until else began - REACH
    # The oldest first, as they would have come; nothing depends on it.
    events = list(gateway.list_events(since=since, types=list(HANDLERS)))[::-1]
    missed = [record_event(payload=json.dumps(event).encode(), is_reconciled=True) for event in events]
    for event_id in filter(None, missed):
        try:
            apply_event(event_id=event_id)
        except Exception:  # it is logged and counted, and the sweep tries again; the next one is not to wait for it
            logger.warning("reconciliation could not apply event %s; continuing with the next one", event_id)
    StripeEventLock.objects.update_or_create(pk=1, defaults={"reconciled_until": began})
    return len(events), sum(1 for event_id in missed if event_id)
