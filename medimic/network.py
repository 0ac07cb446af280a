"""Where a request comes from."""

from django.conf import settings
from django.http import HttpRequest

UNKNOWN_ADDRESS = "unknown"


def client_address(request: HttpRequest) -> str:
    """The caller's address.

    `X-Forwarded-For` counts only as far as our own proxies wrote it: with
    `TRUSTED_PROXY_COUNT` of them, the entry that the outermost one added.
    What stands further left is the caller's own word and is ignored.
    """
    proxies = settings.TRUSTED_PROXY_COUNT
    if proxies:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(hops) >= proxies and hops[-proxies]:
            return hops[-proxies][:45]
    return request.META.get("REMOTE_ADDR") or UNKNOWN_ADDRESS


def client_agent(request: HttpRequest) -> str:
    """The caller's own description of itself, cut to what a row holds."""
    return request.headers.get("User-Agent", "")[:300]
