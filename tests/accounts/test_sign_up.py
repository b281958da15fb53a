"""`/sign-up` and `/confirm-email`: an account for who owns the address, and nothing told to who does not."""

import re
import smtplib
import threading
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.db import connections
from django.test import Client

from accounts.errors import EmailTaken
from accounts.models import Account, Membership, User
from accounts.services.tenants import create_account
from billing.models import Balance, LedgerEntry
from tests.factories import PASSWORD, make_account, make_user
from tests.support.mail_links import path_in

ALICE = "alice@acme.example"
NO_ADDRESS = "Use a name without a web or email address."
pytestmark = pytest.mark.django_db


def sign_up(client: Client, email: str = ALICE, name: str = "Acme", password: str = PASSWORD, **extra: Any):
    data = {"email": email, "account_name": name, "password1": password}
    return client.post("/sign-up", data | extra.pop("data", {}), **extra)


def confirm_path(mailoutbox: list[Any]) -> str:
    return path_in(mailoutbox[-1], "/confirm-email/")


def grants() -> list[tuple[str, int, str]]:
    return list(LedgerEntry.objects.values_list("reference", "amount_microcredits", "actor"))


def without_tokens(page: bytes) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", page.decode())


# --- making an account ---------------------------------------------------------------------------


def test_the_form_says_what_it_costs_and_has_a_label_for_each_field(client: Client):
    page = client.get("/sign-up").content.decode()
    assert "Free, with 10 credits to try. No credit card required." in page
    for name, label in (("email", "Email"), ("account_name", "Account name"), ("password1", "Password")):
        assert f'<label for="id_{name}">{label}</label>' in page
        assert f'id="id_{name}_helptext"' in page
    assert "placeholder" not in page


def test_a_sign_up_makes_a_person_an_account_and_a_place_and_sends_one_mail(client: Client, mailoutbox):
    response = sign_up(client, email="Alice@Acme.example")
    assert (response.status_code, response.headers["Location"]) == (302, "/confirm-email")
    membership = Membership.objects.select_related("user", "account").get()
    assert (membership.user.email, membership.role) == (ALICE, "owner")
    assert (membership.account.name, membership.account.plan_id) == ("Acme", "free")
    assert list(EmailAddress.objects.values_list("email", "verified", "primary")) == [(ALICE, False, True)]
    assert not LedgerEntry.objects.exists()
    (sent,) = mailoutbox
    assert (sent.to, sent.subject) == ([ALICE], "Confirm your email address for Utterance")
    assert sent.extra_headers["Auto-Submitted"] == "auto-generated"
    assert f"Someone created an account at 127.0.0.1:8000 with {ALICE}." in sent.body
    assert "alice@acme.example" in client.get("/confirm-email").content.decode()


def test_before_the_address_is_confirmed_nobody_is_signed_in(client: Client):
    sign_up(client)
    assert client.get("/overview").status_code == 302


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"email": "alice"}, "email", "Enter an email address such as name@example.com."),
        ({"email": ""}, "email", "Enter your email."),
        ({"account_name": " "}, "account_name", "Enter an account name."),
        ({"account_name": "a" * 121}, "account_name", "Use at most 120 characters."),
        ({"account_name": "Acme\nYou won"}, "account_name", "Use a single line without control characters."),
        ({"account_name": "Acme\u2028You won"}, "account_name", "Use a single line without control characters."),
        ({"account_name": "Acme \u202eemca"}, "account_name", "Use a single line without control characters."),
        ({"account_name": "You won: https://evil.example"}, "account_name", NO_ADDRESS),
        ({"account_name": "You won: evil.com/prize"}, "account_name", NO_ADDRESS),
        ({"account_name": "www.evil.com"}, "account_name", NO_ADDRESS),
        ({"account_name": "boss@acme.example"}, "account_name", NO_ADDRESS),
        ({"password1": ""}, "password1", "Choose a password."),
        ({"password1": "a b c d e f"}, "password1", "at least 12 characters"),
        ({"password1": "123456789012345"}, "password1", "entirely numeric"),
        ({"password1": "alice@acme.example"}, "password1", "too similar to the email"),
    ],
)
def test_what_is_wrong_is_named_in_the_summary_and_at_its_field_and_the_rest_is_kept(
    client: Client, mailoutbox, change: dict[str, str], field: str, message: str
):
    response = sign_up(client, data=change)
    assert response.status_code == 200
    page = response.content.decode()
    assert "<title>The account was not created · Utterance</title>" in page
    assert re.search(rf'<a href="#id_{field}">[^<]*{re.escape(message)}', page)
    assert f'id="id_{field}_error"' in page
    assert f'aria-describedby="id_{field}_helptext id_{field}_error"' in page
    for name, value in (("email", ALICE), ("account_name", "Acme")):
        if name not in change:
            assert f'value="{value}"' in page
    assert PASSWORD not in page
    assert not User.objects.exists()
    assert mailoutbox == []


