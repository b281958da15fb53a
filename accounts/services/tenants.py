"""Creates accounts and their users."""

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction

from accounts.errors import EmailTaken
from accounts.models import Account, Membership, Plan, Role, User
from config.errors import NotFound


@transaction.atomic
def create_account(
    *, email: str, password: str, plan_code: str = "free", name: str = "", is_email_confirmed: bool = True
) -> Account:
    """Creates an account and its owner. Raises EmailTaken, or NotFound if there is no such plan.

    An operator vouches for the address. Users who sign up have to confirm it before they first sign in.
    """
    plan = Plan.objects.filter(pk=plan_code).first()
    if plan is None:
        known = ", ".join(Plan.objects.order_by("generate_limit").values_list("pk", flat=True))
        raise NotFound(f"There is no plan {plan_code!r}; there are {known}.")
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password)
    except IntegrityError:
        raise EmailTaken(f"{email} already has an account.") from None
    account = Account.objects.create(name=name or email.partition("@")[0].capitalize()[:120], plan=plan)
    Membership.objects.create(account=account, user=user, role=Role.OWNER)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=is_email_confirmed)
    return account
