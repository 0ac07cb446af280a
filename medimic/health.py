"""Whether the portal lives, and whether it can serve. For probes: nothing here is secret."""

import logging
import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from medimic.audit.standing import standing
from medimic.outbox import breaker
from medimic.outbox.apps import HEARTBEAT
from medimic.outbox.backlog import oldest_due
from medimic.outbox.models import JobRun

logger = logging.getLogger(__name__)

# A worker that runs takes up in seconds what is due.
LONGEST_DUE_SECONDS = 15 * 60


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Asks nothing else, so that an outage elsewhere restarts nobody."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Database, cache, queue, the audit log and the services, each by itself; 503 if one of the first
    three fails."""
    checks: dict[str, dict[str, Any]] = {}
    for name, check in CHECKS.items():
        # What asks the database would wait as long as it did, and be told the same.
        is_lost = name in _asking_the_database() and checks["database"]["status"] != "ok"
        checks[name] = {"status": "failed"} if is_lost else _checked(name, check)
    is_ready = all(result["status"] == "ok" for name, result in checks.items() if name not in TOLD)
    response = JsonResponse(
        {"status": "ok" if is_ready else "unavailable", "checks": checks}, status=200 if is_ready else 503
    )
    if not is_ready:
        response["Retry-After"] = "5"
    return response


def _database() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {}


def _cache() -> dict[str, Any]:
    key = f"readyz-{secrets.token_hex(8)}"
    cache.set(key, "ok", 30)
    found = cache.get(key)
    cache.delete(key)
    if found != "ok":
        raise RuntimeError("the cache forgets")
    return {}


def _queue() -> dict[str, Any]:
    """How long the oldest due delivery waits, and when a worker was last seen to run."""
    waits = oldest_due().total_seconds()
    seen_at = JobRun.objects.filter(name=HEARTBEAT).values_list("finished_at", flat=True).first()
    return {
        "status": "ok" if waits < LONGEST_DUE_SECONDS else "late",
        "oldest_due_seconds": round(waits),
        "worker_seen_seconds_ago": round((timezone.now() - seen_at).total_seconds()) if seen_at else None,
    }


def _asking_the_database() -> set[str]:
    in_the_database = settings.CACHES["default"]["BACKEND"].endswith("DatabaseCache")
    asking = {"queue", "audit", "services"}
    return asking | {"cache"} if in_the_database else asking


def _audit() -> dict[str, Any]:
    """How long the oldest row of the audit log waits to be sealed."""
    found = standing()
    return {
        "status": "late" if found.is_late else "ok",
        "oldest_unsealed_seconds": round(found.waits.total_seconds()),
        "sealed_seconds_ago": round((timezone.now() - found.sealed_at).total_seconds())
        if found.sealed_at
        else None,
    }


def _services() -> dict[str, Any]:
    """Whoever takes messages over and is away, for how long, and when it is tried again."""
    now = timezone.now()
    away = {
        service.name: {
            "away_seconds": round((now - service.opened_at).total_seconds()),
            "next_try_seconds": max(0, round((service.next_try_at - now).total_seconds())),
        }
        for service in breaker.away()
        if service.opened_at and service.next_try_at
    }
    return {"status": "away", "away": away} if away else {}


CHECKS: dict[str, Callable[[], dict[str, Any]]] = {
    "database": _database,
    "cache": _cache,
    "queue": _queue,
    "audit": _audit,
    "services": _services,
}
# Said, and no reason to send people elsewhere: the portal serves as well while its log is sealed late,
# or while a service is away and its messages wait.
TOLD = ("audit", "services")


def _checked(name: str, check: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return {"status": "ok"} | check()
    except Exception as error:
        logger.warning("not ready: %s: %s", name, type(error).__name__)
        return {"status": "failed"}
