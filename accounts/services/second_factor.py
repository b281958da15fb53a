"""A person's second factor: switched on, off, and its recovery codes. Audited; changes of one person wait in line."""

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.db import transaction

from accounts.errors import NothingToChange
from accounts.models import User
from accounts.services import audit
from accounts.services.audit import Actor

ON_THE_SECURITY_PAGE = "By the person, on the security page."  # in the audit trail

Kind = Authenticator.Type


@transaction.atomic
def turn_on_app(*, user: User, secret: str) -> list[str]:
    """An app that makes codes from `secret` (base32). Returns the recovery codes, which are shown once.

    Raises NothingToChange (an app is set up already).
    """
    _lock(user)
    if Authenticator.objects.filter(user=user, type=Kind.TOTP).exists():
        raise NothingToChange("An app is set up already. Turn it off to set up another.")
    TOTP.activate(user, secret)
    _record(user, "two_factor.app_on")
    return _made_codes(user)


@transaction.atomic
def turn_off_app(*, user: User) -> None:
    """The recovery codes go with it: alone they are no second factor. Raises NothingToChange."""
    _lock(user)
    if not Authenticator.objects.filter(user=user, type=Kind.TOTP).delete()[0]:
        raise NothingToChange("No app is set up.")
    Authenticator.objects.filter(user=user, type=Kind.RECOVERY_CODES).delete()
    _record(user, "two_factor.app_off")


@transaction.atomic
def make_recovery_codes(*, user: User) -> list[str]:
    """Ten codes for one sign-in each; those before work no more. Raises NothingToChange without a second factor."""
    _lock(user)
    if not has_second_factor(user):
        raise NothingToChange("Recovery codes are for when a second factor is on.")
    _record(user, "two_factor.codes_made")
    return _made_codes(user)


@transaction.atomic
def take_off_second_factor(*, user: User, actor: Actor, reason: str) -> None:
    """All of it, by an operator, for somebody who lost it. Raises NothingToChange."""
    _lock(user)
    if not Authenticator.objects.filter(user=user).delete()[0]:
        raise NothingToChange("No second factor is on.")
    audit.record(actor=actor, action="two_factor.taken_off", reason=reason, target_type="user", target_id=user.pk)


def has_second_factor(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user).exclude(type=Kind.RECOVERY_CODES).exists())


def _made_codes(user: User) -> list[str]:
    """Instead of whichever there were."""
    Authenticator.objects.filter(user=user, type=Kind.RECOVERY_CODES).delete()
    codes: list[str] = RecoveryCodes.activate(user).get_unused_codes()
    return codes


def _lock(user: User) -> None:
    User.objects.select_for_update().get(pk=user.pk)


def _record(user: User, action: str) -> None:
    audit.record(
        actor=Actor("user", user.pk), action=action, reason=ON_THE_SECURITY_PAGE, target_type="user", target_id=user.pk
    )
