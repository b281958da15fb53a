"""A receiver over TLS on this machine, and the settings under which it may be reached."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Account
from accounts.services.audit import SYSTEM
from tests.webhooks.receiver import Receiver, authority_file, receiver
from webhooks import client
from webhooks.models import Endpoint
from webhooks.services.endpoints import save_endpoint


@pytest.fixture
def own_network(settings: Any, tmp_path: Path) -> Iterator[None]:
    """As an operator who wants his own network: loopback, any port that a test takes, and the tests' authority."""
    settings.WEBHOOK_ALLOW_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    settings.WEBHOOK_PORTS = range(1, 65536)
    settings.WEBHOOK_CA_FILE = str(authority_file(tmp_path))
    client._pool.cache_clear()
    yield
    client.close_connections()


@pytest.fixture
def hook(own_network: None) -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def endpoint(account: Account, hook: Receiver) -> Endpoint:
    return make_endpoint(account, hook.url)[0]


def make_endpoint(account: Account, url: str) -> tuple[Endpoint, str]:
    saved = save_endpoint(account=account, url=url, actor=SYSTEM, reason="For a test.")
    assert saved.secret is not None
    return saved.endpoint, saved.secret
