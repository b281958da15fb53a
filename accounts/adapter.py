"""How django-allauth behaves here: mails, addresses, answers that give nothing away.

Owns no change of state: the forms call `accounts.services.tenants`, signing in and out `accounts.services.sessions`.
What a confirmed address earns is `billing.sign_up`.
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

# The other things allauth would say are said by the page that it leads to.
SHOWN_MESSAGES = {"account/messages/email_confirmed.txt"}


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": MISMATCH,
        "too_many_login_attempts": TOO_MANY_TRIES,
    }

    def is_ajax(self, request: HttpRequest) -> bool:
        """Never: there is one form of each page."""
        return False

    def is_safe_url(self, url: str) -> bool:
        """Only on the host that was asked: ALLOWED_HOSTS may hold others."""
        request = allauth_context.request
        return bool(url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()))

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """A disabled person gets the answer of a mistyped password, not a page of their own."""
        user = super().authenticate(request, **credentials)
        return user if user is not None and user.is_active else None

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        super().login(request, user)
        note_session(request, user=cast(User, user))

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        """Staff who need a second factor and have none go on to set one up."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return redirect("mfa_index") if must_enrol(request) else response

    def logout(self, request: HttpRequest) -> None:
        session_key = request.session.session_key
        super().logout(request)
        forget_session(session_key=session_key)

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        return redirect("account_login")

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """By email alone. allauth adds the Host: each name of this server would give ten more tries."""
        return str(credentials.get("email", "")).lower()

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **kwargs: Any
    ) -> None:
        if message_template in SHOWN_MESSAGES:
            super().add_message(request, level, message_template, *args, **kwargs)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Who has a second factor confirms with it: a password that leaked is not to take it off."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return [method for method in methods if method["id"] != "reauthenticate"] or methods

    # --- mails: links lead to PUBLIC_URL, whatever Host the request named -------------------------

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return settings.PUBLIC_URL + reverse("account_confirm_email", args=[emailconfirmation.key])

    def get_reset_password_from_key_url(self, key: str) -> str:
        uid, _, token = key.partition("-")
        return settings.PUBLIC_URL + reverse("account_reset_password_from_key", args=[uid, token])

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Raises a 503 page when the mail server refuses: nobody is left waiting for a mail that never comes."""
        prefix = SAME_MAIL.get(template_prefix, template_prefix)
        subject = render_to_string(f"{prefix}_subject.txt")
        message = compose_mail(f"{prefix}_message", to=email, subject=subject, context=context)
        try:
            hand_over(message)
        except (OSError, SMTPException) as error:
            logger.error("could not send email: %s", type(error).__name__)
            request = allauth_context.request
            # The next try is to send one, although this one counted.
            ratelimit.clear(request, action="confirm_email", key=email.lower())
            page = {
                "title": "The email could not be sent",
                "message": MAIL_REFUSED,
                "status": 503,
            }
            raise ImmediateHttpResponse(render(request, "error.html", page, status=503)) from error
