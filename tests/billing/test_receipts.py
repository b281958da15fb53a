"""The receipt by mail: once for each payment, to the owners."""

import uuid
from datetime import timedelta
from smtplib import SMTPServerDisconnected

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends import locmem
from django.utils import timezone

from accounts.models import Account, Role
from billing import gateway
from billing.models import Pack, Purchase
from billing.reconciliation import reconcile
from billing.services.purchases import start_top_up
from billing.services.receipts import send_receipts
from billing.tasks import sweep_payments
from tests.factories import make_account, make_user
from tests.peers.stripe_helpers import CREDIT
from tests.peers.stripe_peer import StripePeer

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(db) -> Account:
    account = make_account("Acme", plan="free", credits=0)
    make_user("alice@acme.example", account)
    make_user("bob@acme.example", account, Role.BILLING)
    return account


def buy(account: Account) -> Purchase:
    pack = Pack.objects.get(credits_microcredits=1_000 * CREDIT)
    return start_top_up(account=account, pack=pack, form_token=uuid.uuid4())


def paid(account: Account, **fields: object) -> Purchase:
    purchase = buy(account)
    Purchase.objects.filter(pk=purchase.pk).update(
        **{"state": "paid", "paid": 1_000, "paid_at": timezone.now()} | fields
    )
    return purchase


def test_a_pack_that_was_paid_at_stripe_has_one_receipt_whatever_is_told_again(acme: Account, stripe: StripePeer):
    stripe.pay(gateway.open_checkout(buy(acme))[1])
    reconcile()
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        for _ in range(3):
            reconcile()
            sweep_payments()
    [message] = [message for message in mail.outbox if message.subject.startswith("Receipt")]
    assert message.to == ["alice@acme.example"]
    assert message.subject == "Receipt for Acme: $10.00"
    assert "Item: 1,000 credits" in message.body
    assert "Paid: $10.00" in message.body
    assert "Balance now: 1,000.00 credits" in message.body


def test_nothing_unpaid_has_one(acme: Account):
    buy(acme)
    assert send_receipts() == 0
    assert mail.outbox == []


def test_it_waits_a_little_for_the_receipt_of_stripe(acme: Account):
    purchase = paid(acme)
    assert send_receipts() == 0
    Purchase.objects.filter(pk=purchase.pk).update(receipt_url="https://pay.stripe.com/receipts/1")
    assert send_receipts() == 1
    [message] = mail.outbox
    assert isinstance(message, mail.EmailMultiAlternatives)
    assert "https://pay.stripe.com/receipts/1" in message.body
    assert 'href="https://pay.stripe.com/receipts/1"' in str(message.alternatives[0][0])


def test_and_goes_without_when_there_is_none(acme: Account):
    paid(acme, paid_at=timezone.now() - timedelta(minutes=3))
    assert (send_receipts(), send_receipts()) == (1, 0)


class Broken(locmem.EmailBackend):
    def send_messages(self, messages: object) -> int:
        raise SMTPServerDisconnected


def test_a_mail_server_that_is_away_is_asked_again(acme: Account, settings):
    purchase = paid(acme, receipt_url="https://pay.stripe.com/receipts/1")
    sound = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    assert send_receipts() == 0
    purchase.refresh_from_db()
    assert purchase.receipt_mailed_at is None
    settings.EMAIL_BACKEND = sound
    assert send_receipts() == 1
