"""A world of pushes that is watched: every step that a push takes, and every change that the world sees.

What watches adds no await and no event of its own, so a watched push takes the same course, crash point by crash point,
as one that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown
from pms_lab.domain.pms import Availability, Capabilities, Health, NightlyRate
from pms_lab.domain.push import Alert, Push, PushState, Transition
from pms_lab.domain.rates import RateCell
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import ClearRates, UpdateRates
from pms_lab.engine.ledger import Fence, Ledger, Runner
from pms_lab.engine.locks import Holder, Locks
from pms_lab.engine.memory_book import MemoryBook
from pms_lab.engine.memory_locks import MemoryLocks
from pms_lab.engine.pushing.ports import PushPorts, RatePms
from pms_lab.sim.anatomy.log import Asked, Ended, Hold, Log, Mark, Phase, Step
from pms_lab.sim.driver import Sim
from pms_lab.sim.flow import SimFlow
from pms_lab.sim.node import Node
from pms_lab.sim.pms.thin import Decide, calm
from pms_lab.sim.push_world import PushWorld
from pms_lab.sim.storage import SimLocks, SimRunner

T = TypeVar("T")


class WatchedWorld(PushWorld):
    """A `PushWorld` whose every step is noted.

    Attributes:
        log: what was seen.
    """

    def __init__(self, sim: Sim, decide: Decide = calm, **settings: Any) -> None:
        """Build it; `settings` are those of `PushWorld`."""
        super().__init__(sim, decide, **settings)
        self.log = Log(sim)
        self.book = _Book(self.log)
        self._locks = _SeenLocks(self.log)

    def ports(self, node: Node) -> PushPorts:
        """Return what a push on a node awaits; each of them notes what is asked of it."""
        bare, log, run = super().ports(node), self.log, SimRunner(node, self.storage)
        return replace(
            bare,
            flow=_Flow(node, log),
            pms=_Pms(bare.pms, self, node),
            ledger=Ledger(self.book, _LedgerRunner(run, node, log)),
            locks=_Locks(SimLocks(self._locks, run), node, log),
        )

    def edit(self, product: str, amount: Decimal) -> None:
        """Set a rate in the PMS, as a colleague does."""
        self.log.marks.append(Mark(self.log.now_us, "edit", str(amount), product))
        self.set(product, amount)


class _Flow(SimFlow):
    """A node's time; its waits are steps."""

    def __init__(self, node: Node, log: Log) -> None:
        super().__init__(node)
        self._log = log

    async def sleep(self, wait_s: float) -> None:
        with self._log.step(self._node, Asked.CLOCK, "sleep"):
            await super().sleep(wait_s)


class _Pms:
    """A node's way to the PMS: a `RatePms` around another."""

    def __init__(self, pms: RatePms, world: WatchedWorld, node: Node) -> None:
        self._pms = pms
        self._world = world
        self._node = node

    def capabilities(self) -> Capabilities:
        return self._pms.capabilities()

    async def health_check(self) -> Health:
        with self._step("health_check"):
            return await self._pms.health_check()

    async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
        with self._step("get_rates"):
            return await self._pms.get_rates(nights, products)

    async def get_availability(self, nights: StayDates, products: Collection[str]) -> tuple[Availability, ...]:
        with self._step("get_availability"):
            return await self._pms.get_availability(nights, products)

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        with self._step("update_rates", len(write.sheet)) as step:
            return _judged(step, await self._pms.update_rates(write))

    async def clear_rates(self, write: ClearRates) -> Mapping[RateCell, Outcome[None]]:
        with self._step("clear_rates", len(write.cells)) as step:
            return _judged(step, await self._pms.clear_rates(write))

    @contextmanager
    def _step(self, what: str, cells: int = 0) -> Iterator[Step]:
        with self._world.log.step(self._node, Asked.PMS, what, cells=cells) as step:
            step.request = len(self._world.way.history)
            yield step


def _judged(step: Step, told: Mapping[RateCell, Outcome[None]]) -> Mapping[RateCell, Outcome[None]]:
    """Note the worst that a write's answer tells."""
    step.ended = Ended.WELL
    for outcome in told.values():
        match outcome:
            case Unknown(cause=cause):
                step.ended, step.told = Ended.UNKNOWN, cause
            case Refused(message=message) if step.ended is Ended.WELL:
                step.ended, step.told = Ended.REFUSED, message
            case Applied() | Refused():
                pass
    return told


