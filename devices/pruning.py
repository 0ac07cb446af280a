"""Clearing away what no request can use any more."""

import datetime as dt
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import Person
from devices import browser_sign_ins
from devices.models import (
    NO_PUSH,
    Confirmation,
    DeviceAuthorization,
    Registration,
    Token,
    TokenFamily,
)

EVERY = dt.timedelta(hours=1)
# How long a token that is over is still told apart from one that never was.
KEPT = dt.timedelta(days=7)
BATCH = 1000


def prune() -> None:
    """Delete tokens, families and confirmations that are long over, end authorizations whose link
    came to nothing, and forget where those find pushes who are signed out."""
    before = timezone.now() - KEPT
    _delete(Token.objects.filter(expires_at__lt=before).order_by("expires_at"))
    bare = ~Exists(Token.objects.filter(family=OuterRef("pk")))
    over = Q(expires_at__lt=before) | Q(ended_at__lt=before)
    _delete(TokenFamily.objects.filter(over, bare).order_by("created_at"))
    _delete(Confirmation.objects.filter(expires_at__lt=before).order_by("expires_at"))
    _end_unused_links(before)
    _end_dead_routes()


def _delete(rows: QuerySet[Any]) -> None:
    # In small transactions: on SQLite a long one would hold every other write up.
    while keys := list(rows.values_list("pk", flat=True)[:BATCH]):
        rows.model.objects.filter(pk__in=keys).delete()


def _end_unused_links(before: dt.datetime) -> None:
    younger = Registration.objects.filter(authorization=OuterRef("pk"), expires_at__gte=before)
    pending = DeviceAuthorization.objects.living().filter(
        ~Exists(younger), device=None, created_at__lt=before
    )
    while keys := list(pending.values_list("pk", flat=True)[:BATCH]):
        DeviceAuthorization.objects.living().filter(pk__in=keys, device=None).update(
            revoked_at=timezone.now(), revoked_reason=DeviceAuthorization.RevokedReason.EXPIRED
        )


def _end_dead_routes() -> None:
    """Nothing is pushed there as it is (`devices.push_alerts`); the tokens need not lie about."""
    routed = DeviceAuthorization.objects.exclude(push_hash="").exclude(account=None)
    is_browser = Q(device__app_version="")
    is_over = Q(is_signed_in=False) | Q(account__is_active=False)
    dead = routed.with_sign_in().filter(~is_browser, is_over)
    while keys := list(dead.values_list("pk", flat=True)[:BATCH]):
        DeviceAuthorization.objects.filter(pk__in=keys).update(**NO_PUSH)
    in_browsers = routed.filter(is_browser)
    for person in Person.objects.filter(pk__in=in_browsers.values("account")):
        living = browser_sign_ins.of_account(person).devices if person.is_active else set()
        in_browsers.filter(account=person).exclude(pk__in=living).update(**NO_PUSH)
