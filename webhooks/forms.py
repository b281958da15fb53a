"""Forms of the webhooks page."""

from datetime import UTC
from typing import Any

from django import forms

from webhooks.ssrf import MAX_URL_CHARACTERS


class EndpointForm(forms.Form):
    url = forms.CharField(
        label="Address",
        max_length=MAX_URL_CHARACTERS,
        help_text="Public HTTPS on port 443 or 8443. Redirects are not followed.",
        widget=forms.TextInput(attrs={"type": "url", "autocomplete": "off", "placeholder": ""}),
        error_messages={"required": "Enter the URL of your endpoint."},
    )
    enabled = forms.BooleanField(required=False, initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""


class RangeForm(forms.Form):
    """A time range in UTC."""

    created_after = forms.DateTimeField(
        label="From, UTC",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        error_messages={"required": "Enter the start time.", "invalid": "Enter a time such as 2027-01-31 08:00."},
    )
    created_before = forms.DateTimeField(
        label="To, UTC",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        error_messages={"required": "Enter the end time.", "invalid": "Enter a time such as 2027-01-31 08:00."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        for name in ("created_after", "created_before"):
            if data.get(name) is not None:
                data[name] = data[name].replace(tzinfo=UTC)
        if len(data) == 2 and data["created_after"] >= data["created_before"]:
            self.add_error("created_before", "The end time must be after the start time.")
        return data
