"""`/sign-in` and `/sign-out`: who gets in, where to, and how often it may be tried."""

import re

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client

from accounts.models import Account
from accounts.pages.auth import SignIn
from tests.factories import PASSWORD, make_account, make_user

MISMATCH = "The email or password is incorrect. Check both, or reset your password."
INVALID = 'aria-invalid="true" aria-describedby="problem"'


@pytest.fixture
def account(db) -> Account:
    account = make_account("Acme")
    make_user("alice@acme.example", account)
    return account


def try_to_sign_in(client: Client, email: str = "alice@acme.example", password: str = PASSWORD, **extra):
    path = extra.pop("path", "/sign-in")
    return client.post(path, {"login": email, "password": password, **extra.pop("data", {})}, **extra)


def is_signed_in(client: Client) -> bool:
    return client.get("/overview").status_code == 200


def test_the_page_asks_for_an_email_and_a_password_with_labels(client: Client, db):
    response = client.get("/sign-in")
    assert response.status_code == 200
    page = response.content.decode()
    assert "<title>Sign in · Utterance</title>" in page
    assert '<label for="id_login">Email</label>' in page
    assert '<label for="id_password">Password</label>' in page
    assert 'autocomplete="current-password"' in page
    assert 'role="alert"' not in page
    assert response.headers["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"


def test_email_and_password_lead_to_the_overview(client: Client, account: Account):
    response = try_to_sign_in(client)
    assert (response.status_code, response.headers["Location"]) == (302, "/overview")
    assert is_signed_in(client)


def test_capitals_in_the_email_do_not_matter(client: Client, account: Account):
    assert try_to_sign_in(client, email="Alice@ACME.example").status_code == 302
    assert is_signed_in(client)


def test_the_session_gets_a_new_name_when_somebody_signs_in(client: Client, account: Account):
    session = client.session
    session["planted"] = "by a stranger"
    session.save()
    before = client.cookies["sessionid"].value
    try_to_sign_in(client)
    assert client.cookies["sessionid"].value != before
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        pytest.param("alice@acme.example", "wrong", id="wrong password"),
        pytest.param("nobody@acme.example", PASSWORD, id="unknown email"),
        pytest.param("gone@acme.example", PASSWORD, id="disabled person"),
    ],
)
def test_a_mismatch_says_so_once_and_at_both_fields_and_keeps_the_email(
    client: Client, account: Account, email: str, password: str
):
    gone = make_user("gone@acme.example", account)
    gone.is_active = False
    gone.save(update_fields=["is_active"])
    response = try_to_sign_in(client, email=email, password=password)
    assert response.status_code == 200
    page = response.content.decode()
    assert "<title>Not signed in · Utterance</title>" in page
    assert page.count(f'<p id="problem">{MISMATCH}</p>') == 1
    assert page.count('role="alert"') == 1
    assert page.count(INVALID) == 2
    assert f'value="{email}"' in page
    assert password not in page
    assert not is_signed_in(client)


def test_an_unknown_email_costs_one_password_hash_like_a_known_one(
    client: Client, account: Account, monkeypatch: pytest.MonkeyPatch
):
    """The time goes into the hash: both kinds of mismatch must compute exactly one."""
    hashed: list[str] = []
    original = MD5PasswordHasher.encode

    def encode(self, password, salt, **kwargs):
        hashed.append(password)
        return original(self, password, salt, **kwargs)

    monkeypatch.setattr(MD5PasswordHasher, "encode", encode)
    try_to_sign_in(client, password="for alice")
    try_to_sign_in(client, email="nobody@acme.example", password="for nobody")
    assert hashed == ["for alice", "for nobody"]


def test_what_is_missing_is_named_in_the_summary_and_at_its_field(client: Client, account: Account):
    page = try_to_sign_in(client, email="alice", password="").content.decode()
    for field, message in (
        ("id_login", "Enter an email address such as name@example.com."),
        ("id_password", "Enter your password."),
    ):
        assert f'<a href="#{field}">{message}</a>' in page
        assert f'id="{field}_error"' in page
        assert f'aria-describedby="{field}_error"' in page
    assert 'value="alice"' in page
    assert MISMATCH not in page