class _LedgerRunner:
    """A node's way to the ledger: a `Runner` around another."""

    def __init__(self, run: Runner, node: Node, log: Log) -> None:
        self._run = run
        self._node = node
        self._log = log

    async def __call__(self, work: Callable[[], T]) -> T:
        what, phase = _asked_of_the_book(work)
        with self._log.step(self._node, Asked.LEDGER, what, phase):
            return await self._run(work)


def _asked_of_the_book(work: Callable[[], Any]) -> tuple[str, Phase | None]:
    if not isinstance(work, partial):
        return "work", None
    name: str = work.func.__name__
    for given in work.args:
        if isinstance(given, Push):
            return f"{name} {given.state}", Phase.INTENT
        if isinstance(given, Transition):
            return f"{name} {given.state}", Phase.COMMIT if given.state.is_final else Phase.INTENT
    return name, None


class _Locks:
    """A node's way to the locks: a `Locks` around another."""

    def __init__(self, locks: Locks, node: Node, log: Log) -> None:
        self._locks = locks
        self._node = node
        self._log = log

    async def acquire(self, location: str, owner: str, ttl_s: float) -> int | None:
        with self._log.step(self._node, Asked.LOCK, "acquire") as step:
            token = await self._locks.acquire(location, owner, ttl_s)
            if token is None:
                step.ended, step.told = Ended.REFUSED, "somebody holds the lock"
            return token

    async def renew(self, location: str, owner: str, token: int, ttl_s: float) -> bool:
        with self._log.step(self._node, Asked.LOCK, "renew"):
            return await self._locks.renew(location, owner, token, ttl_s)

    async def release(self, location: str, owner: str, token: int) -> None:
        with self._log.step(self._node, Asked.LOCK, "release", Phase.COMMIT):
            await self._locks.release(location, owner, token)

    async def holder(self, location: str) -> Holder | None:
        with self._log.step(self._node, Asked.LOCK, "holder"):
            return await self._locks.holder(location)


class _Book(MemoryBook):
    """A ledger that notes when what was recorded."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def open(self, push: Push, fence: Fence | None, alerts: Collection[Alert] = (), inventory_at: Any = None) -> None:
        super().open(push, fence, alerts, inventory_at)
        self._mark("state", push.state)

    def record(
        self,
        push_id: str,
        step: Transition,
        fence: Fence,
        held: Mapping[RateCell, NightlyRate] | None = None,
        alerts: Collection[Alert] = (),
    ) -> None:
        super().record(push_id, step, fence, held, alerts)
        self._mark("state", step.state)

    def tell(self, alert: Alert) -> bool:
        is_new = super().tell(alert)
        if is_new:
            self._mark("alert", alert.kind)
        return is_new

    def _mark(self, kind: str, label: PushState | str) -> None:
        self._log.marks.append(Mark(self._log.now_us, kind, str(label)))


class _SeenLocks(MemoryLocks):
    """Locks that note who held them, and how long."""

    def __init__(self, log: Log) -> None:
        super().__init__(lambda: log.now_us / 1e6)
        self._log = log

    async def acquire(self, location: str, owner: str, ttl_s: float) -> int | None:
        token = await super().acquire(location, owner, ttl_s)
        if token is not None:
            now_us = self._log.now_us
            self._log.holds.append(Hold(now_us, now_us + _us(ttl_s)))
        return token

    async def renew(self, location: str, owner: str, token: int, ttl_s: float) -> bool:
        is_ours = await super().renew(location, owner, token, ttl_s)
        if is_ours:
            hold, now_us = self._log.holds[-1], self._log.now_us
            hold.until_us = now_us + _us(ttl_s)
            hold.renewed_us.append(now_us)
        return is_ours

    async def release(self, location: str, owner: str, token: int) -> None:
        is_held = await self.holder(location)
        await super().release(location, owner, token)
        if is_held and (is_held.owner, is_held.token) == (owner, token):
            hold = self._log.holds[-1]
            hold.until_us, hold.is_given_back = self._log.now_us, True


def _us(wait_s: float) -> int:
    return timedelta(seconds=wait_s) // timedelta(microseconds=1)
