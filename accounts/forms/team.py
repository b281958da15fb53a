"""Forms of the team page: an invitation, a role, a new owner, a first password."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from accounts.forms.auth import EMAIL_MESSAGES, PASSWORD_HINT
from accounts.models import Membership, Role, User
from accounts.reauthentication import ReauthenticationForm
from accounts.selectors import list_members

CHOOSE = {"required": "Choose an option from the list.", "invalid_choice": "Choose an option from the list."}
ROLE_CHOICES = [
    (Role.DEVELOPER, "Developer: create speech, manage API keys and webhooks"),
    (Role.VIEWER, "Viewer: read-only access"),
    (Role.BILLING, "Billing: manage credits and the plan only"),
    (Role.ADMIN, "Admin: everything except transferring ownership"),
]


class _Form(forms.Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""


class InviteForm(_Form):
    email = forms.EmailField(
        label="Invite by email",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages=EMAIL_MESSAGES,
    )
    role = forms.ChoiceField(label="Role", choices=ROLE_CHOICES, error_messages=CHOOSE)


class RoleForm(_Form):
    role = forms.ChoiceField(label="Role", choices=ROLE_CHOICES, error_messages=CHOOSE)


class _MemberField(forms.ModelChoiceField):  # type: ignore[type-arg] # Django's own is not generic at run time
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.user.email)


class TransferForm(ReauthenticationForm):
    field_order = ("to", "current")

    to = _MemberField(label="New owner", queryset=Membership.objects.none(), error_messages=CHOOSE)

    def __init__(self, *args: Any, owner: Membership, **kwargs: Any) -> None:
        super().__init__(*args, user=owner.user, **kwargs)
        field = self.fields["to"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = list_members(account=owner.account).exclude(pk=owner.pk)


class DeletionForm(ReauthenticationForm):
    """Asks for the account's name, to prevent accidents, and for the owner's password, to prove who is asking."""

    field_order = ("name", "current")

    name = forms.CharField(
        label="Account name",
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Type the account name."},
    )

    def __init__(self, *args: Any, owner: Membership, **kwargs: Any) -> None:
        super().__init__(*args, user=owner.user, **kwargs)
        self.account = owner.account

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name != self.account.name.strip():
            raise forms.ValidationError(f"The account name is {self.account.name}.")
        return name


class FirstPasswordForm(_Form):
    password = forms.CharField(
        label="Password",
        strip=False,
        help_text=PASSWORD_HINT,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "minlength": "12"}),
        error_messages={"required": "Choose a password."},
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, User(email=self.email))
        return password
