"""`POST /webhooks/stripe/`: verifies and stores an event. A task applies it.

https://docs.stripe.com/webhooks#verify-official-libraries
"""

import logging
import time

import stripe
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.services.stripe_events import record_event
from config.task_dispatch import dispatch_task

logger = logging.getLogger(__name__)

TOLERANCE_SECONDS = 300


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Answers 200 once the event is stored, also for known events and for kinds that we ignore.

    Answers 400 for an invalid signature, time or body, and 503 if no secret is set, so that Stripe retries.
    """
    if not settings.STRIPE_WEBHOOK_SECRETS:
        return HttpResponse("Not set up here.\n", status=503, content_type="text/plain")
    payload = request.body
    header = request.headers.get("Stripe-Signature", "")
    if not _is_signed(payload, header):
        return _refuse("The signature or its timestamp is invalid.\n")
    try:
        event_id = record_event(payload=payload)
    except ValueError:
        return _refuse("The body is not a Stripe event.\n")
    if event_id is not None:
        dispatch_task("billing.tasks.apply_event", [event_id], queue="maintenance")
    return HttpResponse("ok\n", content_type="text/plain")


def _is_signed(payload: bytes, header: str) -> bool:
    """Whether one of our secrets signed it, at most five minutes ago (the SDK checks) or ahead (checked here)."""
    if not header.isascii():
        return False  # the SDK compares only ASCII
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        try:
            stripe.WebhookSignature.verify_header(payload, header, secret, TOLERANCE_SECONDS)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        return _signed_at(header) <= time.time() + TOLERANCE_SECONDS
    return False


def _signed_at(header: str) -> int:
    """Returns the `t` of a verified header, as the SDK reads it."""
    return int(next(part.partition("=")[2] for part in header.split(",") if part.partition("=")[0] == "t"))


def _refuse(message: str) -> HttpResponse:
    logger.warning("rejected a request to the Stripe webhook: %s", message.strip())
    return HttpResponse(message, status=400, content_type="text/plain")
