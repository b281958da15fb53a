"""Grants credits when a new user confirms their address. It is here because accounts does not know about credits."""

from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from accounts.adapter import AccountAdapter
from accounts.models import Membership, Role, User
from billing.models import MICROCREDITS_PER_CREDIT
from billing.services.ledger import grant_credits


class SignUpAdapter(AccountAdapter):
    """Implements `settings.ACCOUNT_ADAPTER`."""

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Confirms the address and grants the credits in one transaction. Two concurrent clicks grant once."""
        with transaction.atomic():
            is_confirmed = bool(super().confirm_email(request, email_address))
            if is_confirmed:
                user: Any = email_address.user
                grant_sign_up_credits(user)
        return is_confirmed


def grant_sign_up_credits(user: User) -> bool:
    """Grants SIGNUP_CREDITS to the user's own account, once. Returns False if there was nothing to grant."""
    own = Membership.objects.filter(user=user, role=Role.OWNER).select_related("account").order_by("created_at").first()
    if own is None or not settings.SIGNUP_CREDITS:
        return False
    return grant_credits(
        account=own.account,
        amount_microcredits=settings.SIGNUP_CREDITS * MICROCREDITS_PER_CREDIT,
        actor="system",
        note="Free credits for new accounts.",
        reference=f"signup:{own.account_id}",
    )
