"""Mails about money, to the owners of an account. What is owed to whom, and that it was sent, is `billing.services`."""

from collections.abc import Mapping
from typing import Any

from accounts import mails
from accounts.models import Account


def mail_owners(account: Account, *, subject: str, template: str, context: Mapping[str, Any]) -> bool:
    """`template`: of billing/email. False when a mail could not be sent; the log says why."""
    return mails.mail_owners(account, f"billing/email/{template}", subject=subject, context=context)
