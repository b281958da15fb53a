"""Forms of the billing page."""

import uuid
from typing import Any

from django import forms

from billing.models import AutoTopUp, LowBalanceNotice, Pack
from billing.money import currency_decimals, format_credits, parse_credits, parse_money
from billing.selectors import list_packs


class BuyForm(forms.Form):
    """Chooses a pack. The hidden token makes a form that is submitted twice buy once."""

    pack = forms.ModelChoiceField(
        queryset=Pack.objects.none(),
        error_messages={
            "required": "Choose a pack.",
            "invalid_choice": "That pack is no longer on sale. Choose another.",
        },
    )
    keeps_card = forms.BooleanField(required=False)
    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "id_buy_%s")  # the page has another form with a pack
        super().__init__(*args, **kwargs)
        self.fields["pack"].queryset = list_packs()  # type: ignore[attr-defined]


class SubscribeForm(forms.Form):
    plan = forms.SlugField(max_length=32)
    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


class RechargeForm(forms.Form):
    """When to buy which pack with the saved card, and how often at most."""

    is_on = forms.BooleanField(required=False, label="Top up automatically")
    threshold = forms.CharField(
        label="When the balance falls below, credits",
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        error_messages={"required": "Enter a number of credits."},
    )
    pack = forms.ModelChoiceField(
        label="Buy",
        queryset=Pack.objects.none(),
        empty_label=None,
        error_messages={
            "required": "Choose a pack.",
            "invalid_choice": "That pack is no longer on sale. Choose another.",
        },
    )
    max_per_month = forms.IntegerField(
        label="Maximum top-ups per month",
        min_value=1,
        max_value=100,
        error_messages={
            "required": "Enter a number.",
            "invalid": "Enter a whole number.",
            "min_value": "Enter a number of at least 1.",
            "max_value": "Enter a number of at most 100.",
        },
    )
    monthly_ceiling = forms.CharField(
        label="Maximum spend per month",
        max_length=20,
        help_text="In the pack's currency, before tax.",
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        error_messages={"required": "Enter an amount."},
    )

    def __init__(self, data: Any = None, *, row: AutoTopUp | None) -> None:
        super().__init__(data, initial=_initial(row))
        self.label_suffix = ""
        self.fields["pack"].queryset = list_packs()  # type: ignore[attr-defined]

    def clean_threshold(self) -> int:
        return positive_credits(self.cleaned_data["threshold"])

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        pack, text = data.get("pack"), data.get("monthly_ceiling")
        if pack is not None and text is not None:
            try:
                data["monthly_ceiling"] = parse_money(text, pack.currency)
            except ValueError as error:
                self.add_error("monthly_ceiling", str(error))
            else:
                if data["monthly_ceiling"] < pack.price:
                    self.add_error("monthly_ceiling", "This is less than the price of the pack.")
        return data


class LowBalanceForm(forms.Form):
    threshold = forms.CharField(
        label="When the balance falls below, credits",
        max_length=20,
        required=False,
        help_text="We email the owners each time. Leave empty to turn this off.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, notice: LowBalanceNotice | None) -> None:
        threshold = format_credits(notice.threshold_microcredits) if notice is not None else ""
        super().__init__(data, initial={"threshold": threshold}, prefix="low_balance")
        self.label_suffix = ""

    def clean_threshold(self) -> int | None:
        text = self.cleaned_data["threshold"]
        return positive_credits(text) if text else None


def positive_credits(text: str) -> int:
    """Returns the microcredits of a positive number of credits."""
    try:
        amount = parse_credits(text)
    except ValueError as error:
        raise forms.ValidationError(str(error)) from None
    if amount <= 0:
        raise forms.ValidationError("Enter a number above 0.")
    return amount


def _initial(row: AutoTopUp | None) -> dict[str, Any]:
    if row is None:
        pack = list_packs().first()
        return {"threshold": "100", "pack": pack, "max_per_month": 3, "monthly_ceiling": _money(pack, 3)}
    return {
        "is_on": row.is_on,
        "threshold": format_credits(row.threshold_microcredits),
        "pack": row.pack,
        "max_per_month": row.max_per_month,
        "monthly_ceiling": _plain(row.monthly_ceiling, row.pack.currency),
    }


def _money(pack: Pack | None, times: int) -> str:
    return _plain(pack.price * times, pack.currency) if pack else ""


def _plain(amount: int, currency: str) -> str:
    decimals = currency_decimals(currency)
    whole, rest = divmod(amount, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}" if rest else str(whole)
