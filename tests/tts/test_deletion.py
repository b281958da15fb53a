"""Deleting an account: asked for by its owner, kept for seven days, then everything that names anybody is gone."""

import json
import re
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from accounts.models import Account, ApiKey, AuditEntry, Invitation, Membership, Role, User
from accounts.services.account_deletion import erase_people
from accounts.services.audit import SYSTEM
from accounts.services.invitations import invite
from billing.models import LedgerEntry, OperatorAlert, StripeCustomer, Subscription
from billing.reconciliation import reconcile
from billing.selectors import find_ledger_mismatches
from billing.services.ledger import charge_job
from tests.billing.conftest import stripe, stripe_keys, stripe_process  # noqa: F401
from tests.conftest import ApiClient
from tests.factories import PASSWORD, make_account, make_job, make_user
from tests.peers.stripe_peer import StripePeer
from tests.support.envelopes import ANNIE, error_of
from tts.account_data import deletion
from tts.account_data.deletion import delete_account, delete_due_accounts
from tts.account_data.exports import ask_for_export, make_next_export
from tts.errors import StoreUnavailable
from tts.models import AccountExport, Job, JobStatus
from tts.storage import store
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.services.endpoints import erase_webhooks
from webhooks.signing_secrets import encrypt

pytestmark = pytest.mark.django_db

MEANT = {"name": "Acme", "current": PASSWORD}


def is_closing(account: Account) -> bool:
    return Account.objects.get(pk=account.pk).is_closing


def make_due(account: Account) -> Account:
    Account.objects.filter(pk=account.pk).update(deletion_due_at=timezone.now())
    account.refresh_from_db()
    return account


def with_audio(account: Account, text: str) -> tuple[Job, Path]:
    job = make_job(
        account, text=text, status=JobStatus.COMPLETED, attempt=1, finished_at=timezone.now(), metadata={"order": 7}
    )
    job.audio_key = store.audio_storage().save(store.audio_key(job, 1), ContentFile(b"RIFF"))
    job.save(update_fields=["audio_key"])
    return job, Path(store.audio_storage().get_address(job.audio_key))


def furnish(account: Account) -> tuple[Job, Job, Path]:
    """All that an account can leave behind: a job that waits, one with audio, and the path of that."""
    waiting = make_job(account, text="Not yet.", cost_microcredits=9_000)
    charge_job(account=account, job_id=waiting.pk, cost_microcredits=9_000, actor="test")
    done, path = with_audio(account, "A secret of Acme.")
    url = "https://hooks.example/x"
    Endpoint.objects.create(account=account, url=url, secret=encrypt("s"))
    row = Delivery.objects.create(
        account=account,
        event="job.completed",
        job_id=done.pk,
        receiver="hooks.example:443",
        next_attempt_at=timezone.now(),
    )
    Attempt.objects.create(
        delivery=row, number=1, started_at=timezone.now(), duration_ms=1, outcome="status", status=500, answer="Who?"
    )
    invite(account=account, email="dana@acme.example", role=Role.VIEWER, actor=SYSTEM)
    ask_for_export(account=account, actor=SYSTEM)
    make_next_export()
    mail.outbox.clear()
    return waiting, done, path


# --- asking, and keeping -------------------------------------------------------------------------


def test_the_owner_asks_with_name_and_password_and_keys_are_refused_at_once(
    signed_in: Client, account: Account, api: ApiClient, voices: None
):
    page = signed_in.get("/settings/data/delete").content.decode()
    assert "What stays" in page
    assert re.findall(r'<input type="(?:text|password)" name="(\w+)"', page) == ["name", "current"]
    with time_machine.travel(timezone.now(), tick=False):
        assert signed_in.post("/settings/data/delete", MEANT).headers["Location"] == "/settings/data"
        account.refresh_from_db()
        assert account.deletion_due_at == timezone.now() + timedelta(days=7)
    body = {"text": "Hello.", "voice_id": ANNIE}
    error = error_of(api.post("/api/v1/tts", body), 403, "FORBIDDEN")
    assert error["message"].startswith("This account is scheduled for deletion.")
    error_of(api.get("/api/v1/tts"), 403, "FORBIDDEN")
    assert not Job.objects.exists()
    assert "Acme is scheduled for deletion" in signed_in.get("/overview").content.decode()
    (message,) = mail.outbox
    assert (message.to, message.subject) == (["alice@acme.example"], "Acme will be deleted")
    assert AuditEntry.objects.filter(account=account, action="account.deletion_asked").count() == 1
    assert signed_in.post("/settings/data/delete", MEANT).status_code == 302
    assert len(mail.outbox) == 1, "a second click does nothing"


