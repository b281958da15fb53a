"""The pages that Stripe redirects back to. They prove and credit nothing: only Stripe's event does."""

import uuid

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.membership import MemberRequest, member_page
from billing import selectors
from billing.models import Purchase, PurchaseState
from billing.money import format_have, format_whole
from config.errors import NotFound


@require_safe
@never_cache
@member_page("view_billing")
def success(request: MemberRequest, purchase_id: uuid.UUID) -> HttpResponse:
    """Shows the purchase. Reloads until Stripe's event arrives."""
    purchase = _own_purchase(request, purchase_id)
    balance = selectors.get_balance(request.membership.account)
    context = {
        "is_paid": purchase.state == PurchaseState.PAID,
        "is_failed": purchase.state == PurchaseState.FAILED,
        "credits": format_whole(purchase.credits_microcredits),
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
    context = {"credits": format_whole(purchase.credits_microcredits)}
    return render(request, "billing/cancel.html", context)


@require_safe
@never_cache
@member_page("view_billing")
def subscribed(request: MemberRequest, subscription_id: uuid.UUID) -> HttpResponse:
    """Shows the subscription. Reloads until its first event arrives."""
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