def test_who_is_signed_in_is_sent_on(client: Client):
    client.force_login(make_user("bob@acme.example", make_account()))
    assert client.get("/sign-up").headers["Location"] == "/overview"


def test_the_twenty_first_sign_up_of_a_minute_from_one_address_waits(client: Client, mailoutbox):
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False):
        for number in range(20):
            assert sign_up(Client(), email=f"{number}@acme.example").status_code == 302
        response = sign_up(client)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "60")
    assert not User.objects.filter(email=ALICE).exists()
    assert len(mailoutbox) == 20


# --- an address that is taken --------------------------------------------------------------------


@time_machine.travel("2026-01-08T10:00:00Z", tick=False)  # an Expires header tells the second
def test_a_taken_address_gets_the_very_same_answers_and_its_owner_a_mail(mailoutbox):
    make_user(ALICE, make_account())
    answers = []
    for email in (ALICE, "free0@acme.example"):  # of one length
        client = Client()
        response = sign_up(client, email=email, name="New")
        following = client.get(response.headers["Location"])
        page = without_tokens(following.content).replace(email, "EMAIL")
        headers = dict(response.headers) | {"X-Request-ID": ""}
        answers.append((response.status_code, headers, response.content, sorted(client.cookies), page))
    assert answers[0] == answers[1]
    to_owner, to_new = mailoutbox
    assert (to_owner.to, to_owner.subject) == ([ALICE], "You already have an Utterance account")
    assert path_in(to_owner, "/sign-i") == "/sign-in"
    assert to_new.subject == "Confirm your email address for Utterance"
    assert User.objects.filter(email=ALICE).count() == 1
    assert not Account.objects.filter(memberships__user__email=ALICE, name="New").exists()


def test_neither_is_told_from_the_other_by_the_time_of_a_hash(monkeypatch: pytest.MonkeyPatch):
    make_user(ALICE, make_account())
    hashed: list[str] = []
    original = MD5PasswordHasher.encode

    def encode(self, password, salt, **kwargs):
        hashed.append(password)
        return original(self, password, salt, **kwargs)

    monkeypatch.setattr(MD5PasswordHasher, "encode", encode)
    sign_up(Client(), password="for the taken one")
    sign_up(Client(), email="free@acme.example", password="for the free one")
    assert hashed == ["for the taken one", "for the free one"]


def test_the_owner_is_not_flooded(mailoutbox):
    make_user(ALICE, make_account())
    for _ in range(5):
        assert sign_up(Client()).status_code == 302
    assert len(mailoutbox) == 1


def test_capitals_do_not_make_another_address(mailoutbox):
    make_user(ALICE, make_account())
    sign_up(Client(), email="ALICE@Acme.Example")
    assert User.objects.count() == 1
    assert mailoutbox[0].subject == "You already have an Utterance account"


def test_of_two_who_take_an_address_at_once_the_second_gets_the_answer_of_a_taken_one(
    client: Client, mailoutbox, monkeypatch: pytest.MonkeyPatch
):
    """The form found the address free; then another request took it."""

    def taken_meanwhile(**_: Any) -> Account:
        monkeypatch.undo()
        create_account(email=ALICE, password=PASSWORD)
        raise EmailTaken("taken")

    monkeypatch.setattr("accounts.forms.auth.create_account", taken_meanwhile)
    response = sign_up(client)
    assert (response.status_code, response.headers["Location"]) == (302, "/confirm-email")
    assert mailoutbox[0].subject == "You already have an Utterance account"
    assert Account.objects.count() == 1


# --- confirming the address ----------------------------------------------------------------------


def test_the_link_asks_first_because_mail_scanners_follow_links(client: Client, mailoutbox):
    sign_up(client)
    page = Client().get(confirm_path(mailoutbox)).content.decode()
    assert "Confirm email address" in page
    assert ALICE in page
    assert not EmailAddress.objects.get().verified
    assert grants() == []


def test_in_the_same_browser_the_confirmation_signs_in_and_earns_the_credits(client: Client, mailoutbox):
    sign_up(client)
    response = client.post(confirm_path(mailoutbox))
    assert (response.status_code, response.headers["Location"]) == (302, "/overview")
    page = client.get("/overview").content.decode()
    assert f"{ALICE} is confirmed." in page
    assert "10.00" in page
    account = Account.objects.get()
    assert grants() == [(f"signup:{account.pk}", 10_000_000, "system")]
    assert Balance.objects.get(account=account).available_microcredits == 10_000_000


