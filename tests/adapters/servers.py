"""Misbehaving servers on loopback, one connection at a time."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Handle = Callable[[socket.socket, bytes], None]


@contextmanager
def server(handle: Handle, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Accept connections, read each request's head and pass it to `handle`; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_accept, args=(listening, handle, tls), daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=5)


def _accept(listening: socket.socket, handle: Handle, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with suppress(OSError), connection:
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            handle(connection, _head(connection))


def _head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and (part := connection.recv(65536)):
        head += part
    return head


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    """Return a whole HTTP/1.1 answer."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def saying(text: bytes) -> Handle:
    """Answer every request with these bytes."""
    return lambda connection, head: connection.sendall(text)
