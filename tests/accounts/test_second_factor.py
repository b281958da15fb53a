"""Two-factor sign-in: switched on and off by who confirmed, asked for at every sign-in, and no way round it."""

import base64
import re
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client

from accounts.models import Account, AuditEntry, User
from accounts.services.audit import COMMAND_LINE
from accounts.services.second_factor import take_off_second_factor, turn_on_app
from tests.factories import PASSWORD
from tests.support.mail_links import path_in
from tests.support.passkeys import ALICE, is_signed_in, text_of
from tests.support.totp import code_of

pytestmark = pytest.mark.django_db

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def kinds() -> list[str]:
    return list(Authenticator.objects.order_by("type").values_list("type", flat=True))


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def set_up(client: Client) -> Any:
    page = text_of(client.get("/settings/security/app"))
    (secret,) = re.findall(r'id="secret"\s+value="([A-Z2-7]{32})"', page)
    assert f"secret={secret}" in page
    return secret, client.post("/settings/security/app", {"code": code_of(secret)})


def sign_in(client: Client, **data: str) -> Any:
    return client.post("/sign-in", {"login": ALICE, "password": PASSWORD} | data)


# --- on and off ----------------------------------------------------------------------------------


def test_an_app_is_set_up_and_the_recovery_codes_are_shown_this_once(confirmed: Client, alice: User):
    before = confirmed.cookies["sessionid"].value
    secret, response = set_up(confirmed)
    page = text_of(response)
    codes = re.findall(r"<li>(\d{8})</li>", page)
    assert len(codes) == len(set(codes)) == 10
    (saved,) = re.findall(r'href="data:text/plain;base64,([^"]+)"', page)
    assert base64.b64decode(saved).decode().split()[-10:] == codes
    assert "no-store" in response.headers["Cache-Control"]
    assert kinds() == ["recovery_codes", "totp"]
    assert actions() == ["two_factor.app_on"]
    assert confirmed.cookies["sessionid"].value != before, "the session gets a new name"
    assert [message.subject for message in mail.outbox] == ["An authenticator app was set up"]
    assert path_in(mail.outbox[0], "/settings/") == "/settings/security"
    page = text_of(confirmed.get("/settings/security"))
    assert "10 of 10 left" in page
    assert codes[0] not in page
    assert secret not in str(list(Authenticator.objects.values())), "what is kept is encrypted"


def test_a_wrong_code_turns_nothing_on_and_shows_the_same_secret_again(confirmed: Client):
    page = text_of(confirmed.get("/settings/security/app"))
    response = confirmed.post("/settings/security/app", {"code": "000000"})
    assert "That code is incorrect" in text_of(response)
    (secret,) = set(re.findall(r'id="secret"\s+value="(\w+)"', page + text_of(response)))
    assert kinds() == []
    assert mail.outbox == []
    assert confirmed.post("/settings/security/app", {"code": code_of(secret)}).status_code == 200
    assert kinds() == ["recovery_codes", "totp"]


def test_nothing_changes_before_it_is_confirmed_and_the_form_is_then_sent_on(signed_in: Client, alice: User):
    turn_on_app(user=alice, secret=SECRET)
    for path in ("/settings/security/app", "/settings/security/app/off", "/settings/security/codes"):
        response = signed_in.get(path)
        assert response.headers["Location"].startswith("/settings/confirm/code?next=")
    way = signed_in.post("/settings/security/app/off").headers["Location"]
    assert kinds() == ["recovery_codes", "totp"]
    signed_in.post(way, {"code": "000000", "next": "/settings/security/app/off"})
    assert kinds() == ["recovery_codes", "totp"]
    signed_in.post(way, {"code": code_of(SECRET), "next": "/settings/security/app/off"})
    assert kinds() == []


def test_who_has_a_second_factor_does_not_confirm_by_the_password(signed_in: Client, alice: User):
    turn_on_app(user=alice, secret=SECRET)
    response = signed_in.post("/settings/confirm", {"password": PASSWORD, "next": "/settings/security/app/off"})
    assert response.headers["Location"].startswith("/settings/confirm/code")
    assert signed_in.post("/settings/security/app/off").status_code == 302
    assert kinds() == ["recovery_codes", "totp"]


