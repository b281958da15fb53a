"""Where a key may be used, and for which voices. How much it may spend is `billing.services.key_limits`."""

from ipaddress import IPv6Address, ip_address, ip_network

from accounts.models import ApiKey
from config.errors import Forbidden


def check_address(api_key: ApiKey, address: str) -> None:
    """Raises Forbidden for a caller from outside the key's networks. `address` is the client's own, behind proxies."""
    if not api_key.allowed_networks:
        return
    try:
        caller = ip_address(address)
    except ValueError:  # a server behind a socket file, and nobody said who called
        raise Forbidden("This key cannot be used from an unknown IP address.") from None
    if isinstance(caller, IPv6Address) and caller.ipv4_mapped is not None:
        caller = caller.ipv4_mapped  # as a socket for both kinds writes an IPv4 caller
    if not any(caller in ip_network(network) for network in api_key.allowed_networks):
        raise Forbidden(f"This key cannot be used from {address}.")


def check_voice(api_key: ApiKey, *, voice_id: str, provider: str) -> None:
    """Raises Forbidden for a voice that is neither on the key's list nor of one of its providers."""
    if not (api_key.allowed_voices or api_key.allowed_providers):
        return
    if voice_id not in api_key.allowed_voices and provider not in api_key.allowed_providers:
        raise Forbidden(f"This key cannot use the voice {voice_id}.")
