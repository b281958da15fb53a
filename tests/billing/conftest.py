"""An account that pays as it goes, and one Stripe peer that all tests share: each test makes its own customers."""

from collections.abc import Iterator

import pytest

from accounts.models import Account
from billing import gateway
from tests.factories import make_account
from tests.peers.fault_proxy import FaultProxy, fault_proxy
from tests.peers.stripe_helpers import SECRET
from tests.peers.stripe_peer import API_KEY, StripePeer, stripe_peer


@pytest.fixture
def acme(db: None) -> Account:
    return make_account("Acme", plan="payg", credits=0)


@pytest.fixture(scope="session")
def stripe_process() -> Iterator[StripePeer]:
    with stripe_peer() as peer:
        yield peer


@pytest.fixture
def stripe_keys(settings) -> None:
    settings.STRIPE_API_KEY = API_KEY
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]


@pytest.fixture
def stripe(stripe_process: StripePeer, stripe_keys: None, settings) -> StripePeer:
    """It answers the SDK; its events wait to be fetched."""
    settings.STRIPE_API_BASE = stripe_process.url
    stripe_process.press("endpoint", {"url": "", "secret": ""})
    return stripe_process


@pytest.fixture
def delivering_stripe(committed_db: None, stripe: StripePeer, live_server) -> StripePeer:
    """It posts its events to our webhook, over HTTP."""
    stripe.deliver_to(f"{live_server.url}/webhooks/stripe/", secret=SECRET)
    return stripe


@pytest.fixture
def faulty(stripe: StripePeer, settings, monkeypatch) -> Iterator[FaultProxy]:
    """Stripe's peer behind a proxy that loses, delays, cuts and garbles its answers when it is told to."""
    monkeypatch.setattr(gateway, "ANSWER_SECONDS", 0.5)
    with fault_proxy(stripe.url) as proxy:
        settings.STRIPE_API_BASE = proxy.url
        yield proxy
