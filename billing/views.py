"""The billing pages: balance, packs, plan, automatic top-ups, payments; and the way to Stripe and back.

Nothing here credits anything: coming back from Stripe proves nothing, only its event does.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.membership import MemberRequest, member_page
from accounts.models import Plan
from accounts.permissions import may
from billing import gateway, selectors
from billing.errors import PaymentsUnavailable, SellingNotSetUp, SubscribedAlready
from billing.forms import BuyForm, LowBalanceForm, RechargeForm, SubscribeForm
from billing.models import Pack, Purchase, PurchaseState, Subscription
from billing.money import format_have, format_money, format_need
from billing.services import purchases, subscriptions
from billing.services.low_balance import set_low_balance_notice
from billing.services.recharge import save_recharge
from config.errors import DomainError, NotFound
from config.middleware import CONTENT_SECURITY_POLICY

ROWS = 20
STRIPE_PAGES = "https://checkout.stripe.com https://billing.stripe.com"


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
    """`state`: paid, waiting, failed or returned (all or a part of the money went back)."""

    purchase: Purchase
    what: str
    price: str
    state: str


def leads_to_stripe(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Browsers hold a form's redirects to the policy of the page that the form is on."""

    @wraps(view)
    def with_policy(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        parts = urlsplit(settings.STRIPE_API_BASE)
        pages = f"{parts.scheme}://{parts.netloc}" if settings.STRIPE_API_BASE else STRIPE_PAGES
        policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", f"form-action 'self' {pages}")
        response.headers["Content-Security-Policy"] = policy
        return response

    return with_policy


@require_safe
@never_cache
@leads_to_stripe
@member_page("view_billing")
def billing(request: MemberRequest) -> HttpResponse:
    return _page(request)


@require_POST
@leads_to_stripe
@member_page("manage_billing")
def buy(request: MemberRequest) -> HttpResponse:
    """Our row, then Stripe's Checkout. When Stripe does not answer the row says so, and nothing was charged."""
    form = BuyForm(request.POST)
    if not form.is_valid():
        return _page(request, buy_form=form, status=400)
    if not gateway.is_set_up():
        return _page(request, problem=SellingNotSetUp(), status=503)
    purchase = purchases.start_top_up(
        account=request.membership.account,
        pack=form.cleaned_data["pack"],
        form_token=form.cleaned_data["token"],
        keeps_card=form.cleaned_data["keeps_card"],
    )
    if purchase.state == PurchaseState.PAID:
        return redirect("billing_success", purchase.pk)
    try:
        session_id, url = gateway.open_checkout(purchase)
    except PaymentsUnavailable as error:
        purchases.mark_failed(purchase=purchase)
        return _page(request, problem=error, status=error.status)
    purchases.mark_opened(purchase=purchase, checkout_session_id=session_id)
    return redirect(url)


@require_POST
@leads_to_stripe
@member_page("manage_billing")
def subscribe(request: MemberRequest) -> HttpResponse:
    form = SubscribeForm(request.POST)
    if not form.is_valid():
        return _page(request, status=400)
    try:
        if not gateway.is_set_up():
            raise SellingNotSetUp
        subscription = subscriptions.start_subscription(
            account=request.membership.account,
            plan_code=form.cleaned_data["plan"],
            form_token=form.cleaned_data["token"],
        )
        _, url = gateway.open_subscription_checkout(subscription)
    except (NotFound, PaymentsUnavailable, SellingNotSetUp, SubscribedAlready) as error:
        return _page(request, problem=error, status=error.status)
    return redirect(url)


@require_POST
@leads_to_stripe
@member_page("manage_billing")
def portal(request: MemberRequest) -> HttpResponse:
    customer = selectors.get_customer(request.membership.account)
    if customer is None:
        raise Http404
    try:
        url = gateway.open_portal(customer)
    except (PaymentsUnavailable, SellingNotSetUp) as error:
        return _page(request, problem=error, status=error.status)
    return redirect(url)


@require_POST
@leads_to_stripe
@member_page("manage_billing")
def recharge(request: MemberRequest) -> HttpResponse:
    """Saves when to buy by itself. Switched on only when there is a card to charge."""
    account = request.membership.account
    form = RechargeForm(request.POST, row=selectors.get_recharge(account))
    customer = selectors.get_customer(account)
    if form.is_valid() and form.cleaned_data["is_on"] and not (customer and customer.payment_method_id):
        form.add_error("is_on", "There is no card yet. Buy a pack and tick that the card may be kept.")
    if not form.is_valid():
        return _page(request, recharge_form=form, status=400)
    save_recharge(
        account=account,
        is_on=form.cleaned_data["is_on"],
        pack=form.cleaned_data["pack"],
        threshold_microcredits=form.cleaned_data["threshold"],
        max_per_month=form.cleaned_data["max_per_month"],
        monthly_ceiling=form.cleaned_data["monthly_ceiling"],
    )
    is_on = form.cleaned_data["is_on"]
    messages.success(
        request, f"Saved. Credits are {'topped up automatically' if is_on else 'not topped up by itself'}."
    )
    return redirect("billing")


@require_POST
@leads_to_stripe
@member_page("manage_billing")
def low_balance(request: MemberRequest) -> HttpResponse:
    """Saves at which balance the owners get a mail."""
    account = request.membership.account
    form = LowBalanceForm(request.POST, notice=selectors.get_low_balance_notice(account))
    if not form.is_valid():
        return _page(request, low_balance_form=form, status=400)
    threshold = form.cleaned_data["threshold"]
    set_low_balance_notice(account=account, threshold_microcredits=threshold)
    told = f"below {format_have(threshold)} credits" if threshold is not None else "no more"
    messages.success(request, f"Saved. The owners get a mail {told}.")
    return redirect("billing")


@require_safe
@never_cache
@member_page("view_billing")
def success(request: MemberRequest, purchase_id: uuid.UUID) -> HttpResponse:
    """Waits for Stripe's event, and says so; it loads itself again until then."""
    purchase = _own_purchase(request, purchase_id)
    balance = selectors.get_balance(request.membership.account)
    context = {
        "is_paid": purchase.state == PurchaseState.PAID,
        "is_failed": purchase.state == PurchaseState.FAILED,
        "credits": _whole(purchase.credits_microcredits),
        "available": format_have(balance.available_microcredits),
        "here": request.path,
    }
    return render(request, "billing/success.html", context)


@require_safe
@never_cache
@member_page("view_billing")
def cancel(request: MemberRequest, purchase_id: uuid.UUID) -> HttpResponse:
    purchase = _own_purchase(request, purchase_id)
    if purchase.state == PurchaseState.PAID:
        return redirect("billing_success", purchase.pk)
    context = {"credits": _whole(purchase.credits_microcredits)}
    return render(request, "billing/cancel.html", context)


@require_safe
@never_cache
@member_page("view_billing")
def subscribed(request: MemberRequest, subscription_id: uuid.UUID) -> HttpResponse:
    """Waits for the subscription's first event."""
    account = request.membership.account
    subscription = selectors.get_subscription(account=account, subscription_id=subscription_id)
    if subscription is None:
        raise Http404
    context = {
        "is_paid": subscription.state != "created",
        "plan": subscription.plan.name,
        "here": request.path,
    }
    return render(request, "billing/subscribed.html", context)


def _own_purchase(request: MemberRequest, purchase_id: uuid.UUID) -> Purchase:
    try:
        return selectors.get_purchase(account=request.membership.account, purchase_id=purchase_id)
    except NotFound:
        raise Http404 from None


def _page(
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
        "may_pay": may(request.membership, "manage_billing"),
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
    return PackRow(pack, _whole(pack.credits_microcredits), format_money(pack.price, pack.currency))


def _plan_row(plan: Plan) -> PlanRow:
    return PlanRow(plan, format_money(plan.price, plan.currency), _whole(plan.monthly_microcredits))


def _purchase_row(row: Purchase) -> PurchaseRow:
    credits = _whole(row.credits_microcredits)
    what = f"{credits} credits"
    if row.subscription is not None:
        what = f"{_plan_name(row.subscription)}, a month with {credits} credits"
    elif row.kind == "recharge":
        what += ", automatically"
    state = {PurchaseState.PAID: "paid", PurchaseState.FAILED: "failed"}.get(PurchaseState(row.state), "waiting")
    if row.taken_microcredits:
        state = "returned"
    return PurchaseRow(row, what, format_money(row.price if row.paid is None else row.paid, row.currency), state)


def _plan_name(subscription: Subscription) -> str:
    return subscription.plan.name


def _whole(microcredits: int) -> str:
    """Without decimals where there are none."""
    return format_have(microcredits).removesuffix(".00")
