"""`/reset-password`: a new password for who reads the mailbox, and nothing told to who does not."""

import re

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.test import Client

from accounts.models import User
from billing.models import LedgerEntry
from tests.factories import PASSWORD, make_account, make_user
from tests.support.mail_links import path_in

ALICE = "alice@acme.example"
NEW = "another sentence that works"


@pytest.fixture
def alice(db) -> User:
    return make_user(ALICE, make_account())


def follow(client: Client, path: str) -> str:
    """The link's key moves into the session; the address that is left may stand in a log."""
    response = client.get(path)
    assert response.status_code == 302
    form = response.headers["Location"]
    assert re.fullmatch(r"/reset-password/[0-9a-f]{32}-set-password", form)
    return str(form)


def is_password(client: Client, password: str) -> bool:
    return client.post("/sign-in", {"login": ALICE, "password": password}).status_code == 302


def test_the_mail_leads_to_a_new_password_and_the_old_one_is_over(client: Client, alice: User, mailoutbox):
    elsewhere = Client()
    elsewhere.force_login(alice)
    response = client.post("/reset-password", {"email": "Alice@Acme.example"})
    assert (response.status_code, response.headers["Location"]) == (302, "/reset-password/sent")
    (sent,) = mailoutbox
    assert (sent.to, sent.subject) == ([ALICE], "Reset your Utterance password")
    path = path_in(sent, "/reset-password/")
    form = follow(client, path)
    page = client.get(form).content.decode()
    assert f"For {ALICE}." in page
    assert "no-store" in client.get(form).headers["Cache-Control"]
    response = client.post(form, {"password1": NEW})
    assert (response.status_code, response.headers["Location"]) == (302, "/reset-password/done")
    assert not is_password(Client(), PASSWORD)
    assert is_password(Client(), NEW)
    assert elsewhere.get("/overview").status_code == 302
    assert Client().get(path).status_code == 404  # it works once


def test_a_password_that_is_too_weak_is_refused_at_its_field(client: Client, alice: User, mailoutbox):
    client.post("/reset-password", {"email": ALICE})
    form = follow(client, path_in(mailoutbox[0], "/reset-password/"))
    page = client.post(form, {"password1": "short"}).content.decode()
    assert '<a href="#id_password1">' in page
    assert "at least 12 characters" in page
    assert is_password(Client(), PASSWORD)


def test_unknown_addresses_get_the_same_answer_and_a_mail_of_their_own(alice: User, mailoutbox):
    answers = []
    for email in (ALICE, "nobody@acme.example"):
        client = Client()
        response = client.post("/reset-password", {"email": email})
        page = client.get(response.headers["Location"]).content
        answers.append((response.status_code, response.headers["Location"], response.content, page))
    assert answers[0] == answers[1]
    assert mailoutbox[1].to == ["nobody@acme.example"]
    assert mailoutbox[1].subject == "No Utterance account for this address"
    assert path_in(mailoutbox[1], "/sign-u") == "/sign-up"


def test_neither_is_told_from_the_other_by_the_time_of_a_hash(alice: User, mailoutbox, monkeypatch):
    hashed: list[str] = []
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda self, password, *rest: hashed.append(password))
    for email in (ALICE, "nobody@acme.example"):
        Client().post("/reset-password", {"email": email})
    assert (hashed, len(mailoutbox)) == ([], 2)


def test_a_disabled_person_gets_no_link(alice: User, mailoutbox):
    User.objects.update(is_active=False)
    Client().post("/reset-password", {"email": ALICE})
    assert [sent.subject for sent in mailoutbox] == ["No Utterance account for this address"]


def test_what_is_no_address_is_said_at_the_field(client: Client, db, mailoutbox):
    page = client.post("/reset-password", {"email": "alice"}).content.decode()
    assert '<a href="#id_email">Enter an email address such as name@example.com.</a>' in page
    assert 'value="alice"' in page
    assert mailoutbox == []


def test_the_sixth_mail_of_a_minute_for_one_address_waits(alice: User, mailoutbox):
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False):
        for _ in range(5):
            assert Client().post("/reset-password", {"email": ALICE}).status_code == 302
        response = Client().post("/reset-password", {"email": ALICE})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "60")
    assert len(mailoutbox) == 5


@pytest.mark.parametrize("link", ["abc-over", "0-0", "zzzz-set-password"])
def test_a_forged_link_changes_nothing(client: Client, alice: User, link: str):
    assert client.get(f"/reset-password/{link}").status_code == 404
    response = client.post(f"/reset-password/{link}", {"password1": NEW})
    assert response.status_code == 404
    assert "This link is no longer valid" in response.content.decode()
    assert is_password(Client(), PASSWORD)


def test_links_end_after_three_days(client: Client, alice: User, mailoutbox):
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False) as clock:
        client.post("/reset-password", {"email": ALICE})
        path = path_in(mailoutbox[0], "/reset-password/")
        clock.shift(3 * 24 * 3600 + 1)
        assert client.get(path).status_code == 404


def test_a_new_password_ends_the_pause_after_too_many_tries(client: Client, alice: User, mailoutbox):
    for number in range(11):
        Client().post("/sign-in", {"login": ALICE, "password": "wrong"}, REMOTE_ADDR=f"192.0.2.{number}")
    assert not is_password(client, PASSWORD)
    client.post("/reset-password", {"email": ALICE})
    client.post(follow(client, path_in(mailoutbox[0], "/reset-password/")), {"password1": NEW})
    assert is_password(client, NEW)


def test_who_resets_has_read_the_mailbox_so_the_address_is_confirmed_and_earns_its_credits(
    client: Client, db, mailoutbox
):
    """Somebody else signed up with Alice's address: the mail lets her throw that password out and have the account."""
    Client().post("/sign-up", {"email": ALICE, "account_name": "Mallory", "password1": PASSWORD})
    client.post("/reset-password", {"email": ALICE})
    client.post(follow(client, path_in(mailoutbox[-1], "/reset-password/")), {"password1": NEW})
    assert EmailAddress.objects.get().verified
    assert LedgerEntry.objects.count() == 1
    assert is_password(Client(), NEW)
    assert not is_password(Client(), PASSWORD)


def test_who_waits_for_the_mail_server_holds_no_connection_to_the_database(
    committed_db: None, client: Client, monkeypatch
):
    make_user(ALICE, make_account())
    held, send = [], EmailMultiAlternatives.send

    def look_and_send(message):
        held.append(connection.connection is not None)
        return send(message)

    monkeypatch.setattr(EmailMultiAlternatives, "send", look_and_send)
    client.post("/reset-password", {"email": ALICE})
    assert held == [False]
