"""The ledger and the balances: every movement, and what the database itself refuses."""

import json
import uuid
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from accounts.models import Account
from billing.errors import InsufficientCredits
from billing.models import Balance, EntryKind, LedgerEntry
from billing.selectors import find_ledger_mismatches, get_balance, list_entries
from billing.services.ledger import charge_job, grant_credits, refund_job
from tests.factories import make_account

JOB = uuid.UUID("11111111-1111-4111-8111-111111111111")


@pytest.fixture
def acme(db) -> Account:
    return make_account("Acme", credits=0)


def grant(account: Account, microcredits: int, reference: str = "") -> bool:
    return grant_credits(
        account=account, amount_microcredits=microcredits, actor="operator", note="A gift.", reference=reference
    )


def charge(account: Account, microcredits: int, job_id: uuid.UUID = JOB) -> None:
    charge_job(account=account, job_id=job_id, cost_microcredits=microcredits, actor="key:1")


def refund(account: Account, microcredits: int, job_id: uuid.UUID = JOB) -> bool:
    return refund_job(
        account=account, job_id=job_id, amount_microcredits=microcredits, actor="system", note="The job failed."
    )


def money(account: Account) -> tuple[int, int]:
    balance = get_balance(account)
    return balance.available_microcredits, balance.debt_microcredits


def entries(account: Account) -> list[tuple[Any, ...]]:
    """Oldest first: kind, amount, balance after."""
    rows = list_entries(account=account).order_by("created_at")
    return list(rows.values_list("kind", "amount_microcredits", "balance_after_microcredits"))


# --- movements -----------------------------------------------------------------------------------


def test_a_grant_a_charge_and_a_refund_are_one_entry_each(acme: Account):
    grant(acme, 5_000_000)
    charge(acme, 42_000)
    assert money(acme) == (4_958_000, 0)
    assert refund(acme, 42_000) is True
    assert money(acme) == (5_000_000, 0)
    assert entries(acme) == [
        ("grant", 5_000_000, 5_000_000),
        ("charge", -42_000, 4_958_000),
        ("refund", 42_000, 5_000_000),
    ]
    charged = LedgerEntry.objects.get(kind="charge")
    assert (charged.reference, charged.job_id, charged.actor) == (f"charge:{JOB}", JOB, "key:1")


def test_an_account_that_never_had_anything_has_nothing(acme: Account):
    assert money(acme) == (0, 0)
    with pytest.raises(InsufficientCredits, match=r"^Need 0\.01 credits, have 0\.00$"):
        charge(acme, 1)
    assert entries(acme) == []


def test_the_last_microcredit_can_be_spent_and_no_more(acme: Account):
    grant(acme, 100)
    charge(acme, 100)
    assert money(acme) == (0, 0)
    with pytest.raises(InsufficientCredits):
        charge(acme, 1, uuid.uuid4())
    assert money(acme) == (0, 0)
    assert len(entries(acme)) == 2


def test_what_cannot_be_paid_changes_nothing(acme: Account):
    grant(acme, 2_509_999)
    with pytest.raises(InsufficientCredits, match=r"^Need 5\.00 credits, have 2\.50$"):
        charge(acme, 4_999_999)
    assert money(acme) == (2_509_999, 0)
    assert entries(acme) == [("grant", 2_509_999, 2_509_999)]


def test_a_price_of_nothing_writes_nothing(acme: Account):
    charge(acme, 0)
    assert refund(acme, 0) is False
    assert entries(acme) == []


def test_a_job_is_refunded_at_most_once(acme: Account):
    grant(acme, 1_000)
    charge(acme, 1_000)
    assert refund(acme, 400) is True
    assert refund(acme, 400) is False
    assert refund(acme, 600) is False
    assert money(acme) == (400, 0)
    assert [kind for kind, _, _ in entries(acme)] == ["grant", "charge", "refund"]


def test_a_job_is_charged_at_most_once(acme: Account):
    grant(acme, 1_000)
    charge(acme, 300)
    with pytest.raises(IntegrityError), transaction.atomic():
        charge(acme, 300)
    assert money(acme) == (700, 0)


def test_a_grant_with_a_reference_happens_once(acme: Account):
    assert grant(acme, 500, reference="order-1") is True
    assert grant(acme, 500, reference="order-1") is False
    assert grant(acme, 500, reference="order-2") is True
    assert money(acme) == (1_000, 0)


@pytest.mark.parametrize("amount", [0, -1])
def test_a_grant_is_more_than_nothing(acme: Account, amount: int):
    with pytest.raises(ValueError, match="more than 0 credits"):
        grant(acme, amount)
    assert entries(acme) == []


