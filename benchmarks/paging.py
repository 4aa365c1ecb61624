"""Loading reservations page by page: the adapter's time for each stays the same, and its memory does not grow."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from pms_lab.adapters.vendors import VENDORS, adapter_of
from pms_lab.adapters.wire import Link
from pms_lab.domain.property import Property
from pms_lab.domain.stay import StayDates
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.engine.resilience.limiter import MemoryWindows
from pms_lab.sim.driver import Sim
from pms_lab.sim.pms.face import Face
from pms_lab.sim.pms.served import SAMPLES
from pms_lab.sim.pms.state import Wish

FEW, MANY = 2_500, 10_000
HELD_FEW, HELD_MANY = 1_000, 4_000  # fewer, since tracing memory is slow
NOON = datetime(2026, 11, 30, 17, tzinfo=UTC)
TODAY = date(2026, 11, 30)
T = TypeVar("T")


@dataclass
class Timed:
    """The `Http` port onto a face in the same process, which keeps apart the time that the face takes."""

    face: Face
    clock: Callable[[], datetime]
    took_s: float = 0.0

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer at once."""
        began_s = time.perf_counter()
        answer = self.face.answer(request, self.clock())
        self.took_s += time.perf_counter() - began_s
        return answer


def main() -> None:
    """Print one line: for each vendor, time and memory of many reservations over those of few."""
    told = []
    for vendor in VENDORS:
        few_s, many_s = (one_load(vendor, size, traced=False)[0] for size in (FEW, MANY))
        few_kb, many_kb = (one_load(vendor, size, traced=True)[1] for size in (HELD_FEW, HELD_MANY))
        time_ratio = (many_s / MANY) / (few_s / FEW)
        told.append(f"{vendor} {time_ratio:.2f} and {many_kb / few_kb:.2f} ({MANY / many_s:,.0f}/s, {many_kb:,.0f} kB)")
    print(
        f"paging, {MANY:,} reservations over {FEW:,}: adapter's time for each (linear: about 1), and what it holds, "
        f"{HELD_MANY:,} over {HELD_FEW:,} (flat: about 1): {', '.join(told)}"
    )


def one_load(vendor: str, size: int, *, traced: bool) -> tuple[float, float]:
    """Set a hotel up, and read its arrivals once; return the adapter's seconds, and the most that it held, in kB."""
    sample = SAMPLES[vendor]()
    crowd(sample.face, size)
    with Sim(epoch=NOON) as sim:
        node = sim.node("app")
        http = Timed(sample.face, sim.now)
        link = Link(http, node.flow, node.chance, "http://127.0.0.1", MemoryWindows(node.flow.monotonic_s))
        products = sample.settings.get("products", {})
        place = Property(
            "HOTEL", str(sample.settings["property"]), ZoneInfo("America/New_York"), "USD",
            str(sample.settings.get("rate_plan", "")), products if not isinstance(products, str) else {},
        )  # fmt: skip
        pms = adapter_of(vendor, place, sample.credentials, link)

        async def count() -> tuple[int, int]:
            found, most = 0, 0
            async for _ in pms.get_arrivals(TODAY):
                found += 1
                if traced:
                    most = max(most, tracemalloc.get_traced_memory()[0])
            return found, most

        assert node.run(pms.health_check()).is_up  # a face makes up its books when it is first asked
        http.took_s = 0.0
        if traced:
            tracemalloc.start()
        began_s = time.perf_counter()
        found, most = node.run(count())
        took_s = time.perf_counter() - began_s - http.took_s
        tracemalloc.stop()
    assert found == size
    return took_s, most / 1024


def crowd(face: Face, size: int) -> None:
    """Add more arrivals of one day than there are rooms: all but the first hold none."""
    pms = face.pms
    guest = pms.add_guest(NOON, first_name="Ada", last_name="Byron", email="ada@example.com")
    first = pms.book(Wish(StayDates.starting(TODAY, 2), next(iter(pms.room_types)), guest.id), NOON - timedelta(days=1))
    for _ in range(size - 1):
        number = pms.id_of("booking")
        twin = replace(first, id=number, group=number, confirmation=f"C{number}", room=None)
        pms.bookings.put(number, twin, first.created_at)


if __name__ == "__main__":
    main()
