"""HTTP/2 clients for each service, and what all of them mean alike by an answer."""

import datetime as dt
import json
import logging
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from medimic import retry_after
from medimic.outbox.registry import Retry, Unreachable

logger = logging.getLogger(__name__)

# A send makes four calls at the most (Google: a token and a message, and both once more), and ends with the
# first that runs into a limit: within two minutes, which a delivery's lease outlasts.
TIMEOUT = httpx2.Timeout(10.0, connect=5.0)
# Kept open between bursts, and closed before what stands in between forgets it.
LIMITS = httpx2.Limits(max_connections=20, max_keepalive_connections=20, keepalive_expiry=120.0)
# Of an answer, as many bytes and seconds are read at the most.
LONGEST_BODY = 20_000
LONGEST_READING = 10.0
# Google asks for a minute where it names no time.
BUSY_WAIT = dt.timedelta(minutes=1)

# Those of each service that nobody uses just now. What is below them keeps the state of an HTTP/2 connection
# without a lock: two threads in one would now and then break both of their calls.
_idle: dict[str, list[httpx2.Client]] = defaultdict(list)
_lock = threading.Lock()


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    retry_after: dt.timedelta | None

    def json(self) -> dict[str, Any]:
        """The object that it holds; an empty one where it holds none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def post(service: str, name: str, url: str, headers: Mapping[str, str], content: bytes) -> Answer:
    """Raises `Unreachable`, with the service's `name` in its reason."""
    try:
        try:
            return _post(service, url, headers, content)
        except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError):
            # A kept connection that the other side has closed meanwhile is found out only by using it.
            return _post(service, url, headers, content, is_fresh=True)
    except httpx2.HTTPError as error:
        raise Unreachable(f"{name} was not reached: {type(error).__name__}") from error


def refuse_if_busy(answer: Answer, name: str) -> None:
    """Raises `Retry` for too much at the moment, `Unreachable` for a service that is away."""
    reason = f"{name} answered {answer.status}"
    if answer.status == 429:
        raise Retry(reason, after=answer.retry_after)
    if answer.status >= 500 or answer.status == 408:
        raise Unreachable(reason, after=answer.retry_after)


def not_set_up(reason: str) -> Unreachable:
    """To raise where the service refuses us rather than one alert: all of them wait until that is mended."""
    logger.error("Push: %s; nothing goes out there until its configuration is mended.", reason)
    return Unreachable(reason)


def close() -> None:
    """Close all connections that are not in use; the next call opens new ones."""
    with _lock:
        clients = [client for of_service in _idle.values() for client in of_service]
        _idle.clear()
    for client in clients:
        client.close()


def _post(
    service: str, url: str, headers: Mapping[str, str], content: bytes, *, is_fresh: bool = False
) -> Answer:
    with (
        _client(service, is_fresh) as client,
        client.stream("POST", url, headers=dict(headers), content=content, timeout=TIMEOUT) as response,
    ):
        body = b"".join(_first(response.iter_raw()))
        after = retry_after.read(response.headers.get("Retry-After", ""))
        return Answer(response.status_code, body, after)


@contextmanager
def _client(service: str, is_fresh: bool) -> Iterator[httpx2.Client]:
    """One for this thread alone, with the connections that it had open before unless it is to be fresh."""
    with _lock:
        client = _idle[service].pop() if _idle[service] and not is_fresh else None
    client = client or httpx2.Client(
        http2=True,
        verify=ssl.create_default_context(),
        limits=LIMITS,
        # Google packs what it answers for whoever can unpack it; here it is read as it comes, and no further
        # than LONGEST_BODY, which says little of what is packed.
        headers={"Accept-Encoding": "identity"},
        # Neither a redirect nor a proxy of the surroundings: both would hand the token on.
        follow_redirects=False,
        trust_env=False,
    )
    try:
        yield client
    except BaseException:
        # A broken HTTP/2 connection would keep its place among LIMITS until it expires: twenty of them, and a
        # service that is back would be out of reach.
        client.close()
        raise
    with _lock:
        _idle[service].append(client)


def _first(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """As much as anybody here looks at, however long and slowly the other side goes on."""
    size, until = 0, time.monotonic() + LONGEST_READING
    for chunk in chunks:
        yield chunk
        size += len(chunk)
        if size > LONGEST_BODY or time.monotonic() > until:
            return
