"""Passkeys on the security page: added by who confirmed, named, and gone when they are removed."""

import json
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from fido2.utils import websafe_encode

from accounts.errors import NothingToChange
from accounts.models import Account, AuditEntry, User
from accounts.services.second_factor import MAX_PASSKEYS, add_passkey, turn_on_app
from tests.factories import PASSWORD, make_user
from tests.support.passkeys import (
    ADD,
    SECURITY,
    Device,
    add,
    by_password,
    is_signed_in,
    options_of,
    sign_in,
    text_of,
)  # fmt: skip
from tests.support.totp import code_of

pytestmark = pytest.mark.django_db

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def kinds() -> list[str]:
    return list(Authenticator.objects.order_by("type").values_list("type", flat=True))


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_the_first_one_turns_the_second_factor_on_and_brings_recovery_codes(confirmed: Client, alice: User):
    elsewhere = Client()
    elsewhere.force_login(alice)
    assert is_signed_in(elsewhere)
    page = confirmed.get(ADD)
    assert "Adding a passkey turns on two-factor sign-in" in text_of(page)
    options = options_of(page)
    assert options["rp"] == {"id": "testserver", "name": "Utterance"}
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    before = confirmed.cookies["sessionid"].value
    response = add(confirmed, Device())
    codes = re.findall(r"<li>(\d{8})</li>", text_of(response))
    assert len(set(codes)) == 10
    assert kinds() == ["recovery_codes", "webauthn"]
    assert actions() == ["two_factor.passkey_added"]
    assert [message.subject for message in mail.outbox] == ["A passkey was added"]
    assert "The passkey “Phone” was set up" in mail.outbox[0].body
    assert confirmed.cookies["sessionid"].value != before, "the session gets a new name"
    assert not is_signed_in(elsewhere)
    security = text_of(confirmed.get(SECURITY))
    assert "Phone" in security
    assert "not yet" in security
    assert "10 of 10 left" in security


def test_another_one_brings_no_codes_and_signs_nobody_out(confirmed: Client, device: Device):
    before = set(Authenticator.objects.values_list("pk", flat=True))
    elsewhere = Client()
    assert sign_in(elsewhere, device).headers["Location"] == "/overview"
    assert add(confirmed, Device(), "Laptop").headers["Location"] == SECURITY
    assert set(Authenticator.objects.values_list("pk", flat=True)) > before, "the codes stay as they are"
    assert "“Laptop” was added" in text_of(confirmed.get(SECURITY))
    assert is_signed_in(elsewhere)


def test_an_app_beside_a_passkey_leaves_the_recovery_codes_alone(confirmed: Client, device: Device):
    codes = Authenticator.objects.get(type="recovery_codes").pk
    (secret,) = re.findall(r'id="secret"\s+value="(\w+)"', text_of(confirmed.get("/settings/security/app")))
    answer = confirmed.post("/settings/security/app", {"code": code_of(secret)})
    assert answer.headers["Location"] == SECURITY
    assert Authenticator.objects.get(type="recovery_codes").pk == codes
    assert "a passkey or a recovery code" in text_of(confirmed.get("/settings/security/app/off"))
    confirmed.post("/settings/security/app/off")
    assert kinds() == ["recovery_codes", "webauthn"]


def test_what_a_browser_sends_along_is_not_kept(confirmed: Client):
    add(confirmed, Device(), clientExtensionResults={"note": "\0" * 100}, more="x" * 1000)
    (kept,) = Authenticator.objects.filter(type="webauthn").values_list("data", flat=True)
    assert set(kept) == {"name", "credential"}
    assert set(kept["credential"]) == {"id", "rawId", "type", "response"}
    assert set(kept["credential"]["response"]) == {"clientDataJSON", "attestationObject"}


def test_the_same_answer_adds_nothing_twice(confirmed: Client, alice: User, device: Device):
    credential = device.make(options_of(confirmed.get(ADD)))
    data = {"name": "Again", "credential": json.dumps(credential)}
    assert confirmed.post(ADD, data).headers["Location"] == SECURITY
    assert "already added that passkey" in text_of(confirmed.get(SECURITY))
    assert "was not accepted" in text_of(confirmed.post(ADD, data)), "its challenge is used up"
    assert kinds() == ["recovery_codes", "webauthn"]


