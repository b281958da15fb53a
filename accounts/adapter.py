"""Adapts django-allauth: emails, redirects, and answers that do not reveal which addresses have an account.

This module changes no state itself. Forms call `accounts.services.tenants`; sign-in and sign-out call
`accounts.services.sessions`. `billing.sign_up` grants credits when an address is confirmed.
"""

import logging
from smtplib import SMTPException
from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from allauth.core import ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.mails import compose_mail, hand_over
from accounts.models import User
from accounts.operators import must_enrol
from accounts.services.sessions import forget_session, note_session

logger = logging.getLogger(__name__)

MISMATCH = "The email or password is incorrect. Check both, or reset your password."
TOO_MANY_TRIES = "Too many failed attempts: 10 in 15 minutes. Wait 15 minutes, or reset your password to sign in now."

MAIL_REFUSED = (
    "The mail server rejected the email. Try again in a few minutes. "
    "If you have just signed up, sign in to send the email again."
)

SAME_MAIL = {"account/email/email_confirmation_signup": "account/email/email_confirmation"}

# allauth's other messages are left out: the page that it redirects to says the same.
SHOWN_MESSAGES = {"account/messages/email_confirmed.txt"}


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": MISMATCH,
        "too_many_login_attempts": TOO_MANY_TRIES,
    }

    def is_ajax(self, request: HttpRequest) -> bool:
        """Returns False: every page is HTML only."""
        return False

    def is_safe_url(self, url: str) -> bool:
        """Allows redirects only to the host of this request. ALLOWED_HOSTS may list others."""
        request = allauth_context.request
        return bool(url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()))

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Treats a disabled user like a wrong password, so that the answer does not reveal that the account exists."""
        user = super().authenticate(request, **credentials)
        return user if user is not None and user.is_active else None

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        super().login(request, user)
        note_session(request, user=cast(User, user))

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        """Redirects staff who need a second factor and have none to the page that sets one up."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return redirect("mfa_index") if must_enrol(request) else response

    def logout(self, request: HttpRequest) -> None:
        session_key = request.session.session_key
        super().logout(request)
        forget_session(session_key=session_key)

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        return redirect("account_login")

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Counts failed sign-ins by email alone.

        allauth would add the Host header, which would allow ten more attempts for each host name of this server.
        """
        return str(credentials.get("email", "")).lower()

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **kwargs: Any
    ) -> None:
        if message_template in SHOWN_MESSAGES:
            super().add_message(request, level, message_template, *args, **kwargs)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Requires the second factor of users who have one: a leaked password alone must not be able to remove it."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return [method for method in methods if method["id"] != "reauthenticate"] or methods

    # --- emails: links always use PUBLIC_URL, never the request's Host header ---------------------

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return settings.PUBLIC_URL + reverse("account_confirm_email", args=[emailconfirmation.key])

    def get_reset_password_from_key_url(self, key: str) -> str:
        uid, _, token = key.partition("-")
        return settings.PUBLIC_URL + reverse("account_reset_password_from_key", args=[uid, token])

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Sends the email. Answers 503 if the mail server refuses it, so that no one waits for it."""
        prefix = SAME_MAIL.get(template_prefix, template_prefix)
        subject = render_to_string(f"{prefix}_subject.txt")
        message = compose_mail(f"{prefix}_message", to=email, subject=subject, context=context)
        try:
            hand_over(message)
        except (OSError, SMTPException) as error:
            logger.error("could not send email: %s", type(error).__name__)
            request = allauth_context.request
            # This attempt was counted, but nothing was sent. Reset the limit so that the next attempt can send the
            # email.
            ratelimit.clear(request, action="confirm_email", key=email.lower())
            page = {
                "title": "The email could not be sent",
                "message": MAIL_REFUSED,
                "status": 503,
            }
            raise ImmediateHttpResponse(render(request, "error.html", page, status=503)) from error
