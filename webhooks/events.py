"""Builds the JSON of events again for each attempt.

The setting WEBHOOK_JOB_DATA names the function that provides a job's data. The data cannot be stored: a signed audio
URL is valid for a day, and a delivery may be retried for longer.
"""

import json
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from django.conf import settings
from django.utils.module_loading import import_string

from config.api import format_time
from webhooks.models import Delivery, Event

JobData = Callable[[Collection[uuid.UUID]], Mapping[uuid.UUID, Mapping[str, Any]]]


def build_bodies(deliveries: Collection[Delivery]) -> dict[uuid.UUID, bytes]:
    """Returns bodies by delivery ID. Fetches all jobs with one call."""
    job_data = cast(JobData, import_string(settings.WEBHOOK_JOB_DATA))
    of_jobs = job_data({delivery.job_id for delivery in deliveries if delivery.job_id is not None})
    return {delivery.pk: _body(delivery, of_jobs) for delivery in deliveries}


def _body(delivery: Delivery, of_jobs: Mapping[uuid.UUID, Mapping[str, Any]]) -> bytes:
    if delivery.event == Event.TEST:
        data: Mapping[str, Any] = {"test_id": str(delivery.pk)}
    else:
        assert delivery.job_id is not None
        data = of_jobs[delivery.job_id]
    body = {"event": delivery.event, "created_at": format_time(delivery.created_at), "data": data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
