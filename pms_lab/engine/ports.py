"""The ports: all that production code may await, and where its time, its chance and its answers come from.

Two drivers stand behind them: `pms_lab.live` on asyncio, and `pms_lab.sim` in virtual time. A port belongs to one
incarnation of a node, and refuses once that has crashed.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

TIMEOUT_S: Final = 10.0


class Flag(Protocol):
    """Something that happens once, and that many may wait for."""

    def set(self) -> None:
        """Let all who wait, and all who come later, go on."""

    async def wait(self) -> None:
        """Return once the flag is set; at once if it is already."""


class Flow(Protocol):
    """Time and concurrency, as one node has them.

    Code on a flow names no driver's cancellation: it uses `try`/`finally` and `except Exception`, never a bare
    `except`.
    """

    def now(self) -> datetime:
        """Return the wall clock: aware, in UTC. It may be wrong, and may jump; use it for dates, not for durations."""

    def monotonic_s(self) -> float:
        """Return seconds since some fixed instant; they never go back."""

    async def sleep(self, wait_s: float) -> None:
        """Wait; zero or less lets others go first."""

    def timeout(self, limit_s: float) -> AbstractAsyncContextManager[object]:
        """Cancel the body when it takes longer than `limit_s`, and raise the builtin `TimeoutError` in its place."""

    async def together(self, *work: Coroutine[Any, Any, T]) -> list[T]:
        """Run coroutines at the same time and return their results in order.

        The first error cancels the rest, waits for them, and is raised as it is. So does a cancellation from outside.
        """

    def flag(self) -> Flag:
        """Return a new flag, not set."""


class Chance(Protocol):
    """Randomness from a named seed."""

    def share(self, name: str) -> float:
        """Return the next number of the stream `name`: at least 0, below 1."""

    def new_id(self) -> str:
        """Return a text that no other call returns: 32 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request. Its `repr` shows no header, query or body: credentials stand there.

    Attributes:
        method: in capitals.
        url: absolute, with its query.
        headers: by name; a name comes once.
        timeout_s: how long to wait for the answer; the request may take effect later nevertheless.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout_s: float = TIMEOUT_S

    def __repr__(self) -> str:
        parts = urlsplit(self.url)
        return f"<{self.method} {parts.hostname}{parts.path}>"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One HTTP answer, read to its end. Its `repr` shows no header or body.

    Attributes:
        headers: by name, in lower case; a name that came twice has its values joined by a comma.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<HTTP {self.status}, {len(self.body)} bytes>"


class Http(Protocol):
    """The way to one PMS."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request once and return its answer, whatever the status; redirects are answers, not followed.

        Raises:
            NotSent: the connection was refused: nothing has happened.
            Unanswered: no whole answer came, within `timeout_s` or before the connection broke; the request may have
                had its effect.
        """
