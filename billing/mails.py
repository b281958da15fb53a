"""Mails about money, to the owners of an account. What is owed to whom, and that it was sent, is `billing.services`."""

import logging
from collections.abc import Mapping
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.models import Account, Membership, Role

logger = logging.getLogger(__name__)


def mail_owners(account: Account, *, subject: str, template: str, context: Mapping[str, Any]) -> bool:
    """`template`: of billing/email, as text and as HTML. False when a mail could not be sent; the log says why."""
    owners = Membership.objects.filter(account=account, role=Role.OWNER, user__is_active=True)
    context = {
        "account_name": account.name,
        "public_url": settings.PUBLIC_URL,
        "host": settings.PUBLIC_URL.partition("//")[2],
    } | dict(context)
    try:
        for email in owners.values_list("user__email", flat=True):
            mail = EmailMultiAlternatives(
                subject=subject,
                body=render_to_string(f"billing/email/{template}.txt", context),
                to=[email],
                headers={"Auto-Submitted": "auto-generated"},
            )
            mail.attach_alternative(render_to_string(f"billing/email/{template}.html", context), "text/html")
            mail.send()
    except (OSError, SMTPException) as error:
        logger.error("a mail (%s) could not be sent: %s", template, type(error).__name__)
        return False
    return True
