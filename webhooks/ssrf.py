"""Protects against server-side request forgery: which URLs an endpoint may have, and which addresses we connect to.

The customer chooses the URL, and the request comes from inside our network. So the URL is checked when it is saved, and
the address again for every connection: the name is resolved once, and we connect to exactly the address that was
checked. If any address of a name is forbidden, the name is refused. `webhooks.transport` owns the connections.
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

# Networks that `is_global` allows, at least in some versions of Python, but that are not the public internet or embed
# another address: NAT64, 6to4, Teredo, IPv4-compatible and -translated, site-local, documentation, cloud metadata.
NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "::ffff:0:0:0/96"),
        *("fec0::/10", "5f00::/16", "3fff::/20"),
        *("192.88.99.0/24", "192.0.0.0/24", "168.63.129.16/32", "100.100.100.200/32"),
    )
)


class Blocked(Exception):
    """An address that we do not connect to, or a name that has one. The message is for the customer."""


class NotResolved(Exception):
    """The name has no address, or its name servers did not answer in time."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in the canonical form that is stored and used for the connection."""

    url: str
    host: str  # ASCII; an IPv6 address without brackets
    port: int
    path: bytes  # with the query, for the request line

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
    """Whether WEBHOOK_ALLOW_NETWORKS, the operator's own networks, has the address."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    networks = settings.WEBHOOK_ALLOW_NETWORKS
    return any(address in network for network in networks if network.version == address.version)


def parse_target(url: str) -> Target:
    """Parses a URL without network access. Raises Blocked, but never for a URL that it has returned itself."""
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
    """Checks a URL before it is saved: its form, its name, and all its current addresses. Queries name servers.

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
    """Raises Blocked. Called again for every connection, because the operator may have changed the setting."""
    if port not in settings.WEBHOOK_PORTS:
        raise Blocked(f"Use port {' or '.join(map(str, settings.WEBHOOK_PORTS))}.")


def vetted_addresses(host: str, *, seconds: float = RESOLVE_SECONDS) -> list[str]:
    """Returns the addresses of `host`, all of which are allowed. Raises Blocked or NotResolved."""
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
    """Returns the host in lower-case ASCII. Full-width digits and dots become what a resolver would read."""
    if not host:
        raise Blocked("The URL has no host.")
    if ":" in host:
        if "%" in host:  # a zone names one of our own network interfaces
            raise Blocked("The IPv6 address must not contain a zone (%).")
        if _literal(host) is None:
            raise Blocked("This is not a valid IPv6 address.")
        return str(_literal(host))
    try:
        ascii_host = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise Blocked(f"{host} is not a valid host name.") from None
    ascii_host = ascii_host.lower().rstrip(".")
    labels = ascii_host.split(".")
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):  # resolvers read 0x7f.1 and 2130706433 as addresses
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
    """Resolves in a separate thread: the system's resolver has no timeout and may take half a minute."""
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
    """Returns every address of a name, from the system's resolver. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))
