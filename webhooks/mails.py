"""Emails an account's owners when their endpoint was disabled. Owns only the record that it was sent."""

from urllib.parse import urlsplit

from accounts.mails import in_subject, mail_owners
from webhooks.models import DisabledReason, Endpoint
from webhooks.services.endpoints import forget_owner_told, note_owner_told

WE_DISABLE_FOR = (DisabledReason.GONE, DisabledReason.FAILING, DisabledReason.OPERATOR)


def tell_owners() -> int:
    """Emails the owners of every disabled endpoint who were not told yet. Returns how many endpoints."""
    untold = Endpoint.objects.filter(disabled_reason__in=WE_DISABLE_FOR, owner_told_at=None).select_related("account")
    return sum(_tell_owners(endpoint) for endpoint in untold)


def _tell_owners(endpoint: Endpoint) -> bool:
    if not note_owner_told(endpoint=endpoint):
        return False
    is_sent = mail_owners(
        endpoint.account,
        "webhooks/email/disabled",
        subject=f"Webhooks of {in_subject(endpoint.account.name)} are disabled",
        # Do not include the whole URL: it may have a customer's token.
        context={"receiver": urlsplit(endpoint.url).hostname, "reason": endpoint.get_disabled_reason_display()},
    )
    if not is_sent:
        forget_owner_told(endpoint=endpoint)  # the next sweep retries
    return is_sent