@pytest.mark.parametrize("next_url", ["/?from=sign-in", "http://testserver/overview?tab=keys"])
def test_next_is_followed_to_an_address_of_ours(client: Client, account: Account, next_url: str):
    page = client.get("/sign-in", {"next": next_url}).content.decode()
    assert f'<input type="hidden" name="next" value="{next_url}">' in page
    assert try_to_sign_in(client, data={"next": next_url}).headers["Location"] == next_url


@pytest.mark.parametrize(
    "next_url",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "///evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        " https://evil.example/",
    ],
)
def test_next_is_never_followed_elsewhere(client: Client, account: Account, next_url: str):
    fields = re.findall(r'name="next" value="([^"]*)"', client.get("/sign-in", {"next": next_url}).content.decode())
    assert [url for url in fields if not url.startswith("/sign-in?next=")] == []  # the theme's form leads back here
    assert try_to_sign_in(client, data={"next": next_url}).headers["Location"] == "/overview"


def test_who_is_signed_in_is_sent_on(client: Client, account: Account):
    try_to_sign_in(client)
    assert client.get("/sign-in").headers["Location"] == "/overview"
    assert client.get("/sign-in?next=/sign-in").headers["Location"] == "/sign-in"  # which sends on, as above


def test_a_form_from_elsewhere_is_refused(account: Account):
    client = Client(enforce_csrf_checks=True)
    assert try_to_sign_in(client).status_code == 403
    assert not is_signed_in(client)


def test_the_password_is_hidden_from_error_reports(client: Client, db, rf):
    request = rf.post("/sign-in", {"login": "alice@acme.example", "password": PASSWORD})
    request.user = make_user("bob@acme.example")
    SignIn.as_view()(request)
    assert "password" in request.sensitive_post_parameters


# --- staying signed in ---------------------------------------------------------------------------


def test_who_asks_stays_signed_in_for_thirty_days(client: Client, account: Account):
    assert 'name="remember"' in client.get("/sign-in").content.decode()
    try_to_sign_in(client, data={"remember": "on"})
    assert client.cookies["sessionid"]["max-age"] == 30 * 24 * 3600


def test_who_does_not_is_signed_out_when_the_browser_closes(client: Client, account: Account):
    try_to_sign_in(client)
    assert client.cookies["sessionid"]["max-age"] == ""


# --- an address that is not confirmed ------------------------------------------------------------


def test_an_unconfirmed_address_gets_a_mail_instead_of_a_session(client: Client, account: Account, mailoutbox):
    EmailAddress.objects.update(verified=False)
    response = try_to_sign_in(client)
    assert (response.status_code, response.headers["Location"]) == (302, "/confirm-email")
    assert "alice@acme.example" in client.get("/confirm-email").content.decode()
    assert [mail.to for mail in mailoutbox] == [["alice@acme.example"]]
    assert not is_signed_in(client)


# --- the limit -----------------------------------------------------------------------------------


def test_after_ten_failures_for_one_email_the_next_try_is_refused_from_wherever_it_comes(
    client: Client, account: Account
):
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False):
        for number in range(10):
            response = try_to_sign_in(client, password="wrong", REMOTE_ADDR=f"192.0.2.{number}")
            assert response.status_code == 200
        response = try_to_sign_in(client, REMOTE_ADDR="192.0.2.99")  # the right password, too late
        page = response.content.decode()
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "900"
    assert "<h2>Too many attempts</h2>" in page
    assert "Too many failed attempts: 10 in 15 minutes." in page
    assert 'value="alice@acme.example"' in page
    assert PASSWORD not in page
    assert not is_signed_in(client)


def test_tries_that_succeed_do_not_count(client: Client, account: Account):
    for _ in range(11):
        assert try_to_sign_in(Client()).status_code == 302


def test_a_success_in_between_does_not_forgive_the_failures(client: Client, account: Account):
    for _ in range(9):
        try_to_sign_in(client, password="wrong")
    assert try_to_sign_in(Client()).status_code == 302
    try_to_sign_in(client, password="wrong")
    assert try_to_sign_in(client).status_code == 429


def test_other_people_are_not_kept_out_by_it(client: Client, account: Account):
    make_user("bob@acme.example", account)
    for number in range(11):
        try_to_sign_in(client, password="wrong", REMOTE_ADDR=f"192.0.2.{number}")
    assert try_to_sign_in(client, email="bob@acme.example", REMOTE_ADDR="192.0.2.99").status_code == 302


