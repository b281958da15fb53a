"""Alice of Acme, who has confirmed that it is her, and a device of hers with a passkey."""

import pytest
from django.core import mail
from django.test import Client

from accounts.models import User
from tests.factories import PASSWORD
from tests.support.passkeys import ADD, Device, add


@pytest.fixture
def confirmed(client: Client, alice: User) -> Client:
    """Signed in, and a moment ago again by password."""
    client.force_login(alice)
    assert client.post("/settings/confirm", {"password": PASSWORD, "next": ADD}).headers["Location"] == ADD
    return client


@pytest.fixture
def device(confirmed: Client) -> Device:
    device = Device()
    assert add(confirmed, device).status_code == 200
    mail.outbox.clear()
    return device
