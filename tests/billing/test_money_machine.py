"""Everything that moves credits, in any order and repeated, against a model of a few lines.

The model knows facts alone: what was paid, refunded, disputed, granted, spent. However the events came, the entries add
up to available - debt, and to what the model says.
"""

import uuid
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Account
from billing.errors import InsufficientCredits
from billing.models import LedgerEntry, Purchase
from billing.selectors import get_balance
from billing.services.ledger import charge_job, grant_credits, refund_job
from tests.factories import make_account
from tests.peers.stripe_helpers import CREDIT, SECRET, completed, deliver, dispute, make_purchase, refunded

PRICES = st.sampled_from([100, 999, 1_000, 4_750])
SHARES = st.integers(0, 100)  # per cent of the price


@dataclass
class Sold:
    """A purchase, and what is true of its money at Stripe."""

    row: Purchase
    is_paid: bool = False
    refunded: int = 0
    disputes: dict[int, tuple[int, str]] = field(default_factory=dict)  # number → amount, how it stands
    events: list[dict[str, Any]] = field(default_factory=list)  # told so far, to be told again

    @property
    def worth(self) -> int:
        """Microcredits that its buyer has of it."""
        if not self.is_paid:
            return 0
        lost = sum(amount for amount, state in self.disputes.values() if state in {"open", "lost"})
        gone = min(self.refunded + lost, self.row.price)
        return self.row.credits_microcredits - self.row.credits_microcredits * gone // self.row.price


@dataclass
class Job:
    id: uuid.UUID
    cost: int


class Money(RuleBasedStateMachine):
    sold = Bundle("sold")
    jobs = Bundle("jobs")
    told = Bundle("told")

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.account: Account = make_account("Acme", plan="free", credits=0)
        self.purchases: list[Sold] = []
        self.others = 0  # grants, charges and refunds of jobs, in microcredits

    # --- at Stripe --------------------------------------------------------------------------------

    @rule(target=sold, price=PRICES, credits=st.integers(1, 5_000))
    def begin_a_top_up(self, price: int, credits: int) -> Sold:
        one = Sold(make_purchase(self.account, credits=credits, price=price))
        self.purchases.append(one)
        return one

    def tell(self, one: Sold, event: dict[str, Any]) -> dict[str, Any]:
        deliver(event)
        one.events.append(event)
        return event

    @rule(target=told, one=sold)
    def it_is_paid(self, one: Sold) -> dict[str, Any]:
        one.is_paid = True
        return self.tell(one, completed(one.row))

    @rule(target=told, one=sold)
    def it_is_not_paid_yet(self, one: Sold) -> dict[str, Any]:
        return self.tell(one, completed(one.row, payment_status="unpaid"))

    @rule(target=told, one=sold, share=SHARES)
    def money_is_refunded(self, one: Sold, share: int) -> dict[str, Any]:
        amount = one.row.price * share // 100
        one.refunded = max(one.refunded, amount)
        return self.tell(one, refunded(one.row, amount))

    @rule(target=told, one=sold, number=st.integers(1, 2), share=SHARES, late=st.booleans())
    def a_dispute_is_opened(self, one: Sold, number: int, share: int, late: bool) -> Any:
        amount = one.row.price * share // 100
        if number in one.disputes:
            amount = one.disputes[number][0]
        one.disputes.setdefault(number, (amount, "open"))
        return self.tell(one, dispute(one.row, "needs_response", amount=amount, number=number))

    @rule(target=told, one=sold, number=st.integers(1, 2), result=st.sampled_from(["won", "lost"]))
    def a_dispute_is_closed(self, one: Sold, number: int, result: str) -> Any:
        amount, state = one.disputes.get(number, (one.row.price, "open"))
        if state != "open":
            return multiple()
        one.disputes[number] = (amount, result)
        return self.tell(one, dispute(one.row, result, amount=amount, number=number))

    @rule(event=told, again_as_new=st.booleans())
    def stripe_repeats_itself(self, event: dict[str, Any], again_as_new: bool) -> None:
        deliver(event | ({"id": f"evt_{uuid.uuid4().hex}"} if again_as_new else {}))

    # --- here -------------------------------------------------------------------------------------

    @rule(credits=st.integers(1, 2_000))
    def an_operator_grants(self, credits: int) -> None:
        grant_credits(account=self.account, amount_microcredits=credits * CREDIT, actor="operator", note="A gift.")
        self.others += credits * CREDIT

    @rule(target=jobs, cost=st.integers(1, 3_000 * CREDIT))
    def a_job_is_charged(self, cost: int) -> Any:
        job = Job(uuid.uuid4(), cost)
        before = get_balance(self.account)
        try:
            charge_job(account=self.account, job_id=job.id, cost_microcredits=cost, actor="key:1")
        except InsufficientCredits:
            assert before.debt_microcredits or before.available_microcredits < cost
            return multiple()
        assert before.debt_microcredits == 0
        self.others -= cost
        return job

    @rule(job=consumes(jobs), times=st.integers(1, 2))
    def a_job_is_refunded(self, job: Job, times: int) -> None:
        for _ in range(times):
            refund_job(
                account=self.account, job_id=job.id, amount_microcredits=job.cost, actor="system", note="It failed."
            )
        self.others += job.cost

    # --- always -----------------------------------------------------------------------------------

    @invariant()
    def entries_and_balance_and_model_agree(self) -> None:
        balance = get_balance(self.account)
        entries = (
            LedgerEntry.objects.for_account(self.account).aggregate(total=Sum("amount_microcredits"))["total"] or 0
        )
        assert balance.available_microcredits >= 0
        assert balance.debt_microcredits >= 0
        assert balance.available_microcredits == 0 or balance.debt_microcredits == 0
        assert entries == balance.available_microcredits - balance.debt_microcredits
        assert entries == self.others + sum(one.worth for one in self.purchases)

    @invariant()
    def nothing_is_credited_that_was_not_paid(self) -> None:
        paid = {f"purchase:{one.row.pk}" for one in self.purchases if one.is_paid}
        assert (
            set(LedgerEntry.objects.for_account(self.account).filter(kind="top_up").values_list("reference", flat=True))
            == paid
        )

    def teardown(self) -> None:
        try:
            call_command("check_ledger", stdout=StringIO())
        finally:
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)


@pytest.mark.timeout(300)
def test_whatever_happens_in_whatever_order_the_money_adds_up(db, settings):
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    run_state_machine_as_test(
        Money,
        settings=hypothesis_settings(
            max_examples=30, stateful_step_count=25, deadline=None, database=None, derandomize=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )  # fmt: skip
