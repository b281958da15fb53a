"""The template context of `/billing`: balance, packs, plan, automatic top-ups, payments.

`billing.pages.billing` handles its forms.
"""

import uuid
from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render

from accounts.membership import MemberRequest
from accounts.models import Plan
from accounts.permissions import has_permission
from billing import gateway, selectors
from billing.forms import BuyForm, LowBalanceForm, RechargeForm
from billing.models import Pack, Purchase, PurchaseState
from billing.money import format_have, format_money, format_need, format_whole
from billing.purchase_words import what_it_cost, what_was_bought
from config.errors import DomainError

ROWS = 20


@dataclass(frozen=True, slots=True)
class PackRow:
    pack: Pack
    credits: str
    price: str


@dataclass(frozen=True, slots=True)
class PlanRow:
    plan: Plan
    price: str
    credits: str


@dataclass(frozen=True, slots=True)
class PurchaseRow:
    """A payment in the list. `state` is paid, waiting, failed or returned (fully or partly refunded)."""

    purchase: Purchase
    what: str
    price: str
    state: str


def render_page(
    request: MemberRequest,
    *,
    buy_form: BuyForm | None = None,
    recharge_form: RechargeForm | None = None,
    low_balance_form: LowBalanceForm | None = None,
    problem: DomainError | None = None,
    status: int = 200,
) -> HttpResponse:
    account = request.membership.account
    balance = selectors.get_balance(account)
    subscription = selectors.get_subscription(account=account)
    customer = selectors.get_customer(account)
    recharge_row = selectors.get_recharge(account)
    packs = [_pack_row(pack) for pack in selectors.list_packs()]
    chosen = buy_form["pack"].value() if buy_form else None
    context = {
        "account": account,
        "is_set_up": gateway.is_set_up(),
        "may_pay": has_permission(request.membership, "manage_billing"),
        "problem": problem,
        "available": format_have(balance.available_microcredits),
        "debt": format_need(balance.debt_microcredits) if balance.debt_microcredits else "",
        "packs": packs,
        "chosen": chosen or (str(packs[0].pack.pk) if packs else ""),
        "buy_form": buy_form or BuyForm(),
        "subscription": subscription,
        "subscription_price": format_money(subscription.price, subscription.currency) if subscription else "",
        "plans": [_plan_row(plan) for plan in selectors.list_sold_plans()],
        "token": uuid.uuid4(),
        "customer": customer,
        "recharge": recharge_row,
        "recharge_form": recharge_form or RechargeForm(row=recharge_row),
        "low_balance_form": low_balance_form or LowBalanceForm(notice=selectors.get_low_balance_notice(account)),
        "rows": [_purchase_row(row) for row in selectors.list_purchases(account=account)[:ROWS]],
        "row_limit": ROWS,
    }
    return render(request, "billing/billing.html", context, status=status)


def _pack_row(pack: Pack) -> PackRow:
    return PackRow(pack, format_whole(pack.credits_microcredits), format_money(pack.price, pack.currency))


def _plan_row(plan: Plan) -> PlanRow:
    return PlanRow(plan, format_money(plan.price, plan.currency), format_whole(plan.monthly_microcredits))


def _purchase_row(row: Purchase) -> PurchaseRow:
    state = {PurchaseState.PAID: "paid", PurchaseState.FAILED: "failed"}.get(PurchaseState(row.state), "waiting")
    if row.taken_microcredits:
        state = "returned"
    return PurchaseRow(row, what_was_bought(row), what_it_cost(row), state)
