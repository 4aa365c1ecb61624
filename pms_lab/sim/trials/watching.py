"""A world of pushes that keeps what a history needs: who sent what under which lock and intent, and what came of it.

What watches adds no await and no event of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from pms_lab.domain.history import (
    Delay,
    Guards,
    Healing,
    History,
    Hold,
    Read,
    Recorded,
    Sent,
    Struck,
    Told,
    Write,
)
from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import Alert, Push, PushState, Transition
from pms_lab.domain.rates import RateCell
from pms_lab.engine.ledger import Fence, Ledger
from pms_lab.engine.memory_book import MemoryBook
from pms_lab.engine.memory_locks import MemoryLocks
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.sim.driver import Sim
from pms_lab.sim.node import Node
from pms_lab.sim.pms.thin import Decide, ThinFate, calm
from pms_lab.sim.push_world import DESK, HOTEL, NIGHT, PLAN, ROOM_TYPES, PushWorld
from pms_lab.sim.storage import SimLocks, SimRunner, at_once

WRITES: Final = ("update_rates", "clear_rates")


class Watched(PushWorld):
    """A world that is watched.

    Attributes:
        by_hand: the numbers of the events that a colleague made.
        sent, delays: as in `History`.
        fate: what becomes of each request.
    """

    book: _WatchedBook

    def __init__(self, sim: Sim, decide: Decide = calm, **settings: Any) -> None:
        """Build it; `settings` are those of `PushWorld`."""
        self.by_hand: set[int] = set()
        self.sent: list[Sent] = []
        self.delays: list[Delay] = []
        self.fate = decide
        super().__init__(sim, self._decide, **settings)
        self.book = _WatchedBook(sim, lambda: len(self.pms.events))
        self._locks: _WatchedLocks = _WatchedLocks(sim)

    def set(self, product: str, amount: Decimal | None, *other: Any) -> None:
        """Set a rate in the PMS, as a colleague does."""
        super().set(product, amount, *other)
        self.by_hand.add(len(self.pms.events))

    def ports(self, node: Node) -> PushPorts:
        """Return what a push on a node awaits."""
        run = self.runner(node)
        locks = _NodeLocks(self._locks, run, node, self.delays)
        return replace(super().ports(node), ledger=Ledger(self.book, run), locks=locks)

    def runner(self, node: Node) -> SimRunner:
        """Return a node's way to the store."""
        return SimRunner(node, self.storage)

    def own(self, product: str) -> Decimal | None:
        """Return the rate that a night has of its own."""
        return self.pms.rates.get((product, PLAN, NIGHT))

    def final_at_s(self) -> float:
        """Return when the last transition was recorded, in true seconds."""
        return self.book.recorded[-1].at_us / 1e6 if self.book.recorded else 0.0

    def history(self, struck: Sequence[Struck] = (), healing: Healing | None = None) -> History:
        """Return what has happened up to now."""
        lines = self.way.history
        return History(
            can=self.hotel.can,
            plan=PLAN,
            guards=self._guards(),
            inherited=tuple((_cell(kind.code, NIGHT), kind.base_rate) for kind in ROOM_TYPES),
            sent=tuple(self.sent),
            writes=tuple(self._writes()),
            reads=tuple(
                Read(line.at_us, line.node) for line in lines if line.has_arrived and line.operation == "get_rates"
            ),
            delays=tuple(self.delays),
            holds=tuple(self._locks.holds.values()),
            recorded=tuple(self.book.recorded),
            pushes=self.book.pushes()[::-1],
            told=tuple(self.book.told),
            doubled=tuple(_cell(product, night) for product, _, night in sorted(self.hotel.doubled)),
            struck=tuple(struck),
            settled_us=self.book.recorded[-1].at_us if self.book.recorded else 0,
            healing=healing,
        )

    def _guards(self) -> Guards:
        floors = tuple((code, product.floor) for code, product in DESK.products.items() if product.floor is not None)
        return Guards(HOTEL.currency, DESK.zone, self.policy.push_cap, self.policy.day_cap, floors)

    def _writes(self) -> Iterator[Write]:
        sent = {(one.node, one.operation, one.call): one for one in self.sent}
        arrived = {
            line.events: sent[line.node, line.operation, line.call]
            for line in self.way.history
            if line.has_arrived and line.operation in WRITES
        }
        by: Sent | None = None
        for event in self.pms.events:
            by = arrived.get(event.sequence - 1, by)
            if event.kind != "rate":
                continue
            product, _, night = event.id.split("/")
            amount = None if event.detail == "None" else Decimal(event.detail)
            at_us = (event.at - self.sim.epoch) // timedelta(microseconds=1)
            is_by_hand = event.sequence in self.by_hand
            cell = _cell(product, date.fromisoformat(night))
            yield Write(event.sequence, at_us, cell, amount, is_by_hand, None if is_by_hand else by)

    def _decide(self, node: str, call: int, operation: str) -> ThinFate:
        if operation in WRITES:
            under_way = tuple(one.id for one in self.book.pushes(states=[PushState.IN_PROGRESS]))
            holder = self._locks.held_by(DESK.code)
            self.sent.append(Sent(int(self.sim.env.now), node, operation, call, holder, under_way))
        return self.fate(node, call, operation)