def test_until_the_seven_days_are_over_it_can_be_kept(signed_in: Client, account: Account, api: ApiClient, alice: User):
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False) as clock:
        signed_in.force_login(alice)
        signed_in.post("/settings/data/delete", MEANT)
        clock.shift(timedelta(days=7) - timedelta(seconds=1))
        assert delete_due_accounts() == 0
        signed_in.force_login(alice)
        assert "Acme will not be deleted." in signed_in.post("/settings/data/keep", follow=True).content.decode()
        assert api.get("/api/v1/tts").status_code == 200
        clock.shift(timedelta(days=1))
        assert delete_due_accounts() == 0
    assert not is_closing(account)
    assert AuditEntry.objects.filter(action="account.kept").count() == 1


def test_afterwards_it_cannot_be_kept(signed_in: Client, account: Account):
    make_due(account)
    page = signed_in.post("/settings/data/keep", follow=True).content.decode()
    assert "There is no deletion to cancel" in page
    assert is_closing(account)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({}, "Type the account name."),
        ({"name": "acme", "current": PASSWORD}, "The account name is Acme."),
        ({"name": "Acme", "current": "wrong"}, "Incorrect password."),
        ({"name": "Acme"}, "Enter your password."),
    ],
)
def test_what_is_not_meant_deletes_nothing(signed_in: Client, account: Account, form: dict[str, str], says: str):
    response = signed_in.post("/settings/data/delete", form)
    assert (response.status_code, says in response.content.decode()) == (200, True)
    assert not is_closing(account)
    assert mail.outbox == []


@pytest.mark.parametrize("role", ["admin", "developer", "billing", "viewer"])
def test_nobody_but_the_owner_deletes_or_keeps(client: Client, account: Account, alice: User, role: str):
    client.force_login(make_user("bob@acme.example", account, Role(role)))
    assert client.get("/settings/data/delete").status_code == 403
    assert client.post("/settings/data/delete", MEANT).status_code == 403
    assert not is_closing(account)
    Account.objects.filter(pk=account.pk).update(deletion_due_at=timezone.now() + timedelta(days=1))
    assert client.post("/settings/data/keep").status_code == 403
    assert is_closing(account)


def test_nothing_is_sold_to_it_meanwhile(signed_in: Client, account: Account, stripe: StripePeer):  # noqa: F811
    make_due(account)
    form = {"plan": "pro", "token": str(uuid.uuid4())}
    response = signed_in.post("/billing/subscribe", form)
    assert response.status_code == 409
    assert "cannot buy anything" in response.content.decode()
    assert not Subscription.objects.exists()


# --- the deletion --------------------------------------------------------------------------------


