"""The audit trail and the ledger: nobody changes an entry, and what operators do is recorded or not done at all."""

import json
import uuid
from io import StringIO
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, connections, transaction
from django.db.utils import DatabaseError
from django.test import Client

from accounts.append_only import AUDIT_GUARD
from accounts.errors import NothingToChange
from accounts.models import Account, AuditEntry, Maintenance, User
from accounts.operators import get_role
from accounts.services import audit
from accounts.services.audit import COMMAND_LINE, Actor
from accounts.services.operator_actions import suspend_account
from billing.models import EntryKind, LedgerEntry
from billing.selectors import find_ledger_mismatches
from billing.services.ledger import adjust_credits, charge_job
from billing.triggers import LEDGER_GUARD
from config.errors import ValidationFailed
from tests.factories import PASSWORD, make_job, make_key
from tests.support.rows import audit_rows, credits_of, ledger_rows
from tts.errors import NotRefundable
from tts.models import Job, JobStatus
from tts.services.support import refund_rest_of_job, retry_failed_job

CREDIT = 1_000_000
RACERS = 8


@pytest.fixture
def entry(account: Account) -> AuditEntry:
    suspend_account(account=account, actor=COMMAND_LINE, reason="To have an entry.")
    return AuditEntry.objects.get()


# --- append-only ---------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["accounts_auditentry", "billing_ledgerentry"])
@pytest.mark.parametrize("sql", ["UPDATE {} SET actor = 'nobody'", "DELETE FROM {}"])
def test_the_database_refuses_to_change_an_entry(entry: AuditEntry, table: str, sql: str):
    before = (audit_rows(), LedgerEntry.objects.count())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.format(table))
    assert (audit_rows(), LedgerEntry.objects.count()) == before


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
@pytest.mark.parametrize("table", ["accounts_auditentry", "billing_ledgerentry"])
def test_the_database_refuses_to_truncate(entry: AuditEntry, table: str):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what this transaction inserted waits for a check
        cursor.execute(f"TRUNCATE {table} CASCADE")
    assert len(audit_rows()) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: AuditEntry.objects.update(reason="Another."),
        lambda entry: AuditEntry.objects.all().delete(),
        lambda entry: AuditEntry.objects.bulk_update([entry], ["reason"]),
        lambda entry: entry.delete(),
        lambda entry: LedgerEntry.objects.update(note="Another."),
        lambda entry: LedgerEntry.objects.all().delete(),
        lambda entry: LedgerEntry.objects.get().delete(),
    ],
)
def test_the_models_refuse_before_the_database_has_to(entry: AuditEntry, change):
    before = audit_rows()
    with pytest.raises(TypeError, match="never"):
        change(entry)
    assert audit_rows() == before


def test_saving_an_entry_again_is_refused(entry: AuditEntry):
    entry.reason = "Another."
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        entry.save()
    assert AuditEntry.objects.get().reason == "To have an entry."


def test_after_migrating_both_tables_have_their_triggers(db: None):
    if connection.vendor == "sqlite":
        sql = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
        expected = {
            (f"{guard.name}_no_{verb}", guard.table)
            for guard in (AUDIT_GUARD, LEDGER_GUARD)
            for verb in ("update", "delete")
        }
    else:
        sql = (
            "SELECT tgname, tgrelid::regclass::text FROM pg_trigger "
            "WHERE NOT tgisinternal AND tgenabled = 'O' AND tgname LIKE '%_append_only'"
        )
        expected = {(f"{guard.name}_append_only", guard.table) for guard in (AUDIT_GUARD, LEDGER_GUARD)}
    with connection.cursor() as cursor:
        cursor.execute(sql)
        assert expected <= set(cursor.fetchall())


def test_an_entry_without_a_reason_is_refused_by_the_database_too(db: None):
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEntry.objects.create(actor="operator", action="x", reason="", target_type="x", target_id="1")


# --- recorded, or not done -------------------------------------------------------------------------


def test_what_cannot_be_recorded_is_not_done(account: Account, ada: User, monkeypatch: pytest.MonkeyPatch):
    """The entry is written in the transaction of the change: here the write of the entry fails."""

    def fail(**kwargs: Any) -> None:
        raise RuntimeError("no entry")

    monkeypatch.setattr(AuditEntry.objects, "create", fail)
    for act in (
        lambda: adjust_credits(account=account, amount_microcredits=CREDIT, actor=Actor.of(ada), reason="Why."),
        lambda: suspend_account(account=account, actor=Actor.of(ada), reason="Why."),
    ):
        with pytest.raises(RuntimeError, match="no entry"):
            act()
    account.refresh_from_db()
    assert (credits_of(account), account.suspended_at) == ((100 * CREDIT, 0), None)