def test_neither_another_spelling_nor_another_name_of_this_server_gives_further_tries(
    client: Client, account: Account, settings
):
    settings.ALLOWED_HOSTS = ["testserver", "localhost"]
    for number in range(10):
        try_to_sign_in(client, password="wrong", REMOTE_ADDR=f"192.0.2.{number}")
    for spelling in (" ALICE@acme.example", "alice@ACME.example"):
        response = try_to_sign_in(client, email=spelling, REMOTE_ADDR="192.0.2.99", headers={"host": "localhost"})
        assert response.status_code == 429


def test_after_ten_failures_from_one_address_the_next_is_refused_whatever_the_email(client: Client, account: Account):
    for number in range(10):
        assert try_to_sign_in(client, email=f"nobody{number}@acme.example").status_code == 200
    assert try_to_sign_in(client).status_code == 429
    assert try_to_sign_in(client, REMOTE_ADDR="192.0.2.1").status_code == 302


@pytest.mark.parametrize(("proxies", "forwarded"), [(0, "198.51.100.{}"), (1, "198.51.100.{}, 203.0.113.7")])
def test_a_made_up_address_gives_no_further_tries(
    client: Client, account: Account, settings, proxies: int, forwarded: str
):
    settings.TRUSTED_PROXIES = proxies
    statuses = [
        try_to_sign_in(
            client, email=f"nobody{number}@acme.example", headers={"X-Forwarded-For": forwarded.format(number)}
        ).status_code
        for number in range(11)
    ]
    assert statuses == [200] * 10 + [429]


def test_behind_our_proxy_each_address_has_its_own_tries(client: Client, account: Account, settings):
    settings.TRUSTED_PROXIES = 1
    statuses = [
        try_to_sign_in(client, email=f"nobody{number}@acme.example", headers={"X-Forwarded-For": address}).status_code
        for number, address in enumerate(["203.0.113.1"] * 11 + ["203.0.113.2"])
    ]
    assert statuses == [200] * 10 + [429, 200]


def test_who_is_stopped_by_address_does_not_use_up_the_tries_of_an_email(client: Client, account: Account):
    for _ in range(12):
        try_to_sign_in(client, email="nobody@acme.example", password="wrong")
    for _ in range(12):
        assert try_to_sign_in(client, password="wrong").status_code == 429
    assert try_to_sign_in(client, REMOTE_ADDR="192.0.2.1").status_code == 302


def test_thirty_tries_a_minute_from_one_address_are_the_most(client: Client, account: Account):
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False):
        for _ in range(30):
            assert try_to_sign_in(Client()).status_code == 302
        response = try_to_sign_in(client)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "60")
    assert "Too many requests" in response.content.decode()
    assert not is_signed_in(client)


def test_looking_at_the_page_is_not_a_try(client: Client, account: Account):
    for _ in range(11):
        assert client.get("/sign-in").status_code == 200
    assert try_to_sign_in(client).status_code == 302


def test_the_next_try_is_welcome_when_the_page_says(client: Client, account: Account):
    with time_machine.travel("2026-01-08T10:00:30Z", tick=False) as clock:
        for _ in range(11):
            response = try_to_sign_in(client, password="wrong")
        clock.shift(int(response.headers["Retry-After"]) - 1)
        assert try_to_sign_in(client).status_code == 429
        clock.shift(1)
        assert try_to_sign_in(client).status_code == 302


# --- signing out ---------------------------------------------------------------------------------


def test_signing_out_ends_the_session_and_leads_home(client: Client, account: Account):
    try_to_sign_in(client)
    response = client.post("/sign-out")
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert not is_signed_in(client)


def test_a_link_cannot_sign_anybody_out(client: Client, account: Account):
    try_to_sign_in(client)
    assert client.get("/sign-out").status_code == 405
    assert is_signed_in(client)


def test_signing_out_needs_our_own_form(account: Account):
    client = Client(enforce_csrf_checks=True)
    client.force_login(account.memberships.get().user)
    assert client.post("/sign-out").status_code == 403
    assert is_signed_in(client)
