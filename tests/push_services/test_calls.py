"""What goes wrong on the way: services that hang, hang up, are away and back; many threads at once."""

import datetime as dt
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from devices.push_services import calls, send
from medimic.outbox.registry import Refused, Unreachable
from tests.push_services.conftest import an_alert
from tests.push_services.http2 import CLOSE, HANG, Reply

pytestmark = pytest.mark.once
TOKEN = "0a" * 32


@pytest.fixture
def phone(apple) -> str:
    apple.devices[TOKEN] = "here"
    return TOKEN


def test_a_service_that_says_nothing_is_given_up(apple, phone, alert, monkeypatch):
    monkeypatch.setattr(calls, "TIMEOUT", httpx2.Timeout(0.2))
    apple.server.next.append(HANG)
    with pytest.raises(Unreachable, match="APNs was not reached: ReadTimeout"):
        send("apns", phone, alert)
    # The next one does not wait on the connection that hangs.
    send("apns", phone, alert)
    assert apple.server.connections == 2


def test_a_service_that_is_away_comes_back(apple, phone, alert):
    apple.server.next.append(Reply(503, b"", {"retry-after": "5"}))
    with pytest.raises(Unreachable) as caught:
        send("apns", phone, alert)
    assert caught.value.after == dt.timedelta(seconds=5)
    send("apns", phone, alert)
    assert [request.headers["apns-id"] for request in apple.taken] == [str(alert.id)]
    assert apple.server.connections == 1


@pytest.mark.parametrize("then", ["close", "go away"])
def test_a_connection_that_was_closed_meanwhile_costs_no_alert(apple, phone, then):
    apple.server.next.append(Reply(200, then=then))
    send("apns", phone, an_alert())
    for _ in range(5):
        send("apns", phone, an_alert())
    # What was under way when it closed may come twice, under the same id.
    assert len({request.headers["apns-id"] for request in apple.taken}) == 5
    assert apple.server.connections == 2


def test_an_alert_cut_off_goes_once_more_under_the_same_id(apple, phone, alert):
    apple.server.next.append(CLOSE)
    send("apns", phone, alert)
    assert [request.headers["apns-id"] for request in apple.server.requests] == [str(alert.id)] * 2


def test_a_service_that_always_hangs_up_is_away(apple, phone, alert):
    apple.server.next.extend([CLOSE, CLOSE])
    with pytest.raises(Unreachable, match="APNs was not reached"):
        send("apns", phone, alert)


def test_however_often_it_was_cut_off_a_service_that_is_back_is_used_at_once(apple, phone, alert):
    for _ in range(12):
        apple.server.next.extend([CLOSE, CLOSE])
        with pytest.raises(Unreachable) as caught:
            send("apns", phone, alert)
        # What it would be if broken connections took the places of good ones.
        assert "PoolTimeout" not in str(caught.value)
    send("apns", phone, alert)
    assert len(apple.taken) == 1


@pytest.fixture
def old_service(tls):
    """A server that speaks HTTP/1.1 alone: its origin, and what it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked.append(
                (self.client_address, self.path, self.rfile.read(int(self.headers["Content-Length"])))
            )
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tls.set_alpn_protocols(["http/1.1"])
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"https://localhost:{server.server_port}", asked
    calls.close()
    server.shutdown()
    thread.join()
    server.server_close()
    tls.set_alpn_protocols(["h2"])


def test_a_service_that_speaks_no_http_2_is_reached_too(old_service):
    origin, asked = old_service
    for _ in range(3):
        assert calls.post("webpush", "it", f"{origin}/x", {}, b"sealed").status == 201
    assert [(path, body) for _, path, body in asked] == [("/x", b"sealed")] * 3
    assert len({client for client, _, _ in asked}) == 1


def test_nobody_there_is_told_without_an_address(apple, phone, alert, settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings.APNS_API_BASE = f"https://localhost:{port}"
    with pytest.raises(Unreachable) as caught:
        send("apns", phone, alert)
    assert str(caught.value) == "APNs was not reached: ConnectError"


def test_a_certificate_that_nobody_vouches_for_gets_nothing(apple, phone, alert, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Unreachable, match="ConnectError"):
        send("apns", phone, alert)
    assert apple.server.requests == []


def test_an_endless_answer_is_not_read_to_its_end(apple, phone, alert):
    apple.server.next.append(Reply(400, b"x" * 60_000))
    with pytest.raises(Refused, match="APNs answered 400"):
        send("apns", phone, alert)
    send("apns", phone, alert)
    assert len(apple.taken) == 1


def test_eight_threads_share_what_there_is(apple, phone):
    faults = []

    def push() -> None:
        for _ in range(25):
            try:
                send("apns", phone, an_alert())
            except Exception as error:
                faults.append(error)

    threads = [threading.Thread(target=push) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len({request.headers["apns-id"] for request in apple.taken}) == 200
    assert len({request.headers["authorization"] for request in apple.taken}) == 1


@pytest.mark.parametrize("body", [b"", b"null", b"[1]", b"\xff", b"[" * 20_000])
def test_an_answer_that_is_no_object_is_an_empty_one(body):
    assert calls.Answer(400, body, None).json() == {}
