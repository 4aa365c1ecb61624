"""The run loop of the simulation: how it ends, what it reports, and what it keeps apart."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from datetime import timedelta

import pytest

from pms_lab.engine.ports import Flow
from pms_lab.sim.driver import Sim
from pms_lab.sim.flow import EPOCH
from pms_lab.sim.stops import Deadlock, ForeignAwait, Runaway
from pms_lab.sim.task import Happening


@pytest.fixture
def sim() -> Iterator[Sim]:
    """An empty world."""
    with Sim() as sim:
        yield sim


class Keyed(Exception):
    """An error that cannot be made anew from its `args`."""

    def __init__(self, *, key: str) -> None:
        super().__init__("keyed")
        self.key = key


def test_a_run_ends_with_its_main_task_and_another_goes_on_from_there(sim: Sim) -> None:
    node = sim.node("app")

    async def main() -> str:
        async with node.flow.timeout(1000):
            await node.flow.sleep(2)
        return "done"

    assert node.run(main()) == "done"
    assert sim.now() == EPOCH + timedelta(seconds=2)
    node.run(node.flow.sleep(1))
    assert node.flow.monotonic_s() == 3


def test_the_world_acts_at_its_instant(sim: Sim) -> None:
    node, acted = sim.node("app"), []
    sim.after(1.5, lambda: acted.append(sim.now()))
    node.run(node.flow.sleep(1))
    assert acted == []
    node.run(node.flow.sleep(1))
    assert acted == [EPOCH + timedelta(seconds=1.5)]


def test_errors_arrive_as_the_same_object_through_tasks_and_groups(sim: Sim) -> None:
    node, error = sim.node("app"), Keyed(key="k")

    async def failing() -> None:
        await node.flow.sleep(1)
        raise error

    async def main() -> None:
        await node.flow.together(failing(), node.flow.sleep(9))

    with pytest.raises(Keyed) as raised:
        node.run(main())
    assert raised.value is error
    assert [entry.name for entry in raised.traceback][-2:] == ["_resume", "failing"]


def test_a_joined_task_hands_over_its_end_before_and_after(sim: Sim) -> None:
    node, other, error = sim.node("app"), sim.node("other"), Keyed(key="k")

    async def after(wait_s: float) -> float:
        await other.flow.sleep(wait_s)
        return wait_s

    async def failing() -> None:
        await other.flow.sleep(1)
        raise error

    async def main() -> list[float]:
        first, second = other.spawn(after(1)), other.spawn(after(3))
        with pytest.raises(Keyed) as raised:
            await other.spawn(failing()).join()
        assert raised.value is error
        return [await first.join(), await first.join(), await second.join(), node.flow.monotonic_s()]

    assert node.run(main()) == [1, 1, 3, 3]


def test_what_has_happened_can_still_be_awaited(sim: Sim) -> None:
    node, happening = sim.node("app"), Happening[str](sim.env)
    happening.succeed("news")

    async def main() -> list[str]:
        await node.flow.sleep(1)
        return [await happening, await happening]

    assert node.run(main()) == ["news", "news"]


def test_an_error_that_nobody_waits_for_ends_the_run(sim: Sim) -> None:
    node, error = sim.node("app"), Keyed(key="k")

    async def orphan() -> None:
        await node.flow.sleep(1)
        raise error

    task = node.spawn(orphan())
    with pytest.raises(Keyed) as raised:
        node.run(node.flow.sleep(5))
    assert raised.value is error
    assert (node.flow.monotonic_s(), task.ok) == (1, False)


def test_an_interrupt_from_the_keyboard_is_no_end_of_a_task(sim: Sim) -> None:
    node = sim.node("app")

    async def interrupted() -> None:
        await node.flow.sleep(1)
        raise KeyboardInterrupt

    task = node.spawn(interrupted())
    with pytest.raises(KeyboardInterrupt):
        node.run(node.flow.sleep(5))
    assert not task.triggered


def test_a_deadlock_lists_every_task_and_the_awaits_it_waits_at(sim: Sim) -> None:
    node = sim.node("app")

    async def inner(flow: Flow) -> None:
        await flow.flag().wait()

    async def outer(flow: Flow) -> None:
        await flow.sleep(1)
        await inner(flow)

    reader = node.spawn(outer(node.flow), "reader")
    with pytest.raises(Deadlock) as raised:
        node.run(inner(node.flow))
    assert not reader.triggered
    head, *tasks = str(raised.value).splitlines()
    assert head == "nothing can happen any more, at 1 s; waiting:"
    assert [re.sub(r":\d+|\w+\.<locals>\.", "", task) for task in tasks] == [
        "  app/reader: outer > inner > SimFlag.wait > Happening.__await__",
        "  app/inner: inner > SimFlag.wait > Happening.__await__",
    ]


def test_a_run_that_never_ends_is_stopped_though_the_code_catches_errors() -> None:
    async def forever(flow: Flow) -> None:
        while True:
            try:
                await flow.sleep(0)
            except Exception:
                continue

    with Sim(budget=500) as sim:
        node = sim.node("app")
        with pytest.raises(Runaway, match=r"not done after 500 steps, at 0 s; waiting:\n  app/.*"):
            node.run(forever(node.flow))


def test_awaiting_what_is_no_port_fails_at_that_await(sim: Sim) -> None:
    node, seen = sim.node("app"), []

    class Foreign:
        def __await__(self) -> Iterator[str]:
            yield "something else"

    async def stray() -> None:
        await node.flow.sleep(1)
        try:
            await Foreign()  # type: ignore[misc]
        except Exception:
            seen.append("caught as an error")
        finally:
            await node.flow.sleep(1)
            seen.append("cleaned up")

    with pytest.raises(ForeignAwait, match=r"app/stray awaited 'something else'") as raised:
        node.sim.run(node.spawn(stray(), "stray"))
    assert seen == ["cleaned up"]
    assert raised.traceback[-1].name == "__await__"


def test_asyncio_is_not_there_while_the_simulation_runs(sim: Sim) -> None:
    node = sim.node("app")

    async def stray() -> None:
        await asyncio.sleep(1)

    async def notebook() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(RuntimeError, match="no running event loop"):
            node.run(stray())
        assert asyncio.get_running_loop() is loop

    with pytest.raises(RuntimeError, match="no running event loop"):
        node.run(stray())
    asyncio.run(notebook())


def test_each_task_has_its_own_context(sim: Sim) -> None:
    node = sim.node("app")
    transaction: ContextVar[str] = ContextVar("transaction", default="none")

    async def child(name: str) -> tuple[str, str]:
        inherited = transaction.get()
        transaction.set(f"{inherited}/{name}")
        await node.flow.sleep(1)
        return inherited, transaction.get()

    async def main(name: str) -> tuple[list[tuple[str, str]], str]:
        transaction.set(name)
        await node.flow.sleep(0.5)
        return await node.flow.together(child("a"), child("b")), transaction.get()

    async def both() -> list[tuple[list[tuple[str, str]], str]]:
        return await node.flow.together(main("1"), main("2"))

    assert node.run(both()) == [
        ([("1", "1/a"), ("1", "1/b")], "1"),
        ([("2", "2/a"), ("2", "2/b")], "2"),
    ]
    assert transaction.get() == "none"


async def numbers(flow: Flow, closed: list[float]) -> AsyncIterator[int]:
    """Yield for ever; closing takes a second."""
    try:
        for number in range(1_000_000):
            await flow.sleep(1)
            yield number
    finally:
        await flow.sleep(1)
        closed.append(flow.monotonic_s())


async def first_of(flow: Flow, closed: list[float]) -> int:
    """Break a generator off, and drop it."""
    async for number in numbers(flow, closed):
        return number
    return -1


def test_a_dropped_generator_is_closed_in_virtual_time(sim: Sim) -> None:
    node, closed = sim.node("app"), list[float]()

    async def main() -> list[float]:
        assert await first_of(node.flow, closed) == 0
        await node.flow.sleep(5)
        return closed

    assert node.run(main()) == [2]


def test_a_live_loop_neither_closes_our_generators_nor_loses_its_own(sim: Sim) -> None:
    node, closed, theirs = sim.node("app"), list[float](), list[str]()

    async def main() -> None:
        await first_of(node.flow, closed)
        await node.flow.sleep(5)

    async def their_own() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            theirs.append("closed")

    async def notebook() -> None:
        hooks = sys.get_asyncgen_hooks()
        node.run(main())
        assert sys.get_asyncgen_hooks() == hooks
        async for _ in their_own():
            break
        gc.collect()
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(notebook())
    assert (closed, theirs) == ([2], ["closed"])


def test_a_waiting_task_is_kept_though_nobody_holds_it_or_its_event(sim: Sim) -> None:
    node, stopped = sim.node("app"), []

    async def waiting() -> None:
        try:
            await node.flow.flag().wait()
        finally:
            stopped.append("stopped")

    async def main() -> None:
        task = node.spawn(waiting())
        del task
        await node.flow.sleep(1)
        gc.collect()
        await node.flow.sleep(1)

    node.run(main())
    assert stopped == []


def test_ties_fall_in_the_order_of_their_scheduling_or_by_the_seed() -> None:
    def order(sim: Sim) -> str:
        with sim:
            node, went = sim.node("app"), list[str]()

            async def go(name: str) -> None:
                await node.flow.sleep(1)
                went.append(name)

            node.run(node.flow.together(*(go(name) for name in "abcdef")))
            return "".join(went)

    assert order(Sim(1)) == order(Sim(2)) == "abcdef"
    shuffled = [order(Sim(seed, shuffled=True)) for seed in range(20)]
    assert shuffled == [order(Sim(seed, shuffled=True)) for seed in range(20)]
    assert len(set(shuffled)) > 15
