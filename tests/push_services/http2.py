"""An HTTP/2 server over TLS on the loopback, and no more of it than services that take pushes have."""

import contextlib
import datetime as dt
import gzip
import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import h2.config
import h2.connection
import h2.events
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST = "localhost"
FRAME = 16_384


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    # What becomes of the connection after it: "keep", "close", or "go away", as a server says before it does.
    then: str = "keep"


# In place of a reply: the client waits for ever, or finds the connection closed.
HANG, CLOSE = Reply(0), Reply(0, then="close")


def reply_json(status: int, found: object, **headers: str) -> Reply:
    return Reply(status, json.dumps(found).encode(), {"content-type": "application/json", **headers})


class Server:
    """Answers what `answer` says, or what a test has put into `next`; keeps what it got."""

    def __init__(self, answer: Callable[[Request], Reply], context: ssl.SSLContext) -> None:
        self.answer = answer
        self.context = context
        self.next: deque[Reply] = deque()
        self.requests: list[Request] = []
        self.connections = 0
        self.open = 0
        # How long it takes over an answer.
        self.seconds = 0.0
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.origin = f"https://{HOST}:{self.port}"

    def start(self) -> None:
        self._run(self._accept)

    def stop(self) -> None:
        # Closing alone does not wake up a thread that waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_connections()
        for thread in self._threads:
            thread.join(timeout=5)

    def drop_connections(self) -> None:
        """Hang up on everybody."""
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        self.next.clear()
        self.requests.clear()
        self.connections, self.seconds = 0, 0.0

    def _run(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(plain)
            self._run(self._serve, plain)

    def _serve(self, plain: socket.socket) -> None:
        with plain, contextlib.suppress(OSError):
            tls = self.context.wrap_socket(plain, server_side=True)
            self._sockets.append(tls)
            with tls:
                if tls.selected_alpn_protocol() == "h2":
                    self._count(1)
                    try:
                        self._speak(tls)
                    finally:
                        self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self.open += change
            self.connections += max(change, 0)

    def _speak(self, tls: ssl.SSLSocket) -> None:
        connection = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )
        connection.initiate_connection()
        tls.sendall(connection.data_to_send())
        open_streams: dict[int, tuple[dict[str, str], bytearray]] = {}
        while data := tls.recv(65536):
            is_over = False
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    open_streams[event.stream_id] = (dict(event.headers), bytearray())
                elif isinstance(event, h2.events.DataReceived):
                    open_streams[event.stream_id][1].extend(event.data)
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    headers, body = open_streams.pop(event.stream_id)
                    is_over |= self._reply(connection, event.stream_id, headers, bytes(body))
            tls.sendall(connection.data_to_send())
            if is_over:
                return

    def _reply(
        self, connection: h2.connection.H2Connection, stream: int, headers: dict[str, str], body: bytes
    ) -> bool:
        """Returns whether the connection is at its end."""
        request = Request(
            headers[":method"],
            headers[":path"],
            {name: value for name, value in headers.items() if not name.startswith(":")},
            body,
        )
        self.requests.append(request)
        time.sleep(self.seconds)
        reply = self.next.popleft() if self.next else self.answer(request)
        if reply.status:
            told, answer = dict(reply.headers), reply.body
            if answer and "gzip" in headers.get("accept-encoding", ""):
                # As Google's do for whoever says that they can read it.
                told["content-encoding"], answer = "gzip", gzip.compress(answer)
            connection.send_headers(stream, [(":status", str(reply.status)), *told.items()])
            for start in range(0, len(answer), FRAME):
                connection.send_data(stream, answer[start : start + FRAME])
            connection.end_stream(stream)
        if reply.then == "go away":
            connection.close_connection(last_stream_id=stream)
        return reply.then != "keep"


def certificate(directory: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for the loopback that vouches for itself: its file, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Fake push services")])
    now = dt.datetime.now(dt.UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"), False
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(HOST), x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, encipher_only=False, decipher_only=False, **usage
            ),
            True,
        )
        .sign(key, hashes.SHA256())
    )
    public, private = directory / "certificate.pem", directory / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    context.set_alpn_protocols(["h2"])
    return public, context
