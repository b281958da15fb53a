"""Changes users make to themselves and their account: email, password, name, retention. All are audited."""

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction

from accounts.errors import EmailTaken, NothingToChange
from accounts.models import Account, User
from accounts.services import audit
from accounts.services.audit import Actor
from config.errors import ValidationFailed

SALT = "accounts.email_change"
LINK_SECONDS = 3 * 24 * 3600
ON_THE_SETTINGS_PAGE = "By the user, on the settings page."  # in the audit trail


@dataclass(frozen=True, slots=True)
class EmailChange:
    """The content of an emailed link.

    Nothing is stored until it is followed, so no one can reserve another's address.
    """

    user: User
    new_email: str


def email_change_token(*, user: User, new_email: str) -> str:
    """Returns a token that works once and stops working when the password changes."""
    return signing.dumps({"user": str(user.pk), "new": new_email, "stamp": _stamp(user)}, salt=SALT)


def find_email_change(token: str) -> EmailChange | None:
    """Returns the change for a token, or None if the token is invalid, used, or older than three days."""
    try:
        data = signing.loads(token, salt=SALT, max_age=LINK_SECONDS)
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=data["user"], is_active=True).first()
    return EmailChange(user, data["new"]) if user is not None and data["stamp"] == _stamp(user) else None


@transaction.atomic
def change_email(*, change: EmailChange) -> str:
    """Makes the new address the user's only one, confirmed. Returns the old one.

    Raises EmailTaken (taken in the meantime) or NothingToChange (the link was followed twice).
    """
    user = User.objects.select_for_update().get(pk=change.user.pk)
    if user.email != change.user.email:
        raise NothingToChange("The email address has already been changed.")
    try:
        with transaction.atomic():
            User.objects.filter(pk=user.pk).update(email=change.new_email)
            EmailAddress.objects.filter(user=user).delete()
            EmailAddress.objects.create(user=user, email=change.new_email, primary=True, verified=True)
    except IntegrityError:
        raise EmailTaken("This email address is now used by another user.") from None
    _record_person(user, "user.email_changed")
    return user.email


@transaction.atomic
def change_password(*, user: User, password: str) -> None:
    """Changes the password and ends all sessions; the caller keeps its own."""
    user.set_password(password)
    user.save(update_fields=["password"])
    _record_person(user, "user.password_changed")


@transaction.atomic
def rename_account(*, account: Account, name: str, actor: Actor) -> None:
    """Renames the account. Raises NothingToChange. The audit trail omits the names: they may be personal data."""
    if not Account.objects.filter(pk=account.pk).exclude(name=name).update(name=name):
        raise NothingToChange("The account already has this name.")
    audit.record(
        actor=actor,
        action="account.renamed",
        reason=ON_THE_SETTINGS_PAGE,
        target_type="account",
        target_id=account.pk,
        account=account,
    )


@transaction.atomic
def set_retention(*, account: Account, days: int | None, actor: Actor) -> None:
    """Sets how long text and audio are kept, in days; None means the server's setting, which is the maximum.

    The next sweep erases older data. Raises ValidationFailed or NothingToChange.
    """
    if days is not None and not 1 <= days <= settings.AUDIO_RETENTION_DAYS:
        raise ValidationFailed.of_field("retention_days", f"From 1 to {settings.AUDIO_RETENTION_DAYS} days.")
    before = Account.objects.select_for_update().get(pk=account.pk).retention_days
    if before == days:
        raise NothingToChange("Already set to this value.")
    Account.objects.filter(pk=account.pk).update(retention_days=days)
    audit.record(
        actor=actor,
        action="account.retention_changed",
        reason=ON_THE_SETTINGS_PAGE,
        target_type="account",
        target_id=account.pk,
        account=account,
        before={"days": before},
        after={"days": days},
    )


def _stamp(user: User) -> str:
    """Returns a value that changes with the email and the password."""
    digest: str = signing.Signer(salt=SALT).signature(f"{user.email}:{user.get_session_auth_hash()}")
    return digest


def _record_person(user: User, action: str) -> None:
    audit.record(
        actor=Actor("user", user.pk), action=action, reason=ON_THE_SETTINGS_PAGE, target_type="user", target_id=user.pk
    )