def test_everything_that_names_anybody_goes_and_the_books_stay(signed_in: Client, account: Account, alice: User):
    waiting, done, path = furnish(account)
    key = ApiKey.objects.create(account=account, name="Of Alice", digest="d", prefix="p", last_four="4")
    bob, ada = make_user("bob@acme.example", account, Role.VIEWER), make_user("ada@staff.example", account, Role.ADMIN)
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    globex = make_account("Globex")
    Membership.objects.create(account=globex, user=bob, role=Role.DEVELOPER)
    other, other_path = with_audio(globex, "Of Globex.")
    entries = LedgerEntry.objects.filter(account=account).count()
    assert signed_in.get("/overview").status_code == 200
    make_due(account)

    assert delete_due_accounts() == 1
    assert delete_due_accounts() == 0

    account.refresh_from_db()
    assert (account.name, account.deleted_at is not None) == ("Deleted account", True)
    assert set(User.objects.values_list("email", flat=True)) == {"bob@acme.example", "ada@staff.example"}
    assert list(Membership.objects.values_list("user", "account")) == [(bob.pk, globex.pk)]
    assert not Session.objects.exists(), "Alice is signed out"
    for job in (waiting, done):
        job.refresh_from_db()
        assert (job.text, job.metadata, job.audio_key, job.erased_at is not None) == ("", None, "", True)
    assert (waiting.status, waiting.refunded_microcredits, done.status) == ("cancelled", 9_000, "completed")
    assert (path.exists(), other_path.exists()) == (False, True)
    other.refresh_from_db()
    assert other.text == "Of Globex."
    for model in (Endpoint, Delivery, Attempt, Invitation, AccountExport):
        assert not model.objects.exists(), model
    assert not ApiKey.objects.filter(pk=key.pk).exists()
    assert LedgerEntry.objects.filter(account=account).count() == entries + 1
    assert find_ledger_mismatches()[1] == []
    kept = json.dumps([list(map(str, row)) for row in AuditEntry.objects.values_list()])
    kept += json.dumps([list(map(str, row)) for row in LedgerEntry.objects.values_list()])
    for name in ("alice", "dana", "Acme"):
        assert name not in kept
    (message,) = mail.outbox
    assert (message.to, message.subject) == (["alice@acme.example"], "Acme has been deleted")
    assert Client().post("/sign-in", {"login": alice.email, "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize("step", ["forget_payment_settings", "_erase_jobs", "erase_webhooks", "erase_people"])
def test_it_may_die_at_any_step_and_the_next_one_finishes(
    account: Account, alice: User, step: str, monkeypatch: pytest.MonkeyPatch
):
    _, done, path = furnish(account)
    make_due(account)
    with monkeypatch.context() as patched:
        patched.setattr(deletion, step, lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            delete_account(account=account)
    assert User.objects.filter(pk=alice.pk).exists(), "people go last"
    assert delete_due_accounts() == 1
    done.refresh_from_db()
    assert (done.text, path.exists(), User.objects.count(), Delivery.objects.count()) == ("", False, 0, 0)
    erase_people(account=account)
    assert AuditEntry.objects.filter(action="account.deleted").count() == 1


def test_a_store_that_does_not_answer_is_asked_again_and_an_operator_is_told(
    account: Account, alice: User, monkeypatch: pytest.MonkeyPatch
):
    _, path = with_audio(account, "Hello.")
    make_due(account)

    def away(*args: Any, **kwargs: Any) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(store, "delete_audio", away)
        for _ in range(2):
            assert delete_due_accounts() == 0
    assert path.exists()
    assert User.objects.filter(pk=alice.pk).exists()
    assert OperatorAlert.objects.filter(kind="deletion_waits", account=account).count() == 1
    assert delete_due_accounts() == 1
    assert not path.exists()


def test_the_subscription_is_cancelled_at_stripe_first(
    client: Client, stripe: StripePeer, settings  # noqa: F811
):  # fmt: skip
    acme = make_account("Acme", plan="payg", credits=0)
    client.force_login(make_user("alice@acme.example", acme))
    form = {"plan": "pro", "token": str(uuid.uuid4())}
    paid = stripe.pay(client.post("/billing/subscribe", form).headers["Location"])
    reconcile()
    assert Subscription.objects.get().state == "active"
    make_due(acme)

    settings.STRIPE_API_BASE = "http://127.0.0.1:9"  # nobody answers
    assert delete_due_accounts() == 0
    assert (Subscription.objects.get().state, User.objects.count()) == ("active", 1)

    settings.STRIPE_API_BASE = stripe.url
    assert delete_due_accounts() == 1
    row = Subscription.objects.get()
    assert (row.state, row.stripe_subscription_id) == ("ended", paid["subscription"])
    assert StripeCustomer.objects.get().payment_method_id == ""
    reconcile()  # Stripe's own event comes late, and finds nothing to do
    assert (Subscription.objects.get().state, User.objects.count()) == ("ended", 0)
    assert find_ledger_mismatches()[1] == []


def test_one_that_cannot_be_deleted_keeps_no_other_waiting_and_is_told_to_operators(
    account: Account, monkeypatch: pytest.MonkeyPatch
):
    other_account = make_account("Globex")
    due_at = timezone.now() - timedelta(minutes=1)
    Account.objects.filter(pk=account.pk).update(deletion_due_at=due_at - timedelta(minutes=1))
    Account.objects.filter(pk=other_account.pk).update(deletion_due_at=due_at)
    erase = erase_webhooks

    def broken(*, account: Account) -> None:
        if account.pk != other_account.pk:
            raise ValueError("a fault of ours")
        erase(account=account)

    monkeypatch.setattr(deletion, "erase_webhooks", broken)
    assert delete_due_accounts() == 1
    account.refresh_from_db()
    other_account.refresh_from_db()
    assert (account.deleted_at, other_account.deleted_at is not None) == (None, True)
    assert OperatorAlert.objects.get().account_id == account.pk
