"""`/billing`, its forms, and the redirects to Stripe. `billing.pages.checkout_return` handles the way back."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import AccountClosing
from accounts.membership import MemberRequest, member_page
from billing import gateway, selectors
from billing.errors import PaymentsUnavailable, SellingNotSetUp, SubscribedAlready
from billing.forms import BuyForm, LowBalanceForm, RechargeForm, SubscribeForm
from billing.models import PurchaseState
from billing.money import format_have
from billing.pages.context import render_page
from billing.services import purchases, subscriptions
from billing.services.auto_top_up import save_recharge
from billing.services.low_balance import set_low_balance_notice
from config.errors import NotFound
from config.middleware import CONTENT_SECURITY_POLICY

STRIPE_PAGES = "https://checkout.stripe.com https://billing.stripe.com"


def leads_to_stripe(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Adds Stripe to `form-action`: browsers apply a page's policy to the redirects of its forms, too."""

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
    return render_page(request)


@require_POST
@leads_to_stripe
@member_page("manage_billing")
def buy(request: MemberRequest) -> HttpResponse:
    """Creates the purchase, then redirects to Stripe's Checkout.

    If Stripe does not answer, the purchase is marked as failed and nothing is charged.
    """
    form = BuyForm(request.POST)
    if not form.is_valid():
        return render_page(request, buy_form=form, status=400)
    if not gateway.is_set_up():
        return render_page(request, problem=SellingNotSetUp(), status=503)
    if request.membership.account.is_closing:
        return render_page(request, problem=AccountClosing(), status=409)
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
        return render_page(request, problem=error, status=error.status)
    purchases.mark_opened(purchase=purchase, checkout_session_id=session_id)
    return redirect(url)


@require_POST
@leads_to_stripe
@member_page("manage_billing")
def subscribe(request: MemberRequest) -> HttpResponse:
    form = SubscribeForm(request.POST)
    if not form.is_valid():
        return render_page(request, status=400)
    try:
        if not gateway.is_set_up():
            raise SellingNotSetUp
        if request.membership.account.is_closing:
            raise AccountClosing
        subscription = subscriptions.start_subscription(
            account=request.membership.account,
            plan_code=form.cleaned_data["plan"],
            form_token=form.cleaned_data["token"],
        )
        _, url = gateway.open_subscription_checkout(subscription)
    except (AccountClosing, NotFound, PaymentsUnavailable, SellingNotSetUp, SubscribedAlready) as error:
        return render_page(request, problem=error, status=error.status)
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
        return render_page(request, problem=error, status=error.status)
    return redirect(url)


@require_POST
@leads_to_stripe
@member_page("manage_billing")
def recharge(request: MemberRequest) -> HttpResponse:
    """Saves the settings of automatic top-ups. They can be turned on only with a saved card."""
    account = request.membership.account
    form = RechargeForm(request.POST, row=selectors.get_recharge(account))
    customer = selectors.get_customer(account)
    if form.is_valid() and form.cleaned_data["is_on"] and not (customer and customer.payment_method_id):
        form.add_error("is_on", "No card is saved. Buy a pack and tick “Save the card for automatic top-ups”.")
    if not form.is_valid():
        return render_page(request, recharge_form=form, status=400)
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
        request, f"Saved. Credits are {'topped up automatically' if is_on else 'not topped up automatically'}."
    )
    return redirect("billing")


@require_POST
@leads_to_stripe
@member_page("manage_billing")
def low_balance(request: MemberRequest) -> HttpResponse:
    """Saves the balance below which the owners get an email."""
    account = request.membership.account
    form = LowBalanceForm(request.POST, notice=selectors.get_low_balance_notice(account))
    if not form.is_valid():
        return render_page(request, low_balance_form=form, status=400)
    threshold = form.cleaned_data["threshold"]
    set_low_balance_notice(account=account, threshold_microcredits=threshold)
    if threshold is None:
        message = "Saved. The low balance alert is off."
    else:
        message = f"Saved. The owners get an email when the balance falls below {format_have(threshold)} credits."
    messages.success(request, message)
    return redirect("billing")
