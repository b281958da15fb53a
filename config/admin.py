"""The look of /admin: colours, navigation, stylesheet. `operations.desk` has its features."""

from typing import Any

from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from unfold.settings import CONFIG_DEFAULTS

# The accent of static/css/tokens.css, from light to dark.
PRIMARY = {
    "50": "#f0f7f8", "100": "#e6f0f1", "200": "#c5dde1", "300": "#a5c9cf", "400": "#62b9c8", "500": "#3d9dad",
    "600": "#0b6070", "700": "#084c59", "800": "#0a3f4a", "900": "#0c343d", "950": "#06242a",
}  # fmt: skip

NAVIGATION = (
    ("", (("Overview", "dashboard", "admin:index"), ("Search", "search", "admin:search"))),
    (
        "Customers",
        (
            ("Accounts", "apartment", "admin:accounts_account_changelist"),
            ("People", "person", "admin:accounts_user_changelist"),
            ("API keys", "key", "admin:accounts_apikey_changelist"),
            ("Jobs", "graphic_eq", "admin:tts_job_changelist"),
            ("Webhooks", "webhook", "admin:webhooks_endpoint_changelist"),
            ("Deliveries", "outbox", "admin:webhooks_delivery_changelist"),
            ("Ledger", "receipt_long", "admin:billing_ledgerentry_changelist"),
            ("Purchases", "shopping_cart", "admin:billing_purchase_changelist"),
            ("Subscriptions", "autorenew", "admin:billing_subscription_changelist"),
        ),
    ),
    (
        "Service",
        (
            ("Voices", "record_voice_over", "admin:voices_voice_changelist"),
            ("Model names", "label", "admin:voices_modelalias_changelist"),
            ("Voice names", "badge", "admin:voices_voicealias_changelist"),
            ("Plans", "speed", "admin:accounts_plan_changelist"),
            ("Prices", "sell", "admin:billing_price_changelist"),
            ("Packs", "inventory_2", "admin:billing_pack_changelist"),
            ("Stripe's events", "webhook", "admin:billing_stripeevent_changelist"),
            ("Alerts", "notifications", "admin:billing_operatoralert_changelist"),
            ("Maintenance", "construction", "admin:maintenance"),
            ("Audit trail", "history", "admin:accounts_auditentry_changelist"),
        ),
    ),
)


class OperatorAdminConfig(AdminConfig):
    default_site = "operations.desk.site.OperatorSite"


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    return [
        {
            "title": title,
            "separator": bool(title),
            "items": [{"title": name, "icon": icon, "link": reverse(url)} for name, icon, url in items],
        }
        for title, items in NAVIGATION
    ]


def stylesheet(request: HttpRequest) -> str:
    return static("css/operators.css")


def favicon(request: HttpRequest) -> str:
    return static("img/favicon.svg")


def colors(request: HttpRequest) -> dict[str, dict[str, str]]:
    from_unfold = CONFIG_DEFAULTS["COLORS"]
    return {"base": dict(from_unfold["base"]), "primary": dict(PRIMARY), "font": dict(from_unfold["font"])}
