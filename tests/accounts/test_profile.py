"""The settings page: another address, another password, another name; each by who may, and told to who should know."""

import html
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from accounts.models import Account, AuditEntry, Role, User
from accounts.services.profile import email_change_token
from tests.factories import PASSWORD, make_account, make_user
from tests.support.mail_links import path_in

pytestmark = pytest.mark.django_db

OLD, NEW = "alice@acme.example", "alice@new.example"
BETTER = "another good long sentence"


@pytest.fixture
def alice(account: Account) -> User:
    return make_user(OLD, account)


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    assert sign_in(client).headers["Location"] == "/overview"
    return client


def sign_in(client: Client, email: str = OLD, password: str = PASSWORD) -> Any:
    return client.post("/sign-in", {"login": email, "password": password})


def text_of(response: Any) -> str:
    return html.unescape(response.content.decode())


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


# --- the address ---------------------------------------------------------------------------------


def test_a_new_address_counts_once_its_mailbox_has_confirmed_it(signed_in: Client, alice: User):
    response = signed_in.post("/settings/email", {"email": "Alice@New.example", "current": PASSWORD}, follow=True)
    assert f"We sent an email to {NEW}." in text_of(response)
    (message,) = mail.outbox
    assert message.to == [NEW]
    path = path_in(message, "/settings/email/")
    elsewhere = Client()
    assert "Confirm your new email address" in text_of(elsewhere.get(path))
    assert sign_in(Client()).headers["Location"] == "/overview", "looking at the link changes nothing"
    assert elsewhere.post(path).status_code == 302
    assert list(EmailAddress.objects.values_list("email", "verified", "primary")) == [(NEW, True, True)]
    assert sign_in(Client()).status_code == 200
    assert sign_in(Client(), NEW).headers["Location"] == "/overview"
    assert (mail.outbox[1].to, mail.outbox[1].subject) == ([OLD], "Your email address was changed")
    assert actions() == ["user.email_changed"]
    assert (elsewhere.get(path).status_code, elsewhere.post(path).status_code) == (404, 404), "a link works once"
    assert len(mail.outbox) == 2


def test_a_taken_address_gets_the_same_answer_and_its_owner_a_mail(signed_in: Client):
    make_user("bob@globex.example", make_account("Globex"))
    response = signed_in.post("/settings/email", {"email": "bob@globex.example", "current": PASSWORD}, follow=True)
    assert "We sent an email to bob@globex.example." in text_of(response)
    (message,) = mail.outbox
    assert message.subject == "You already have an Utterance account"
    assert "/settings/email/" not in message.body


def test_an_address_that_is_taken_meanwhile_stays_its_owners(alice: User):
    token = email_change_token(user=alice, new_email=NEW)
    make_user(NEW, make_account("Globex"))
    response = Client().post(f"/settings/email/{token}")
    assert response.status_code == 404
    assert "This email address is now used by another user." in text_of(response)
    assert User.objects.get(pk=alice.pk).email == OLD
    assert EmailAddress.objects.filter(user=alice, email=OLD, verified=True).exists()


def test_a_link_is_over_after_three_days_and_with_another_password(alice: User):
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False) as clock:
        token = email_change_token(user=alice, new_email=NEW)
        clock.shift(timedelta(days=3, seconds=1))
        assert Client().post(f"/settings/email/{token}").status_code == 404
        token = email_change_token(user=alice, new_email=NEW)
        alice.set_password(BETTER)
        alice.save()
        assert Client().post(f"/settings/email/{token}").status_code == 404
        assert Client().post(f"/settings/email/{token[:-1]}").status_code == 404
    assert User.objects.get().email == OLD


def test_nobody_reserves_an_address_by_asking(signed_in: Client):
    signed_in.post("/settings/email", {"email": NEW, "current": PASSWORD})
    Client().post("/sign-up", {"email": NEW, "account_name": "Mine", "password1": PASSWORD})
    assert User.objects.filter(email=NEW).exists()


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"current": PASSWORD}, "Enter your email."),
        ({"email": "no address", "current": PASSWORD}, "Enter an email address such as name@example.com."),
        ({"email": "ALICE@acme.example", "current": PASSWORD}, "This is already your email address."),
        ({"email": NEW}, "Enter your password."),
        ({"email": NEW, "current": "wrong"}, "Incorrect password."),
    ],
)
def test_what_is_wrong_about_the_address_sends_nothing(signed_in: Client, form: dict[str, str], says: str):
    assert says in text_of(signed_in.post("/settings/email", form))
    assert mail.outbox == []


def test_a_mailbox_is_not_flooded(signed_in: Client):
    signed_in.post("/settings/email", {"email": NEW, "current": PASSWORD})
    page = text_of(signed_in.post("/settings/email", {"email": NEW, "current": PASSWORD}))
    assert "We have just sent an email to this address." in page
    assert len(mail.outbox) == 1


