"""A receiver over TLS on this machine, and the settings under which it may be reached."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from accounts.services.audit import SYSTEM
from tests.factories import make_job
from tests.peers.webhook_receiver import Receiver, authority_file, receiver
from tts.models import JobStatus
from webhooks import transport
from webhooks.models import Delivery, Endpoint
from webhooks.services.endpoints import save_endpoint
from webhooks.ssrf import parse_target


@pytest.fixture
def own_network(settings: Any, tmp_path: Path) -> Iterator[None]:
    """As an operator who wants his own network: loopback, any port that a test takes, and the tests' authority."""
    settings.WEBHOOK_ALLOW_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    settings.WEBHOOK_PORTS = range(1, 65536)
    settings.WEBHOOK_CA_FILE = str(authority_file(tmp_path))
    transport._make_pool.cache_clear()
    yield
    transport.close_connections()


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


def make_delivery(account: Account, *, state: str = "pending", **fields: Any) -> Delivery:
    """An event of a job that failed, as `record_job_event` would write it."""
    now = timezone.now()
    job = make_job(account, status=JobStatus.FAILED, error_code="GENERATION_FAILED", finished_at=now)
    is_pending = state == "pending"
    values = {
        "event": "job.failed",
        "job_id": job.pk,
        "receiver": parse_target(Endpoint.objects.get(account=account).url).receiver,
        "next_attempt_at": now if is_pending else None,
        "finished_at": None if is_pending else now,
    } | fields
    return Delivery.objects.create(account=account, state=state, **values)