def test_a_wrong_password_confirms_nothing(signed_in: Client):
    response = signed_in.post("/settings/confirm", {"password": "wrong", "next": "/settings/security/app"})
    assert "Incorrect password." in text_of(response)
    assert signed_in.get("/settings/security/app").status_code == 302


def test_turning_it_off_takes_the_codes_along_and_is_told(confirmed: Client):
    set_up(confirmed)
    assert "Your password alone" in text_of(confirmed.get("/settings/security/app/off"))
    assert kinds() == ["recovery_codes", "totp"]
    assert confirmed.post("/settings/security/app/off").headers["Location"] == "/settings/security"
    assert kinds() == []
    assert actions() == ["two_factor.app_on", "two_factor.app_off"]
    assert mail.outbox[-1].subject == "A second factor was removed"
    assert confirmed.post("/settings/security/app/off").headers["Location"] == "/settings/security"
    assert len(actions()) == len(mail.outbox) == 2, "a second click does nothing"


def test_new_codes_end_the_old_ones(confirmed: Client, client: Client):
    _, response = set_up(confirmed)
    old = re.findall(r"<li>(\d{8})</li>", text_of(response))
    new = re.findall(r"<li>(\d{8})</li>", text_of(confirmed.post("/settings/security/codes")))
    assert not set(old) & set(new)
    assert mail.outbox[-1].subject == "New recovery codes were generated"
    visitor = Client()
    sign_in(visitor)
    assert visitor.post("/sign-in/code", {"code": old[0]}).status_code == 200
    assert visitor.post("/sign-in/code", {"code": new[0]}).status_code == 302


def test_there_are_no_codes_without_a_second_factor(confirmed: Client):
    assert confirmed.post("/settings/security/codes").headers["Location"] == "/settings/security"
    assert (kinds(), actions(), mail.outbox) == ([], [], [])


@pytest.mark.parametrize("path", ["/team/owner", "/settings/data/delete"])
def test_what_cannot_be_taken_back_asks_for_it_beside_the_password(
    signed_in: Client, alice: User, account: Account, path: str
):
    assert signed_in.get(path).status_code == 200, "without one, the password alone"
    turn_on_app(user=alice, secret=SECRET)
    way = f"/settings/confirm/code?next={path.replace('/', '%2F')}"
    assert signed_in.get(path).headers["Location"] == way
    assert signed_in.post(path, {"name": "Acme", "current": PASSWORD}).headers["Location"] == way
    assert PASSWORD not in str(dict(signed_in.session)), "the form is not kept"
    assert not Account.objects.get(pk=account.pk).is_closing
    assert signed_in.post(way, {"code": code_of(SECRET), "next": path}).headers["Location"] == path
    assert signed_in.get(path).status_code == 200


# --- at the sign-in ------------------------------------------------------------------------------


def test_the_password_alone_opens_nothing_and_a_code_opens_what_was_asked_for(client: Client, alice: User):
    turn_on_app(user=alice, secret=SECRET)
    response = sign_in(client, next="/keys", remember="on")
    assert response.headers["Location"] == "/sign-in/code"
    half_way = client.cookies["sessionid"].value
    for path in ("/overview", "/keys", "/settings/security", "/admin/", "/api/user/enterprise/webhook"):
        assert client.get(path).status_code in {302, 401}, path
    page = text_of(client.get("/sign-in/code"))
    assert '<label for="id_code">Code</label>' in page
    assert 'autocomplete="one-time-code"' in page
    response = client.post("/sign-in/code", {"code": code_of(SECRET)})
    assert response.headers["Location"] == "/keys"
    assert is_signed_in(client)
    assert client.cookies["sessionid"].value != half_way
    assert client.session.get_expiry_age() == 30 * 24 * 3600


@pytest.mark.parametrize("code", ["", "000000", "abc", "１２３４５６", "1" * 5000, "\0"])
def test_what_is_no_code_lets_nobody_in(client: Client, alice: User, code: str):
    turn_on_app(user=alice, secret=SECRET)
    sign_in(client)
    response = client.post("/sign-in/code", {"code": code})
    assert response.status_code == 200
    assert "You are not signed in yet" in text_of(response)
    assert not is_signed_in(client)


