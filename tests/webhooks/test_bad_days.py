"""Receivers on their bad days: each has one outcome, seen in the attempt, within the time it may take."""

import gzip
import socket
import ssl
import threading
import time

import pytest
import trustme

from tests.peers.webhook_receiver import certificate, receiver
from tests.support.ports import free_port
from webhooks import client, transport
from webhooks.client import DeliveryResponse
from webhooks.ssrf import parse_target


def post(url: str) -> DeliveryResponse:
    return client.post(parse_target(url), headers={"X-TTS-Event": "test"}, body=b'{"event":"test"}')


@pytest.fixture
def short(monkeypatch):
    """Ten seconds are one, and five a half."""
    monkeypatch.setattr(transport, "TOTAL_SECONDS", 1.0)
    monkeypatch.setattr(transport, "CONNECT_SECONDS", 0.5)


def test_the_limits_are_five_and_ten_seconds():
    assert (transport.CONNECT_SECONDS, transport.TOTAL_SECONDS, client.MAX_ANSWER_BYTES) == (5.0, 10.0, 64 * 1024)


def test_any_2xx_is_success_and_its_first_2_kb_are_kept(hook):
    hook.status, hook.body = 202, b"a\0\xff" + b"x" * 5000
    answer = post(hook.url)
    assert (answer.outcome, answer.status, answer.error) == ("delivered", 202, "")
    assert answer.text == "a��" + "x" * 2045


@pytest.mark.parametrize(
    ("status", "outcome", "error"),
    [
        (400, "http_error", "The endpoint returned 400, not 2xx."),
        (410, "gone", "The endpoint returned 410 Gone: it no longer accepts events."),
        (429, "rate_limited", "The endpoint returned 429 Too Many Requests."),
        (500, "http_error", "The endpoint returned 500, not 2xx."),
    ],
)
def test_other_statuses_are_failures_by_name(hook, status, outcome, error):
    hook.status, hook.body = status, b"why"
    answer = post(hook.url)
    assert (answer.outcome, answer.status, answer.error, answer.text) == (outcome, status, error, "why")


def test_retry_after_is_read(hook):
    hook.status, hook.headers = 429, {"Retry-After": "120"}
    assert post(hook.url).retry_after == "120"


def test_a_redirect_to_this_machine_is_not_followed(hook):
    hook.status, hook.headers = 301, {"Location": f"{hook.url}/elsewhere"}
    answer = post(hook.url)
    assert (answer.outcome, answer.status, answer.error) == (
        "redirect",
        301,
        "The endpoint returned 301. Redirects are not followed.",
    )
    assert [request.path for request in hook.received] == ["/hook"]


def test_a_receiver_that_hangs_is_given_up_in_time(hook, short):
    hook.handler = lambda state, request: state.closing.wait(20)
    began = time.monotonic()
    answer = post(hook.url)
    assert (answer.outcome, answer.status, answer.error) == ("timeout", None, "No response within 1 s.")
    assert 0.9 < time.monotonic() - began < 3


def test_a_receiver_that_drips_its_head_is_given_up_in_time(hook, short):
    def drip(state, request):
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Pad: x\r\n" * 1000:
            request.wfile.write(bytes([byte]))
            request.wfile.flush()
            if state.closing.wait(0.02):
                return

    hook.handler = drip
    began = time.monotonic()
    assert post(hook.url).outcome == "timeout"
    assert time.monotonic() - began < 3


def test_a_receiver_that_says_200_and_drips_its_body_has_taken_the_event(hook, short):
    def drip(state, request):
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        while not state.closing.wait(0.02):
            request.wfile.write(b"x")
            request.wfile.flush()

    hook.handler = drip
    began = time.monotonic()
    answer = post(hook.url)
    assert (answer.outcome, answer.status) == ("delivered", 200)
    assert answer.error == "The response body did not end in time."
    assert time.monotonic() - began < 3


def test_a_gigabyte_is_not_read(hook):
    sent = threading.Event()

    def pour(state, request):
        request.send_response(200)
        request.send_header("Content-Length", str(10**9))
        request.end_headers()
        written = 0
        try:
            while written < 10**9:
                request.wfile.write(bytes(65536))
                written += 65536
        except OSError:
            state.body = str(written).encode()
            sent.set()
            raise

    hook.handler = pour
    answer = post(hook.url)
    assert (answer.outcome, len(answer.text)) == ("delivered", 2048)
    assert sent.wait(10)
    assert int(hook.body) < 10**8


def test_a_compression_bomb_is_not_unpacked(hook):
    bomb = gzip.compress(bytes(50_000_000))
    hook.status, hook.body, hook.headers = 200, bomb, {"Content-Encoding": "gzip"}
    answer = post(hook.url)
    assert (answer.outcome, len(answer.text)) == ("delivered", 2048)
    assert hook.received[0].headers["accept-encoding"] == "identity"


def test_an_answer_that_is_not_http_is_told_as_that(hook):
    hook.handler = lambda state, request: request.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    assert post(hook.url).outcome == "bad_answer"


def test_a_connection_that_breaks_off_is_told_as_that(hook):
    hook.handler = lambda state, request: request.connection.unwrap() and None
    assert post(hook.url).outcome in {"connection_failed", "bad_answer"}


def test_nobody_listening_is_told_as_that(own_network):
    answer = post(f"https://127.0.0.1:{free_port()}/")
    assert (answer.outcome, answer.status) == ("connection_failed", None)
    assert answer.error == "Could not connect: the connection was refused or closed."


def test_a_port_that_takes_no_connection_costs_five_seconds(own_network, short):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(silent.getsockname())
        began = time.monotonic()
        answer = post(f"https://127.0.0.1:{silent.getsockname()[1]}/")
        for connection in waiting:
            connection.close()
    assert (answer.outcome, answer.error) == ("timeout", "No connection within 0.5 s.")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: certificate("127.0.0.1", authority=trustme.CA()), "unable to get local issuer certificate"),
        (lambda: certificate("other.example"), "IP address mismatch"),
    ],
)
def test_a_certificate_that_is_not_valid_is_told_as_that(own_network, make, reason):
    with receiver(make()) as wrong:
        answer = post(wrong.url)
    assert (answer.outcome, wrong.received) == ("tls_failed", [])
    assert reason in answer.error


def test_a_server_without_tls_is_told_as_that(own_network):
    with receiver(plain=True) as plain:
        answer = post(plain.url)
    assert (answer.outcome, answer.error) == ("tls_failed", "The TLS handshake failed.")


def test_an_old_tls_is_refused(own_network):
    context = certificate("127.0.0.1")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with receiver(context) as old:
        assert post(old.url).outcome == "tls_failed"


def test_a_connection_is_kept_for_the_next_request(hook):
    hook.status, hook.body = 200, b"ok"
    assert [post(hook.url).outcome for _ in range(5)] == ["delivered"] * 5
    assert hook.connections == 1


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_again(hook):
    """The second request is read, and the connection is cut without an answer; a third arrives over a new one."""

    def cut_the_second(state, request):
        if len(state.received) == 2:
            request.close_connection = True
            return
        state.answer(request)

    hook.status, hook.body, hook.handler = 200, b"ok", cut_the_second
    assert [post(hook.url).outcome for _ in range(2)] == ["delivered", "delivered"]
    assert (len(hook.received), hook.connections) == (3, 2)


def test_no_proxy_of_the_environment_is_used(hook, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert post(hook.url).outcome == "delivered"
