"""Builds and sends all emails, and writes the invitation. This module owns no state.

Each email is a pair of templates, text and HTML, with the same content and links. Links use PUBLIC_URL, never the
request's Host header.
"""

import logging
from collections.abc import Mapping
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.models import Account, Invitation, Role, User
from config.connections import release_connection

logger = logging.getLogger(__name__)

MAX_SUBJECT_CHARS = 78  # RFC 5322, 2.1.1
MAX_NAME_CHARS = 40  # of an account's name in a subject


def compose_mail(template: str, *, to: str, subject: str, context: Mapping[str, Any]) -> EmailMultiAlternatives:
    """Builds an email from `template`.txt and .html, which also get `subject`, `email`, `public_url` and `host`."""
    subject = " ".join(subject.split())[:MAX_SUBJECT_CHARS]
    everywhere = {
        "subject": subject,
        "email": to,
        "public_url": settings.PUBLIC_URL,
        "host": settings.PUBLIC_URL.partition("//")[2],
    }
    mail = EmailMultiAlternatives(
        subject=subject,
        body=render_to_string(f"{template}.txt", everywhere | dict(context)),
        to=[to],
        reply_to=[settings.REPLY_TO_EMAIL] if settings.REPLY_TO_EMAIL else None,
        headers={"Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string(f"{template}.html", everywhere | dict(context)), "text/html")
    return mail


def hand_over(mail: EmailMultiAlternatives) -> None:
    """Sends an email. May be slow, so call it outside transactions. Raises OSError or SMTPException."""
    release_connection()
    mail.send()


def send_mail(template: str, *, to: str, subject: str, context: Mapping[str, Any]) -> bool:
    """Sends an email. Call it outside transactions.

    Returns False if it could not be sent; the log says why, but not who it was for.
    """
    try:
        hand_over(compose_mail(template, to=to, subject=subject, context=context))
    except (OSError, SMTPException) as error:
        logger.error("could not send email %s: %s", template, type(error).__name__)
        return False
    return True


def mail_owners(account: Account, template: str, *, subject: str, context: Mapping[str, Any]) -> bool:
    """Sends an email to each owner; the template also gets `account_name`. Returns False at the first failure."""
    owners = User.objects.filter(is_active=True, memberships__account=account, memberships__role=Role.OWNER)
    context = {"account_name": account.name, **context}
    emails = owners.values_list("email", flat=True)
    return all(send_mail(template, to=email, subject=subject, context=context) for email in emails)


def in_subject(name: str) -> str:
    """Shortens an account's name to fit in a subject."""
    return name if len(name) <= MAX_NAME_CHARS else f"{name[: MAX_NAME_CHARS - 1]}…"


def mail_invitation(invitation: Invitation, token: str) -> bool:
    """Emails an invitation. Call it after the transaction. Returns False if the email could not be sent."""
    return send_mail(
        "accounts/email/invitation",
        to=invitation.email,
        subject=f"Join {in_subject(invitation.account.name)} on Utterance",
        context={
            "account_name": invitation.account.name,
            "role": invitation.role,
            "url": f"{settings.PUBLIC_URL}/invitations/{token}",
        },
    )


def mail_person(user: User, template: str, *, subject: str, **context: Any) -> bool:
    """Emails a user about a change to their sign-in. Returns False if it could not be sent; the change stays."""
    return send_mail(f"accounts/email/{template}", to=user.email, subject=subject, context=context)
