"""Every mail of the product, each sent by what really sends it. For the test of them all, and for pictures."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.mails import mail_invitation, mail_person
from accounts.models import Account, Role
from accounts.services.audit import SYSTEM
from accounts.services.invitations import invite
from accounts.services.profile import email_change_token
from billing import auto_top_up
from billing.models import Pack, Purchase, PurchaseKind
from billing.services.auto_top_up import give_up, save_recharge
from billing.services.ledger import charge_job
from billing.services.low_balance import send_low_balance_notices, set_low_balance_notice
from billing.services.receipts import send_receipts
from tests.factories import PASSWORD, make_account, make_user
from tts.account_data.deletion import delete_due_accounts
from tts.account_data.exports import ask_for_export, make_next_export
from webhooks.mails import tell_owners
from webhooks.models import DisabledReason, Endpoint
from webhooks.services.endpoints import disable_endpoint
from webhooks.signing_secrets import encrypt, generate_secret

CREDIT = 1_000_000
SECRET_PATH = "token-of-a-customer"


@dataclass(frozen=True, slots=True)
class Mail:
    """`send`: to that address, about an account of that name. `links`: where they lead, or how that begins."""

    send: Callable[[str, str], None]
    subject: str  # {name} stands for the account's
    links: tuple[str, ...]


def page() -> Client:
    return Client(SERVER_NAME="127.0.0.1")


def sign_up(email: str, name: str) -> None:
    page().post("/sign-up", {"email": email, "account_name": name, "password1": PASSWORD})


def sign_up_again(email: str, name: str) -> None:
    make_user(email, make_account(name))
    sign_up(email, name)


def reset_password(email: str, name: str) -> None:
    make_user(email, make_account(name))
    page().post("/reset-password", {"email": email})


def reset_unknown(email: str, name: str) -> None:
    page().post("/reset-password", {"email": email})


def invitation(email: str, name: str) -> None:
    mail_invitation(*invite(account=make_account(name), email=email, role=Role.DEVELOPER, actor=SYSTEM))


def owned_account(email: str, name: str) -> Account:
    account = make_account(name)
    make_user(email, account)
    return account


def low_balance(email: str, name: str) -> None:
    account = owned_account(email, name)
    set_low_balance_notice(account=account, threshold_microcredits=10 * CREDIT)
    charge_job(account=account, job_id=uuid.uuid4(), cost_microcredits=93 * CREDIT, actor="test")
    send_low_balance_notices()


def receipt(email: str, name: str) -> None:
    account, pack = owned_account(email, name), Pack.objects.get(credits_microcredits=1_000 * CREDIT)
    Purchase.objects.create(
        account=account, kind=PurchaseKind.TOP_UP, state="paid", pack=pack, credits_microcredits=1_000 * CREDIT,
        price=1_000, currency="usd", paid=1_190, paid_at=timezone.now() - timedelta(minutes=3),
    )  # fmt: skip
    send_receipts()


def recharge_stopped(email: str, name: str) -> None:
    account, pack = owned_account(email, name), Pack.objects.all()[0]
    save_recharge(
        account=account, is_on=True, pack=pack, threshold_microcredits=CREDIT, max_per_month=1, monthly_ceiling=2_000
    )
    purchase = Purchase.objects.create(
        account=account, kind=PurchaseKind.RECHARGE, pack=pack, credits_microcredits=CREDIT, price=1_000, currency="usd"
    )
    give_up(purchase=purchase)
    auto_top_up.tell_owners(account)


def webhooks_disabled(email: str, name: str) -> None:
    account = owned_account(email, name)
    url = f"https://hooks.example/{SECRET_PATH}"
    Endpoint.objects.create(account=account, url=url, secret=encrypt(generate_secret()))
    with transaction.atomic():
        disable_endpoint(account_id=account.pk, reason=DisabledReason.GONE, now=timezone.now())
    tell_owners()


def export(email: str, name: str) -> None:
    ask_for_export(account=owned_account(email, name), actor=SYSTEM)
    make_next_export()


def deletion_asked(email: str, name: str) -> None:
    owned_account(email, name)
    client = page()
    client.post("/sign-in", {"login": email, "password": PASSWORD})
    client.post("/settings/data/delete", {"name": name, "current": PASSWORD})


def deleted(email: str, name: str) -> None:
    account = owned_account(email, name)
    Account.objects.filter(pk=account.pk).update(deletion_due_at=timezone.now())
    delete_due_accounts()


def new_email(email: str, name: str) -> None:
    make_user("old@acme.example", make_account(name))
    client = page()
    client.post("/sign-in", {"login": "old@acme.example", "password": PASSWORD})
    client.post("/settings/email", {"email": email, "current": PASSWORD})


def email_changed(email: str, name: str) -> None:
    token = email_change_token(user=make_user(email, make_account(name)), new_email="new@acme.example")
    page().post(f"/settings/email/{token}")


def second_factor(template: str, subject: str, **context: str) -> Callable[[str, str], None]:
    def send(email: str, name: str) -> None:
        mail_person(make_user(email, make_account(name)), template, subject=subject, **context)

    return send


APP = "an authenticator app"

# By the template of its HTML, below templates/.
MAILS = {
    "account/email/email_confirmation_message": Mail(
        sign_up, "Confirm your email address for Utterance", ("/confirm-email/",)
    ),
    "account/email/account_already_exists_message": Mail(
        sign_up_again, "You already have an Utterance account", ("/reset-password", "/sign-in")
    ),
    "account/email/password_reset_key_message": Mail(
        reset_password, "Reset your Utterance password", ("/reset-password/",)
    ),
    "account/email/unknown_account_message": Mail(
        reset_unknown, "No Utterance account for this address", ("/sign-up",)
    ),
    "accounts/email/invitation": Mail(invitation, "Join {name} on Utterance", ("/invitations/",)),
    "accounts/email/second_factor_on": Mail(
        second_factor("second_factor_on", "An authenticator app was set up", what=APP),
        "An authenticator app was set up",
        ("/settings/security",),
    ),
    "accounts/email/second_factor_off": Mail(
        second_factor("second_factor_off", "A second factor was removed", what=APP),
        "A second factor was removed",
        ("/settings/security",),
    ),
    "accounts/email/recovery_codes": Mail(
        second_factor("recovery_codes", "New recovery codes were generated"),
        "New recovery codes were generated",
        ("/settings/security",),
    ),
    "accounts/email/new_email": Mail(new_email, "Confirm your new email address", ("/settings/email/",)),
    "accounts/email/email_changed": Mail(email_changed, "Your email address was changed", ("/settings",)),
    "accounts/email/password_changed": Mail(
        second_factor("password_changed", "Your password was changed"),
        "Your password was changed",
        ("/reset-password",),
    ),
    "billing/email/low_balance": Mail(low_balance, "{name} has 7.00 credits left", ("/billing",)),
    "billing/email/receipt": Mail(receipt, "Receipt for {name}: $11.90", ("/billing",)),
    "billing/email/recharge_stopped": Mail(
        recharge_stopped, "Your credits are no longer topped up automatically", ("/billing",)
    ),
    "tts/email/deletion_asked": Mail(deletion_asked, "{name} will be deleted", ("/settings/data",)),
    "tts/email/deleted": Mail(deleted, "{name} has been deleted", ("/sign-up",)),
    "tts/email/export": Mail(export, "Your export is ready", ("/settings/data",)),
    "webhooks/email/disabled": Mail(webhooks_disabled, "Webhooks of {name} are disabled", ("/webhooks",)),
}
