"""URLs of the billing pages and of Stripe's webhook."""

from django.urls import path

from billing.pages import billing, checkout_return
from billing.pages.key_limits import key_limits
from billing.pages.ledger import ledger
from billing.webhook import stripe_webhook

urlpatterns = [
    path("billing", billing.billing, name="billing"),
    path("billing/buy", billing.buy, name="billing_buy"),
    path("billing/subscribe", billing.subscribe, name="billing_subscribe"),
    path("billing/portal", billing.portal, name="billing_portal"),
    path("billing/recharge", billing.recharge, name="billing_recharge"),
    path("billing/low-balance", billing.low_balance, name="billing_low_balance"),
    path("billing/bought/<uuid:purchase_id>", checkout_return.success, name="billing_success"),
    path("billing/not-bought/<uuid:purchase_id>", checkout_return.cancel, name="billing_cancel"),
    path("billing/subscribed/<uuid:subscription_id>", checkout_return.subscribed, name="billing_subscribed"),
    path("billing/ledger", ledger, name="billing_ledger"),
    path("keys/<uuid:key_id>/limits", key_limits, name="key_limits"),
    path("webhooks/stripe/", stripe_webhook, name="stripe_webhook"),
]
