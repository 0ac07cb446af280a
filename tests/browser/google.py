"""What stands behind pushes in Chromium, on the loopback: Google's check-in and registration, which a
subscription needs, and the connection over which the browser is sent what came for it.

Written after Chromium's own client (google_apis/gcm), as far as that asks; it proves nothing about Google.
"""

import contextlib
import http.server
import socket
import ssl
import struct
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl

from tests.push_services import http2

# Where Chromium believes that its subscriptions are, one of the two for each kind of build.
ENDPOINTS = ("https://jmt17.google.com/fcm/send/", "https://fcm.googleapis.com/fcm/send/")
VERSION = b"\x29"
LOGIN, LOGGED_IN, MESSAGE = 2, 3, 8
VARINT, FIXED64, BYTES = 0, 1, 2


class Google:
    """Subscribes whoever asks. `registered` holds, by token, what each subscription was asked for with."""

    def __init__(self, directory: Path) -> None:
        self.registered: dict[str, dict[str, str]] = {}
        self.connected: list[BinaryIO] = []
        self._file, context = http2.certificate(directory)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "certificate.pem", directory / "key.pem")
        self._context = context
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _answering(self))
        self._listener = socket.create_server(("127.0.0.1", 0))

    @property
    def arguments(self) -> list[str]:
        """Chromium's, so that it calls here in place of Google."""
        plain = f"http://127.0.0.1:{self._http.server_port}"
        return [
            f"--gcm-checkin-url={plain}/checkin",
            f"--gcm-registration-url={plain}/register",
            f"--gcm-mcs-endpoint=https://127.0.0.1:{self._listener.getsockname()[1]}",
            # Of the last one alone.
            "--ignore-certificate-errors",
        ]

    def start(self) -> None:
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def deliver(self, token: str, body: bytes) -> None:
        """Send the browser what a push service took for it: encrypted, as it is."""
        asked = self.registered[token]
        message = (
            _field(3, BYTES, asked["sender"])
            + _field(5, BYTES, asked["app"])
            + _data("subtype", asked["X-subtype"])
            + _data("content-encoding", "aes128gcm")
            + _field(9, BYTES, uuid.uuid4().hex)
            + _field(17, VARINT, 60)
            + _field(21, BYTES, body)
        )
        _write(self.connected[-1], MESSAGE, message)

    def register(self, asked: dict[str, str]) -> str:
        token = f"{uuid.uuid4().hex}:{uuid.uuid4().hex}"
        # Others than pages ask for themselves.
        if "X-subtype" in asked:
            self.registered[token] = asked
        return token

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), self._context.wrap_socket(plain, server_side=True) as tls:
            stream = tls.makefile("rwb")
            stream.read(len(VERSION))
            while tag := stream.read(1):
                stream.read(_length(stream))
                if tag[0] == LOGIN:
                    stream.write(VERSION)
                    _write(stream, LOGGED_IN, _field(1, BYTES, "here"))
                    self.connected.append(stream)


def _answering(google: Google) -> type[http.server.BaseHTTPRequestHandler]:
    class Answering(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/checkin":
                device = _field(7, FIXED64, 4321) + _field(8, FIXED64, 8765)
                answer = _field(1, VARINT, 1) + _field(3, VARINT, int(time.time() * 1000)) + device
            else:
                answer = f"token={google.register(dict(parse_qsl(body.decode())))}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    return Answering


# --- Protocol buffers, as far as these messages need them ---------------------------------------


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


def _field(number: int, wire: int, value: int | str | bytes) -> bytes:
    key = _varint(number << 3 | wire)
    if isinstance(value, int):
        return key + (_varint(value) if wire == VARINT else struct.pack("<Q", value))
    raw = value.encode() if isinstance(value, str) else value
    return key + _varint(len(raw)) + raw


def _data(key: str, value: str) -> bytes:
    return _field(7, BYTES, _field(1, BYTES, key) + _field(2, BYTES, value))


def _length(stream: BinaryIO) -> int:
    number, shift = 0, 0
    while (digit := stream.read(1)[0]) & 0x80:
        number |= (digit & 0x7F) << shift
        shift += 7
    return number | digit << shift


def _write(stream: BinaryIO, tag: int, message: bytes) -> None:
    stream.write(bytes([tag]) + _varint(len(message)) + message)
    stream.flush()


@contextmanager
def running(directory: Path) -> Iterator[Google]:
    google = Google(directory)
    google.start()
    try:
        yield google
    finally:
        google.stop()
