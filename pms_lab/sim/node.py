"""A node: one incarnation of a process that can crash, with the ports that belong to it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from pms_lab.sim.flow import Clock, SimChance, SimFlow
from pms_lab.sim.stops import Crashed
from pms_lab.sim.task import Task

if TYPE_CHECKING:
    from pms_lab.sim.driver import Sim

T = TypeVar("T")


class Node:
    """One incarnation: from its start to its crash. A restart is a new node of the same name.

    Crash points are numbered from 1 in the order in which they are passed: every await has two, one just after it has
    issued its call and one just before it resumes. So "crash everywhere" is a loop over `crash_at`.

    Attributes:
        dead: it has crashed; its tasks are never stepped again, and its ports refuse.
        crash_at: the crash point at which it crashes, or None.
        points: how many crash points it has passed.
        tasks: those that have not ended, in the order of their start.
    """

    def __init__(self, sim: Sim, name: str, clock: Clock, crash_at: int | None) -> None:
        self.sim = sim
        self.name = name
        self.clock = clock
        self.dead = False
        self.points = 0
        self.tasks: dict[Task[Any], None] = {}
        self.crash_at = crash_at

    @property
    def flow(self) -> SimFlow:
        """Its time and concurrency."""
        return SimFlow(self)

    @property
    def chance(self) -> SimChance:
        """Its randomness."""
        return SimChance(self)

    def spawn(self, work: Coroutine[Any, Any, T], name: str = "") -> Task[T]:
        """Start a coroutine, without waiting for it. An error that nobody waits for ends the run, as it is."""
        if self.dead:
            work.close()
            self.check()
        task = Task(self, work, name or getattr(work, "__qualname__", "task"))
        self.tasks[task] = None
        return task

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the simulation until this coroutine has ended, and return its result.

        Raises:
            Crashed: this node crashed first. The run stops at that instant, and may go on with a restarted node.
            Deadlock: nothing can happen any more.
            Runaway: it took too many steps.
            Exception: the coroutine's own, or that of a task that nobody waits for.
        """
        return self.sim.run(self.spawn(work))

    def check(self) -> None:
        """Refuse if the node is dead; every port does this first.

        Raises:
            Crashed: it is.
        """
        if self.dead:
            raise Crashed(f"{self.name} is dead: its ports do nothing any more")

    def crash(self) -> None:
        """Stop here: no task is stepped again, and no `finally` block has an effect."""
        if self.dead:
            return
        self.dead = True
        for task in list(self.tasks):
            self.sim.graveyard.append(task)
            task.die()
