"""Stripe for the tests: a process of its own, talked to by the official SDK and talking to our webhook over HTTP."""

import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import free_port
from tests.support.processes import ends_with_parent
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
API_KEY = "sk_test_of_the_tests"
START_SECONDS = 60.0
GOOD_CARD, DECLINED_LATER = "4242424242424242", "4000000000000341"  # the second can be kept, not charged


@dataclass(frozen=True, slots=True)
class StripePeer:
    """`url` is what STRIPE_API_BASE is set to."""

    url: str

    def press(self, button: str, body: Any = None, **query: Any) -> Any:
        """What a customer, a bank or time does at Stripe."""
        response = httpx.post(f"{self.url}/_config/{button}", params=query, json=body, timeout=30)
        response.raise_for_status()
        return response.json() if response.content else None

    def deliver_to(self, url: str, *, secret: str) -> None:
        self.press("endpoint", {"url": url, "secret": secret})

    def pay(self, checkout_url: str, **query: Any) -> Any:
        """Query: status (paid, unpaid), delivers, times, card, tax."""
        return self.press(f"checkout/{checkout_url.rpartition('/')[2]}", **query)


@contextmanager
def stripe_peer() -> Iterator[StripePeer]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="utterance-stripe-") as folder:
        log = Path(folder, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.peers.stripe_program", str(port)], cwd=ROOT, stdout=output,
                stderr=output, preexec_fn=ends_with_parent(signal.SIGKILL),
            )  # fmt: skip
        try:
            wait_for(lambda: process.poll() is not None or _answers(port), "Stripe's peer", seconds=START_SECONDS)
            assert process.poll() is None, log.read_text(errors="replace")[-2000:]
            yield StripePeer(f"http://127.0.0.1:{port}")
        finally:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False
