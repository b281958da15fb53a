"""The billing pages, and where Stripe's events arrive."""

from django.urls import path

from billing import return_pages, views
from billing.key_limits_page import key_limits
from billing.ledger_page import ledger
from billing.webhook import stripe_webhook

urlpatterns = [
    path("billing", views.billing, name="billing"),
    path("billing/buy", views.buy, name="billing_buy"),
    path("billing/subscribe", views.subscribe, name="billing_subscribe"),
    path("billing/portal", views.portal, name="billing_portal"),
    path("billing/recharge", views.recharge, name="billing_recharge"),
    path("billing/low-balance", views.low_balance, name="billing_low_balance"),
    path("billing/bought/<uuid:purchase_id>", return_pages.success, name="billing_success"),
    path("billing/not-bought/<uuid:purchase_id>", return_pages.cancel, name="billing_cancel"),
    path("billing/subscribed/<uuid:subscription_id>", return_pages.subscribed, name="billing_subscribed"),
    path("billing/ledger", ledger, name="billing_ledger"),
    path("keys/<uuid:key_id>/limits", key_limits, name="key_limits"),
    path("webhooks/stripe/", stripe_webhook, name="stripe_webhook"),
]