def test_one_accounts_credits_are_not_anothers(acme: Account):
    globex = make_account("Globex", credits=7)
    grant(acme, 1_000)
    charge(acme, 400)
    assert money(acme) == (600, 0)
    assert money(globex) == (7_000_000, 0)


# --- debt ----------------------------------------------------------------------------------------


def in_debt(account: Account, *, available: int, debt: int) -> None:
    """As a dispute would leave it: entries and balance agree."""
    grant(account, available + 1)
    LedgerEntry.objects.create(
        account=account, kind="dispute", amount_microcredits=-debt - 1, balance_after_microcredits=available - debt,
        reference=f"dispute:{uuid.uuid4()}", actor="stripe",
    )  # fmt: skip
    Balance.objects.filter(account=account).update(available_microcredits=available, debt_microcredits=debt)


def test_a_debt_blocks_spending_whatever_is_available(acme: Account):
    in_debt(acme, available=5_000_000, debt=1)
    with pytest.raises(InsufficientCredits, match=r"^Need 0\.01 credits, have 0\.00$"):
        charge(acme, 10)
    assert money(acme) == (5_000_000, 1)


@pytest.mark.parametrize(
    "credit, left", [(300, (0, 700)), (1_000, (0, 0)), (1_001, (1, 0)), (2_500, (1_500, 0))], ids=str
)
def test_credits_pay_the_debt_first(acme: Account, credit: int, left: tuple[int, int]):
    in_debt(acme, available=0, debt=1_000)
    grant(acme, credit)
    assert money(acme) == left
    assert entries(acme)[-1] == ("grant", credit, credit - 1_000)
    assert find_ledger_mismatches() == (1, [])


def test_a_refund_pays_the_debt_first_too(acme: Account):
    grant(acme, 100)
    charge(acme, 100)
    Balance.objects.filter(account=acme).update(debt_microcredits=30)
    refund(acme, 100)
    assert money(acme) == (70, 0)


# --- what the database refuses -------------------------------------------------------------------


@pytest.fixture
def entry(acme: Account) -> LedgerEntry:
    grant(acme, 1_000)
    return LedgerEntry.objects.get()


def execute(sql: str) -> Callable[[LedgerEntry], object]:
    def run(entry: LedgerEntry) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    return run


@pytest.mark.parametrize(
    "change",
    [
        execute("UPDATE billing_ledgerentry SET amount_microcredits = 5"),
        execute("UPDATE billing_ledgerentry SET note = 'x' WHERE kind = 'grant'"),
        execute("DELETE FROM billing_ledgerentry"),
        execute("DELETE FROM billing_ledgerentry WHERE amount_microcredits > 0"),
        lambda entry: entry.save(),
        lambda entry: LedgerEntry.objects.filter(pk=entry.pk)._raw_delete("default"),
        lambda entry: LedgerEntry(pk=entry.pk, account=entry.account, kind="grant", amount_microcredits=9,
                                  balance_after_microcredits=9, reference="other", actor="x").save(force_update=True),
    ],
    ids=["update", "update one", "delete", "delete one", "save", "raw delete", "save over"],
)  # fmt: skip
def test_the_database_refuses_to_change_an_entry(entry: LedgerEntry, change: Callable[[LedgerEntry], object]):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change(entry)
    assert list(LedgerEntry.objects.values_list("pk", "amount_microcredits", "note")) == [(entry.pk, 1_000, "A gift.")]


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry.delete(),
        lambda entry: LedgerEntry.objects.all().delete(),
        lambda entry: LedgerEntry.objects.filter(pk=entry.pk).update(note="x"),
        lambda entry: LedgerEntry.objects.bulk_update([entry], ["note"]),
        lambda entry: entry.account.ledger_entries.all().delete(),
        lambda entry: LedgerEntry.objects.for_account(entry.account).update(note="x"),
    ],
    ids=["delete", "delete all", "update", "bulk update", "through the account", "through the wall"],
)
def test_the_model_refuses_to_change_an_entry(entry: LedgerEntry, change: Callable[[LedgerEntry], object]):
    with pytest.raises(TypeError, match="Write a correcting entry"), transaction.atomic():
        change(entry)
    assert LedgerEntry.objects.filter(pk=entry.pk, note="A gift.").exists()


def test_an_account_with_entries_cannot_be_deleted(entry: LedgerEntry):
    with pytest.raises(IntegrityError), transaction.atomic():
        entry.account.delete()
    assert LedgerEntry.objects.count() == 1