def test_on_another_device_it_confirms_and_leads_to_the_sign_in(client: Client, mailoutbox):
    sign_up(client)
    other = Client()
    response = other.post(confirm_path(mailoutbox))
    assert (response.status_code, response.headers["Location"]) == (302, "/sign-in")
    assert f"{ALICE} is confirmed." in other.get("/sign-in").content.decode()
    assert other.get("/overview").status_code == 302
    response = other.post("/sign-in", {"login": ALICE, "password": PASSWORD})
    assert response.headers["Location"] == "/overview"
    assert len(grants()) == 1


def test_a_second_click_says_that_the_link_is_over_and_grants_nothing(client: Client, mailoutbox):
    sign_up(client)
    path = confirm_path(mailoutbox)
    client.post(path)
    for response in (Client().get(path), Client().post(path)):
        assert response.status_code == 404
        assert "<h1>\n        This link is no longer valid" in response.content.decode()
    assert len(grants()) == 1


def test_links_end_after_three_days_and_signing_in_sends_a_new_one(client: Client, mailoutbox):
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False) as clock:
        sign_up(client)
        path = confirm_path(mailoutbox)
        clock.shift(3 * 24 * 3600 + 1)
        assert Client().post(path).status_code == 404
        response = client.post("/sign-in", {"login": ALICE, "password": PASSWORD})
        assert response.headers["Location"] == "/confirm-email"
        assert len(mailoutbox) == 2
        assert Client().post(confirm_path(mailoutbox)).status_code == 302
    assert EmailAddress.objects.get().verified


@pytest.mark.parametrize("key", ["over", "MQ:1abcde:forged", "x" * 500])
def test_a_forged_link_confirms_nothing(client: Client, key: str):
    sign_up(client)
    assert Client().get(f"/confirm-email/{key}").status_code == 404
    assert Client().post(f"/confirm-email/{key}").status_code == 404
    assert not EmailAddress.objects.get().verified


def test_the_link_leads_to_the_public_address_whatever_host_was_asked(client: Client, mailoutbox, settings):
    settings.ALLOWED_HOSTS = ["*"]
    sign_up(client, headers={"host": "evil.example"})
    assert "evil.example" not in mailoutbox[0].body
    assert confirm_path(mailoutbox)


def test_without_sign_up_credits_nothing_is_granted(client: Client, mailoutbox, settings):
    settings.SIGNUP_CREDITS = 0
    assert "No credit card required." in client.get("/sign-up").content.decode()
    assert "credits to try" not in client.get("/sign-up").content.decode()
    sign_up(client)
    assert client.post(confirm_path(mailoutbox)).status_code == 302
    assert grants() == []


def test_the_address_is_not_confirmed_when_the_credits_cannot_be_granted(mailoutbox, monkeypatch: pytest.MonkeyPatch):
    client = Client(raise_request_exception=False)
    sign_up(client)

    def fail(**_: Any) -> bool:
        raise RuntimeError("the ledger is away")

    monkeypatch.setattr("billing.sign_up.grant_credits", fail)
    assert client.post(confirm_path(mailoutbox)).status_code == 500
    assert not EmailAddress.objects.get().verified


def test_clicks_that_race_grant_once(committed_db, mailoutbox):
    sign_up(Client())
    path = confirm_path(mailoutbox)
    racers = 6
    barrier = threading.Barrier(racers)
    statuses: list[int] = []

    def click() -> None:
        try:
            client = Client()
            barrier.wait(timeout=10)
            statuses.append(client.post(path).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=click) for _ in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(statuses) == racers
    assert set(statuses) <= {302, 404}
    assert len(grants()) == 1
    assert Balance.objects.get().available_microcredits == 10_000_000


# --- accounts that an operator makes -------------------------------------------------------------


def test_an_operator_vouches_for_the_address(client: Client, mailoutbox):
    create_account(email="Bob@Acme.example", password=PASSWORD)
    response = client.post("/sign-in", {"login": "bob@acme.example", "password": PASSWORD})
    assert response.headers["Location"] == "/overview"
    assert mailoutbox == []
    assert grants() == []


# --- when the mail server is away ----------------------------------------------------------------


@pytest.mark.parametrize("failure", [ConnectionRefusedError(), smtplib.SMTPServerDisconnected()])
def test_a_mail_that_cannot_be_sent_is_told_and_sent_at_the_next_sign_in(
    client: Client, mailoutbox, monkeypatch: pytest.MonkeyPatch, failure: Exception, caplog
):
    def fail(self: Any, *args: Any) -> int:
        raise failure

    monkeypatch.setattr(mail.EmailMessage, "send", fail)
    response = sign_up(client)
    assert response.status_code == 503
    assert "The email could not be sent" in response.content.decode()
    assert ALICE not in caplog.text
    monkeypatch.undo()
    client.post("/sign-in", {"login": ALICE, "password": PASSWORD})
    assert client.post(confirm_path(mailoutbox)).status_code == 302
    assert EmailAddress.objects.get().verified
