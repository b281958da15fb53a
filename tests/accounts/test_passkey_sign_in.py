"""Signing in with a passkey: alone, or as the second factor beside a password."""

import json
import re

import pytest
from django.test import Client

from accounts.models import Account, User
from tests.factories import PASSWORD, make_user
from tests.support.passkeys import ADD, Device, add, by_password, is_signed_in, options_of, sign_in, text_of

pytestmark = pytest.mark.django_db


def test_a_passkey_alone_signs_in_and_leads_to_what_was_asked_for(alice: User, device: Device):
    client = Client()
    assert "data-options-url" in text_of(client.get("/sign-in"))
    options = client.post("/sign-in/passkey/options")
    assert "no-store" in options.headers["Cache-Control"]
    assert options.json()["userVerification"] == "required"
    assert options.json().get("allowCredentials", []) == [], "it does not say who has which"
    before = client.cookies["sessionid"].value
    response = sign_in(client, device, next="/keys", remember="on")
    assert response.headers["Location"] == "/keys"
    assert is_signed_in(client)
    assert client.cookies["sessionid"].value != before
    assert client.session.get_expiry_age() == 30 * 24 * 3600
    assert "not yet" not in text_of(client.get("/settings/security"))


def test_without_the_box_it_lasts_until_the_browser_closes_and_leads_nowhere_else(device: Device):
    client = Client()
    assert sign_in(client, device, next="https://evil.example/").headers["Location"] == "/overview"
    assert client.session.get_expire_at_browser_close()


def test_a_signature_is_good_for_one_challenge_of_one_session(alice: User, device: Device):
    client, other = Client(), Client()
    options = client.post("/sign-in/passkey/options").json()
    data = {"credential": json.dumps(device.sign(options)), "next": "/keys"}
    other.post("/sign-in/passkey/options")
    assert other.post("/sign-in/passkey", data).headers["Location"] == "/sign-in?next=%2Fkeys"
    assert "The passkey was not accepted." in text_of(other.get("/sign-in"))
    assert client.post("/sign-in/passkey", data).headers["Location"] == "/keys"
    client.post("/sign-out")
    assert client.post("/sign-in/passkey", data).headers["Location"] == "/sign-in?next=%2Fkeys"
    assert not is_signed_in(client)
    assert not is_signed_in(other)


def test_unknown_disabled_and_made_up_get_the_same_answer(alice: User, device: Device, account: Account):
    stranger, bob = Device(), make_user("bob@acme.example", account)
    stranger.user_handle = device.user_handle
    impostor = Device()
    impostor.credential_id, impostor.user_handle = device.credential_id, device.user_handle
    sign_in(Client(), device)
    told = set()
    for unknown in (stranger, impostor, Device(origin="https://evil.example")):
        client = Client()
        assert sign_in(client, unknown).headers["Location"] == "/sign-in"
        told.add(re.sub(r'value="\w{64}"|=\w{64}', "", text_of(client.get("/sign-in"))))
    User.objects.filter(pk=alice.pk).update(is_active=False)
    client = Client()
    assert sign_in(client, device).headers["Location"] == "/sign-in"
    told.add(re.sub(r'value="\w{64}"|=\w{64}', "", text_of(client.get("/sign-in"))))
    assert len(told) == 1
    assert bob.is_active


def test_tries_are_counted_by_address(device: Device):
    client = Client()
    for _ in range(10):
        assert client.post("/sign-in/passkey", {"credential": "{}"}).status_code == 302
    assert sign_in(client, device).status_code == 429
    assert not is_signed_in(client)
    assert sign_in(Client(REMOTE_ADDR="192.0.2.7"), device).headers["Location"] == "/overview"


def test_it_is_the_second_factor_beside_a_password(alice: User, device: Device):
    client = Client()
    assert by_password(client).headers["Location"] == "/sign-in/code"
    assert not is_signed_in(client)
    page = client.get("/sign-in/code")
    assert "Use your passkey" in text_of(page)
    assert "enter the code from your authenticator app" not in text_of(page)
    options = options_of(page)
    assert len(options["allowCredentials"]) == 1
    response = client.post("/sign-in/code", {"credential": json.dumps(device.sign(options))})
    assert response.headers["Location"] == "/overview"
    assert is_signed_in(client)


def test_a_recovery_code_helps_who_lost_it(confirmed: Client):
    (code, *_) = re.findall(r"<li>(\d{8})</li>", text_of(add(confirmed, Device())))
    client = Client()
    by_password(client)
    assert client.post("/sign-in/code", {"code": code}).headers["Location"] == "/overview"


def test_somebody_elses_passkey_is_no_second_factor_of_mine(confirmed: Client, device: Device, account: Account):
    bob = make_user("bob@acme.example", account)
    other = Client()
    other.force_login(bob)
    other.post("/settings/confirm", {"password": PASSWORD, "next": ADD})
    bobs = Device()
    add(other, bobs)
    client = Client()
    by_password(client)
    credential = bobs.sign(options_of(client.get("/sign-in/code")))
    answer = client.post("/sign-in/code", {"credential": json.dumps(credential)})
    assert "The passkey was not accepted." in text_of(answer)
    assert not is_signed_in(client)


def test_the_eleventh_wrong_one_is_not_looked_at(alice: User, device: Device):
    wrong = json.dumps(device.sign({"rpId": "testserver", "challenge": "AA"}))
    for number in range(10):
        client = Client(REMOTE_ADDR=f"192.0.2.{number}")
        by_password(client)
        assert client.post("/sign-in/code", {"credential": wrong}).status_code == 200
    client = Client(REMOTE_ADDR="192.0.2.99")
    by_password(client)
    credential = json.dumps(device.sign(options_of(client.get("/sign-in/code"))))
    answer = client.post("/sign-in/code", {"credential": credential})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    assert not is_signed_in(client)


def test_options_need_the_token_of_a_form_and_are_counted():
    careful = Client(enforce_csrf_checks=True)
    assert careful.post("/sign-in/passkey/options").status_code == 403
    client = Client()
    for _ in range(30):
        assert client.post("/sign-in/passkey/options").status_code == 200
    assert client.post("/sign-in/passkey/options").status_code == 429
