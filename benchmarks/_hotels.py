"""What the benchmarks of pushes share: hotels that another process serves over loopback, and pushes to them."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import httpx
import uvicorn

from pms_lab.adapters.vendors import adapter_of
from pms_lab.adapters.wire import HttpxDoor
from pms_lab.domain.location import Location, Product
from pms_lab.domain.money import Money
from pms_lab.domain.push import Origin, PushOrder, PushState
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.engine.push import push
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.engine.resilience.limiter import MemoryWindows
from pms_lab.live.flow import LiveChance, LiveFlow
from pms_lab.live.pms import link_to, property_of
from pms_lab.live.push import office
from pms_lab.live.serve import App, Message, app_of, listening
from pms_lab.pms_settings import PmsSettings, revealed
from pms_lab.push_settings import PushSettings
from pms_lab.settings import Settings
from pms_lab.sim.pms.face import Face
from pms_lab.sim.pms.sample import ROOM_TYPES
from pms_lab.sim.pms.served import SAMPLES

ZONE: Final = ZoneInfo("America/New_York")
FIRST_OFFSET: Final = 2
PATIENCE_S: Final = 60.0
"""So long a wait for one's turn is not taken for a PMS that is down."""
PUSHING: Final = PushSettings(live=True, allow_new=True, health_s=PATIENCE_S)


class Street:
    """Sample hotels of one vendor, each below its name, without the vendor's rate limits."""

    def __init__(self, vendor: str, names: Collection[str]) -> None:
        self._faces: Mapping[str, Face] = {name: SAMPLES[vendor]().face for name in names}

    def receive(self, request: HttpRequest, at: datetime) -> HttpResponse:
        """Let the hotel answer whose name the path begins with."""
        scheme, _, host, name, rest = request.url.split("/", 4)
        url = f"{scheme}//{host}/{rest}"
        return self._faces[name].answer(HttpRequest(request.method, url, request.headers, request.body), at)


@contextmanager
def serving(vendor: str, names: Collection[str], stalls: Mapping[str, float] | None = None) -> Iterator[str]:
    """Serve new hotels from a process of its own, and yield the address below which they are.

    Args:
        stalls: by a part of the path: how long a request waits before it is answered, in seconds.
    """
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(vendor, names, stalls or {}, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def _serve(vendor: str, names: Collection[str], stalls: Mapping[str, float], ready: Connection) -> None:
    app = _stalling(app_of(Street(vendor, names)), stalls)
    taken = listening(0)
    # Connections are kept while their clients wait for their turn.
    config = uvicorn.Config(
        app, log_level="error", access_log=False, lifespan="off", ws="none", timeout_keep_alive=round(10 * PATIENCE_S)
    )
    ready.send(taken.getsockname()[1])
    uvicorn.Server(config).run(sockets=[taken])


def _stalling(app: App, stalls: Mapping[str, float]) -> App:
    async def stalled(scope: Message, receive: object, send: object) -> None:
        await asyncio.sleep(sum(wait_s for part, wait_s in stalls.items() if part in scope["path"]))
        await app(scope, receive, send)  # type: ignore[arg-type]

    return stalled if stalls else app


def settings_of(vendor: str, base_url: str) -> PmsSettings:
    """Return the settings that reach a served hotel."""
    table = {"vendor": vendor, "base_url": base_url, "timeout_s": PATIENCE_S, **SAMPLES[vendor]().settings}
    return PmsSettings.model_validate(table)


def place_of(code: str) -> Location:
    """Return a served hotel as a location."""
    products = {kind.code: Product(kind.code, kind.name) for kind in ROOM_TYPES}
    return Location(code, f"Hotel {code}", ZONE, "USD", Decimal("0.01"), products)


def order_of(place: Location, products: int, nights: int, step: int = 0) -> PushOrder:
    """Return an order of new rates for some room types and nights, no two alike.

    Args:
        step: which of several consecutive pushes this is; each brings other rates.
    """
    first = datetime.now(UTC).astimezone(ZONE).date() + timedelta(days=FIRST_OFFSET)
    rates = {
        RateCell(place.code, kind.code, first + timedelta(days=night)): Money(
            kind.base_rate + 1 + step % 10 + Decimal(night) / 100, place.currency
        )
        for kind in ROOM_TYPES[:products]
        for night in range(nights)
    }
    return PushOrder(RateSheet(rates), "a benchmark", Origin("file", "rates.csv"))


class RecordingDoor(HttpxDoor):
    """The usual way to a PMS, which keeps what was sent."""

    def __init__(self) -> None:
        super().__init__(httpx.AsyncHTTPTransport(trust_env=False))
        self.sent: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Note the request, and send it."""
        self.sent.append(request)
        return await super().send(request)


@dataclass(frozen=True)
class Recorded:
    """One push.

    Attributes:
        before: the requests by which it was connected.
        sent: the requests of the push itself.
    """

    took_s: float
    before: Sequence[HttpRequest]
    sent: Sequence[HttpRequest]


async def recorded_push(vendor: str, base_url: str, home: Path, place: Location, order: PushOrder) -> Recorded:
    """Push through the real ports, with the ledger of a home."""
    settings, flow = settings_of(vendor, base_url), LiveFlow()
    async with office(home, Settings()) as opened, aclosing(RecordingDoor()) as door:
        link = link_to(door, settings, MemoryWindows(flow.monotonic_s))
        pms = adapter_of(vendor, property_of(place, settings), revealed(settings.credentials), link)
        await pms.connect()
        before = len(door.sent)
        ports = PushPorts(flow, LiveChance(), pms, opened.ledger, opened.locks, place, PUSHING.policy())
        began_s = time.perf_counter()
        outcome = await push(ports, order)
        took_s = time.perf_counter() - began_s
        await pms.disconnect()
    assert outcome.state is PushState.PUBLISHED, outcome.why
    return Recorded(took_s, door.sent[:before], door.sent[before:])


def bare_client() -> httpx.AsyncClient:
    """Return a client that is as patient as the pushes are."""
    return httpx.AsyncClient(verify=False, trust_env=False, timeout=PATIENCE_S)


async def send_bare(client: httpx.AsyncClient, requests: Sequence[HttpRequest], address: str, name: str) -> None:
    """Send recorded requests once more, byte by byte, to a hotel that is served elsewhere or under another name."""
    for one in requests:
        _, _, _, _, rest = one.url.split("/", 4)
        url = f"{address}/{name}/{rest}"
        answer = await client.request(one.method, url, headers=dict(one.headers), content=one.body)
        assert answer.status_code < 300, answer.text