def test_there_are_at_most_twenty(alice: User):
    for number in range(MAX_PASSKEYS):
        add_passkey(user=alice, name=f"Key {number}", credential={"id": str(number)})
    with pytest.raises(NothingToChange, match="You have 20 passkeys"):
        add_passkey(user=alice, name="One more", credential={"id": "more"})
    assert kinds().count("webauthn") == MAX_PASSKEYS


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "a\0b"])
def test_a_passkey_has_a_name(confirmed: Client, name: str):
    response = add(confirmed, Device(), name)
    assert response.status_code == 200
    assert "The passkey was not added" in text_of(response)
    assert kinds() == []


def credential_with(**response: Any) -> str:
    return json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": response})


CLIENT_DATA = websafe_encode(b'{"type":"webauthn.create","challenge":"AA","origin":"https://testserver"}')
GARBAGE = [
    "", "x", "null", "[]", "7", '"id"', "{}", '{"id": 7}', '{"response": []}', "\0", "[" * 20_000,
    json.dumps({"id": "A" * 70_000}),
    credential_with(),
    credential_with(clientDataJSON="AA", attestationObject="AA").replace("public-key", "none"),
    credential_with(clientDataJSON="e30", attestationObject="oA"),
    credential_with(clientDataJSON="W10", attestationObject="gA"),
    credential_with(clientDataJSON="e30", authenticatorData="AA", signature="AA", userHandle="AA"),
    credential_with(clientDataJSON="e30", authenticatorData="A" * 60, signature="AA", userHandle="ä"),
    credential_with(userHandle=["AA"]),
    credential_with(clientDataJSON=CLIENT_DATA, attestationObject=websafe_encode(b"\x1b")),  # a number that is cut off
    credential_with(clientDataJSON=CLIENT_DATA, attestationObject=websafe_encode(b"\x81" * 30_000)),  # lists in lists
    credential_with(
        clientDataJSON=CLIENT_DATA, signature="AA", userHandle="AA",
        authenticatorData=websafe_encode(bytes(32) + b"\x85" + bytes(4) + b"\x81" * 30_000),
    ),
]  # fmt: skip


@pytest.mark.parametrize("credential", GARBAGE)
def test_what_is_no_passkey_is_refused_everywhere(confirmed: Client, alice: User, credential: str):
    confirmed.get(ADD)
    assert "The passkey was not added" in text_of(confirmed.post(ADD, {"name": "Phone", "credential": credential}))
    assert kinds() == []
    visitor = Client()
    visitor.post("/sign-in/passkey/options")
    assert visitor.post("/sign-in/passkey", {"credential": credential}).headers["Location"] == "/sign-in"
    turn_on_app(user=alice, secret=SECRET)
    by_password(visitor)
    visitor.get("/sign-in/code")
    answer = visitor.post("/sign-in/code", {"credential": credential})
    assert answer.status_code == 200
    assert "You are not signed in yet" in text_of(answer)
    assert not is_signed_in(visitor)


@pytest.mark.parametrize("device", [Device(origin="https://evil.example"), Device(verifies=False)])
def test_another_site_and_a_device_that_asks_nobody_make_none(confirmed: Client, device: Device):
    assert "was not accepted" in text_of(add(confirmed, device))
    assert kinds() == []


def test_nothing_is_added_or_removed_before_it_is_confirmed(confirmed: Client, alice: User, device: Device):
    passkey = Authenticator.objects.get(type="webauthn")
    later = Client()
    assert sign_in(later, device).status_code == 302
    for path in (ADD, f"{SECURITY}/passkeys/{passkey.pk}/remove"):
        assert later.get(path).headers["Location"].startswith("/settings/confirm/code?next=")
        assert later.post(path).headers["Location"].startswith("/settings/confirm/code?next=")
    assert kinds() == ["recovery_codes", "webauthn"]


