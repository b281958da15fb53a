"""The mail that invites somebody. Owns no state."""

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.models import Invitation

logger = logging.getLogger(__name__)


def mail_invitation(invitation: Invitation, token: str) -> bool:
    """Outside the transaction that made it. False when it could not be sent; the log says why."""
    context = {
        "account_name": invitation.account.name,
        "role": invitation.role,
        "url": f"{settings.PUBLIC_URL}/invitations/{token}",
        "host": settings.PUBLIC_URL.partition("//")[2],
    }
    mail = EmailMultiAlternatives(
        subject=" ".join(f"Join {invitation.account.name} on Utterance".split()),
        body=render_to_string("accounts/email/invitation.txt", context),
        to=[invitation.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string("accounts/email/invitation.html", context), "text/html")
    try:
        mail.send()
    except (OSError, SMTPException) as error:
        logger.error("an invitation could not be sent: %s", type(error).__name__)
        return False
    return True
