"""Pages to sign up, sign in and sign out: django-allauth's views with our URLs, templates and responses.

The rules for passwords, links and limits are allauth's, set in `config.settings` and `accounts.adapter`.
"""

from typing import Any, cast

from allauth.account import views
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts.models import User
from accounts.passkey_options import can_make_passkeys
from accounts.services.sessions import end_other_sessions

PAGE_METHODS = ["get", "head", "post"]
PAUSE_SECONDS = 15 * 60  # the window of ACCOUNT_RATE_LIMITS["login_failed"]
SENT_TO = "mail_sent_to"  # session key: the address that the email was sent to


class SignIn(views.LoginView):
    """Signs in by email and password. Redirects to `next` if it is on this host, otherwise to the overview."""

    http_method_names = PAGE_METHODS

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"next": self.get_next_url(), "can_make_passkeys": can_make_passkeys(self.request)}

    def _redirect_to_pending_stage(self, request: HttpRequest, stage: Any) -> None:
        """Restarts the sign-in: a user who opens this page while a code is due may want to sign in as someone else."""
        stage.abort()

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        _remember_address(self.request, form.cleaned_data["login"])
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        if form.is_stopped:
            response.status_code = 429
            response.headers["Retry-After"] = str(PAUSE_SECONDS)
        return response


class SignUp(views.SignupView):
    http_method_names = PAGE_METHODS

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"next": self.get_next_url(), "credits": settings.SIGNUP_CREDITS}

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        _remember_address(self.request, form.cleaned_data["email"])
        return response


class SignOut(views.LogoutView):
    """Signs out by POST only, so that a link cannot sign anyone out."""

    http_method_names = ["post"]  # noqa: RUF012


@method_decorator(never_cache, name="dispatch")
class EmailVerificationSent(views.EmailVerificationSentView):
    """Shown after sign-up, and after a sign-in with an unconfirmed address."""

    http_method_names = ["get", "head"]  # noqa: RUF012

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {
            "sent_to": self.request.session.get(SENT_TO, ""),
            "days": views.app_settings.EMAIL_CONFIRMATION_EXPIRE_DAYS,
        }


@method_decorator(never_cache, name="dispatch")
class ConfirmEmail(views.ConfirmEmailView):
    """Opened by the confirmation email's link. It shows a button, because mail scanners follow links.

    Used and expired links say so.
    """

    http_method_names = PAGE_METHODS

    def get(self, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().get(*args, **kwargs)
        if self.object is None:
            response.status_code = 404
        return response

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().post(*args, **kwargs)
        except Http404:  # the link was clicked twice
            return self.get(*args, **kwargs)
        return response


class ForgottenPassword(views.PasswordResetView):
    http_method_names = PAGE_METHODS


class ForgottenPasswordSent(views.PasswordResetDoneView):
    http_method_names = ["get", "head"]  # noqa: RUF012


@method_decorator([never_cache, sensitive_post_parameters("password1")], name="dispatch")
class NewPassword(views.PasswordResetFromKeyView):
    """Opened by the password reset email's link. Following it also confirms the address."""

    http_method_names = PAGE_METHODS

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        status = 404 if context.get("token_fail") else 200
        response: HttpResponse = super().render_to_response(context, status=status, **kwargs)
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        person = cast(User, self.reset_user)
        response: HttpResponse = super().form_valid(form)
        end_other_sessions(user=person, keep=None)
        address = EmailAddress.objects.filter(user=person, email=person.email, verified=False).first()
        if address is not None:
            get_adapter().confirm_email(self.request, address)
        return response


class NewPasswordSet(views.PasswordResetFromKeyDoneView):
    http_method_names = ["get", "head"]  # noqa: RUF012


def _remember_address(request: HttpRequest, email: str) -> None:
    """Remembers the address for the page that says where the email was sent, whether it is taken or free."""
    if not request.user.is_authenticated:
        request.session[SENT_TO] = email
