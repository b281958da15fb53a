"""Where a person is signed in: seen in a list, signed out from there, and nobody else's business."""

import html
import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import SignedInSession, User
from accounts.services.sessions import forget_ended_sessions
from accounts.user_agents import browser_words
from tests.factories import PASSWORD, make_account, make_user
from tests.support.mail_links import path_in

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 "
    "Mobile/15E148 Safari/604.1"
)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


def browser(user_agent: str, address: str = "192.0.2.1", email: str = "alice@acme.example") -> Client:
    client = Client(headers={"User-Agent": user_agent}, REMOTE_ADDR=address)
    response = client.post("/sign-in", {"login": email, "password": PASSWORD})
    assert response.headers["Location"] == "/overview"
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/overview").status_code == 200


def rows_of(client: Client) -> list[str]:
    page = html.unescape(client.get("/settings/security").content.decode())
    table = page[page.index('id="sessions"') :]
    return [" ".join(re.sub("<[^>]+>", " ", row).split()) for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)][
        1:
    ]


def test_each_browser_is_listed_with_its_address_and_when_it_was_seen(alice: User):
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False) as clock:
        phone = browser(IPHONE, "2001:db8::7")
        clock.shift(timedelta(days=1))
        desk = browser(FIREFOX)
        assert rows_of(desk) == [
            "Firefox on Linux 192.0.2.1 Current session",
            "Safari on iPhone 2001:db8::7 8 Jan 2026, 10:00 Sign out Safari on iPhone, 2001:db8::7",
        ]
        clock.shift(timedelta(minutes=6))
        assert is_signed_in(phone)
        assert "9 Jan 2026, 10:06" in " ".join(rows_of(desk))
    assert SignedInSession.objects.count() == 2


def test_one_is_signed_out_from_its_next_request_on(alice: User):
    phone, desk, other = browser(IPHONE), browser(FIREFOX), browser(CHROME)
    row = SignedInSession.objects.get(user_agent=IPHONE)
    response = desk.post(f"/settings/sessions/{row.pk}/end", follow=True)
    assert "Signed out of Safari on iPhone." in response.content.decode()
    assert [is_signed_in(client) for client in (phone, desk, other)] == [False, True, True]
    assert desk.post(f"/settings/sessions/{row.pk}/end").status_code == 404


def test_all_others_are_signed_out_and_this_one_gets_a_new_name(alice: User):
    phone, desk, other = browser(IPHONE), browser(FIREFOX), browser(CHROME)
    before = desk.cookies["sessionid"].value
    desk.post("/settings/sessions/end-others")
    assert [is_signed_in(client) for client in (phone, desk, other)] == [False, True, False]
    assert desk.cookies["sessionid"].value != before
    assert rows_of(desk) == ["Firefox on Linux 192.0.2.1 Current session"]


def test_this_one_is_left_to_the_sign_out(alice: User):
    desk = browser(FIREFOX)
    row = SignedInSession.objects.get()
    response = desk.post(f"/settings/sessions/{row.pk}/end", follow=True)
    assert "This is your current session." in response.content.decode()
    assert is_signed_in(desk)
    desk.post("/sign-out")
    assert not SignedInSession.objects.exists()


def test_somebody_elses_is_not_there(alice: User):
    make_user("charlie@globex.example", make_account("Globex"))
    desk, charlie = browser(FIREFOX), browser(CHROME, email="charlie@globex.example")
    row = SignedInSession.objects.get(user=alice)
    assert charlie.post(f"/settings/sessions/{row.pk}/end").status_code == 404
    charlie.post("/settings/sessions/end-others")
    assert is_signed_in(desk)
    assert "Firefox" not in str(rows_of(charlie))


def test_a_new_password_by_mail_signs_out_everywhere(client: Client, alice: User):
    phone = browser(IPHONE)
    client.post("/reset-password", {"email": alice.email})
    response = client.get(path_in(mail.outbox[-1], "/reset-password/"), follow=True)
    client.post(response.redirect_chain[-1][0], {"password1": "another good long sentence"})
    assert not is_signed_in(phone)
    assert not SignedInSession.objects.exists()


def test_what_is_over_is_not_listed_and_is_forgotten(alice: User):
    browser(IPHONE)
    desk = browser(FIREFOX)
    expired = SignedInSession.objects.get(user_agent=IPHONE)
    Session.objects.filter(pk=expired.session_key).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert rows_of(desk) == ["Firefox on Linux 192.0.2.1 Current session"]
    assert SignedInSession.objects.count() == 1
    browser(CHROME)
    Session.objects.filter(pk=SignedInSession.objects.get(user_agent=CHROME).session_key).delete()
    assert forget_ended_sessions() == 1
    assert Session.objects.count() == SignedInSession.objects.count() == 1


def test_a_page_writes_no_row_each_time(alice: User):
    desk = browser(FIREFOX)
    desk.get("/overview")
    seen = SignedInSession.objects.get().last_seen_at
    desk.get("/overview")
    assert SignedInSession.objects.get().last_seen_at == seen


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (IPHONE, "Safari on iPhone"),
        (CHROME, "Chrome on Windows"),
        (f"{CHROME} Edg/140.0.0.0", "Edge on Windows"),
        ("curl/8.9.1", "curl"),
        ("", "Unknown browser"),
        ("<script>", "Unknown browser"),
    ],
)
def test_browsers_are_called_what_people_call_them(user_agent: str, words: str):
    assert browser_words(user_agent) == words
