"""A user's second factors: app, passkeys and recovery codes.

Changes are audited, and changes of one user are serialized.
"""

from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import QuerySet

from accounts.allauth_internals import TOTP, RecoveryCodes, WebAuthn
from accounts.errors import NothingToChange
from accounts.models import User
from accounts.services import audit
from accounts.services.audit import Actor

ON_THE_SECURITY_PAGE = "By the user, on the security page."  # in the audit trail

MAX_PASSKEYS = 20  # per user
PASSKEY_GONE = "That passkey has already been removed."

Kind = Authenticator.Type


@transaction.atomic
def turn_on_app(*, user: User, secret: str) -> list[str]:
    """Sets up an app with `secret` (base32). Returns recovery codes, shown once, if it is the first factor.

    Raises NothingToChange if an app is already set up.
    """
    _lock(user)
    is_first = not has_second_factor(user)
    if Authenticator.objects.filter(user=user, type=Kind.TOTP).exists():
        raise NothingToChange("An authenticator app is already set up. Remove it to set up another.")
    TOTP.activate(user, secret)
    _record(user, "two_factor.app_on")
    return _made_codes(user) if is_first else []


@transaction.atomic
def turn_off_app(*, user: User) -> None:
    """Removes the app. Raises NothingToChange."""
    _lock(user)
    if not Authenticator.objects.filter(user=user, type=Kind.TOTP).delete()[0]:
        raise NothingToChange("No authenticator app is set up.")
    _drop_lone_codes(user)
    _record(user, "two_factor.app_off")


def get_passkeys(user: User) -> QuerySet[Authenticator]:
    passkeys: QuerySet[Authenticator] = Authenticator.objects.filter(user=user, type=Kind.WEBAUTHN)
    return passkeys.order_by("created_at", "pk")


@transaction.atomic
def add_passkey(*, user: User, name: str, credential: dict[str, Any]) -> list[str]:
    """Adds a passkey that `NewPasskeyForm` verified. Returns recovery codes, shown once, if it is the first factor.

    Raises NothingToChange if the user has MAX_PASSKEYS, or has this one.
    """
    _lock(user)
    is_first = not has_second_factor(user)
    passkeys = list(get_passkeys(user))
    if len(passkeys) >= MAX_PASSKEYS:
        raise NothingToChange(f"You have {MAX_PASSKEYS} passkeys. Remove one to add another.")
    if any(passkey.data["credential"]["id"] == credential["id"] for passkey in passkeys):  # submitted twice
        raise NothingToChange("You have already added that passkey.")
    WebAuthn.add(user, name, credential)
    _record(user, "two_factor.passkey_added")
    return _made_codes(user) if is_first else []


@transaction.atomic
def rename_passkey(*, user: User, passkey_id: int, name: str) -> None:
    """Renames a passkey. Raises NothingToChange if it is gone."""
    _lock(user)
    passkey = get_passkeys(user).filter(pk=passkey_id).first()
    if passkey is None:
        raise NothingToChange(PASSKEY_GONE)
    passkey.data["name"] = name
    passkey.save(update_fields=["data"])


@transaction.atomic
def remove_passkey(*, user: User, passkey_id: int) -> None:
    """Removes a passkey. Raises NothingToChange if it is gone."""
    _lock(user)
    if not get_passkeys(user).filter(pk=passkey_id).delete()[0]:
        raise NothingToChange(PASSKEY_GONE)
    _drop_lone_codes(user)
    _record(user, "two_factor.passkey_removed")


@transaction.atomic
def make_recovery_codes(*, user: User) -> list[str]:
    """Replaces the recovery codes with ten new ones, each for one sign-in.

    Raises NothingToChange if the user has no second factor.
    """
    _lock(user)
    if not has_second_factor(user):
        raise NothingToChange("Recovery codes require a second factor. Set one up first.")
    _record(user, "two_factor.codes_made")
    return _made_codes(user)


@transaction.atomic
def take_off_second_factor(*, user: User, actor: Actor, reason: str) -> None:
    """Removes all factors of a user who lost access, on behalf of an operator. Raises NothingToChange."""
    _lock(user)
    if not Authenticator.objects.filter(user=user).delete()[0]:
        raise NothingToChange("No second factor is set up.")
    audit.record(actor=actor, action="two_factor.taken_off", reason=reason, target_type="user", target_id=user.pk)


def has_second_factor(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user).exclude(type=Kind.RECOVERY_CODES).exists())


def _made_codes(user: User) -> list[str]:
    """Creates recovery codes, replacing any old ones."""
    Authenticator.objects.filter(user=user, type=Kind.RECOVERY_CODES).delete()
    codes: list[str] = RecoveryCodes.activate(user).get_unused_codes()
    return codes


def _drop_lone_codes(user: User) -> None:
    """Removes recovery codes that are left without another factor."""
    if not has_second_factor(user):
        Authenticator.objects.filter(user=user, type=Kind.RECOVERY_CODES).delete()


def _lock(user: User) -> None:
    User.objects.select_for_update().get(pk=user.pk)


def _record(user: User, action: str) -> None:
    audit.record(
        actor=Actor("user", user.pk), action=action, reason=ON_THE_SECURITY_PAGE, target_type="user", target_id=user.pk
    )
