"""The receivers that docs/webhooks.md shows, run as they stand there, against what we really send."""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from portal.docs.pages import source
from tests.support.ports import free_port
from tests.support.processes import ends_with_parent
from tests.support.waiting import wait_for
from tests.webhooks.conftest import make_endpoint
from webhooks.sender import send_test
from webhooks.services.deliveries import claim_test

pytestmark = pytest.mark.django_db

INTERPRETERS = {"python": (sys.executable, ".py"), "js": ("node", ".mjs")}
Post = Callable[..., int]


@pytest.fixture
def secret(account, hook):
    return make_endpoint(account, hook.url)[1]


@pytest.fixture
def sent(account, hook, secret):
    assert send_test(claim_test(account=account)).is_success
    return hook.received[-1]


@pytest.fixture(params=INTERPRETERS)
def post(request, secret, tmp_path) -> Iterator[Post]:
    """Starts the receiver of one language; calling it sends a body and returns the status, or 0 without an answer."""
    interpreter, suffix = INTERPRETERS[request.param]
    if shutil.which(interpreter) is None:
        pytest.skip(f"{interpreter} is not installed")
    [program] = re.findall(rf"```{request.param}\n(.*?)```", source("webhooks"), re.DOTALL)
    port = free_port()
    file = tmp_path / f"receiver{suffix}"
    file.write_text(program.replace("9000", str(port)))
    receiver = subprocess.Popen(
        [interpreter, str(file)],
        env=os.environ | {"WEBHOOK_SECRET": secret},
        stderr=subprocess.DEVNULL,
        preexec_fn=ends_with_parent(signal.SIGKILL),
    )

    def status(body: bytes, headers: dict[str, str]) -> int:
        headers = headers | {"content-length": str(len(body))}
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/", body, headers)
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - ours
                return int(response.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0

    try:
        yield status
    finally:
        receiver.kill()
        receiver.wait()


def test_a_receiver_accepts_genuine_events_and_nothing_else(sent, post: Post):
    signature = sent.headers["x-tts-signature"]
    last = "0" if signature[-1] != "0" else "1"

    assert wait_for(lambda: post(sent.body, sent.headers), "the receiver to answer") == 204

    for body, given in (
        (sent.body.replace(b"test", b"pest"), signature),
        (sent.body + b" ", signature),
        (sent.body, signature[:-1] + last),
        (sent.body, signature.replace("t=1", "t=0", 1)),
        (sent.body, "t=1,v1="),
    ):
        assert post(body, sent.headers | {"x-tts-signature": given}) == 401, given


def test_a_receiver_accepts_events_that_an_older_secret_signs_as_well(sent, post: Post):
    time, signature = sent.headers["x-tts-signature"].split(",")
    both = f"{time},v1={'0' * 64},{signature}"
    assert wait_for(lambda: post(sent.body, sent.headers | {"x-tts-signature": both}), "the receiver to answer") == 204
