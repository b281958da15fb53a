"""A device that makes and uses passkeys, as WebAuthn (level 3) says: ES256, no attestation. And a browser with it."""

import hashlib
import html
import json
import re
import secrets
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

from tests.factories import PASSWORD

ALICE = "alice@acme.example"
ADD, SECURITY = "/settings/security/passkeys/add", "/settings/security"
ORIGIN = "https://testserver"
FLAG = AuthenticatorData.FLAG


class Device:
    """With one passkey, which it makes when it is asked to."""

    def __init__(self, *, origin: str = ORIGIN, verifies: bool = True) -> None:
        self._origin = origin
        self._flags = FLAG.UP | (FLAG.UV if verifies else FLAG(0))
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = secrets.token_bytes(16)
        self.user_handle = ""

    def make(self, options: dict[str, Any], **more: Any) -> dict[str, Any]:
        """What `navigator.credentials.create` gives for the options of a page, as JSON."""
        self.user_handle = options["user"]["id"]
        public = ES256.from_cryptography_key(self._key.public_key())
        data = AttestedCredentialData.create(bytes(16), self.credential_id, public)
        auth = AuthenticatorData.create(_hash(options["rp"]["id"]), self._flags | FLAG.AT, 0, data)
        client = self._client_data(CollectedClientData.TYPE.CREATE, options)
        return self._credential(
            {
                "clientDataJSON": websafe_encode(client),
                "attestationObject": websafe_encode(AttestationObject.create("none", auth, {})),
                "transports": ["internal"],
            },
            **more,
        )

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.get` gives."""
        auth = AuthenticatorData.create(_hash(options["rpId"]), self._flags, 1)
        client = self._client_data(CollectedClientData.TYPE.GET, options)
        signature = self._key.sign(bytes(auth) + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._credential(
            {
                "clientDataJSON": websafe_encode(client),
                "authenticatorData": websafe_encode(auth),
                "signature": websafe_encode(signature),
                "userHandle": self.user_handle,
            }
        )

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        return bytes(CollectedClientData.create(kind, websafe_decode(options["challenge"]), self._origin))

    def _credential(self, response: dict[str, Any], **more: Any) -> dict[str, Any]:
        name = websafe_encode(self.credential_id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {"credProps": {"rk": True}},
            "response": response,
        } | more


def _hash(rp_id: str) -> bytes:
    return hashlib.sha256(rp_id.encode()).digest()


def text_of(response: Any) -> str:
    return html.unescape(response.content.decode())


def options_of(response: Any) -> dict[str, Any]:
    (found,) = re.findall(r'data-options="([^"]+)"', response.content.decode())
    options: dict[str, Any] = json.loads(html.unescape(found))
    return options


def add(client: Client, device: Device, name: str = "Phone", **more: Any) -> Any:
    credential = device.make(options_of(client.get(ADD)), **more)
    return client.post(ADD, {"name": name, "credential": json.dumps(credential)})


def sign_in(client: Client, device: Device, **data: str) -> Any:
    options = client.post("/sign-in/passkey/options").json()
    return client.post("/sign-in/passkey", {"credential": json.dumps(device.sign(options))} | data)


def by_password(client: Client) -> Any:
    return client.post("/sign-in", {"login": ALICE, "password": PASSWORD})


def is_signed_in(client: Client) -> bool:
    return client.get("/overview").status_code == 200
