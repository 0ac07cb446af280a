"""A proxy between a phone and the portal that loses answers on the way.

with cutting(port) as proxy:
    proxy.lose(1)      # the request arrives and is answered; the phone hears nothing of it
    phone.refresh()
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class CuttingProxy:
    """Hands bytes on in both directions, until it is told to lose what comes back."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.lost = 0
        self._to_lose = 0

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def lose(self, answers: int) -> None:
        self._to_lose = answers

    async def serve(self, started: threading.Event, stopped: asyncio.Event) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._between, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await stopped.wait()
        server.close()

    def stop(self, stopped: asyncio.Event) -> None:
        self._loop.call_soon_threadsafe(stopped.set)

    async def _between(self, phone: asyncio.StreamReader, to_phone: asyncio.StreamWriter) -> None:
        portal, to_portal = await asyncio.open_connection("127.0.0.1", self.target)
        asking = asyncio.create_task(self._hand_on(phone, to_portal))
        try:
            # A proxy that stops in the middle of something says nothing of it.
            with suppress(OSError, asyncio.CancelledError):
                while answer := await portal.read(65536):
                    if self._to_lose:
                        self._to_lose -= 1
                        self.lost += 1
                        break
                    to_phone.write(answer)
                    await to_phone.drain()
        finally:
            asking.cancel()
            # At once, and not after what is still to be written: the phone must notice.
            to_phone.transport.abort()
            to_portal.transport.abort()

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while question := await reader.read(65536):
                writer.write(question)
                await writer.drain()
            writer.write_eof()


@contextmanager
def cutting(target: int) -> Iterator[CuttingProxy]:
    """Such a proxy in front of a server on this port of the loopback, in a thread of its own."""
    proxy, started, stopped = CuttingProxy(target), threading.Event(), asyncio.Event()
    thread = threading.Thread(target=lambda: asyncio.run(proxy.serve(started, stopped)))
    thread.start()
    try:
        assert started.wait(10)
        yield proxy
    finally:
        proxy.stop(stopped)
        thread.join(10)
