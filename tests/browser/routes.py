"""Every page that the portal has, taken from the URL resolver, so that none is forgotten."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver


def routes() -> Iterator[str]:
    """Every route of the portal as Django writes it: `settings/devices/<uuid:id>/`."""
    return _below(get_resolver(), "")


def _below(resolver: URLResolver, prefix: str) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from _below(pattern, route)
