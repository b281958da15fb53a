from django.urls import path

from webhooks.api import (
    Webhook,
    WebhookDeliveries,
    WebhookReplay,
    WebhookReplayRange,
    WebhookTestEvent,
)

urlpatterns = [
    path("enterprise/webhook", Webhook.as_view(), name="webhook"),
    path("enterprise/webhook/test", WebhookTestEvent.as_view(), name="webhook_test"),
    path("enterprise/webhook/deliveries", WebhookDeliveries.as_view(), name="webhook_deliveries"),
    path("enterprise/webhook/deliveries/replay", WebhookReplayRange.as_view(), name="webhook_replay_range"),
    path("enterprise/webhook/deliveries/<uuid:delivery_id>/replay", WebhookReplay.as_view(), name="webhook_replay"),
]
