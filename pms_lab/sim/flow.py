"""The ports `Flow`, `Flag` and `Chance` in virtual time. Each refuses once its node is dead."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import simpy

from pms_lab.sim.stops import Cancelled
from pms_lab.sim.task import Happening, Timer

if TYPE_CHECKING:
    from pms_lab.sim.node import Node

T = TypeVar("T")

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""The true time when a simulation begins, unless it is told another."""


class Clock:
    """A machine's clock. It outlives the crash of its node.

    Attributes:
        offset_s: how far the wall clock is ahead of true time; set it, and the wall clock jumps.
        rate: seconds that the machine counts in one true second, in its timers too.
    """

    def __init__(self, offset_s: float = 0.0, rate: float = 1.0) -> None:
        self.offset_s = offset_s
        self.rate = rate
        self._us_per_s = 1e6 / rate

    def true_us(self, wait_s: float) -> int:
        """Return how long a wait of this machine truly takes: at least a microsecond if it waits at all."""
        return (round(wait_s * self._us_per_s) or 1) if wait_s > 0 else 0


class SimFlag:
    """The port `Flag`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._event: Happening[None] = Happening(node.sim.env)

    def set(self) -> None:
        """Let all who wait, and all who come later, go on."""
        self._node.check()
        if not self._event.triggered:
            self._event.succeed()

    async def wait(self) -> None:
        """Return once the flag is set."""
        self._node.check()
        if not self._event.triggered:
            await self._event


class SimFlow:
    """The port `Flow` of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._env = node.sim.env
        self._epoch = node.sim.epoch

    def now(self) -> datetime:
        """Return the machine's clock, in UTC: the true time, with the machine's error."""
        node = self._node
        if node.dead:
            node.check()
        clock = node.clock
        return self._epoch + timedelta(0, 0, round(self._env._now * clock.rate + clock.offset_s * 1e6))

    def monotonic_s(self) -> float:
        """Return seconds since the simulation began, by the machine's timers."""
        node = self._node
        if node.dead:
            node.check()
        return self._env._now * node.clock.rate / 1e6

    async def sleep(self, wait_s: float) -> None:
        """Wait; zero or less lets others go first."""
        node = self._node
        if node.dead:
            node.check()
        await Timer(self._env, node.clock.true_us(wait_s))

    def timeout(self, limit_s: float) -> Timeout:
        """Cancel the body when it takes longer than `limit_s`, and raise `TimeoutError` in its place."""
        return Timeout(self._node, limit_s)

    async def together(self, *work: Coroutine[Any, Any, T]) -> list[T]:
        """Run coroutines at the same time and return their results in order."""
        if self._node.dead:
            for one in work:
                one.close()
            self._node.check()
        return await _Together(self._node, work).results()

    def flag(self) -> SimFlag:
        """Return a new flag, not set."""
        self._node.check()
        return SimFlag(self._node)


class SimChance:
    """The port `Chance` of one node: streams that the simulation's seed, the node's name and theirs determine."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def share(self, name: str) -> float:
        """Return the next number of the stream `name`: at least 0, below 1."""
        self._node.check()
        return self._node.sim.random(f"{self._node.name}:{name}").random()

    def new_id(self) -> str:
        """Return 32 hexadecimal digits. A restarted node goes on where the last one stopped."""
        self._node.check()
        return self._node.sim.new_id(self._node.name)


class Timeout:
    """The body of `Flow.timeout`, in the task that runs it. It counts cancellations as `asyncio.timeout` does."""

    def __init__(self, node: Node, limit_s: float) -> None:
        self._node = node
        self._limit_s = limit_s
        self._expired = False

    async def __aenter__(self) -> Timeout:
        node = self._node
        node.check()
        self._task = node.sim.running
        self._before = self._task.cancels
        self._timer = Timer(node.sim.env, node.clock.true_us(self._limit_s))
        self._timer.callbacks.append(self._expire)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._expired:
            # SimPy cannot take a timer back, but it need not do anything.
            self._timer.callbacks.clear()
        elif self._task.uncancel() <= self._before and isinstance(error, Cancelled):
            raise TimeoutError from error

    def _expire(self, _: simpy.Event) -> None:
        self._expired = True
        self._task.cancel()


class _Together(Generic[T]):
    """Tasks that end together. Their parent only waits, and nobody cancels it on their behalf."""

    def __init__(self, node: Node, work: tuple[Coroutine[Any, Any, T], ...]) -> None:
        self._tasks = [node.spawn(one) for one in work]
        self._left = len(self._tasks)
        self._over: Happening[None] = Happening(node.sim.env)
        self._failed: simpy.Event | None = None
        self._aborting = False
        for task in self._tasks:
            task.callbacks.append(self._ended)

    async def results(self) -> list[T]:
        cancelled: Cancelled | None = None
        while self._left:
            try:
                await self._over
            except Cancelled as exc:
                cancelled = exc
                self._abort()
        if cancelled is not None:
            raise cancelled
        if self._failed is not None:
            raise self._failed._value
        return [task._value for task in self._tasks]

    def _ended(self, task: simpy.Event) -> None:
        self._left -= 1
        if not task.ok and not self._aborting:
            self._failed = task
            self._abort()
        if not self._left:
            self._over.succeed()

    def _abort(self) -> None:
        # Once: a second cancellation would break into the first one's cleaning up.
        if not self._aborting:
            self._aborting = True
            for task in self._tasks:
                task.cancel()
