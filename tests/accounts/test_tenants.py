"""Accounts and the people in them, as the services make them."""

import pytest
from django.db import IntegrityError, transaction

from accounts.errors import EmailTaken
from accounts.models import Account, Membership, Plan, Role, User
from accounts.selectors import get_account
from accounts.services.tenants import create_account
from config.errors import NotFound
from tests.factories import make_account, make_user


def test_an_account_has_an_owner_who_can_sign_in(db):
    account = create_account(email="alice@acme.example", password="a long password", plan_code="payg")
    assert (account.name, account.plan_id) == ("Alice", "payg")
    membership = Membership.objects.get(account=account)
    assert (membership.user.email, membership.role) == ("alice@acme.example", Role.OWNER)
    assert membership.user.check_password("a long password")
    assert not membership.user.is_staff


@pytest.mark.parametrize("email", ["alice@acme.example", "ALICE@acme.example", "Alice@ACME.EXAMPLE"])
def test_an_email_belongs_to_one_person_whatever_its_capitals(db, email: str):
    create_account(email="alice@acme.example", password="a long password")
    with pytest.raises(EmailTaken):
        create_account(email=email, password="another password")
    assert (User.objects.count(), Account.objects.count(), Membership.objects.count()) == (1, 1, 1)


def test_an_unknown_plan_makes_nothing(db):
    with pytest.raises(NotFound, match="there are free, payg, pro, enterprise"):
        create_account(email="alice@acme.example", password="a long password", plan_code="gold")
    assert (User.objects.count(), Account.objects.count()) == (0, 0)


def test_a_long_address_makes_a_name_that_fits(db):
    assert create_account(email=f"{'a' * 200}@acme.example", password="a long password").name == "A" + "a" * 119


def test_the_plans_have_the_limits_that_the_api_promises(db):
    rows = Plan.objects.values_list("code", "allows_api", "allows_webhooks", "generate_limit", "read_limit")
    assert {row[0]: row[1:] for row in rows} == {
        "free": (False, False, 10, 1_800),
        "payg": (True, False, 10, 1_800),
        "pro": (True, False, 100, 12_000),
        "enterprise": (True, True, 1_000, 120_000),
    }


def test_an_account_is_found_by_its_id_and_by_the_email_of_its_owner(db):
    acme = make_account("Acme")
    make_user("alice@acme.example", acme)
    assert get_account(acme.pk) == get_account(str(acme.pk)) == get_account("Alice@Acme.example") == acme


@pytest.mark.parametrize("text", ["", "nobody@acme.example", "00000000-0000-4000-8000-000000000000", "Acme", "%"])
def test_an_unknown_account_is_not_found(db, text: str):
    make_user("alice@acme.example", make_account("Acme"))
    with pytest.raises(NotFound):
        get_account(text)


def test_an_email_in_two_accounts_names_neither(db):
    alice = make_user("alice@acme.example", make_account("Acme"))
    Membership.objects.create(account=make_account("Globex"), user=alice, role=Role.VIEWER)
    with pytest.raises(NotFound, match="No account, or more than one"):
        get_account("alice@acme.example")


def test_the_database_refuses_a_second_membership_and_an_invented_role(db):
    acme = make_account("Acme")
    alice = make_user("alice@acme.example", acme)
    for fields in ({"user": alice, "role": Role.VIEWER}, {"user": make_user("bob@acme.example"), "role": "king"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Membership.objects.create(account=acme, **fields)
    assert Membership.objects.count() == 1
