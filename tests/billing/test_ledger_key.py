"""The ledger knows the key that paid by its id: written by charges, filled in for old ones, used by refunds."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from accounts.models import Account, ApiKey
from billing.models import EntryKind, KeyMonth, LedgerEntry
from billing.services.ledger import charge_job, refund_job
from tests.factories import make_account, make_key

BEFORE, AFTER = [("billing", "0012_operator_refund")], [("billing", "0013_ledger_key")]
CREDIT = 1_000_000


# --- the services --------------------------------------------------------------------------------


def test_a_charge_names_the_key_that_paid(account: Account, key: tuple[ApiKey, str]):
    for job_id, payer in ((uuid.uuid4(), key[0]), (uuid.uuid4(), None)):
        charge_job(account=account, job_id=job_id, cost_microcredits=CREDIT, actor="user:1", api_key=payer)
        assert LedgerEntry.objects.get(job_id=job_id).key_id == (payer and payer.pk)


def test_a_refund_goes_to_the_key_whatever_the_label_says(account: Account, key: tuple[ApiKey, str]):
    """An operator's retry is charged to the key of its job, under the operator's name."""
    other = make_key(account)[0]
    job_id = uuid.uuid4()
    charge_job(
        account=account, job_id=job_id, cost_microcredits=3 * CREDIT, actor=f"key:{other.pk}", api_key=key[0]
    )  # fmt: skip
    KeyMonth.objects.create(api_key=other, month=KeyMonth.objects.get().month, spent_microcredits=CREDIT)
    refund_job(account=account, job_id=job_id, amount_microcredits=2 * CREDIT, actor="system", note="The job failed.")
    spent = dict(KeyMonth.objects.values_list("api_key", "spent_microcredits"))
    assert spent == {key[0].pk: CREDIT, other.pk: CREDIT}


def test_a_label_alone_names_no_payer(account: Account, key: tuple[ApiKey, str]):
    job_id = uuid.uuid4()
    charge_job(account=account, job_id=job_id, cost_microcredits=CREDIT, actor=f"key:{key[0].pk}")
    month = KeyMonth.objects.create(api_key=key[0], month="2026-11-01", spent_microcredits=5 * CREDIT)
    refund_job(account=account, job_id=job_id, amount_microcredits=CREDIT, actor="system", note="The job failed.")
    month.refresh_from_db()
    assert month.spent_microcredits == 5 * CREDIT


# --- the migration -------------------------------------------------------------------------------


def migrate(target: list[tuple[str, str]]) -> Any:
    """The models as they are there."""
    executor = MigrationExecutor(connection)
    executor.migrate(target)
    return MigrationExecutor(connection).loader.project_state(target).apps


@pytest.fixture
def before(committed_db: None) -> Iterator[Any]:
    """The models before the migration. Afterwards everything is migrated, whatever the test did."""
    yield migrate(BEFORE)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def write(rows: Any, account: Account, kind: str, actor: str) -> uuid.UUID:
    entry = rows.create(
        account_id=account.pk, kind=kind, amount_microcredits=1, balance_after_microcredits=1,
        reference=str(uuid.uuid4()), job_id=uuid.uuid4(), actor=actor,
    )  # fmt: skip
    key: uuid.UUID = entry.pk
    return key


def assert_closed(rows: Any) -> None:
    """No row can be changed or deleted."""
    before = list(rows.order_by("pk").values())
    assert before
    for sql in ("UPDATE billing_ledgerentry SET note = 'Another.'", "DELETE FROM billing_ledgerentry"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    assert list(rows.order_by("pk").values()) == before


def test_old_charges_get_their_key_and_the_ledger_stays_closed(before: Any):
    account = make_account("Acme", credits=0)
    gone, kept = uuid.uuid4(), make_key(account)[0]
    actors = {
        f"key:{kept.pk}": kept.pk,
        f"key:{gone}": gone,  # its row is not there any more
        f"user:{uuid.uuid4()}": None,
        f"staff:{uuid.uuid4()}": None,
        "operator": None,
        "key:1": None,
        f"key:{gone} and more": None,
        f"key:{gone}".replace("-", "_"): None,
    }
    rows = before.get_model("billing", "LedgerEntry").objects
    expected = {write(rows, account, "charge", actor): key_id for actor, key_id in actors.items()}
    others = [kind.value for kind in EntryKind if kind != EntryKind.CHARGE]
    expected |= {write(rows, account, kind, f"key:{kept.pk}"): None for kind in others}
    labels = dict(rows.values_list("pk", "actor"))

    rows = migrate(AFTER).get_model("billing", "LedgerEntry").objects

    assert dict(rows.values_list("pk", "key_id")) == expected
    assert dict(rows.values_list("pk", "actor")) == labels
    assert_closed(rows)


def test_an_empty_ledger_is_migrated_too(before: Any):
    rows = migrate(AFTER).get_model("billing", "LedgerEntry").objects
    write(rows, make_account("Acme", credits=0), "charge", "user:1")
    assert_closed(rows)


def test_on_the_way_back_the_ledger_stays_closed(before: Any):
    rows = migrate(AFTER).get_model("billing", "LedgerEntry").objects
    write(rows, make_account("Acme", credits=0), "charge", "user:1")
    assert_closed(migrate(BEFORE).get_model("billing", "LedgerEntry").objects)


def test_a_migration_that_breaks_off_leaves_the_ledger_as_it_was(before: Any, monkeypatch: pytest.MonkeyPatch):
    rows = before.get_model("billing", "LedgerEntry").objects
    write(rows, make_account("Acme", credits=0), "charge", "user:1")

    def fail(*args: Any) -> None:
        raise RuntimeError("unplugged")

    with monkeypatch.context() as patch:
        patch.setattr("billing.migrations.0013_ledger_key.create_triggers", fail)
        with pytest.raises(RuntimeError, match="unplugged"):
            migrate(AFTER)
    assert_closed(rows)
    with connection.cursor() as cursor:
        columns = [row.name for row in connection.introspection.get_table_description(cursor, "billing_ledgerentry")]
    assert "key_id" not in columns
