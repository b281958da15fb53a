"""What an account that is deleted leaves behind here: nothing that charges or tells anybody."""

from django.db import transaction

from accounts.models import Account
from billing.models import LowBalanceNotice, Recharge, StripeCustomer


@transaction.atomic
def forget_payment_settings(*, account: Account) -> None:
    """No kept card, no automatic top-up, no notices. What was paid stays, and so does who Stripe knows it as: refunds
    and disputes may still come.
    """
    Recharge.objects.filter(account=account).delete()
    LowBalanceNotice.objects.filter(account=account).delete()
    StripeCustomer.objects.filter(account=account).update(payment_method_id="")
