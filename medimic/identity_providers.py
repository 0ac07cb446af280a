"""OpenID Connect providers, as the environment names them."""

import re
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from medimic.environment import LOOPBACK_HOSTS, words

ENTRA = "https://login.microsoftonline.com"
NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
# Entra's words for "whoever has any account": they say nothing of who vouches for somebody.
EVERYBODY = ("common", "organizations", "consumers")
TENANT = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{2,99}")


def providers(env: environ.Env, name: str) -> list[dict[str, Any]]:
    """allauth's description of each provider that `name` lists.

    `OIDC_PROVIDERS=clinic,entra` and, of each, `OIDC_CLINIC_ISSUER` (or `OIDC_CLINIC_TENANT`, for Entra
    ID), `OIDC_CLINIC_CLIENT_ID`, `OIDC_CLINIC_CLIENT_SECRET` and perhaps `OIDC_CLINIC_NAME`
    and `OIDC_CLINIC_DOMAINS`, the domains of email addresses that are this provider's.
    """
    listed = words(env, name)
    for one in listed:
        if not NAME.fullmatch(one):
            raise ImproperlyConfigured(f"{name} must list names of small letters, digits and dashes.")
    if len(set(listed)) < len(listed):
        raise ImproperlyConfigured(f"{name} must list each name once.")
    return [_provider(env, one) for one in listed]


def _provider(env: environ.Env, provider: str) -> dict[str, Any]:
    prefix = f"OIDC_{provider.upper().replace('-', '_')}"

    def of(part: str) -> str:
        return str(env.str(f"{prefix}_{part}", default="")).strip()

    issuer, tenant = of("ISSUER").rstrip("/"), of("TENANT")
    if bool(issuer) == bool(tenant):
        raise ImproperlyConfigured(f"{prefix} needs either {prefix}_ISSUER or {prefix}_TENANT.")
    if tenant:
        if not TENANT.fullmatch(tenant) or tenant.lower() in EVERYBODY:
            raise ImproperlyConfigured(f"{prefix}_TENANT must be the id or the domain of one tenant.")
        issuer = f"{ENTRA}/{tenant}/v2.0"
    elif not _is_origin_of_trust(issuer):
        raise ImproperlyConfigured(f"{prefix}_ISSUER must be an https address.")
    for part in ("CLIENT_ID", "CLIENT_SECRET"):
        if not of(part):
            raise ImproperlyConfigured(f"{prefix}_{part} is not set.")
    return {
        "provider_id": provider,
        "name": of("NAME") or ("Microsoft" if tenant else provider.replace("-", " ").title()),
        "client_id": of("CLIENT_ID"),
        "secret": of("CLIENT_SECRET"),
        "settings": {
            "server_url": issuer,
            "tenant": tenant,
            "domains": [domain.lower() for domain in words(env, f"{prefix}_DOMAINS")],
        },
    }


def _is_origin_of_trust(address: str) -> bool:
    """https, or a laptop's own."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    is_whole = bool(parts.hostname) and not (parts.query or parts.fragment or parts.username)
    return is_whole and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)
    )