def trigger_names() -> set[str]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'billing_ledgerentry'")
        else:
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = 'billing_ledgerentry'::regclass AND NOT tgisinternal"
                " AND tgenabled = 'O'"
            )
        return {row[0] for row in cursor.fetchall()}


def test_after_migrating_the_triggers_are_there(db):
    assert MigrationExecutor(connection).migration_plan(MigrationExecutor(connection).loader.graph.leaf_nodes()) == []
    expected = {"ledger_no_update", "ledger_no_delete"} if connection.vendor == "sqlite" else {"ledger_append_only"}
    assert trigger_names() == expected


@pytest.mark.parametrize("field", ["available_microcredits", "debt_microcredits"])
def test_the_database_refuses_a_balance_below_nothing(entry: LedgerEntry, field: str):
    with pytest.raises(IntegrityError), transaction.atomic():
        Balance.objects.filter(account=entry.account).update(**{field: -1})
    assert money(entry.account) == (1_000, 0)


@pytest.mark.parametrize(
    "fields",
    [{"amount_microcredits": 0}, {"reference": "taken"}, {"job_id": JOB, "kind": "charge"}],
    ids=["of nothing", "same reference", "same job and kind"],
)
def test_the_database_refuses_an_entry_that_counts_twice_or_for_nothing(acme: Account, fields: dict[str, Any]):
    values = {"account": acme, "kind": "grant", "amount_microcredits": 1, "balance_after_microcredits": 1, "actor": "x"}
    LedgerEntry.objects.create(**values | {"reference": "taken"})
    LedgerEntry.objects.create(**values | {"reference": "job", "kind": "charge", "job_id": JOB})
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntry.objects.create(**values | {"reference": "free"} | fields)
    assert LedgerEntry.objects.count() == 2


# --- the proof -----------------------------------------------------------------------------------


def check_ledger(*options: str) -> str:
    out = StringIO()
    call_command("check_ledger", *options, stdout=out)
    return out.getvalue()


def test_a_sound_ledger_is_reported_as_such(entry: LedgerEntry):
    make_account("Globex", credits=0)
    charge(entry.account, 10)
    assert check_ledger() == "2 accounts checked.\n"
    assert json.loads(check_ledger("--json")) == {"accounts": 2, "mismatches": [], "over_refunded_jobs": []}


@pytest.mark.parametrize(
    "tampering, balance",
    [
        ({"available_microcredits": 999}, 999),
        ({"available_microcredits": 1_001}, 1_001),
        ({"debt_microcredits": 1}, 999),
    ],
    ids=str,
)
def test_a_balance_that_was_tampered_with_is_found(entry: LedgerEntry, tampering: dict[str, int], balance: int):
    make_account("Globex", credits=3)
    Balance.objects.filter(account=entry.account).update(**tampering)
    out = StringIO()
    with pytest.raises(CommandError, match="1 accounts do not balance"):
        call_command("check_ledger", "--json", stdout=out)
    mismatch = {"account_id": str(entry.account_id), "entries_microcredits": 1_000, "balance_microcredits": balance}
    report = {"accounts": 2, "mismatches": [mismatch], "over_refunded_jobs": []}
    assert json.loads(out.getvalue()) == report
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("check_ledger", stdout=out)
    assert out.getvalue() == f"2 accounts checked.\n{entry.account_id}: entries 1000, balance {balance}\n"


def test_a_job_that_gave_back_more_than_it_took_is_found(acme: Account):
    grant(acme, 100)
    job_id = uuid.uuid4()
    charge_job(account=acme, job_id=job_id, cost_microcredits=10, actor="test")
    refund(acme, 6, job_id)
    refund_job(
        account=acme, job_id=job_id, amount_microcredits=4, actor="test", note="", kind=EntryKind.OPERATOR_REFUND
    )
    check_ledger()
    over = uuid.uuid4()
    charge_job(account=acme, job_id=over, cost_microcredits=10, actor="test")
    refund_job(account=acme, job_id=over, amount_microcredits=11, actor="test", note="")
    with pytest.raises(CommandError, match="1 jobs are over-refunded"):
        check_ledger()


def test_a_balance_that_is_missing_is_found(entry: LedgerEntry):
    Balance.objects.all().delete()
    with pytest.raises(CommandError):
        check_ledger()


def test_the_proof_is_one_query_however_many_accounts(acme: Account, django_assert_num_queries):
    for number in range(5):
        make_account(f"Account {number}", credits=number)
    with django_assert_num_queries(1):
        assert find_ledger_mismatches() == (6, [])
