"""A push's way to the simulated PMS without HTTP: for sweeps. It fails as the adapters fail, and whenever it is told.

What a node sends takes effect when it arrives, in the world: whether its sender still waits, gave up or crashed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import simpy
from simpy.events import NORMAL

from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why, outcome_of
from pms_lab.domain.pms import Availability, Capabilities, Health, NightlyRate
from pms_lab.domain.rates import RateCell
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import ClearRates, UpdateRates
from pms_lab.engine.ports import TIMEOUT_S
from pms_lab.errors import NotSent, PmsError, PmsFailed, PmsRefused, Throttled, Unanswered
from pms_lab.sim.network import LATENCY_S, Fate
from pms_lab.sim.pms.records import RateKey
from pms_lab.sim.pms.state import Pms
from pms_lab.sim.task import Happening, Timer

if TYPE_CHECKING:
    from random import Random

    from pms_lab.sim.driver import Sim
    from pms_lab.sim.node import Node

T = TypeVar("T")

CAN: Final = Capabilities(
    vendor="thin",
    unsupported={},
    repeatable=frozenset({"update_rates", "clear_rates"}),
    reconcilable=frozenset(),
    conditional_write=False,
    atomic_create=True,
    atomic_rates=False,
    rate_batch=30,
    rate_limits=(),
    read_lag_s=0.0,
    in_flight_s=60.0,
    shows_deletions=False,
    webhooks=False,
)
"""Take a copy with other values where a world needs them."""

APPLIED: Final = Applied(None)
NOT_SENT: Final = Refused(Why.NOT_SENT, "not sent, since how the rates before it ended is unknown")
NOT_ALONE: Final = Refused(Why.REJECTED, "another rate of its batch was refused, and a batch is taken as a whole")


@dataclass(frozen=True, slots=True)
class ThinFate(Fate):
    """What becomes of one request, where not only the network can fail.

    Attributes:
        first: of the cells of a write, only so many take effect; then the connection breaks.
        fails: the PMS says that it failed (500); what has taken effect stays.
        throttled_s: the PMS looks at nothing, and asks to wait so long (429).
    """

    first: int | None = None
    fails: bool = False
    throttled_s: float | None = None


CALM: Final = ThinFate()

Decide = Callable[[str, int, str], ThinFate]
"""Say what becomes of a node's k-th request of an operation, from 1; a restarted node goes on counting.

