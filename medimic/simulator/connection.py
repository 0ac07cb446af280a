"""Calls to the portal."""

from types import TracebackType
from typing import Any, Self

import httpx2

from medimic.simulator.errors import Failure, failure

SECONDS = 15.0


class Connection:
    """One portal, over HTTP. An answer that was lost on the way is asked for once more, where the
    call bears that."""

    def __init__(self, server: str, agent: str, transport: httpx2.BaseTransport | None = None) -> None:
        self._client = httpx2.Client(
            base_url=server,
            timeout=SECONDS,
            headers={"User-Agent": agent, "Accept": "application/json, application/problem+json"},
            transport=transport,
            # A proxy of the surroundings is no part of the simulation.
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        bearer: str = "",
        headers: dict[str, str] | None = None,
        attempts: int = 2,
    ) -> dict[str, Any]:
        """The answer's JSON, empty where it has none. Raises `Failure` with the problem document."""
        sent = dict(headers or {})
        if bearer:
            sent["Authorization"] = f"Bearer {bearer}"
        return _content(self._send(method, path, body, sent, attempts))

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str], attempts: int
    ) -> httpx2.Response:
        for attempt in range(1, attempts + 1):
            try:
                return self._client.request(method, path, json=body, headers=headers)
            except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
                raise failure("unreachable", "The server's address is not one.") from error
            except httpx2.ConnectError as error:
                raise failure("unreachable", f"{self._client.base_url} does not answer.") from error
            except httpx2.TransportError as error:
                if attempt == attempts:
                    raise failure("answer_lost", f"The answer was lost: {type(error).__name__}.") from error
        raise AssertionError("an attempt ends in an answer or a failure")


def _content(response: httpx2.Response) -> dict[str, Any]:
    try:
        content = response.json() if response.content else {}
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise failure(
            "answer_unreadable", "The answer is not the portal's.", status=response.status_code
        ) from None
    if response.is_success:
        return content
    if "code" not in content:
        raise failure("answer_unreadable", "The refusal is not the portal's.", status=response.status_code)
    raise Failure(content)
