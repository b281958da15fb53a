"""Finds the client's address behind proxies."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

from config.middleware import GetResponse, around


@sync_and_async_middleware
def client_address(get_response: GetResponse) -> GetResponse:
    """Sets REMOTE_ADDR, which rate limits and logs use, to the client's address if TRUSTED_PROXIES is set.

    Each proxy appends the address it received the request from to X-Forwarded-For. With n proxies of ours, the
    outermost one wrote the n-th entry from the right. Clients can forge everything to the left.
    """

    def before(request: HttpRequest) -> None:
        hops = settings.TRUSTED_PROXIES
        heard_from = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        if not hops or len(heard_from) < hops:
            return
        try:
            request.META["REMOTE_ADDR"] = str(ip_address(_without_port(heard_from[-hops])))
        except ValueError:
            return  # not an address: keep the peer's

    return around(get_response, before=before, after=lambda request, response: None)


def _without_port(heard_from: str) -> str:
    """Removes the port: some proxies write `1.2.3.4:5678` or `[2001:db8::1]:5678`."""
    if heard_from.startswith("["):
        return heard_from[1:].partition("]")[0]
    address, _, port = heard_from.partition(":")
    return heard_from if ":" in port else address