# --- the password --------------------------------------------------------------------------------


def test_a_new_password_keeps_this_session_and_ends_the_others(signed_in: Client, alice: User):
    other = Client()
    sign_in(other)
    before = signed_in.cookies["sessionid"].value
    response = signed_in.post("/settings/password", {"current": PASSWORD, "password": BETTER}, follow=True)
    assert "You have been signed out everywhere else." in text_of(response)
    assert (signed_in.get("/overview").status_code, other.get("/overview").status_code) == (200, 302)
    assert signed_in.cookies["sessionid"].value != before
    assert sign_in(Client()).status_code == 200
    assert sign_in(Client(), password=BETTER).headers["Location"] == "/overview"
    (message,) = mail.outbox
    assert (message.to, message.subject) == ([OLD], "Your password was changed")
    assert actions() == ["user.password_changed"]


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"password": BETTER}, "Enter your password."),
        ({"current": "wrong", "password": BETTER}, "Incorrect password."),
        ({"current": PASSWORD}, "Choose a password."),
        ({"current": PASSWORD, "password": "short"}, "at least 12 characters"),
        ({"current": PASSWORD, "password": "alice@acme.example"}, "too similar to the email"),
    ],
)
def test_what_is_wrong_about_the_password_changes_nothing(signed_in: Client, form: dict[str, str], says: str):
    page = text_of(signed_in.post("/settings/password", form))
    assert says in page
    assert BETTER not in page
    assert sign_in(Client()).headers["Location"] == "/overview"
    assert (mail.outbox, actions()) == ([], [])


def test_the_eleventh_try_of_a_minute_waits(signed_in: Client):
    for _ in range(10):
        signed_in.post("/settings/password", {"current": "wrong", "password": BETTER})
    page = text_of(signed_in.post("/settings/password", {"current": PASSWORD, "password": BETTER}))
    assert "Too many attempts." in page
    assert sign_in(Client()).headers["Location"] == "/overview"


# --- the account ---------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["owner", "admin", "developer", "billing", "viewer"])
def test_owners_and_admins_name_the_account(client: Client, account: Account, role: str):
    client.force_login(make_user("bob@acme.example", account, Role(role)))
    may = role in {"owner", "admin"}
    assert ("Account name" in text_of(client.get("/settings"))) is may
    response = client.post("/settings/account", {"name": "Acme & Co"})
    assert response.status_code == (302 if may else 403)
    account.refresh_from_db()
    assert account.name == ("Acme & Co" if may else "Acme")
    assert actions() == (["account.renamed"] if may else [])


def test_a_name_that_is_none_or_the_same_changes_nothing(signed_in: Client, account: Account):
    assert "Enter an account name." in text_of(signed_in.post("/settings/account", {"name": "  "}))
    assert "at most 120" in text_of(signed_in.post("/settings/account", {"name": "x" * 121}))
    assert "without a web or email address" in text_of(signed_in.post("/settings/account", {"name": "a://b"}))
    assert signed_in.post("/settings/account", {"name": "Acme"}).status_code == 302
    account.refresh_from_db()
    assert (account.name, actions()) == ("Acme", [])


def test_the_account_chooses_how_long_text_and_audio_are_kept(signed_in: Client, account: Account):
    for typed, kept in (("7", 7), ("", None)):
        response = signed_in.post("/settings/account", {"name": "Acme", "retention_days": typed})
        assert response.status_code == 302
        assert Account.objects.get().retention_days == kept
        assert ('value="7"' in text_of(signed_in.get("/settings"))) is (kept == 7)
    assert list(AuditEntry.objects.order_by("pk").values_list("action", "before", "after")) == [
        ("account.retention_changed", {"days": None}, {"days": 7}),
        ("account.retention_changed", {"days": 7}, {"days": None}),
    ]


@pytest.mark.parametrize("days", ["0", "-1", "31", "1.5", "many", "9" * 30])
def test_a_time_that_is_none_or_too_long_changes_nothing(signed_in: Client, account: Account, days: str):
    page = text_of(signed_in.post("/settings/account", {"name": "Other", "retention_days": days}))
    assert "The account was not changed" in page
    account.refresh_from_db()
    assert (account.name, account.retention_days, actions()) == ("Acme", None, [])


def test_a_developer_does_not_choose_it(client: Client, account: Account):
    client.force_login(make_user("bob@acme.example", account, Role.DEVELOPER))
    assert client.post("/settings/account", {"name": "Acme", "retention_days": "1"}).status_code == 403
    account.refresh_from_db()
    assert account.retention_days is None


def test_somebody_without_an_account_has_the_page(client: Client):
    client.force_login(make_user("ada@staff.example"))
    page = text_of(client.get("/settings"))
    assert "Your password" in page
    assert "Account name" not in page
