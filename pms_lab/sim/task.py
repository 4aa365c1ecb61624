"""One coroutine in virtual time, as a SimPy event: it happens when the coroutine ends.

It is no `simpy.Process`: that makes a new error of each error it throws, its interrupts are caught by
`except Exception`, and the garbage collector may take it while it waits.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator, Iterator
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import simpy
from simpy.events import PENDING

from pms_lab.sim.stops import Cancelled, Crashed, ForeignAwait

if TYPE_CHECKING:
    from collections.abc import Callable

    from pms_lab.sim.node import Node

T = TypeVar("T")


class Happening(simpy.Event, Generic[T]):
    """An event that a coroutine can await, for its value. It is all that a simulated port ever awaits."""

    def __await__(self) -> Generator[simpy.Event, Any, T]:
        value: T = yield self
        return value


class Timer(simpy.Timeout):
    """An event after a delay in microseconds, which a coroutine can await."""

    def __await__(self) -> Generator[simpy.Event, Any, None]:
        yield self


def soon(env: simpy.Environment, callback: Callable[[simpy.Event], None]) -> simpy.Event:
    """Return an event that happens at this instant, after what was scheduled for it before."""
    event = simpy.Timeout(env, 0)
    event.callbacks.append(callback)
    return event


class Task(simpy.Event, Generic[T]):
    """A coroutine of one node, stepped whenever what it awaits has happened.

    Attributes:
        cancels: how many of those who asked it to stop have not taken that back.
    """

    def __init__(self, node: Node, work: Coroutine[Any, Any, T], name: str) -> None:
        super().__init__(node.sim.env)
        self.node = node
        self.name = name
        self.work = work
        self._send = work.send
        self.cancels = 0
        self._context = copy_context()
        self._delivery: simpy.Event | None = None
        self._target: simpy.Event = soon(self.env, self._start)

    async def join(self) -> T:
        """Wait for its end, and return its result or raise its error, as it is."""
        over: Happening[T] = Happening(self.env)
        if self.processed:
            over.trigger(self)
        else:
            self.callbacks.append(over.trigger)
        return await over

    def cancel(self) -> None:
        """Ask it to stop: `Cancelled` is raised where it waits. Requests before it runs again are delivered as one."""
        if self._value is not PENDING:
            return
        self.cancels += 1
        if self._delivery is None:
            self._delivery = soon(self.env, self._deliver)

    def uncancel(self) -> int:
        """Take one request back, and return how many are left."""
        self.cancels -= 1
        return self.cancels

    def die(self) -> None:
        """End as `Crashed` for those on other nodes who wait for it; the coroutine is never stepped again."""
        self._end(False, Crashed(f"{self.node.name} crashed before {self.name} had ended"))

    def bury(self) -> None:
        """Close the coroutine of a dead node; its `finally` blocks run, and find that every port refuses."""
        self._context.run(self.work.close)

    def where(self) -> str:
        """Return the chain of awaits at whose end it waits."""
        return f"{self.node.name}/{self.name}: {' > '.join(_chain(self.work))}"

    def _start(self, _: simpy.Event) -> None:
        if not self.node.dead and self._value is PENDING:
            self._go_on(None)

    def _step(self, event: simpy.Event) -> None:
        # Nearly all of a simulation's time is spent here and in `_resume`: they are long rather than many.
        node = self.node
        if node.dead:
            return
        node.points = point = node.points + 1
        if point == node.crash_at:
            node.crash()
        elif self._delivery is None and event._ok:
            self._resume(self._send, event._value)
        else:
            self._go_on(event)

    def _deliver(self, delivery: simpy.Event) -> None:
        if delivery is not self._delivery or self.node.dead:
            return
        for waiting in (self._step, self._start):
            if waiting in (self._target.callbacks or ()):
                self._target.callbacks.remove(waiting)
        self._step(delivery)

    def _go_on(self, event: simpy.Event | None) -> None:
        if self._delivery is not None:
            self._delivery = None
            self._resume(self.work.throw, Cancelled())
        elif event is None:
            self._resume(self._send, None)
        else:
            self._resume(self.work.throw, event._value)

    def _resume(self, move: Callable[[Any], Any], value: object) -> None:
        node = self.node
        node.sim.running = self
        try:
            target = self._context.run(move, value)
        except StopIteration as end:
            self._end(True, end.value)
            return
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as exc:
            self._end(False, exc)
            return
        try:
            target.callbacks.append(self._step)
            self._target = target
        except AttributeError:
            self._await_otherwise(target)
        node.points = point = node.points + 1
        if point == node.crash_at:
            node.crash()

    def _await_otherwise(self, target: Any) -> None:
        if not isinstance(target, simpy.Event):
            where = f"{self.node.name}/{self.name}"
            foreign = f"{where} awaited {target!r}: code in a simulation awaits only its ports"
            self._resume(self.work.throw, ForeignAwait(foreign))
            return
        self._target = again = soon(self.env, self._step)
        again._ok, again._value = target._ok, target._value

    def _end(self, ok: bool, value: Any) -> None:
        if self._value is not PENDING:
            return
        self._ok, self._value, self._delivery = ok, value, None
        self._defused = True
        self.node.tasks.pop(self, None)
        if not ok and not self.callbacks and not isinstance(value, Cancelled | Crashed):
            self.node.sim.escaped.append(value)
        self.env.schedule(self)


def _chain(work: object) -> Iterator[str]:
    while work is not None:
        for kind in ("cr", "gi", "ag"):
            frame = getattr(work, f"{kind}_frame", None)
            if frame is not None:
                yield f"{frame.f_code.co_qualname}:{frame.f_lineno}"
        work = getattr(work, "cr_await", None) or getattr(work, "gi_yieldfrom", None) or getattr(work, "ag_await", None)
