"""Nodes that stand still for a while, as a process does that is stopped or swapped out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pms_lab.domain.history import Delay
from pms_lab.domain.outcome import Outcome
from pms_lab.domain.pms import Availability, Capabilities, Health, NightlyRate
from pms_lab.domain.rates import RateCell
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import ClearRates, UpdateRates
from pms_lab.engine.pushing.ports import PushPorts, RatePms
from pms_lab.sim.driver import Sim
from pms_lab.sim.flow import SimFlow
from pms_lab.sim.node import Node
from pms_lab.sim.storage import SimRunner, Storage
from pms_lab.sim.task import Timer
from pms_lab.sim.trials.watching import Watched

T = TypeVar("T")


class PausableWorld(Watched):
    """A watched world whose nodes can be paused: what a node awaits goes on only when its pause is over.

    A pause never comes between a check and the request that follows it without an await: no client can help that one.
    """

    def __init__(self, sim: Sim, **settings: Any) -> None:
        """Build it; `settings` are those of `PushWorld`."""
        super().__init__(sim, **settings)
        self._until_us: dict[str, int] = {}

    def pause(self, node: str, for_s: float) -> None:
        """Let a node do nothing for a while."""
        now_us = int(self.sim.env.now)
        until_us = now_us + round(for_s * 1e6)
        self._until_us[node] = max(until_us, self._until_us.get(node, 0))
        self.delays.append(Delay(node, now_us, until_us))

    def ports(self, node: Node) -> PushPorts:
        """Return what a push on a node awaits."""
        bare = super().ports(node)
        return replace(bare, flow=_Flow(self, node), pms=_Pms(bare.pms, self, node))

    def runner(self, node: Node) -> SimRunner:
        """Return a node's way to the store."""
        return _Runner(self, node, self.storage)

    async def paused(self, node: Node, work: Awaitable[T]) -> T:
        """Await something, and go on when the node's pause is over."""
        try:
            return await work
        finally:
            # A dead node awaits nothing any more, not even when it is buried.
            while not node.dead and (left_us := self._until_us.get(node.name, 0) - int(self.sim.env.now)) > 0:
                await Timer(self.sim.env, left_us)


class _Flow(SimFlow):
    """A node's time."""

    def __init__(self, world: PausableWorld, node: Node) -> None:
        super().__init__(node)
        self._world = world
        self._sleeper = node

    async def sleep(self, wait_s: float) -> None:
        await self._world.paused(self._sleeper, super().sleep(wait_s))


class _Runner(SimRunner):
    """A node's way to the store."""

    def __init__(self, world: PausableWorld, node: Node, storage: Storage) -> None:
        super().__init__(node, storage)
        self._world = world
        self._asker = node

    async def __call__(self, work: Callable[[], T]) -> T:
        return await self._world.paused(self._asker, super().__call__(work))


class _Pms:
    """A node's way to the PMS: a `RatePms` around another."""

    def __init__(self, pms: RatePms, world: PausableWorld, node: Node) -> None:
        self._pms = pms
        self._world = world
        self._node = node

    def capabilities(self) -> Capabilities:
        return self._pms.capabilities()

    async def health_check(self) -> Health:
        return await self._world.paused(self._node, self._pms.health_check())

    async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
        return await self._world.paused(self._node, self._pms.get_rates(nights, products))

    async def get_availability(self, nights: StayDates, products: Collection[str]) -> tuple[Availability, ...]:
        return await self._world.paused(self._node, self._pms.get_availability(nights, products))

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        return await self._world.paused(self._node, self._pms.update_rates(write))

    async def clear_rates(self, write: ClearRates) -> Mapping[RateCell, Outcome[None]]:
        return await self._world.paused(self._node, self._pms.clear_rates(write))
