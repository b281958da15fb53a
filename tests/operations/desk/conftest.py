"""The staff: Ada is an administrator, Sam does support, Bea handles bills. Alice owns Acme, as everywhere."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import Account, User


@pytest.fixture
def ada(account: Account) -> User:
    user = User.objects.create_superuser("ada@staff.example", "correct horse battery staple")
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


@pytest.fixture
def sam(account: Account) -> User:
    return User.objects.create_user("sam@staff.example", "correct horse battery staple", is_staff=True)


@pytest.fixture
def bea(account: Account) -> User:
    password = "correct horse battery staple"
    return User.objects.create_user("bea@staff.example", password, is_staff=True, handles_billing=True)


@pytest.fixture
def administrator(ada: User) -> Client:
    return signed_in(ada)


@pytest.fixture
def support(sam: User) -> Client:
    return signed_in(sam)


@pytest.fixture
def billing_staff(bea: User) -> Client:
    return signed_in(bea)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
