"""Where we may be sent: every trick address is refused, when it is saved and when it is dialled."""

import ipaddress
import socket

import pytest

from config.errors import ValidationFailed
from webhooks import client, ssrf
from webhooks.ssrf import Blocked, NotResolved, check_url, is_public, parse_target, vetted_addresses

PUBLIC = "93.184.216.34"


@pytest.fixture
def names(monkeypatch):
    """A name server of the test's own: what each name resolves to, one answer per question."""
    answers: dict[str, list[list[str]]] = {}
    asked: list[str] = []

    def look_up(host):
        asked.append(host)
        if host not in answers:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]

    monkeypatch.setattr(ssrf, "look_up", look_up)
    answers["asked"] = asked  # type: ignore[assignment]
    return answers


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",  # noqa: S104
            "10.0.0.5",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.169.254",
        ),
        *("100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
        *("255.255.255.255", "192.88.99.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::a9fe:a9fe"),
        "::ffff:0:127.0.0.1",
        *("64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:53aa:64c:0:0:0:1", "2001:db8::1", "fec0::1"),
        *("3fff::1", "3fff:fff:ffff::1"),
    ],
)
def test_an_address_that_is_not_public_is_not_dialled(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_a_public_address_is_dialled(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook", "ftp://example.com/", "https://", "https:///hook", "//example.com/hook", "hook",
        "https://user@example.com/", "https://user:password@example.com/", "https://@example.com/",
        "https://example.com:80/", "https://example.com:22/", "https://example.com:8444/", "https://example.com:0/",
        "https://example.com:99999/", "https://example.com:x/", "https://example.com/#part", "https://exa mple.com/",
        "https://example.com\\@127.0.0.1/", "https://example.com/\r\nX: y", "https://example.com/\x00",
        "https://localhost/", "https://LOCALHOST./", "https://x.localhost/", "https://printer.local/",
        "https://db.internal/", "https://metadata.google.internal/", "https://intranet/", "https://-a.example/",
        "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f.1/", "https://0x7f000001/",
        "https://0177.0.0.1/", "https://127。0。0。1/", "https://１２７.0.0.1/", "https://169.254.169.254/latest/",
        "https://[::1]/", "https://[::ffff:7f00:1]/", "https://[::ffff:169.254.169.254]/", "https://[fe80::1%25eth0]/",
        "https://[2606:4700:4700::1111%25eth0]/", "https://[2606:4700:4700::1111%1]/",
        "https://[64:ff9b::a9fe:a9fe]/", "https://[2002:7f00:1::]/", "https://[fd00:ec2::254]/", "https://[::]/",
        "https://0/", "https://0.0.0.0/", "https://10.0.0.5:443/", "https://224.0.0.1/", "https://100.100.100.200/",
        "https://example.com/" + "x" * 2048,
    ],
)  # fmt: skip
def test_a_url_that_leads_somewhere_else_is_not_kept(url, names):
    names["localhost"] = names["x.localhost"] = [["127.0.0.1", "::1"]]
    names["printer.local"] = names["db.internal"] = names["metadata.google.internal"] = [[PUBLIC]]
    names["example.com"] = names["-a.example"] = [[PUBLIC]]
    with pytest.raises(ValidationFailed) as refusal:
        check_url(url)
    assert list(refusal.value.details) == ["url"]


@pytest.mark.parametrize(
    ("url", "kept", "receiver"),
    [
        ("https://example.com", "https://example.com/", "example.com:443"),
        ("HTTPS://Example.COM.:443/Hook?a=b", "https://example.com/Hook?a=b", "example.com:443"),
        ("https://example.com:8443/a%20b", "https://example.com:8443/a%20b", "example.com:8443"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC", "xn--bcher-kva.example:443"),
        ("https://1.1.1.1/", "https://1.1.1.1/", "1.1.1.1:443"),
        ("https://[2606:4700:4700:0::1111]/", "https://[2606:4700:4700::1111]/", "2606:4700:4700::1111:443"),
    ],
)
def test_a_good_url_is_kept_in_one_form(url, kept, receiver, names):
    names["example.com"] = names["xn--bcher-kva.example"] = [[PUBLIC]]
    target = check_url(url)
    assert (target.url, target.receiver) == (kept, receiver)


def test_a_name_with_one_bad_address_is_refused_as_a_whole(names):
    names["mixed.example"] = [[PUBLIC, "10.0.0.1"]]
    with pytest.raises(Blocked, match="resolves to an address that is not public"):
        vetted_addresses("mixed.example")


def test_a_name_without_address_is_told_as_that(names):
    with pytest.raises(NotResolved, match=r"gone\.example has no IP address"):
        vetted_addresses("gone.example")


def test_a_name_server_that_is_silent_costs_no_more_than_it_may(monkeypatch):
    import threading

    released = threading.Event()
    monkeypatch.setattr(ssrf, "look_up", lambda host: released.wait(30) or [])
    with pytest.raises(NotResolved, match=r"name servers of slow\.example do not respond"):
        vetted_addresses("slow.example", seconds=0.05)
    released.set()


def test_a_name_that_changes_is_vetted_when_it_is_dialled_and_asked_for_once(names, monkeypatch):
    names["rebind.example"] = [[PUBLIC], ["127.0.0.1"]]
    target = check_url("https://rebind.example/hook")  # good when it was saved
    dialled: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *args, **kwargs: dialled.append(args))
    answer = client.post(target, headers={}, body=b"{}")
    assert (answer.outcome, answer.status) == ("blocked", None)
    assert answer.error == "rebind.example resolves to an address that is not public."
    assert dialled == []
    assert names["asked"] == ["rebind.example", "rebind.example"]


def test_what_is_dialled_is_the_address_that_was_vetted(names, monkeypatch):
    names["good.example"] = [[PUBLIC], ["127.0.0.1"]]
    dialled: list[object] = []

    def refuse(address, *args, **kwargs):
        dialled.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    answer = client.post(parse_target("https://good.example/"), headers={}, body=b"{}")
    assert answer.outcome == "connection_failed"
    assert dialled == [(PUBLIC, 443)]


def test_an_operator_may_open_his_own_network_and_no_other(settings, names):
    settings.WEBHOOK_ALLOW_NETWORKS = [ipaddress.ip_network("10.1.0.0/16")]
    names["hooks.internal"], names["other.internal"] = [["10.1.2.3"]], [["10.2.2.3"]]
    assert check_url("https://10.1.2.3/").url == "https://10.1.2.3/"
    assert check_url("https://hooks.internal/").url == "https://hooks.internal/"
    for url in ("https://10.2.2.3/", "https://other.internal/", "https://127.0.0.1/"):
        with pytest.raises(ValidationFailed):
            check_url(url)
