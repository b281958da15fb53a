"""Another email or password asks for the second factor of who has one: a password that leaked is not enough."""

import json
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from accounts.services.second_factor import turn_on_app
from tests.factories import PASSWORD
from tests.support.mail_links import path_in
from tests.support.passkeys import ALICE, Device, options_of, text_of
from tests.support.totp import code_of

pytestmark = pytest.mark.django_db

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NEW, BETTER = "alice@new.example", "another good long sentence"
CONFIRM = "/settings/confirm/code"
EMAIL = ("/settings/email", {"email": NEW, "current": PASSWORD})
PASSWORD_FORM = ("/settings/password", {"current": PASSWORD, "password": BETTER})
both = pytest.mark.parametrize(("path", "form"), [EMAIL, PASSWORD_FORM], ids=["email", "password"])


@pytest.fixture
def with_app(client: Client, alice: User) -> Client:
    """Signed in, with an authenticator app; confirmed nothing yet."""
    turn_on_app(user=alice, secret=SECRET)
    client.force_login(alice)
    return client


@pytest.fixture
def with_passkey(device: Device, alice: User) -> Client:
    """Signed in on another browser than the one that made the passkey; there is no app."""
    client = Client()
    client.force_login(alice)
    assert not Authenticator.objects.filter(user=alice, type=Authenticator.Type.TOTP).exists()
    return client


def confirm(client: Client, code: str) -> Any:
    return client.post(CONFIRM, {"code": code, "next": "/settings"})


def confirm_by_passkey(client: Client, device: Device) -> Any:
    options = options_of(client.get(f"{CONFIRM}?next=/settings"))
    credential = json.dumps(device.sign(options))
    return client.post("/settings/confirm/passkey", {"credential": credential, "next": "/settings"})


def is_unchanged(alice: User) -> bool:
    """No other email or password, no mail, nothing in the audit trail about either."""
    alice.refresh_from_db()
    audited = AuditEntry.objects.filter(action__startswith="user.").exists()
    return alice.email == ALICE and alice.check_password(PASSWORD) and not audited and not mail.outbox


def asks_to_confirm(response: Any) -> bool:
    return bool(response.status_code == 302 and response.headers["Location"] == f"{CONFIRM}?next=%2Fsettings")


@both
def test_the_password_alone_changes_nothing(with_app: Client, alice: User, path: str, form: dict[str, str]):
    assert asks_to_confirm(with_app.post(path, form))
    assert is_unchanged(alice)
    with_app.post("/settings/confirm", {"password": PASSWORD, "next": "/settings"})
    assert asks_to_confirm(with_app.post(path, form)), "the password does not stand for the factor"
    assert is_unchanged(alice)


@both
def test_nor_does_it_of_somebody_with_a_passkey_alone(
    with_passkey: Client, alice: User, path: str, form: dict[str, str]
):
    assert asks_to_confirm(with_passkey.post(path, form))
    with_passkey.post("/settings/confirm", {"password": PASSWORD, "next": "/settings"})
    assert asks_to_confirm(with_passkey.post(path, form))
    assert is_unchanged(alice)


def test_the_page_asks_before_anything_is_typed(with_app: Client):
    page = text_of(with_app.get("/settings"))
    assert f'href="{CONFIRM}?next=/settings"' in page
    assert 'name="current"' not in page
    assert "Account name" in page, "the rest of the page is there"
    assert confirm(with_app, code_of(SECRET)).headers["Location"] == "/settings"
    page = text_of(with_app.get("/settings"))
    assert page.count('name="current"') == 2
    assert CONFIRM not in page


def test_after_a_code_the_email_is_changed_as_ever(with_app: Client, alice: User):
    with_app.post(*EMAIL)
    confirm(with_app, code_of(SECRET))
    assert is_unchanged(alice), "what was sent before is not sent on: it held the password"
    assert with_app.post(*EMAIL).headers["Location"] == "/settings"
    (message,) = mail.outbox
    assert Client().post(path_in(message, "/settings/email/")).status_code == 302
    alice.refresh_from_db()
    assert alice.email == NEW


def test_after_a_code_the_password_is_changed_as_ever(with_app: Client, alice: User):
    confirm(with_app, code_of(SECRET))
    assert with_app.post(*PASSWORD_FORM).headers["Location"] == "/settings"
    alice.refresh_from_db()
    assert alice.check_password(BETTER)
    assert [message.subject for message in mail.outbox] == ["Your password was changed"]


def test_a_passkey_confirms_as_well(with_passkey: Client, device: Device, alice: User):
    assert confirm_by_passkey(with_passkey, device).headers["Location"] == "/settings"
    assert with_passkey.post(*PASSWORD_FORM).headers["Location"] == "/settings"
    alice.refresh_from_db()
    assert alice.check_password(BETTER)


def test_somebody_else_s_passkey_confirms_nothing(with_passkey: Client, device: Device, alice: User):
    confirm_by_passkey(with_passkey, Device())
    assert asks_to_confirm(with_passkey.post(*PASSWORD_FORM))
    assert is_unchanged(alice)


@both
def test_a_confirmation_is_over_after_five_minutes(with_app: Client, alice: User, path: str, form: dict[str, str]):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        confirm(with_app, code_of(SECRET))
        clock.shift(301)
        assert asks_to_confirm(with_app.post(path, form))
    assert is_unchanged(alice)


@both
def test_wrong_codes_are_counted_and_the_right_one_then_waits(
    with_app: Client, alice: User, path: str, form: dict[str, str]
):
    for _ in range(10):
        confirm(with_app, "000000")
        assert asks_to_confirm(with_app.post(path, form))
    assert confirm(with_app, code_of(SECRET)).status_code == 429
    assert asks_to_confirm(with_app.post(path, form))
    assert is_unchanged(alice)


@both
def test_a_wrong_password_after_the_code_is_counted_too(with_app: Client, alice: User, path: str, form: dict[str, str]):
    confirm(with_app, code_of(SECRET))
    for _ in range(10):
        with_app.post(path, form | {"current": "wrong"})
    assert "Too many attempts." in text_of(with_app.post(path, form))
    assert is_unchanged(alice)


@both
def test_who_has_no_second_factor_is_not_asked(client: Client, alice: User, path: str, form: dict[str, str]):
    client.force_login(alice)
    assert client.post(path, form).headers["Location"] == "/settings"
    assert len(mail.outbox) == 1
