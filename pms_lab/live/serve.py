"""A simulated PMS as a real server on this machine, for adapters and for curl."""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import httpx

from pms_lab.adapters.wire import checked_base_url
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import InputError

LOG: Final = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class Receiver(Protocol):
    """What answers requests, at once."""

    def receive(self, request: HttpRequest, at: datetime) -> HttpResponse:
        """Answer one request that arrives at this time."""


def app_of(receiver: Receiver, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> App:
    """Return an ASGI application that hands each request to `receiver` with the time of its arrival."""

    async def app(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"only HTTP is served here, not {scope['type']}")
        response = receiver.receive(await _request(scope, receive), clock())
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    return app


async def _request(scope: Message, receive: Callable[[], Awaitable[Message]]) -> HttpRequest:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    url = f"{scope['scheme']}://{headers.get('host', '127.0.0.1')}{path}" + (f"?{query}" if query else "")
    return HttpRequest(scope["method"], url, headers, body)


def poster(url: str) -> Callable[[bytes], None]:
    """Return a function that posts a JSON body to an address, in the background and once: who misses it must ask.

    What is not taken is logged as a warning.

    Raises:
        HostRefused: the address is plain HTTP beyond this machine.
    """
    checked_base_url(url)
    pool = ThreadPoolExecutor(max_workers=1)

    def post(body: bytes) -> None:
        try:
            httpx.post(url, content=body, headers={"content-type": "application/json"}, timeout=5, trust_env=False)
        except httpx.HTTPError as exc:
            LOG.warning("nobody took a webhook at %s: %s", urlsplit(url).netloc, type(exc).__name__)

    def later(body: bytes) -> None:
        pool.submit(post, body)

    return later


def listening(port: int) -> socket.socket:
    """Take a port on 127.0.0.1.

    Raises:
        InputError: it is taken.
    """
    try:
        taken = socket.create_server(("127.0.0.1", port))
    except OSError as exc:
        raise InputError(f"port {port} cannot be taken ({exc.strerror}): name another") from exc
    # Its connections inherit this. Without it the body of an answer waits for the receipt of its head, for 40 ms.
    taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return taken


def serve(receiver: Receiver, taken: socket.socket) -> None:
    """Serve on a port until interrupted."""
    import uvicorn

    config = uvicorn.Config(app_of(receiver), log_level="warning", lifespan="off", server_header=False)
    uvicorn.Server(config).run(sockets=[taken])