@pytest.mark.parametrize("reason", ["", " \n\t", "x" * 501])
def test_services_refuse_a_blank_reason_themselves(account: Account, ada: User, reason: str):
    job = make_job(account, status=JobStatus.FAILED, cost_microcredits=CREDIT)
    for act in (
        lambda: adjust_credits(account=account, amount_microcredits=CREDIT, actor=Actor.of(ada), reason=reason),
        lambda: suspend_account(account=account, actor=Actor.of(ada), reason=reason),
        lambda: refund_rest_of_job(job=job, actor=Actor.of(ada), reason=reason),
        lambda: retry_failed_job(job=job, actor=Actor.of(ada), reason=reason),
    ):
        with pytest.raises(ValidationFailed, match="reason"):
            act()
    account.refresh_from_db()
    assert (credits_of(account), account.suspended_at, audit_rows()) == ((100 * CREDIT, 0), None, [])


def test_an_entry_holds_ids_and_no_email(account: Account, ada: User):
    suspend_account(account=account, actor=Actor.of(ada), reason="Why.")
    row = json.dumps(audit_rows(), default=str)
    assert str(ada.pk) in row
    assert "@" not in row


def test_the_trail_outlives_the_person(account: Account, administrator: Client, ada: User, sam: User):
    suspend_account(account=account, actor=Actor.of(sam), reason="Why.")
    assert "sam@staff.example" in administrator.get("/admin/accounts/auditentry/").content.decode()
    actor = f"staff:{sam.pk}"
    sam.delete()
    assert actor in administrator.get("/admin/accounts/auditentry/").content.decode()
    assert audit_rows()[0]["actor"] == actor


def test_a_gift_pays_debt_first(account: Account, ada: User):
    account.balance.available_microcredits, account.balance.debt_microcredits = 0, 3 * CREDIT
    account.balance.save()
    adjust_credits(account=account, amount_microcredits=5 * CREDIT, actor=Actor.of(ada), reason="Why.")
    assert credits_of(account) == (2 * CREDIT, 0)
    assert [(row["before"], row["after"]) for row in audit_rows()] == [
        ({"available": "0", "debt": "3"}, {"available": "2", "debt": "0"})
    ]


# --- races ---------------------------------------------------------------------------------------


def race(act) -> list[Exception | None]:
    """Everybody at once; what each got."""
    barrier = Barrier(RACERS)
    outcomes: list[Exception | None] = []

    def run() -> None:
        try:
            barrier.wait(10)
            act()
            outcomes.append(None)
        except Exception as error:
            outcomes.append(error)
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _ in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(outcomes) == RACERS
    return outcomes


def kinds(outcomes: list[Exception | None]) -> list[str]:
    return sorted(type(outcome).__name__ for outcome in outcomes)


def test_of_many_who_refund_a_job_one_does(committed_db: None, account: Account, ada: User):
    job = make_job(account, status=JobStatus.COMPLETED, cost_microcredits=2 * CREDIT)
    charge_job(account=account, job_id=job.pk, cost_microcredits=2 * CREDIT, actor="test")
    outcomes = race(lambda: refund_rest_of_job(job=job, actor=Actor.of(ada), reason="Why."))
    assert kinds(outcomes) == ["NoneType"] + [NotRefundable.__name__] * (RACERS - 1)
    assert credits_of(account) == (100 * CREDIT, 0)
    assert len(audit_rows()) == 1
    assert find_ledger_mismatches() == (1, [])


def test_of_many_who_retry_a_job_one_does_and_it_is_charged_once(
    committed_db: None, account: Account, ada: User, voices
):
    job = make_job(account, status=JobStatus.FAILED, cost_microcredits=CREDIT, refunded_microcredits=CREDIT)
    outcomes = race(lambda: retry_failed_job(job=job, actor=Actor.of(ada), reason="Why."))
    assert kinds(outcomes) == ["NoneType"] + [NothingToChange.__name__] * (RACERS - 1)
    assert credits_of(account) == (99 * CREDIT, 0)
    assert Job.objects.filter(retry_of=job).count() == 1
    assert len(audit_rows()) == 1