def test_a_code_of_the_neighbouring_half_minutes_is_taken_and_none_further_off(client: Client, alice: User):
    turn_on_app(user=alice, secret=SECRET)
    with time_machine.travel("2026-01-08T10:00:15Z", tick=False):
        sign_in(client)
        for steps in (-2, 2):
            assert client.post("/sign-in/code", {"code": code_of(SECRET, steps=steps)}).status_code == 200
        assert client.post("/sign-in/code", {"code": code_of(SECRET, steps=-1)}).status_code == 302


def test_a_code_that_was_seen_signs_nobody_in_a_second_time(client: Client, alice: User):
    turn_on_app(user=alice, secret=SECRET)
    with time_machine.travel("2026-01-08T10:00:01Z", tick=False) as clock:
        code = code_of(SECRET, steps=1)
        for seconds, status in ((0, 302), (1, 200), (31, 200), (20, 200)):
            clock.shift(seconds)
            visitor = Client()
            sign_in(visitor)
            assert visitor.post("/sign-in/code", {"code": code}).status_code == status, seconds


def test_a_recovery_code_works_once(client: Client, alice: User):
    codes = turn_on_app(user=alice, secret=SECRET)
    for status in (302, 200):
        visitor = Client()
        sign_in(visitor)
        assert visitor.post("/sign-in/code", {"code": codes[3]}).status_code == status


def test_the_eleventh_wrong_code_is_not_looked_at_and_a_new_password_try_does_not_help(client: Client, alice: User):
    turn_on_app(user=alice, secret=SECRET)
    with time_machine.travel("2026-01-08T10:00:15Z", tick=False) as clock:
        for number in range(10):
            visitor = Client(REMOTE_ADDR=f"192.0.2.{number}")
            sign_in(visitor)
            assert visitor.post("/sign-in/code", {"code": "000000"}).status_code == 200
        visitor = Client(REMOTE_ADDR="192.0.2.99")
        sign_in(visitor)
        response = visitor.post("/sign-in/code", {"code": code_of(SECRET)})
        assert response.status_code == 429
        assert response.headers["Retry-After"] == "900"
        assert "Too many incorrect codes" in text_of(response)
        assert not is_signed_in(visitor)
        clock.shift(901)
        sign_in(visitor)
        assert visitor.post("/sign-in/code", {"code": code_of(SECRET)}).status_code == 302


def test_a_new_password_by_mail_does_not_go_round_it(client: Client, alice: User):
    turn_on_app(user=alice, secret=SECRET)
    client.post("/reset-password", {"email": ALICE})
    response = client.get(path_in(mail.outbox[-1], "/reset-password/"), follow=True)
    client.post(response.redirect_chain[-1][0], {"password1": "another good long sentence"})
    assert not is_signed_in(client)
    assert sign_in(client, password="another good long sentence").headers["Location"] == "/sign-in/code"
    assert not is_signed_in(client)


def test_a_secret_that_cannot_be_read_any_more_matches_no_code(client: Client, alice: User, settings):
    codes = turn_on_app(user=alice, secret=SECRET)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    sign_in(client)
    settings.SECRET_KEY_FALLBACKS = []
    assert client.post("/sign-in/code", {"code": code_of(SECRET)}).status_code != 302
    assert not is_signed_in(client)
    take_off_second_factor(user=alice, actor=COMMAND_LINE, reason="The server has a new key.")
    assert codes
    assert sign_in(client).headers["Location"] == "/overview"
    assert actions()[-1] == "two_factor.taken_off"


def test_who_opens_the_sign_in_half_way_begins_anew(client: Client, alice: User):
    turn_on_app(user=alice, secret=SECRET)
    sign_in(client)
    assert "Sign in" in text_of(client.get("/sign-in"))
    assert client.get("/sign-in/code").headers["Location"] == "/sign-in"
    assert client.post("/sign-in/code", {"code": code_of(SECRET)}).headers["Location"] == "/sign-in"
    assert not is_signed_in(client)


def test_an_old_secret_key_still_reads(client: Client, alice: User, settings):
    turn_on_app(user=alice, secret=SECRET)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    sign_in(client)
    assert client.post("/sign-in/code", {"code": code_of(SECRET)}).status_code == 302
