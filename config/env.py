"""Typed readers of environment variables, and the secret keys that a single machine creates for itself."""

import ipaddress
import json
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from config.private_files import make_private_folder


def env_str(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool = False) -> bool:
    value = env_str(name).lower()
    if value not in {"", "0", "1", "true", "false", "yes", "no", "on", "off"}:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")
    return value in {"1", "true", "yes", "on"} if value else default


def env_int(name: str, default: int, *, minimum: int = 0) -> int:
    value = env_str(name)
    try:
        number = int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if number < minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum}, not {number}.")
    return number


def env_list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in env_str(name, default).split(",") if part.strip()]


def env_networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Reads networks in CIDR notation, such as 10.1.0.0/16, separated by commas."""
    try:
        return [ipaddress.ip_network(part) for part in env_list(name)]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} must be a list of networks such as 10.1.0.0/16,fd00::/8: {error}."
        ) from None


def env_ports(name: str, default: str) -> list[int]:
    ports = env_list(name, default)
    if not all(part.isdecimal() and 1 <= int(part) <= 65535 for part in ports):
        raise ImproperlyConfigured(f"{name} must be a list of port numbers such as {default}.")
    return [int(part) for part in ports]


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address is reachable only from this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer of ID tokens that we accept. `audience` is what the tokens must be issued for."""

    issuer: str
    audience: str
    jwks_url: str


def env_issuers(name: str) -> list[Issuer]:
    """Reads a JSON list of {"issuer": …, "audience": …, "jwks_url": …}."""
    try:
        return [Issuer(**issuer) for issuer in json.loads(env_str(name, "[]"))]
    except (ValueError, TypeError):
        example = '[{"issuer": "https://…", "audience": "…", "jwks_url": "https://…"}]'
        raise ImproperlyConfigured(f"{name} must have the form {example}.") from None


def check_fernet_keys(name: str, keys: Sequence[str]) -> None:
    """Raises ImproperlyConfigured for an invalid key, without quoting it."""
    try:
        for key in keys:
            Fernet(key)
    except ValueError:
        raise ImproperlyConfigured(
            f"{name} must be keys made by: python -c "
            "'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())', separated by commas."
        ) from None


def check_debug_is_local(listen_host: str, public_url: str) -> None:
    """Raises ImproperlyConfigured unless the service listens on the loopback interface and is addressed by its name."""
    if not (is_loopback(listen_host) and is_loopback(urlsplit(public_url).hostname or "")):
        raise ImproperlyConfigured(
            "DEBUG=1 shows full error details, so it is allowed only on your own machine: "
            "LISTEN_HOST and the host of PUBLIC_URL must be localhost or 127.0.0.1."
        )


def secret_key_of_this_machine(path: Path) -> str:
    """Returns the key in `path`. Creates it at first use, readable only by its owner."""
    return _kept_in(path, lambda: secrets.token_urlsafe(48))


def fernet_key_of_this_machine(path: Path) -> str:
    """Returns the encryption key in `path`. Creates it at first use, readable only by its owner."""
    return _kept_in(path, lambda: Fernet.generate_key().decode())


def _kept_in(path: Path, make: Callable[[], str]) -> str:
    make_private_folder(path.parent)
    try:
        # O_EXCL: of two processes that start together, one writes the file and the other reads it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    key = make()
    with os.fdopen(descriptor, "w") as file:
        file.write(key)
    return key
