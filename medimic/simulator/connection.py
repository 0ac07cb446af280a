"""Calls to the portal."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import httpx2

from medimic.simulator.errors import Failure, failure
from medimic.simulator.proofs import Prover

SECONDS = 15.0
NOT_MODIFIED = 304


class Connection:
    """One portal, over HTTP. An answer that was lost on the way is asked for once more, where the
    call bears that."""

    def __init__(self, server: str, agent: str, transport: httpx2.BaseTransport | None = None) -> None:
        self._server = server.rstrip("/")
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
        token: str = "",
        prover: Prover | None = None,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """The answer's JSON, empty where it has none. Raises `Failure` with the problem document.

        With a prover each attempt carries a proof of its own: one is never taken twice.
        """
        return _content(self._send(method, path, body, self._headers(method, path, token, prover, headers)))

    def changed(
        self, path: str, tag: str, *, token: str, prover: Prover | None
    ) -> tuple[dict[str, Any] | None, str]:
        """Ask for what may have changed since the answer with that ETag: the new answer and its
        ETag, or None where nothing did."""
        known = {"If-None-Match": tag} if tag else {}
        response = self._send("GET", path, None, self._headers("GET", path, token, prover, known))
        tag = response.headers.get("ETag", "")
        return (None if response.status_code == NOT_MODIFIED else _content(response)), tag

    def _headers(
        self, method: str, path: str, token: str, prover: Prover | None, more: dict[str, str] | None
    ) -> Callable[[], dict[str, str]]:
        def sent() -> dict[str, str]:
            made = dict(more or {})
            if prover is not None:
                # Of the address without its query.
                made["DPoP"] = prover.proof(method, self._server + path.partition("?")[0], token)
            if token:
                made["Authorization"] = f"{'DPoP' if prover else 'Bearer'} {token}"
            return made

        return sent

    def sign_in_step(
        self, method: str, step: str, body: dict[str, str] | None = None, *, held: str = ""
    ) -> dict[str, Any]:
        """One of the calls of signing in: the answer in allauth's shape, whatever its status.

        Asked once: a code that was lost on the way is spent all the same.
        """
        headers = {"X-Session-Token": held} if held else {}
        path = f"/api/sign-in/{step}"
        response = self._send(method, path, body, lambda: headers, attempts=1)
        content = _json(response)
        if content is None or ("status" not in content and "code" not in content):
            raise _unreadable(response)
        if "code" in content:
            raise Failure(content)
        return content

    def _send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        headers: Callable[[], dict[str, str]],
        attempts: int = 2,
    ) -> httpx2.Response:
        for attempt in range(1, attempts + 1):
            try:
                return self._client.request(method, path, json=body, headers=headers())
            except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
                raise failure("unreachable", "The server's address is not one.") from error
            except httpx2.ConnectError as error:
                raise failure("unreachable", f"{self._client.base_url} does not answer.") from error
            except httpx2.TransportError as error:
                if attempt == attempts:
                    raise failure("answer_lost", f"The answer was lost: {type(error).__name__}.") from error
        raise AssertionError("an attempt ends in an answer or a failure")


def _content(response: httpx2.Response) -> dict[str, Any]:
    content = _json(response)
    if content is None or not (response.is_success or "code" in content):
        raise _unreadable(response)
    if response.is_success:
        return content
    raise Failure(content)


def _json(response: httpx2.Response) -> dict[str, Any] | None:
    try:
        content = response.json() if response.content else {}
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _unreadable(response: httpx2.Response) -> Failure:
    return failure("answer_unreadable", "The answer is not the portal's.", status=response.status_code)
