"""What the contract of `PMSAdapter` needs to run: a vendor's face, its adapter, and a door between the two."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from pms_lab.adapters.wire import Link
from pms_lab.domain.pms import RateLimit
from pms_lab.engine.pms import PMSAdapter
from pms_lab.engine.ports import Flow, Http, HttpRequest, HttpResponse
from pms_lab.engine.resilience.limiter import MemoryWindows
from pms_lab.errors import Unanswered
from pms_lab.sim.pms.face import Face, Server

T = TypeVar("T")

NOON = datetime(2026, 11, 30, 17, 0, tzinfo=UTC)  # noon in New York, where the sample hotel is


@dataclass(frozen=True)
class Vendor:
    """One vendor under contract.

    Attributes:
        face: makes a fresh sample hotel behind the vendor's wire format; takes the keywords of `sample_pms`.
        adapter: makes the adapter, with credentials that the face accepts.
        limits: what the face's server enforces.
        secrets: every credential of the adapter that nobody may see.
    """

    name: str
    face: Callable[..., Face]
    adapter: Callable[[Link], PMSAdapter]
    limits: Sequence[RateLimit] = ()
    secrets: tuple[str, ...] = ()


class Immediate:
    """A flow in which nothing waits: sleeping moves its clock, and fan-out goes one by one."""

    def __init__(self, start: datetime = NOON) -> None:
        self.start = start
        self.elapsed_s = 0.0

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.elapsed_s)

    def monotonic_s(self) -> float:
        return self.elapsed_s

    async def sleep(self, wait_s: float) -> None:
        self.elapsed_s += max(0.0, wait_s)

    @asynccontextmanager
    async def timeout(self, limit_s: float) -> AsyncIterator[None]:
        yield

    async def together(self, *work: Coroutine[Any, Any, T]) -> list[T]:
        return [await one for one in work]

    def flag(self) -> ImmediateFlag:
        return ImmediateFlag()


class ImmediateFlag:
    """A flag for which nobody can wait, since nothing else runs meanwhile."""

    is_set = False

    def set(self) -> None:
        self.is_set = True

    async def wait(self) -> None:
        assert self.is_set, "nothing else runs that could set the flag"


class NoChance:
    """The same number always, and ids that count."""

    count = 0

    def share(self, name: str) -> float:
        return 0.5

    def new_id(self) -> str:
        self.count += 1
        return f"{self.count:032x}"


class InProcess:
    """The `Http` port onto a server in the same process, at once."""

    def __init__(self, server: Server, clock: Callable[[], datetime]) -> None:
        self._server = server
        self._clock = clock

    async def send(self, request: HttpRequest) -> HttpResponse:
        return self._server.receive(request, self._clock())


@dataclass
class Direct:
    """An `Http` port around another; keeps what was sent and answered, and may interfere.

    `before` may raise in place of the request's effect. `tamper` may change or replace an answer when the request has
    had its effect. `loses_answers` loses those to requests that changed something in the PMS.
    """

    server: Server
    inner: Http
    sent: list[HttpRequest] = field(default_factory=list)
    answered: list[HttpResponse] = field(default_factory=list)
    before: Callable[[HttpRequest], None] = lambda request: None
    tamper: Callable[[HttpRequest, HttpResponse], HttpResponse] = lambda request, response: response
    loses_answers: bool = False

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.sent.append(request)
        self.before(request)
        events = self.server.face.pms.events
        before = len(events)
        response = self.tamper(request, await self.inner.send(request))
        if self.loses_answers and len(events) > before:
            raise Unanswered("the answer was lost")
        self.answered.append(response)
        return response


class BenchFlow(Flow, Protocol):
    """A flow whose clock the tests may set forward."""

    elapsed_s: float


@dataclass
class Bench:
    """A vendor's adapter connected to its face through a door."""

    face: Face
    flow: BenchFlow
    http: Direct
    pms: PMSAdapter


class Door(Protocol):
    """A way to run an adapter against a face."""

    name: str

    def open(self, server: Server, start: datetime) -> tuple[BenchFlow, Http, str]:
        """Return the flow, the port to the server, and its address."""

    def run(self, work: Awaitable[T]) -> T:
        """Run a coroutine to its end."""

    def close(self) -> None:
        """Let go of what was opened."""


class Immediately:
    """No network and no waiting."""

    name = "in process"

    def open(self, server: Server, start: datetime) -> tuple[BenchFlow, Http, str]:
        flow = Immediate(start)
        return flow, InProcess(server, flow.now), "http://127.0.0.1:8080"

    def run(self, work: Awaitable[T]) -> T:
        steps = work.__await__()
        try:
            next(steps)
        except StopIteration as done:
            value: T = done.value
            return value
        raise AssertionError("the coroutine waits for something that is not there")

    def close(self) -> None:
        return


class Doors:
    """The door that benches use now."""

    used: Door = Immediately()


def bench(vendor: Vendor, start: datetime = NOON, **sample: Any) -> Bench:
    """Set a vendor up with a fresh sample hotel."""
    face = vendor.face(**sample)
    server = Server(face, vendor.limits)
    flow, inner, base_url = Doors.used.open(server, start)
    http = Direct(server, inner)
    link = Link(http, flow, NoChance(), base_url, MemoryWindows(flow.monotonic_s))
    return Bench(face, flow, http, vendor.adapter(link))


def now(work: Awaitable[T]) -> T:
    """Run a coroutine through the door that benches use now."""
    return Doors.used.run(work)


async def collected(items: AsyncIterator[T]) -> list[T]:
    """Read an iterator to its end."""
    return [item async for item in items]
