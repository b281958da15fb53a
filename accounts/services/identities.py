"""Maps an ID token to a user, who is linked to (issuer, subject).

The token's email is used only the first time, and only for a user who allowed it. If someone else gets the mailbox
later, their subject differs, so they do not get the user.
"""

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction

from accounts.id_tokens import Identity
from accounts.models import ExternalIdentity, User
from config.errors import Unauthorized

NOBODY = (
    "This ID token does not match any user. Sign in once, and allow ID tokens on the webhooks page; "
    "the email must be the same."
)


def user_of_identity(*, identity: Identity) -> User:
    """Returns the user of an identity. Raises Unauthorized."""
    known = _known(identity)
    if known is None:
        known = _link(identity)
    if not known.is_active:
        raise Unauthorized(NOBODY)
    return known


def _known(identity: Identity) -> User | None:
    rows = ExternalIdentity.objects.filter(issuer=identity.issuer, subject=identity.subject)
    row = rows.select_related("user").first()
    return row.user if row is not None else None


def _link(identity: Identity) -> User:
    confirmed = EmailAddress.objects.filter(email__iexact=identity.email, verified=True).values("user")
    user = User.objects.filter(pk__in=confirmed, email__iexact=identity.email, allows_id_tokens=True).first()
    if user is None:
        raise Unauthorized(NOBODY)
    try:
        with transaction.atomic():
            ExternalIdentity.objects.create(issuer=identity.issuer, subject=identity.subject, user=user)
    except IntegrityError:  # linked at the same moment, or the user has another subject at this issuer
        linked = _known(identity)
        if linked is None:
            raise Unauthorized(NOBODY) from None
        return linked
    return user


@transaction.atomic
def set_id_tokens_allowed(*, user: User, is_allowed: bool) -> None:
    """Sets whether ID tokens may act for the user. Disallowing removes every link; the next token is refused."""
    User.objects.filter(pk=user.pk).update(allows_id_tokens=is_allowed)
    if not is_allowed:
        ExternalIdentity.objects.filter(user=user).delete()
