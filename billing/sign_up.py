"""What a confirmed address earns: the credits to try things with. Here, because accounts know nothing of credits."""

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
    """`settings.ACCOUNT_ADAPTER`."""

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """The address is confirmed and the credits are there, or neither. Two clicks that race grant once."""
        with transaction.atomic():
            is_confirmed = bool(super().confirm_email(request, email_address))
            if is_confirmed:
                user: Any = email_address.user
                grant_sign_up_credits(user)
        return is_confirmed


def grant_sign_up_credits(user: User) -> bool:
    """SIGNUP_CREDITS to the account that the person made, once in its life. False when there was nothing to give."""
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
