"""The simulation's clock, its dice, and the loop that steps it."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from hashlib import blake2b
from heapq import heappop, heappush
from random import Random
from typing import Any, Final, TypeVar

import simpy
from simpy.core import SimTime
from simpy.events import NORMAL, PENDING, EventPriority

from pms_lab.sim.flow import EPOCH, Clock
from pms_lab.sim.node import Node
from pms_lab.sim.stops import Crashed, Deadlock, Runaway
from pms_lab.sim.task import Task, Timer

T = TypeVar("T")

BUDGET: Final = 1_000_000
"""Steps that one run may take: a push takes about 20."""


class Sim:
    """One simulated world in virtual time, of whole microseconds from 0.

    Use it as a context manager. At its end every node crashes and the dead are buried, so nothing runs on afterwards.

    Attributes:
        env: the SimPy environment; its `now` is the true time in microseconds.
        escaped: errors of tasks that nobody waits for.
        graveyard: the tasks of dead nodes, kept so that no `finally` block runs before the end.
        running: the task that is being stepped, or was last.
    """

    def __init__(self, seed: int = 0, *, shuffled: bool = False, budget: int = BUDGET, epoch: datetime = EPOCH) -> None:
        """Make an empty world.

        Args:
            shuffled: whether events of one instant happen in an order drawn from the seed, rather than in that in which
                they were scheduled.
            budget: steps that one run may take.
            epoch: the true time at which the world begins.
        """
        self.seed = seed
        self.epoch = epoch
        self._streams: dict[str, Random] = {}
        self._ids: dict[str, int] = {}
        self.env = _Shuffled(self.random("ties")) if shuffled else _Environment()
        self.escaped: list[BaseException] = []
        self.graveyard: list[Task[Any]] = []
        self.running: Task[Any]
        self._budget = budget
        self._nodes: list[Node] = []
        self._owners: dict[int, Node] = {}

    def __enter__(self) -> Sim:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def node(self, name: str, *, clock: Clock | None = None, crash_at: int | None = None) -> Node:
        """Start a node, or restart a dead one by giving its name again.

        Args:
            clock: the machine's; a right one if left out.
            crash_at: the number of the crash point at which it crashes.
        """
        self._nodes = [node for node in self._nodes if not node.dead]
        node = Node(self, name, clock or Clock(), crash_at)
        self._nodes.append(node)
        return node

    def now(self) -> datetime:
        """Return the true time, in UTC."""
        return self.epoch + timedelta(microseconds=self.env.now)

    def random(self, name: str) -> Random:
        """Return the stream of that name: the same numbers for the same seed, whatever other streams are used."""
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = Random(f"{self.seed}:{name}")  # noqa: S311
        return stream

    def new_id(self, name: str) -> str:
        """Return the next id of that name, as unlike all others as if it were drawn: 32 hexadecimal digits."""
        number = self._ids[name] = self._ids.get(name, 0) + 1
        return blake2b(f"{self.seed}:{name}:{number}".encode(), digest_size=16).hexdigest()

    def after(self, wait_s: float, do: Callable[[], None]) -> None:
        """Let something happen in the world, which no crash prevents."""
        Timer(self.env, round(wait_s * 1e6)).callbacks.append(lambda _: do())

    def run(self, main: Task[T]) -> T:
        """Step until one task has ended, and return its result; `Node.run` says what it raises."""
        env, queue, escaped = self.env, self.env._queue, self.escaped
        with self._driving():
            # What `Environment.step` does, without its function call and without the errors that it makes anew.
            for _ in range(self._budget):
                if main._value is not PENDING or escaped:
                    break
                if not queue:
                    raise Deadlock(self._report("nothing can happen any more"))
                env._now, _, _, event = heappop(queue)
                callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
                for callback in callbacks:
                    callback(event)
            else:
                raise Runaway(self._report(f"not done after {self._budget} steps"))
        if escaped:
            raise escaped.pop(0)
        if not main.ok:
            raise main._value
        result: T = main._value
        return result

    def close(self) -> None:
        """Crash every node and bury the dead: coroutines are closed, and find that every port refuses."""
        for node in self._nodes:
            node.crash()
        self.env._queue.clear()
        if self.graveyard:
            self._bury()
        self._nodes.clear()
        vars(self).pop("running", None)  # it leads back here: a circle would keep all until garbage is collected

    def _bury(self) -> None:
        with self._driving():
            while self.graveyard:
                # What their `finally` blocks raise, mostly `Crashed`, is nobody's concern.
                with suppress(Exception, Crashed):
                    self.graveyard.pop().bury()

    def _report(self, what: str) -> str:
        tasks = [task.where() for node in self._nodes for task in node.tasks]
        return "\n  ".join([f"{what}, at {self.env.now / 1e6:g} s; waiting:", *tasks])

    @contextmanager
    def _driving(self) -> Iterator[None]:
        """Keep other event loops out while this thread steps the simulation.

        In a notebook one is running: without this, its hooks would finish our generators whenever it pleases, and code
        that awaits asyncio would reach it instead of failing as it does in a script.
        """
        hooks = sys.get_asyncgen_hooks()
        events = sys.modules.get("asyncio.events")
        loop = events._get_running_loop() if events else None
        sys.set_asyncgen_hooks(firstiter=self._adopt, finalizer=self._finish)
        if events:
            events._set_running_loop(None)
        try:
            yield
        finally:
            if events:
                events._set_running_loop(loop)
            sys.set_asyncgen_hooks(*hooks)

    def _adopt(self, generator: AsyncGenerator[Any, Any]) -> None:
        # By id: a weak reference would be gone before `_finish` is called.
        self._owners[id(generator)] = self.running.node

    def _finish(self, generator: AsyncGenerator[Any, Any]) -> None:
        node = self._owners.pop(id(generator))
        if not node.dead:
            node.spawn(_closed(generator), "a dropped generator")


class _Environment(simpy.Environment):
    """An environment that is made quickly: only to `simpy.Environment` itself does SimPy bind its kinds of events."""


class _Shuffled(_Environment):
    """An environment whose ties are broken by chance."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self._chance = chance

    def schedule(self, event: simpy.Event, priority: EventPriority = NORMAL, delay: SimTime = 0) -> None:
        turn = self._chance.getrandbits(32) << 32 | next(self._eid)
        heappush(self._queue, (self._now + delay, priority, turn, event))


async def _closed(generator: AsyncGenerator[Any, Any]) -> None:
    await generator.aclose()
