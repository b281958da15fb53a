"""Where an API key may be used, and for which voices. `billing.services.key_limits` limits what it may spend."""

from ipaddress import IPv6Address, ip_address, ip_network

from accounts.models import ApiKey
from config.errors import Forbidden


def check_address(api_key: ApiKey, address: str) -> None:
    """Raises Forbidden if `address`, the client's own behind any proxies, is outside the key's networks."""
    if not api_key.allowed_networks:
        return
    try:
        caller = ip_address(address)
    except ValueError:  # the server listens on a Unix socket, and no proxy named the client
        raise Forbidden("This key cannot be used from an unknown IP address.") from None
    if isinstance(caller, IPv6Address) and caller.ipv4_mapped is not None:
        caller = caller.ipv4_mapped  # a dual-stack socket reports IPv4 clients this way
    if not any(caller in ip_network(network) for network in api_key.allowed_networks):
        raise Forbidden(f"This key cannot be used from {address}.")


def check_voice(api_key: ApiKey, *, voice_id: str, provider: str) -> None:
    """Raises Forbidden if the voice is not on the key's list and its provider is not allowed."""
    if not (api_key.allowed_voices or api_key.allowed_providers):
        return
    if voice_id not in api_key.allowed_voices and provider not in api_key.allowed_providers:
        raise Forbidden(f"This key cannot use the voice {voice_id}.")
