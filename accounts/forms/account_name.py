"""The field for an account's name, which is shown in emails to people who are not its members."""

import re
import unicodedata

from django import forms
from django.core.exceptions import ValidationError

# Line, paragraph and page breaks, other control characters, and marks that reverse the direction of text.
BREAKS = {"Cc", "Zl", "Zp"}
DIRECTION_MARKS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
ADDRESS = re.compile(r"://|@|\bwww\.|\.[a-z]{2,24}[/:?]", re.IGNORECASE)


def validate_account_name(name: str) -> None:
    """Refuses names that could make an invitation read as an email of someone else. "Booking.com" is allowed."""
    if any(unicodedata.category(char) in BREAKS or char in DIRECTION_MARKS for char in name):
        raise ValidationError("Use a single line without control characters.")
    if ADDRESS.search(name):
        raise ValidationError("Use a name without a web or email address.")


def account_name_field(*, help_text: str) -> forms.CharField:
    return forms.CharField(
        label="Account name",
        max_length=120,
        help_text=help_text,
        validators=[validate_account_name],
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
        error_messages={"required": "Enter an account name.", "max_length": "Use at most 120 characters."},
    )
