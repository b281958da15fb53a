"""The receiver and the check that the README shows, run as they stand there, against what we really send."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.processes import ends_with_parent
from tests.support.waiting import wait_for
from tests.webhooks.conftest import make_endpoint
from webhooks.sender import send_test
from webhooks.services.deliveries import claim_test

README = (Path(__file__).resolve().parent.parent.parent / "README.md").read_text()
SECTION = README.partition("\n## Webhooks\n")[2].partition("\n## ")[0]
pytestmark = pytest.mark.django_db


def code(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def secret(account, hook):
    return make_endpoint(account, hook.url)[1]


@pytest.fixture
def sent(account, hook, secret):
    assert send_test(claim_test(account=account)).is_success
    return hook.received[-1]


def test_the_receiver_in_python_takes_what_is_ours_and_nothing_else(sent, secret):
    port = free_port()
    environment = os.environ | {"WEBHOOK_SECRET": secret}
    receiver = subprocess.Popen(
        [sys.executable, "-c", code("python").replace("9000", str(port))],
        env=environment, stderr=subprocess.DEVNULL, preexec_fn=ends_with_parent(signal.SIGKILL),
    )  # fmt: skip

    def status(body: bytes, **changed: str) -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", body, sent.headers | changed)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - ours
                return int(response.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0

    try:
        assert wait_for(lambda: status(sent.body), "the receiver to answer") == 204
        assert status(sent.body.replace(b"test", b"pest")) == 401
        old = sent.headers["x-tts-signature"].replace("t=1", "t=0", 1)
        assert status(sent.body, **{"x-tts-signature": old}) == 401
        assert status(sent.body, **{"x-tts-signature": "t=1,v1="}) == 401
    finally:
        receiver.kill()
        receiver.wait()


def test_the_check_in_node_takes_what_is_ours_and_nothing_else(sent, secret, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not here")
    (tmp_path / "check.mjs").write_text(code("js"))
    (tmp_path / "ask.mjs").write_text(
        'import { isOurs } from "./check.mjs";\n'
        "const cases = JSON.parse(process.argv[2]);\n"
        "console.log(JSON.stringify(cases.map(([body, header, secret]) => isOurs(body, header, secret))));\n"
    )
    body, header = sent.body.decode(), sent.headers["x-tts-signature"]
    old = header.replace("t=1", "t=0", 1)
    cases = [[body, header, secret], [body + " ", header, secret], [body, header, "0" * 64], [body, old, secret]]
    done = subprocess.run(
        [node, str(tmp_path / "ask.mjs"), json.dumps(cases)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [True, False, False, False]