def test_many_who_take_credits_never_take_more_than_there_is(committed_db: None, account: Account, ada: User):
    outcomes = race(
        lambda: adjust_credits(account=account, amount_microcredits=-30 * CREDIT, actor=Actor.of(ada), reason="Why.")
    )
    assert kinds(outcomes) == ["NoneType"] * 3 + ["NotEnoughToTake"] * (RACERS - 3)
    assert credits_of(account) == (10 * CREDIT, 0)
    chain = [
        (before["available"], after["available"]) for before, after in ((r["before"], r["after"]) for r in audit_rows())
    ]
    assert chain == [("100", "70"), ("70", "40"), ("40", "10")]
    assert find_ledger_mismatches() == (1, [])


def test_one_form_sent_by_many_counts_once(committed_db: None, account: Account, ada: User):
    reference = str(uuid.uuid4())
    outcomes = race(
        lambda: adjust_credits(
            account=account, amount_microcredits=CREDIT, actor=Actor.of(ada), reason="Why.", reference=reference
        )
    )
    assert kinds(outcomes) == ["NoneType"] + [NothingToChange.__name__] * (RACERS - 1)
    assert credits_of(account) == (101 * CREDIT, 0)
    assert len(audit_rows()) == 1


# --- the command line ------------------------------------------------------------------------------


def run(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command(*arguments, "--json", stdout=out)
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


def test_credits_granted_from_the_command_line_are_audited(account: Account):
    assert run("grant_credits", str(account.pk), "2.5", "--note", "Sorry.")["available"] == "102.5"
    assert ledger_rows(account)[-1] == (EntryKind.GRANT, 2_500_000, 102_500_000, "operator", "Sorry.")
    assert audit_rows() == [
        {
            "actor": "operator",
            "action": "credits.granted",
            "reason": "Sorry.",
            "target_type": "account",
            "target_id": str(account.pk),
            "account_id": account.pk,
            "before": {"available": "100", "debt": "0"},
            "after": {"available": "102.5", "debt": "0"},
        }
    ]
    with pytest.raises(CommandError, match="Enter a reason"):
        run("grant_credits", str(account.pk), "2.5", "--note", "  ")
    assert credits_of(account) == (102_500_000, 0)


def test_a_key_revoked_from_the_command_line_is_audited_once(account: Account):
    key = make_key(account)[1]
    assert run("revoke_key", key, "--reason", "It leaked.")["was_revoked_before"] is False
    assert run("revoke_key", key)["was_revoked_before"] is True
    assert [(row["actor"], row["action"], row["reason"]) for row in audit_rows()] == [
        ("operator", "key.revoked", "It leaked.")
    ]


def test_maintenance_from_the_command_line_is_audited_when_it_changes_something(db: None):
    for state in ("off", "on", "on", "off"):
        assert run("maintenance", state) == {"maintenance": state}
    assert not Maintenance.objects.exists()
    assert [(row["actor"], row["action"]) for row in audit_rows()] == [
        ("operator", "maintenance.started"),
        ("operator", "maintenance.ended"),
    ]


@pytest.mark.parametrize(
    ("flags", "role"),
    [((), "administrator"), (("--role", "support"), "support"), (("--role", "billing"), "billing")],
)
def test_an_operator_is_made_with_a_password_that_works_and_an_audit_entry(
    client: Client, db: None, flags: tuple[str, ...], role: str
):
    made = run("create_operator", "new@staff.example", *flags)
    assert made["role"] == role
    user = User.objects.get()
    assert (user.is_staff, get_role(user)) == (True, role)
    assert client.post("/sign-in", {"login": made["email"], "password": made["password"]}).status_code == 302
    assert client.get("/admin/").status_code == 200
    assert [(row["action"], row["target_id"], row["after"]) for row in audit_rows()] == [
        ("operator.created", str(user.pk), {"role": role})
    ]


def test_a_customer_does_not_become_an_operator_by_the_way(alice: User):
    with pytest.raises(CommandError, match="already belongs to a user"):
        run("create_operator", "Alice@ACME.example")
    alice.refresh_from_db()
    assert (alice.is_staff, alice.check_password(PASSWORD)) == (False, True)
    with pytest.raises(CommandError):
        run("create_operator", "not an email")
    assert audit_rows() == []


def test_recording_outside_a_transaction_is_a_mistake(committed_db: None):
    with pytest.raises(AssertionError):
        audit.record(actor=COMMAND_LINE, action="x", reason="Why.", target_type="x", target_id=1)
