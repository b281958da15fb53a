"""The mail to an account's owners when we disabled their endpoint. Owns no state but that it was sent."""

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.models import Role, User
from webhooks.models import DisabledReason, Endpoint
from webhooks.services.endpoints import forget_owner_told, note_owner_told

logger = logging.getLogger(__name__)

WE_DISABLE_FOR = (DisabledReason.GONE, DisabledReason.FAILING, DisabledReason.OPERATOR)


def tell_owners() -> int:
    """Of every endpoint that we disabled and nobody was told of. Returns how many."""
    untold = Endpoint.objects.filter(disabled_reason__in=WE_DISABLE_FOR, owner_told_at=None).select_related("account")
    return sum(_tell_owners_of(endpoint) for endpoint in untold)


def _tell_owners_of(endpoint: Endpoint) -> bool:
    owners = User.objects.filter(is_active=True, memberships__account=endpoint.account_id, memberships__role=Role.OWNER)
    if not note_owner_told(endpoint=endpoint):
        return False
    public_url = settings.PUBLIC_URL
    for owner in owners:
        context = {
            "account": endpoint.account,
            "endpoint": endpoint,
            "reason": endpoint.get_disabled_reason_display(),
            "url": f"{public_url}/webhooks",
            "email": owner.email,
            "host": public_url.partition("//")[2],
        }
        message = EmailMultiAlternatives(
            subject=f"Webhooks of {endpoint.account.name} are disabled",
            body=render_to_string("webhooks/email/disabled_message.txt", context),
            to=[owner.email],
            headers={"Auto-Submitted": "auto-generated"},
        )
        message.attach_alternative(render_to_string("webhooks/email/disabled_message.html", context), "text/html")
        try:
            message.send()
        except (OSError, SMTPException) as error:
            logger.error("a mail could not be sent: %s", type(error).__name__)
            forget_owner_told(endpoint=endpoint)  # the next sweep tries again
            return False
    return True
