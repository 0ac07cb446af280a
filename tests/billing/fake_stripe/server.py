"""The fake's HTTP: who may ask, what goes wrong on the way, and the two hosted pages."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.billing.fake_stripe.calls import shown
from tests.billing.fake_stripe.store import VERSION
from tests.billing.fake_stripe.wire import decoded

if TYPE_CHECKING:
    from tests.billing.fake_stripe import FakeStripe

SECONDS_OF_HANGING = 30


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, stripe: "FakeStripe") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stripe = stripe
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests are about; everything else is a complaint."""
        if not isinstance(error := sys.exc_info()[1], ConnectionError):
            self.stripe.complain(f"{type(error).__name__}: {error}")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer in one piece: its second would wait for the first's acknowledgement, 40 ms late.
    wbufsize = -1
    server: Server

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self, method: str) -> None:
        stripe, parts = self.server.stripe, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if not parts.path.startswith("/v1/"):
            self._hosted(method, parts.path)
            return
        fault = stripe.fault_for(method, parts.path)
        if fault in ("unavailable", "limited", "broken"):
            status = {"unavailable": 503, "limited": 429, "broken": 500}[fault]
            self._send(status, {"error": {"type": "api_error", "message": f"told to be {fault}"}})
            return
        if fault == "hang":
            stripe.let_go.wait(SECONDS_OF_HANGING)
            self.close_connection = True
            return
        try:
            status, answer = self._checked(method, parts.path) or stripe.answer(
                method, parts.path, body or parts.query, self.headers.get("Idempotency-Key") or "", decoded
            )
        except Exception as error:
            status, answer = stripe.complain(f"{method} {parts.path}: {type(error).__name__}: {error}")
        if fault == "lose":
            self.close_connection = True
            return
        self._send(status, answer)

    def _checked(self, method: str, path: str) -> tuple[int, Any] | None:
        stripe = self.server.stripe
        if self.headers.get("Authorization") != "Bearer sk_test_fake":
            return 401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}
        if self.headers.get("Stripe-Version") != VERSION:
            return stripe.complain(f"{method} {path}: API version {self.headers.get('Stripe-Version')}")
        if method == "POST" and not self.headers.get("Idempotency-Key"):
            return stripe.complain(f"{method} {path}: no idempotency key")
        return None

    def _send(self, status: int, answer: Any) -> None:
        body = json.dumps(shown(answer)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Request-Id", "req_fake")
        self.end_headers()
        self.wfile.write(body)

    def _hosted(self, method: str, path: str) -> None:
        """The page that takes a card (`/c/…`), and that of an invoice (`/i/…`): one button each."""
        stripe = self.server.stripe
        kind, _, name = path.lstrip("/").partition("/")
        if kind not in ("c", "i") or name not in stripe.store.things:
            self._send(404, {})
            return
        if method == "POST" and kind == "c":
            self.send_response(303)
            self.send_header("Location", stripe.complete_checkout(name))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if method == "POST":
            stripe.confirm(name)
        body = b"<!doctype html><title>Fake Stripe</title><form method=post><button>Confirm</button></form>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
