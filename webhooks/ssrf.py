"""Where we may be sent: which URLs an endpoint can have, and which addresses are dialled.

A customer chooses the URL, and the request comes from inside our network. So a URL is looked at when it is saved, and
the address again whenever a connection is opened: the very one that is dialled, resolved once. A name that resolves to
one good and one bad address is refused as a whole. Owns no connection: that is `webhooks.transport`.
"""

import ipaddress
import re
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import idna
from django.conf import settings

from config.errors import ValidationFailed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_URL_CHARACTERS = 2048
RESOLVE_SECONDS = 5.0
SPECIAL_SUFFIXES = ("localhost", "local", "internal")

# What `is_global` lets through, or may on another Python, and still is not the public internet, or hides another
# address in it: NAT64, 6to4, Teredo, IPv4-compatible and -translated, site-local, a cloud's metadata.
NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "::ffff:0:0:0/96"),
        *("fec0::/10", "5f00::/16"),
        *("192.88.99.0/24", "192.0.0.0/24", "168.63.129.16/32", "100.100.100.200/32"),
    )
)


class Blocked(Exception):
    """An address that we do not dial, or a name with one. The message is for the customer."""


class NotResolved(Exception):
    """The name has no address, or its servers do not say in time."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in the one form that is kept and dialled."""

    url: str
    host: str  # ASCII; an IPv6 address without brackets
    port: int
    path: bytes  # and query, for the request line

    @property
    def receiver(self) -> str:
        return f"{self.host}:{self.port}"


def is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    return not any(address in network for network in NEVER if network.version == address.version)


def is_allowed(address: Address) -> bool:
    """In WEBHOOK_ALLOW_NETWORKS: an operator's own network."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    networks = settings.WEBHOOK_ALLOW_NETWORKS
    return any(address in network for network in networks if network.version == address.version)


def parse_target(url: str) -> Target:
    """The form of a URL, without asking anybody. Raises Blocked; never for a form that it gave itself."""
    if len(url) > MAX_URL_CHARACTERS:
        raise Blocked(f"Use at most {MAX_URL_CHARACTERS} characters.")
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise Blocked("The URL contains a space, a backslash or a control character.")
    try:
        parts = urlsplit(url)
        port = 443 if parts.port is None else parts.port
    except ValueError:
        raise Blocked("This is not a URL.") from None
    if parts.scheme != "https":
        raise Blocked("The URL must start with https://")
    if "@" in parts.netloc:
        raise Blocked("The URL must not contain a user name or password.")
    if parts.fragment:
        raise Blocked("The URL must not contain a fragment (#).")
    host = _canonical_host(parts.hostname or "")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=-._~") + (
        "?" + quote(parts.query, safe="/%:@!$&'()*+,;=-._~?") if parts.query else ""
    )
    shown_host = f"[{host}]" if ":" in host else host
    shown_port = "" if port == 443 else f":{port}"
    canonical = f"https://{shown_host}{shown_port}{path}"
    if len(canonical) > MAX_URL_CHARACTERS:
        raise Blocked(f"Use at most {MAX_URL_CHARACTERS} characters.")
    return Target(canonical, host, port, path.encode())


def check_url(url: str, *, field: str = "url") -> Target:
    """A URL that may be kept: its form, its name, and every address it has now. Asks the name servers.

    Raises ValidationFailed for `field`.
    """
    try:
        target = parse_target(url)
        check_port(target.port)
        vetted_addresses(target.host)
    except (Blocked, NotResolved) as error:
        raise ValidationFailed.of_field(field, str(error)) from None
    return target


def check_port(port: int) -> None:
    """Raises Blocked. Asked again whenever a connection is opened: the operator may have changed his mind."""
    if port not in settings.WEBHOOK_PORTS:
        raise Blocked(f"Use port {' or '.join(map(str, settings.WEBHOOK_PORTS))}.")


def vetted_addresses(host: str, *, seconds: float = RESOLVE_SECONDS) -> list[str]:
    """The addresses of `host`, all of which may be dialled. Raises Blocked, NotResolved."""
    literal = _literal(host)
    addresses = [literal] if literal is not None else [ipaddress.ip_address(text) for text in _resolve(host, seconds)]
    if not addresses:
        raise NotResolved(f"{host} has no IP address.")
    if _is_special(host) and not all(map(is_allowed, addresses)):
        raise Blocked(f"{host} is a private network name.")
    if not all(is_public(address) or is_allowed(address) for address in addresses):
        what = f"{host} is" if literal is not None else f"{host} resolves to"
        raise Blocked(f"{what} an address that is not public.")
    return [str(address) for address in addresses]


def _canonical_host(host: str) -> str:
    """ASCII, in small letters. Full-width digits and dots become what a resolver would take them for."""
    if not host:
        raise Blocked("The URL has no host.")
    if ":" in host:
        if _literal(host) is None:
            raise Blocked("This is not a valid IPv6 address.")
        return str(_literal(host))
    try:
        ascii_host = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise Blocked(f"{host} is not a valid host name.") from None
    ascii_host = ascii_host.lower().rstrip(".")
    labels = ascii_host.split(".")
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):  # a resolver takes 0x7f.1 and 2130706433 for addresses
        if _literal(ascii_host) is None:
            raise Blocked("Enter the IPv4 address as four decimal numbers.")
        return ascii_host
    if len(ascii_host) > 253 or not all(re.fullmatch(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", label) for label in labels):
        raise Blocked(f"{ascii_host[:80]} is not a valid host name.")
    if len(labels) == 1 and not _is_special(ascii_host):
        raise Blocked("Use a fully qualified host name.")
    return ascii_host


def _is_special(host: str) -> bool:
    return host.rpartition(".")[2] in SPECIAL_SUFFIXES


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


# --- name servers ---------------------------------------------------------------------------------


def _resolve(host: str, seconds: float) -> Sequence[str]:
    """In a thread of its own: the system's resolver takes no deadline and may be silent for half a minute."""
    answer: list[Sequence[str]] = []
    failure: list[OSError] = []

    def ask() -> None:
        try:
            answer.append(look_up(host))
        except (OSError, UnicodeError) as error:
            failure.append(error if isinstance(error, OSError) else OSError(str(error)))

    thread = threading.Thread(target=ask, name=f"resolve {host}", daemon=True)
    thread.start()
    thread.join(max(0.0, seconds))
    if answer:
        return answer[0]
    raise NotResolved(f"{host} has no IP address." if failure else f"The name servers of {host} do not respond.")


def look_up(host: str) -> Sequence[str]:
    """Every address of a name, as the system knows it. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))