def test_it_confirms_what_was_asked_for(alice: User, device: Device):
    passkey = Authenticator.objects.get(type="webauthn")
    path = f"{SECURITY}/passkeys/{passkey.pk}/remove"
    client = Client()
    sign_in(client, device)
    way = client.post(path).headers["Location"]
    page = client.get(way)
    assert "use a passkey" in text_of(page)
    wrong = client.post("/settings/confirm/passkey", {"credential": "7", "next": path})
    assert wrong.headers["Location"] == way
    page = client.get(way)
    assert "The passkey was not accepted." in text_of(page)
    assert kinds() == ["recovery_codes", "webauthn"]
    credential = json.dumps(device.sign(options_of(page)))
    client.post("/settings/confirm/passkey", {"credential": credential, "next": path})
    assert kinds() == [], "the form that waited was sent on"


def test_the_last_one_takes_the_codes_along_and_is_told(confirmed: Client, device: Device):
    add(confirmed, Device(), "Laptop")
    first, last = Authenticator.objects.filter(type="webauthn").order_by("pk")
    assert "It will stop working immediately." in text_of(confirmed.get(f"{SECURITY}/passkeys/{first.pk}/remove"))
    confirmed.post(f"{SECURITY}/passkeys/{first.pk}/remove")
    assert kinds() == ["recovery_codes", "webauthn"]
    assert sign_in(Client(), device).headers["Location"] == "/sign-in"
    assert "your only second factor" in text_of(confirmed.get(f"{SECURITY}/passkeys/{last.pk}/remove"))
    confirmed.post(f"{SECURITY}/passkeys/{last.pk}/remove")
    assert kinds() == []
    assert actions()[-2:] == ["two_factor.passkey_removed"] * 2
    assert mail.outbox[-1].subject == "A second factor was removed"
    assert "“Laptop”" in mail.outbox[-1].body
    assert by_password(Client()).headers["Location"] == "/overview"


def test_a_passkey_gets_another_name(confirmed: Client, device: Device):
    path = f"{SECURITY}/passkeys/{Authenticator.objects.get(type='webauthn').pk}/rename"
    assert 'value="Phone"' in text_of(confirmed.get(path))
    assert "Enter a name for the passkey." in text_of(confirmed.post(path, {"name": ""}))
    assert confirmed.post(path, {"name": "<b>Old</b> phone"}).headers["Location"] == SECURITY
    assert "&lt;b&gt;Old&lt;/b&gt; phone" in confirmed.get(SECURITY).content.decode()
    assert sign_in(Client(), device).headers["Location"] == "/overview"


def test_somebody_elses_is_not_there(confirmed: Client, device: Device, account: Account):
    other = Client()
    other.force_login(make_user("bob@acme.example", account))
    other.post("/settings/confirm", {"password": PASSWORD, "next": ADD})
    passkey = Authenticator.objects.get(type="webauthn")
    assert "Phone" not in text_of(other.get(SECURITY))
    for what in ("rename", "remove"):
        path = f"{SECURITY}/passkeys/{passkey.pk}/{what}"
        assert other.get(path).status_code == other.post(path, {"name": "Mine"}).status_code == 404
    passkey.refresh_from_db()
    assert passkey.data["name"] == "Phone"


@pytest.mark.parametrize(
    ("host", "is_possible"),
    [("testserver", True), ("localhost:8000", True), ("127.0.0.1:8000", False), ("[::1]:8000", False)],
)
def test_an_ip_address_has_no_passkeys_and_says_so(confirmed: Client, settings, host: str, is_possible: bool):
    settings.ALLOWED_HOSTS = ["*"]
    assert ("data-passkey" in text_of(confirmed.get(ADD, headers={"host": host}))) == is_possible
    assert ("Passkeys require a host name" in text_of(confirmed.get(ADD, headers={"host": host}))) != is_possible
    assert ("passkey" in text_of(Client().get("/sign-in", headers={"host": host}))) == is_possible
