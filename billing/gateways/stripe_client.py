"""The way to Stripe: one client, bounded waits, and its errors in our words."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

from billing.gateways import Declined, Unavailable

if TYPE_CHECKING:
    from stripe import StripeClient

logger = logging.getLogger(__name__)

# What the portal was written for. The SDK sends it with each call, and an endpoint for events must be
# created with it, or events come in another shape.
API_VERSION = "2026-10-28.endive"
# Seconds to connect and to wait for an answer; one repetition, under the same idempotency key.
TIMEOUT = (3.0, 12.0)
RETRIES = 1


def client() -> "StripeClient":
    return _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE, TIMEOUT)


@lru_cache(maxsize=4)
def _client(key: str, base: str, timeout: tuple[float, float]) -> "StripeClient":
    # Not at the top: 0.4 s and 24 MB that an installation without Stripe does not need.
    import stripe

    # It would write an id of this machine below the home directory, and send it along.
    stripe.enable_telemetry = False
    return stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        base_addresses={"api": base},
        http_client=stripe.RequestsClient(timeout=timeout),
        max_network_retries=RETRIES,
    )


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raise `Declined` and `Unavailable` in place of the SDK's errors.

    What Stripe calls a wrong request is a fault of ours or a key that was revoked: it is logged
    with Stripe's id of the request, and for the person at the page nothing has changed either.
    """
    import stripe

    try:
        yield
    except stripe.CardError as error:
        raise Declined(_decline_code(error)) from error
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        logger.warning("Stripe does not answer: %s", type(error).__name__)
        raise Unavailable from error
    except stripe.StripeError as error:
        logger.error(
            "Stripe refused: %s %s (request %s)", type(error).__name__, error.code or "", error.request_id
        )
        raise Unavailable from error


def _decline_code(error: "Exception") -> str:
    details = getattr(error, "error", None)
    return str(getattr(details, "decline_code", None) or getattr(error, "code", None) or "card_declined")
