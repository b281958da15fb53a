"""System checks that warn operators about the configuration before they open the service to users."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning


def mails_reach_people(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.EMAIL_URL or settings.IS_ONE_MACHINE:
        return []
    return [
        Warning(
            "EMAIL_URL is not set: no emails are sent, so new users cannot confirm their email address.",
            hint=(
                "Set EMAIL_URL to smtp://user:password@host:587/?tls=1. "
                "Until then, emails are written to DATA_DIR/mail."
            ),
            id="accounts.W001",
        )
    ]
