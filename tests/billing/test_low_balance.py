"""A mail when credits run low: once each time, to the owners, at the balance they chose."""

import uuid

import pytest
from django.core import mail

from accounts.models import Account, Role
from billing.models import LowBalanceNotice
from billing.services.ledger import charge_job, grant_credits
from billing.services.low_balance import send_low_balance_notices, set_low_balance_notice
from tests.factories import make_account, make_user

pytestmark = pytest.mark.django_db

CREDIT = 1_000_000


@pytest.fixture
def acme(db) -> Account:
    account = make_account("Acme", credits=20)
    make_user("alice@acme.example", account=account)
    make_user("bob@acme.example", account=account, role=Role.DEVELOPER)
    set_low_balance_notice(account=account, threshold_microcredits=10 * CREDIT)
    return account


def spend(account: Account, credits: int) -> None:
    charge_job(account=account, job_id=uuid.uuid4(), cost_microcredits=credits * CREDIT, actor="test")


def test_one_mail_when_it_falls_below_and_the_next_after_it_was_more(acme):
    spend(acme, 10)
    assert send_low_balance_notices() == 0  # exactly the threshold is not below
    spend(acme, 1)
    assert [send_low_balance_notices() for _ in range(3)] == [1, 0, 0]
    grant_credits(account=acme, amount_microcredits=5 * CREDIT, actor="test", note="More.")
    assert send_low_balance_notices() == 0
    spend(acme, 5)
    assert send_low_balance_notices() == 1
    assert [message.to for message in mail.outbox] == [["alice@acme.example"]] * 2


def test_the_same_threshold_saved_again_sends_nothing_and_a_new_one_is_watched(acme):
    spend(acme, 13)
    assert send_low_balance_notices() == 1
    set_low_balance_notice(account=acme, threshold_microcredits=10 * CREDIT)
    assert send_low_balance_notices() == 0
    set_low_balance_notice(account=acme, threshold_microcredits=8 * CREDIT)
    assert send_low_balance_notices() == 1


def test_the_mail_says_what_is_left_and_where_to_add(acme, settings):
    spend(acme, 13)
    send_low_balance_notices()
    (message,) = mail.outbox
    assert message.subject == "Acme has 7.00 credits left"
    assert isinstance(message, mail.EmailMultiAlternatives)
    html = str(message.alternatives[0][0])
    for part in (str(message.body), html):
        assert "7.00 credits" in part
        assert "10.00 credits" in part
        assert f"{settings.PUBLIC_URL}/billing" in part


def test_a_mail_that_could_not_be_sent_is_sent_later(acme, settings, monkeypatch):
    spend(acme, 13)

    def refuse(*args, **kwargs):
        raise OSError("no mail server")

    with monkeypatch.context() as patched:
        patched.setattr("django.core.mail.EmailMultiAlternatives.send", refuse)
        assert send_low_balance_notices() == 0
    assert send_low_balance_notices() == 1


def test_the_owner_sets_it_on_the_page_and_takes_it_away(client, acme):
    client.force_login(acme.memberships.get(role=Role.OWNER).user)
    saved = client.post("/billing/low-balance", {"low_balance-threshold": "2.5"}, follow=True).content.decode()
    assert "The owners get an email when the balance falls below 2.50 credits." in saved
    assert 'value="2.5"' in saved
    assert LowBalanceNotice.objects.get().threshold_microcredits == 2_500_000
    client.post("/billing/low-balance", {"low_balance-threshold": ""})
    assert not LowBalanceNotice.objects.exists()


@pytest.mark.parametrize("typed", ["0", "-1", "much", "2,5"])
def test_what_is_no_number_of_credits_is_said_and_changes_nothing(client, acme, typed):
    client.force_login(acme.memberships.get(role=Role.OWNER).user)
    answer = client.post("/billing/low-balance", {"low_balance-threshold": typed})
    assert answer.status_code == 400
    assert "Nothing was saved" in answer.content.decode()
    assert LowBalanceNotice.objects.get().threshold_microcredits == 10 * CREDIT


@pytest.mark.parametrize("role", Role.values)
def test_only_who_pays_sets_it(client, acme, role):
    client.force_login(make_user(f"{role}@acme.example", account=acme, role=role))
    may = role in {"owner", "admin", "billing"}
    answer = client.post("/billing/low-balance", {"low_balance-threshold": "3"})
    assert answer.status_code == (302 if may else 403)
    assert LowBalanceNotice.objects.get().threshold_microcredits == (3 if may else 10) * CREDIT
