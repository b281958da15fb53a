"""`POST /webhooks/stripe/`: verified, kept, answered. What an event does is done by a task.

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
    """200 once the event is kept, known ones and kinds that nobody waits for included; Stripe sends the rest again.

    400 for a signature, a time or a body that is wrong; 503 where no secret is set, so that Stripe tries again.
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
    """By one of our secrets, at most five minutes ago (the SDK sees to that) and at most five minutes ahead (we do)."""
    if not header.isascii():
        return False  # what the SDK compares with has to be
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        try:
            stripe.WebhookSignature.verify_header(payload, header, secret, TOLERANCE_SECONDS)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        return _signed_at(header) <= time.time() + TOLERANCE_SECONDS
    return False


def _signed_at(header: str) -> int:
    """Of a verified header: the `t` that the SDK took."""
    return int(next(part.partition("=")[2] for part in header.split(",") if part.partition("=")[0] == "t"))


def _refuse(message: str) -> HttpResponse:
    logger.warning("rejected a request to the Stripe webhook: %s", message.strip())
    return HttpResponse(message, status=400, content_type="text/plain")
