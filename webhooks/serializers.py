"""Serializers of endpoints and deliveries, and their documentation."""

from typing import Any

from rest_framework import serializers

from config.api import StrictCharField, StrictSerializer, format_time
from webhooks.models import Attempt, Delivery, DeliveryState, DisabledReason, Endpoint, Event
from webhooks.ssrf import MAX_URL_CHARACTERS


class StrictBooleanField(serializers.BooleanField):
    """Accepts only true or false. REST framework would also accept "yes" and 1."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class EndpointSerializer(StrictSerializer):
    """The body of `PUT /webhook`. The field names are those of the reference service."""

    url = StrictCharField(max_length=MAX_URL_CHARACTERS, help_text="Public HTTPS, port 443 or 8443.")
    enabled = StrictBooleanField(default=True)
    regenerateSecret = StrictBooleanField(  # noqa: N815
        default=False,
        help_text=(
            "Generates a new secret, shown only in this response. The old and the new secret both sign for 24 hours."
        ),
    )


class RangeSerializer(StrictSerializer):
    """The body of `POST /webhook/deliveries/replay`."""

    created_after = serializers.DateTimeField()
    created_before = serializers.DateTimeField()


class NoFields(StrictSerializer):
    """A body without fields, or none."""


def endpoint_data(endpoint: Endpoint, *, secret: str | None = None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "url": endpoint.url,
        "enabled": endpoint.is_enabled,
        "disabled_reason": endpoint.disabled_reason or None,
        "disabled_at": _time(endpoint.disabled_at),
        "failing_since": _time(endpoint.failing_since),
        "previous_secret_expires_at": _time(endpoint.previous_secret_expires_at),
        "created_at": format_time(endpoint.created_at),
        "updated_at": format_time(endpoint.updated_at),
    }
    return data if secret is None else data | {"secret": secret}


def delivery_data(delivery: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": str(delivery.pk),
        "event": delivery.event,
        "job_id": str(delivery.job_id) if delivery.job_id else None,
        "state": delivery.state,
        "own_url": delivery.uses_job_url,
        "created_at": format_time(delivery.created_at),
        "next_attempt_at": _time(delivery.next_attempt_at),
        "finished_at": _time(delivery.finished_at),
        "attempts": [
            _attempt_data(attempt) for attempt in sorted(delivery.attempts.all(), key=lambda attempt: attempt.number)
        ],
    }


def _attempt_data(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt": attempt.number,
        "started_at": format_time(attempt.started_at),
        "duration_ms": attempt.duration_ms,
        "outcome": attempt.outcome,
        "status": attempt.status,
        "error": attempt.error or None,
        "answer": attempt.answer,
    }


def _time(moment: Any) -> str | None:
    return format_time(moment) if moment is not None else None


# --- documentation --------------------------------------------------------------------------------


class WebhookEndpoint(serializers.Serializer[Any]):
    url = serializers.CharField()
    enabled = serializers.BooleanField()
    disabled_reason = serializers.ChoiceField(DisabledReason.values, allow_null=True)
    disabled_at = serializers.DateTimeField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    previous_secret_expires_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    secret = serializers.RegexField(r"^[0-9a-f]{64}$", required=False, help_text="Only if it was just generated.")


class DeletedWebhook(serializers.Serializer[Any]):
    deleted = serializers.BooleanField()


class WebhookTest(serializers.Serializer[Any]):
    test_id = serializers.UUIDField()


class WebhookAttempt(serializers.Serializer[Any]):
    attempt = serializers.IntegerField(min_value=1)
    started_at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField(min_value=0)
    outcome = serializers.CharField()
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    answer = serializers.CharField(help_text="The first 2 KB.", allow_blank=True)


class WebhookDelivery(serializers.Serializer[Any]):
    delivery_id = serializers.UUIDField()
    event = serializers.ChoiceField(Event.values)
    job_id = serializers.UUIDField(allow_null=True)
    state = serializers.ChoiceField(DeliveryState.values)
    own_url = serializers.BooleanField(help_text="Sent to the job's own webhook_url.")
    created_at = serializers.DateTimeField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    attempts = WebhookAttempt(many=True)


class WebhookDeliveryPage(serializers.Serializer[Any]):
    deliveries = WebhookDelivery(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class ReplayedDeliveries(serializers.Serializer[Any]):
    replayed = serializers.IntegerField(min_value=0)
