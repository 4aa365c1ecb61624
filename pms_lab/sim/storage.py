"""The stores of a simulation: where the ledger and the locks live, and the way of each node to them.

What a node asks of a store is done when it arrives there, in the world: whether whoever asked still waits or crashed.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import simpy
from simpy.events import NORMAL

from pms_lab.engine.locks import Holder, Locks
from pms_lab.engine.memory_locks import MemoryLocks
from pms_lab.errors import StoreError
from pms_lab.sim.stops import Cancelled
from pms_lab.sim.task import Happening, Timer

if TYPE_CHECKING:
    from pms_lab.sim.driver import Sim
    from pms_lab.sim.node import Node

T = TypeVar("T")

LATENCY_S: Final = 0.001


@dataclass(frozen=True, slots=True)
class StoreFate:
    """What becomes of one call to a store.

    Attributes:
        works: it is done; without that, its caller hears that the store is gone.
        answered: the caller hears how it ended; without that, only that the connection broke.
        late_s: how much longer than usual it is on its way there.
    """

    works: bool = True
    answered: bool = True
    late_s: float = 0.0


CALM: Final = StoreFate()


def calm(node: str, call: int) -> StoreFate:
    """Let every call work and be answered."""
    return CALM


class Storage:
    """One store, and the way to it. It outlives the nodes that ask it.

    Attributes:
        is_gone: whatever arrives is not done, and its caller hears that the store is gone.
        decide: what becomes of a node's k-th call, from 1; a restarted node goes on counting.
    """

    def __init__(
        self, sim: Sim, decide: Callable[[str, int], StoreFate] = calm, *, latency_s: float = LATENCY_S
    ) -> None:
        """Make a store that nobody has asked yet.

        Args:
            latency_s: how long one way takes.
        """
        self.sim = sim
        self.is_gone = False
        self.decide = decide
        self._way_us = max(1, round(latency_s * 1e6))
        self._calls: dict[str, int] = {}

    def begin(self, node: str, work: Callable[[], T]) -> Happening[T]:
        """Send some work and return its end for whoever asked, to be awaited."""
        call = self._calls[node] = self._calls.get(node, 0) + 1
        fate, env = self.decide(node, call), self.sim.env
        ending: Happening[T] = Happening(env)

        def arrive(_: simpy.Event) -> None:
            ending._ok, ending._value = self._done(work, fate)
            env.schedule(ending, NORMAL, self._way_us)

        Timer(env, self._way_us + (round(fate.late_s * 1e6) if fate.late_s else 0)).callbacks.append(arrive)
        return ending

    def _done(self, work: Callable[[], T], fate: StoreFate) -> tuple[bool, Any]:
        if self.is_gone or not fate.works:
            return False, StoreError("the store is gone: nothing was read or written")
        try:
            ended: tuple[bool, Any] = True, work()
        except Exception as exc:
            ended = False, exc
        if fate.answered:
            return ended
        return False, StoreError("the connection to the store broke: whether it was written is not known")


class SimRunner:
    """A `Runner`: one node's way to a store."""

    def __init__(self, node: Node, storage: Storage) -> None:
        self._node = node
        self._storage = storage

    async def __call__(self, work: Callable[[], T]) -> T:
        """Do it once, and return its result or raise its error as it is; a cancellation waits until it is done."""
        node = self._node
        if node.dead:
            node.check()
        ending = self._storage.begin(node.name, work)
        try:
            return await ending
        except Cancelled:
            await _until(ending)
            raise


async def _until(ending: Happening[Any]) -> None:
    """Wait for an end, however it is, and whoever cancels that."""
    while not ending.processed:
        try:
            await ending
        except (Cancelled, Exception):  # noqa: S112
            continue


class SimLocks:
    """A `Locks`: one node's way to the locks."""

    def __init__(self, locks: Locks, run: SimRunner) -> None:
        """Lead to locks.

        Args:
            locks: in memory, so that they await nothing; shared by all nodes.
            run: the node's way to the store that holds them.
        """
        self._locks = locks
        self._run = run

    async def acquire(self, location: str, owner: str, ttl_s: float) -> int | None:
        """Take the lock if nobody holds it, and return its token."""
        return await self._run(lambda: at_once(self._locks.acquire(location, owner, ttl_s)))

    async def renew(self, location: str, owner: str, token: int, ttl_s: float) -> bool:
        """Keep the lock for `ttl_s` from now; whether it was still the owner's."""
        return await self._run(lambda: at_once(self._locks.renew(location, owner, token, ttl_s)))

    async def release(self, location: str, owner: str, token: int) -> None:
        """Give the lock back; without effect when it is no longer the owner's."""
        await self._run(lambda: at_once(self._locks.release(location, owner, token)))

    async def holder(self, location: str) -> Holder | None:
        """Return who holds the lock; None where nobody does."""
        return await self._run(lambda: at_once(self._locks.holder(location)))


def locks_of(sim: Sim) -> MemoryLocks:
    """Return locks that nobody holds, by the simulation's true clock."""
    return MemoryLocks(lambda: sim.env.now / 1e6)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that awaits nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError(f"{work} awaits something: it cannot be done at once")
