"""Emails about billing to the owners of an account. `billing.services` decides who gets one and records it."""

from collections.abc import Mapping
from typing import Any

from accounts import mails
from accounts.models import Account


def mail_owners(account: Account, *, subject: str, template: str, context: Mapping[str, Any]) -> bool:
    """Sends a template of billing/email. Returns False if an email could not be sent; the log says why."""
    return mails.mail_owners(account, f"billing/email/{template}", subject=subject, context=context)