Of `update_rates` and `clear_rates` each batch is a request.
"""


def calm(node: str, call: int, operation: str) -> ThinFate:
    """Let every request arrive and be answered."""
    return CALM


class ThinHotel:
    """What the PMS makes of a push's requests: the world, not code under test; synchronous, at the world's true time.

    Attributes:
        sim: the world it belongs to.
        pms: holds the rates; its `lag` is how old what a read shows is.
        location: our name of the hotel, which stands in the cells.
        can: what it promises; of this it keeps batches that are atomic, and rates that are created.
        lowest, highest: it refuses amounts beyond.
        is_known: without it there is no such property: reads and writes are refused.
        inherits: whether a night without a rate of its own has that of its room type; else it has none.
        doubled: the rates that there are two of, since each of two writes was sent when there was none.
    """

    def __init__(self, sim: Sim, pms: Pms, location: str, can: Capabilities = CAN) -> None:
        self.sim = sim
        self.pms = pms
        self.location = location
        self.can = can
        self.lowest = Decimal("-Infinity")
        self.highest = Decimal("Infinity")
        self.is_known = True
        self.inherits = True
        self.doubled: set[RateKey] = set()
        self._plan = pms.hotel.rate_plan
        self._cells: dict[RateKey, RateCell] = {}

    def rates(self, nights: StayDates, products: Collection[str]) -> dict[RateCell, NightlyRate]:
        """Return what a read shows.

        Raises:
            PmsRefused: there is no such property.
        """
        self._check_known()
        as_of, own_rates, cells, plan, stay = self._as_of(), self.pms.rates, self._cells, self._plan, list(nights)
        found: dict[RateCell, NightlyRate] = {}
        for product in products:
            kind = self.pms.room_types.get(product)
            if kind is None:
                continue
            for night in stay:
                key = (product, plan, night)
                own = own_rates.get(key, as_of)
                cell = cells.get(key) or self._new_cell(key)
                if own is not None:
                    found[cell] = NightlyRate(own)
                elif self.inherits:
                    found[cell] = NightlyRate(kind.base_rate, is_own=False)
        return found

    def availability(self, nights: StayDates, products: Collection[str]) -> tuple[Availability, ...]:
        """Return what a read shows.

        Raises:
            PmsRefused: there is no such property.
        """
        self._check_known()
        as_of, stay = self._as_of(), list(nights)
        return tuple(
            Availability(product, night, self.pms.available(product, night, as_of))
            for product in sorted(self.pms.room_types.keys() & products)
            for night in stay
        )

    def without_own(self, cells: Collection[RateCell]) -> frozenset[RateCell]:
        """Return the cells of which a read shows no rate of their own: those for which a rate is created."""
        as_of, rates = self._as_of(), self.pms.rates
        return frozenset(
            cell
            for cell in cells
            if cell.stay_date is not None and rates.get((cell.product, self._plan, cell.stay_date), as_of) is None
        )

    def write(
        self, amounts: dict[RateCell, Decimal | None], created: Collection[RateCell], first: int | None
    ) -> dict[RateCell, Outcome[None]]:
        """Give cells their amounts, and tell how each ended; None takes an own rate away.

        Args:
            created: the cells for which a rate is created, whether or not there is one by now.
            first: of the cells, only so many take effect.
        """
        refused = {cell: why for cell, amount in amounts.items() if (why := self._refusal(cell, amount)) is not None}
        is_cut = first is not None and first < len(amounts)
        if self.can.atomic_rates and (refused or is_cut):
            return {cell: refused.get(cell, NOT_ALONE) for cell in amounts}
        at = self.sim.now()
        for cell, amount in islice(amounts.items(), first):
            if cell.stay_date is not None and not (refused and cell in refused):
                is_created = bool(created) and cell in created
                self._set((cell.product, self._plan, cell.stay_date), amount, at, is_created=is_created)
        outcomes: dict[RateCell, Outcome[None]] = dict.fromkeys(amounts, APPLIED)
        return outcomes | refused if refused else outcomes

    def _set(self, key: RateKey, amount: Decimal | None, at: datetime, *, is_created: bool) -> None:
        if amount is None:
            self.doubled.discard(key)
        elif is_created and self.pms.rates.get(key) is not None:
            self.doubled.add(key)
        self.pms.set_rate(*key, amount, at)

    def _refusal(self, cell: RateCell, amount: Decimal | None) -> Refused | None:
        is_ours = cell.location == self.location and cell.rate_plan in (None, self._plan)
        if not is_ours or cell.stay_date is None or cell.occupancy is not None:
            return Refused(Why.REJECTED, f"{cell} is no cell of {self.location}: give a night, no plan, no occupancy")
        if not self.is_known or cell.product not in self.pms.room_types:
            return Refused(Why.NOT_FOUND, f"there is no {cell.product} at {self.location}")
        if amount is not None and not self.lowest <= amount <= self.highest:
            return Refused(Why.OUT_OF_RANGE, f"{amount} is not within {self.lowest} to {self.highest}")
        return None

    def _check_known(self) -> None:
        if not self.is_known:
            raise PmsRefused(f"there is no property {self.location}", status=404)

    def _as_of(self) -> datetime | None:
        return self.pms.shown_at(self.sim.now()) if self.pms.lag else None

    def _new_cell(self, key: RateKey) -> RateCell:
        product, _, night = key
        cell = self._cells[key] = RateCell(self.location, product, night)
        return cell


class Line(NamedTuple):
    """One line of what was sent, and of what arrived.

    Attributes:
        at_us: true time.
        call: the number of the node's request of this operation.
        has_arrived: False where it was sent.
        events: how many the PMS had before; an arrived write's own begin there.
    """

    at_us: int
    node: str
    operation: str
    call: int
    has_arrived: bool
    events: int


class ThinWay:
    """The way to a hotel's PMS, for every node.

    Attributes:
        is_down: no connection is made.
        decide: what becomes of each request.
        history: what was sent and what arrived, in order.
        hotel: what it leads to.
        timeout_s: how long a node waits for an answer.
    """

    def __init__(
        self, hotel: ThinHotel, decide: Decide = calm, *, latency_s: tuple[float, float] = LATENCY_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:  # fmt: skip
        """Lead to a hotel's PMS.

        Args:
            latency_s: the shortest and the longest time of one way.
        """
        self.is_down = False
        self.decide = decide
        self.history: list[Line] = []
        self.hotel = hotel
        self.timeout_s = timeout_s
        self._shortest_us, longest_us = (max(1, round(way_s * 1e6)) for way_s in latency_s)
        self._spread_us = longest_us - self._shortest_us
        self._lanes: dict[str, _Lane] = {}

    def begin(self, node: Node, operation: str, work: Callable[[int | None], T]) -> Happening[T | PmsError]:
        """Send a request and return its end for its sender, to be awaited: the answer, or why there is none.

        Args:
            work: done when it arrives; told of how many cells of a write alone, where that is so.
        """
        node.check()
        name, env, history, events = node.name, self.hotel.sim.env, self.history, self.hotel.pms.events
        lane = self._lanes.get(name) or self._new_lane(name)
        call = lane.calls[operation] = lane.calls.get(operation, 0) + 1
        fate = self.decide(name, call, operation)
        arrives_us, heard_us, lost = self._course(fate, node, lane.chance)
        ending: Happening[T | PmsError] = Happening(env)
        history.append(Line(int(env.now), name, operation, call, False, len(events)))

        def arrive(_: simpy.Event) -> None:
            history.append(Line(int(env.now), name, operation, call, True, len(events)))
            answer = self._answer(fate, work)
            if lost is None:
                ending._value = answer

        if arrives_us is not None:
            Timer(env, arrives_us).callbacks.append(arrive)
        ending._ok, ending._value = True, lost
        env.schedule(ending, NORMAL, heard_us)
        return ending

    def _course(self, fate: ThinFate, node: Node, chance: Random | None) -> tuple[int | None, int, PmsError | None]:
        """Return when a request arrives, if it does, and when its sender hears of what in the place of its answer."""
        there_us = back_us = self._shortest_us
        if chance is not None:
            there_us += int(chance.random() * self._spread_us)
            back_us += int(chance.random() * self._spread_us)
        limit_us = node.clock.true_us(self.timeout_s)
        if fate is CALM and not self.is_down and there_us + back_us <= limit_us:
            return there_us, there_us + back_us, None
        arrives_us, is_refused = there_us + round(fate.late_s * 1e6), fate.refused or self.is_down
        heard_us = arrives_us + back_us if fate.arrives and fate.answered else limit_us + 1
        lost: PmsError | None = None
        if is_refused:
            heard_us, lost = there_us, NotSent("no connection to the PMS: it was refused")
        elif fate.resets or (fate.first is not None and not fate.fails):
            heard_us, lost = there_us + back_us, Unanswered("the answer of the PMS broke off")
        if heard_us > limit_us:
            heard_us, lost = limit_us, Unanswered(f"the PMS did not answer within {self.timeout_s:g} s")
        return arrives_us if fate.arrives and not is_refused else None, heard_us, lost

    def _new_lane(self, node: str) -> _Lane:
        chance = self.hotel.sim.random(f"thin:{node}") if self._spread_us else None
        return self._lanes.setdefault(node, _Lane(chance))

    def _answer(self, fate: ThinFate, work: Callable[[int | None], T]) -> T | PmsError:
        if fate.throttled_s is not None:
            return Throttled("the PMS was asked too often", status=429, retry_after_s=fate.throttled_s)
        try:
            answer = work(fate.first)
        except PmsError as error:
            return error
        return PmsFailed("the PMS failed", status=500) if fate.fails else answer


@dataclass(slots=True, eq=False)
class _Lane:
    """What the way keeps of the nodes of one name, so that what other nodes send does not change how long it takes.

    Attributes:
        chance: of how long each way takes; None where all take the same time.
        calls: how many requests of each operation were sent.
    """

    chance: Random | None
    calls: dict[str, int] = field(default_factory=dict)


class ThinPms:
    """One node's port: the part of `PMSAdapter` that a push needs. Nothing is sent again, and a read fails at once."""

    def __init__(self, way: ThinWay, node: Node) -> None:
        self._way = way
        self._node = node
        self._flow = node.flow
        self._hotel = way.hotel

    def capabilities(self) -> Capabilities:
        """Return what the PMS promises."""
        return self._hotel.can

    async def health_check(self) -> Health:
        """Ask a harmless question; a failure is an answer, not an error."""
        asked_s = self._flow.monotonic_s()
        answer = await self._way.begin(self._node, "health_check", lambda _: "it answers")
        latency_s = self._flow.monotonic_s() - asked_s
        return Health(not isinstance(answer, PmsError), latency_s, str(answer))

    async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
        """Return the rate of each product on each night."""
        return await self._read("get_rates", lambda _: self._hotel.rates(nights, products))

    async def get_availability(self, nights: StayDates, products: Collection[str]) -> tuple[Availability, ...]:
        """Return how many rooms of each product can be sold on each night."""
        return await self._read("get_availability", lambda _: self._hotel.availability(nights, products))

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        """Publish rates in batches, and tell how each cell ended."""
        sheet, currency = write.sheet, self._hotel.pms.hotel.currency
        if sheet.currency != currency:
            why = f"the rates are in {sheet.currency}, the PMS sells in {currency}"
            return dict.fromkeys(sheet, Refused(Why.REJECTED, why))
        return await self._write("update_rates", {cell: rate.amount for cell, rate in sheet.items()})

    async def clear_rates(self, write: ClearRates) -> Mapping[RateCell, Outcome[None]]:
        """Take own rates away in batches, and tell how each cell ended."""
        return await self._write("clear_rates", dict.fromkeys(write.cells))

    async def _read(self, operation: str, work: Callable[[int | None], T]) -> T:
        answer = await self._way.begin(self._node, operation, work)
        if isinstance(answer, PmsError):
            raise answer
        return answer

    async def _write(self, operation: str, amounts: dict[RateCell, Decimal | None]) -> Mapping[RateCell, Outcome[None]]:
        size = self._hotel.can.rate_batch
        if len(amounts) <= size:
            return await self._send(operation, amounts)
        outcomes: dict[RateCell, Outcome[None]] = dict.fromkeys(amounts, NOT_SENT)
        cells = list(amounts.items())
        for start in range(0, len(cells), size):
            told = await self._send(operation, dict(cells[start : start + size]))
            outcomes |= told
            if any(isinstance(outcome, Unknown) for outcome in told.values()):
                break
        return outcomes

    async def _send(self, operation: str, amounts: dict[RateCell, Decimal | None]) -> dict[RateCell, Outcome[None]]:
        created = self._hotel.without_own(amounts) if self._hotel.can.creates_rates else ()
        answer = await self._way.begin(self._node, operation, partial(self._hotel.write, amounts, created))
        if isinstance(answer, PmsError):
            return dict.fromkeys(amounts, outcome_of(answer))
        return answer