class _WatchedBook(MemoryBook):
    """A ledger that notes when what was recorded."""

    def __init__(self, sim: Sim, events: Callable[[], int]) -> None:
        super().__init__()
        self.recorded: list[Recorded] = []
        self.told: list[Told] = []
        self._sim = sim
        self._events = events

    def open(self, push: Push, fence: Fence | None, alerts: Collection[Alert] = (), *other: Any) -> None:
        super().open(push, fence, alerts, *other)
        self._note(push.id, push.state, fence)

    def record(
        self,
        push_id: str,
        step: Transition,
        fence: Fence,
        held: Mapping[RateCell, NightlyRate] | None = None,
        alerts: Collection[Alert] = (),
    ) -> None:
        super().record(push_id, step, fence, held, alerts)
        self._note(push_id, step.state, fence)

    def tell(self, alert: Alert) -> bool:
        is_new = super().tell(alert)
        if is_new:
            self.told.append(Told(int(self._sim.env.now), alert))
        return is_new

    def _note(self, push_id: str, state: PushState, fence: Fence | None) -> None:
        token = None if fence is None else fence.token
        self.recorded.append(Recorded(int(self._sim.env.now), push_id, state, token, self._events()))


class _WatchedLocks(MemoryLocks):
    """Locks that note who held them, and how long.

    Attributes:
        holds: by token.
        owners: the node of each owner.
    """

    def __init__(self, sim: Sim) -> None:
        super().__init__(lambda: sim.env.now / 1e6)
        self.holds: dict[int, Hold] = {}
        self.owners: dict[str, str] = {}
        self._sim = sim

    def held_by(self, location: str) -> str | None:
        """Return the node that truly holds a lock."""
        holder = at_once(self.holder(location))
        return self.holds[holder.token].node if holder else None

    async def acquire(self, location: str, owner: str, ttl_s: float) -> int | None:
        token = await super().acquire(location, owner, ttl_s)
        if token is not None:
            now_us = int(self._sim.env.now)
            self.holds[token] = Hold(self.owners.get(owner, owner), token, now_us, now_us + round(ttl_s * 1e6))
        return token

    async def renew(self, location: str, owner: str, token: int, ttl_s: float) -> bool:
        is_held = await super().renew(location, owner, token, ttl_s)
        if is_held:
            until_us = int(self._sim.env.now) + round(ttl_s * 1e6)
            self.holds[token] = replace(self.holds[token], until_us=until_us)
        return is_held

    async def release(self, location: str, owner: str, token: int) -> None:
        before = await self.holder(location)
        await super().release(location, owner, token)
        if before is not None and await self.holder(location) is None:
            hold = self.holds[before.token]
            self.holds[before.token] = replace(hold, until_us=int(self._sim.env.now), given_back_with=token)


class _NodeLocks(SimLocks):
    """One node's way to the locks, that says who asks, and notes how long a renewal takes."""

    def __init__(self, locks: _WatchedLocks, run: SimRunner, node: Node, delays: list[Delay]) -> None:
        super().__init__(locks, run)
        self._watched = locks
        self._node = node
        self._delays = delays

    async def acquire(self, location: str, owner: str, ttl_s: float) -> int | None:
        self._watched.owners[owner] = self._node.name
        return await super().acquire(location, owner, ttl_s)

    async def renew(self, location: str, owner: str, token: int, ttl_s: float) -> bool:
        env, asked_us = self._node.sim.env, int(self._node.sim.env.now)
        try:
            return await super().renew(location, owner, token, ttl_s)
        finally:
            self._delays.append(Delay(self._node.name, asked_us, int(env.now)))


def settling_bound_s(world: PushWorld) -> float:
    """Return within what time after the last trouble all must be settled, once no lock is left over from it."""
    can = world.hotel.can
    return sum(world.policy.waits_s) + can.read_lag_s + 2 * can.in_flight_s + 60


def _cell(product: str, night: date) -> RateCell:
    return RateCell(DESK.code, product, night)
