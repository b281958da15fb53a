"""Errors about webhooks."""

from config.errors import DomainError


class WebhookTestFailed(DomainError):
    code, status = "WEBHOOK_TEST_FAILED", 422
    example = "The endpoint returned 500, not 2xx."


class WebhookDisabled(DomainError):
    code, status = "WEBHOOK_DISABLED", 409
    example = "The endpoint is disabled, so no events are sent. Enable it first."

    def __init__(self) -> None:
        super().__init__(self.example)
