"""`GET /api/v1/credits`: what an account can spend."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api.key_auth import KEY_ERRORS, KeyView, get_request_key
from billing.money import format_credits
from billing.months import get_month
from billing.selectors import get_balance, spent_this_month
from config.api import success
from config.schema import described

CREDITS = serializers.RegexField(r"^\d+(\.\d+)?$", help_text="An exact decimal, such as 0.042.")


class KeyCredits(serializers.Serializer[Any]):
    month = serializers.RegexField(r"^\d{4}-\d{2}$", help_text="The current calendar month, UTC.")
    spent = CREDITS
    monthly_cap = serializers.RegexField(r"^\d+(\.\d+)?$", allow_null=True, help_text="null if the key has no cap.")


class AccountCredits(serializers.Serializer[Any]):
    available = CREDITS
    debt = serializers.RegexField(
        r"^\d+(\.\d+)?$", help_text="Amount owed. New credits pay it first, and nothing can be spent until it is paid."
    )
    plan = serializers.CharField()
    key = KeyCredits(help_text="The API key that made this request.")


class Credits(KeyView):
    @described(
        name="getCredits",
        summary="Get the balance",
        tag="Account",
        success={200: AccountCredits},
        errors=KEY_ERRORS,
    )
    def get(self, request: Request) -> HttpResponse:
        """What the account can spend and owes, and what this key has spent this month."""
        balance, api_key = get_balance(self.account), get_request_key(request)
        cap = api_key.monthly_cap_microcredits
        data = {
            "available": format_credits(balance.available_microcredits),
            "debt": format_credits(balance.debt_microcredits),
            "plan": self.account.plan_id,
            "key": {
                "month": f"{get_month(timezone.now()):%Y-%m}",
                "spent": format_credits(spent_this_month(api_key)),
                "monthly_cap": None if cap is None else format_credits(cap),
            },
        }
        return success(data, headers={"Cache-Control": "no-store"})
