"""The migration after which everybody who was here counts as confirmed."""

import importlib

from allauth.account.models import EmailAddress
from django.apps import apps

from accounts.models import User
from tests.factories import make_user

migration = importlib.import_module("accounts.migrations.0003_known_addresses")


def test_who_is_here_counts_as_confirmed_under_one_spelling(db):
    make_user("bob@acme.example")
    EmailAddress.objects.update(verified=False)
    User.objects.create(email="Alice@Acme.example")
    migration.confirm_addresses(apps, None)
    migration.confirm_addresses(apps, None)
    assert sorted(EmailAddress.objects.values_list("user__email", "email", "verified", "primary")) == [
        ("alice@acme.example", "alice@acme.example", True, True),
        ("bob@acme.example", "bob@acme.example", False, True),  # signed up later, and has still to confirm
    ]
