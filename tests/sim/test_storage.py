"""The stores of a simulation: what is asked of them happens in the world, whoever dies or gives up meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from pms_lab.domain.push import Origin, Push, PushState, Transition
from pms_lab.engine.ledger import Fence, Ledger
from pms_lab.engine.locks import Holder, Lease, Locks
from pms_lab.engine.memory_book import MemoryBook
from pms_lab.errors import InputError, StoreError
from pms_lab.sim.driver import Sim
from pms_lab.sim.flow import Clock
from pms_lab.sim.node import Node
from pms_lab.sim.stops import Crashed
from pms_lab.sim.storage import SimLocks, SimRunner, Storage, StoreFate, at_once, locks_of
from tests.contracts.locks import LONG_S, LocksContract, Play, Story, T

WAY_S = 0.25


def runner(sim: Sim, node: Node, decide: Callable[[str, int], StoreFate] = lambda *_: StoreFate()) -> SimRunner:
    return SimRunner(node, Storage(sim, decide, latency_s=WAY_S))


def writing(disk: list[int], number: int) -> Callable[[], int]:
    """Return work that leaves a trace."""

    def work() -> int:
        disk.append(number)
        return number

    return work


def pass_time(sim: Sim, wait_s: float = 60) -> None:
    bystander = sim.node("bystander")
    bystander.run(bystander.flow.sleep(wait_s))


@pytest.mark.parametrize(
    ("fate", "is_gone", "end", "done_at", "ends_at"),
    [
        (StoreFate(), False, "done", [0.25], 0.5),
        (StoreFate(works=False), False, StoreError, [], 0.5),
        (StoreFate(answered=False), False, StoreError, [0.25], 0.5),
        (StoreFate(works=False, answered=False), False, StoreError, [], 0.5),
        (StoreFate(late_s=3), False, "done", [3.25], 3.5),
        (StoreFate(late_s=3, answered=False), False, StoreError, [3.25], 3.5),
        (StoreFate(), True, StoreError, [], 0.5),
    ],
    ids=str,
)  # fmt: skip
def test_a_call_meets_its_fate(
    fate: StoreFate, is_gone: bool, end: object, done_at: list[float], ends_at: float
) -> None:
    with Sim() as sim:
        node, done = sim.node("app"), []
        storage = Storage(sim, lambda *_: fate, latency_s=WAY_S)
        storage.is_gone = is_gone

        def work() -> str:
            done.append(sim.env.now / 1e6)
            return "done"

        async def call() -> object:
            try:
                return await SimRunner(node, storage)(work)
            except StoreError as error:
                return type(error)

        assert (node.run(call()), done, node.flow.monotonic_s()) == (end, done_at, ends_at)


def test_a_store_is_gone_for_what_arrives_meanwhile() -> None:
    with Sim() as sim:
        node, storage = sim.node("app"), Storage(sim, latency_s=1)
        disk: list[int] = []
        sim.after(0.5, lambda: setattr(storage, "is_gone", True))
        sim.after(3.5, lambda: setattr(storage, "is_gone", False))

        async def calls() -> list[object]:
            told: list[object] = []
            for number in range(3):
                try:
                    told.append(await SimRunner(node, storage)(writing(disk, number)))
                except StoreError as error:
                    told.append(str(error))
            return told

        gone = "the store is gone: nothing was read or written"
        assert (node.run(calls()), disk) == ([gone, gone, 2], [2])


@pytest.mark.parametrize("error", [InputError("there is no such push"), LookupError("a bug")], ids=str)
def test_an_error_of_the_work_is_raised_as_it_is(error: Exception) -> None:
    def work() -> None:
        raise error

    with Sim() as sim:
        node = sim.node("app")
        with pytest.raises(type(error)) as raised:
            node.run(runner(sim, node)(work))
        assert raised.value is error


@pytest.mark.parametrize("crash_at", range(1, 8))
def test_what_is_issued_before_a_crash_is_done_and_told_to_nobody(crash_at: int) -> None:
    with Sim() as sim:
        node = sim.node("app", crash_at=crash_at)
        run, disk, told = runner(sim, node), list[int](), list[int]()

        async def calls() -> None:
            for number in range(3):
                told.append(await run(writing(disk, number)))
            await node.flow.sleep(1)

        with pytest.raises(Crashed):
            node.run(calls())
        at_crash = len(disk)
        pass_time(sim)
        is_in_flight = crash_at % 2 == 1 and crash_at < 6
        assert (len(disk), at_crash) == (min(3, (crash_at + 1) // 2), len(disk) - is_in_flight)
        assert told == list(range((crash_at - 1) // 2))


@pytest.mark.parametrize("answered", [True, False], ids=["it works", "it fails"])
def test_who_gives_up_waits_until_it_is_done(answered: bool) -> None:
    with Sim() as sim:
        node, disk = sim.node("app"), list[int]()
        run = runner(sim, node, lambda *_: StoreFate(answered=answered, late_s=5))

        async def give_up() -> float:
            with pytest.raises(TimeoutError):
                async with node.flow.timeout(1):
                    await run(writing(disk, 1))
            return node.flow.monotonic_s()

        assert (node.run(give_up()), disk) == (5.5, [1])


def test_a_second_cancellation_does_not_interrupt_that() -> None:
    with Sim() as sim:
        node, disk = sim.node("app"), list[int]()
        run = runner(sim, node, lambda *_: StoreFate(late_s=5))

        async def give_up_twice() -> float:
            with pytest.raises(TimeoutError):
                async with node.flow.timeout(2), node.flow.timeout(1):
                    await run(writing(disk, 1))
            return node.flow.monotonic_s()

        assert (node.run(give_up_twice()), disk) == (5.5, [1])


def test_calls_are_numbered_by_node_and_a_restart_goes_on_counting() -> None:
    asked = []

    def decide(node: str, call: int) -> StoreFate:
        asked.append((node, call))
        return StoreFate()

    with Sim() as sim:
        storage = Storage(sim, decide)
        for name in ("app", "app", "other", "app"):
            node = sim.node(name)
            node.run(SimRunner(node, storage)(lambda: None))
            node.crash()
    assert asked == [("app", 1), ("app", 2), ("other", 1), ("app", 3)]


def test_the_ports_of_a_dead_node_refuse_and_ask_nothing() -> None:
    with Sim() as sim:
        node, other, disk = sim.node("app"), sim.node("other"), list[int]()
        run = runner(sim, node)
        locks = SimLocks(locks_of(sim), run)
        node.crash()
        for call in (
            run(writing(disk, 1)), locks.acquire("INN", "ada", 9), locks.renew("INN", "ada", 1, 9),
            locks.release("INN", "ada", 1), locks.holder("INN"),
        ):  # fmt: skip
            with pytest.raises(Crashed, match="app is dead"):
                other.run(call)
        pass_time(sim)
        assert disk == []


@pytest.mark.parametrize("crash_at", range(1, 9))
def test_a_ledger_holds_what_was_issued_and_no_half_of_it(crash_at: int) -> None:
    at = datetime(2026, 2, 18, tzinfo=UTC)
    states = [PushState.PREPARED, PushState.IN_PROGRESS, PushState.PUBLISHED]
    first, *later = (Transition(state, at, "app", "it became so") for state in states)
    push = Push("p1", "INN", "USD", None, "ada", at, at, Origin("file", "x"), (), transitions=(first,))
    with Sim() as sim:
        node, book = sim.node("app", crash_at=crash_at), MemoryBook()
        ledger = Ledger(book, runner(sim, node))

        async def story() -> None:
            await ledger.past("INN", (), at)
            await ledger.open(push, Fence("INN", 1))
            for step in later:
                await ledger.record("p1", step, Fence("INN", 1))

        with pytest.raises(Crashed):
            node.run(story())
        pass_time(sim)
        known = book.find("p1")
        issued = (crash_at + 1) // 2 - 1
        assert ([step.state for step in known.transitions] if known else []) == states[:issued]


# Locks


class TestSimLocks(LocksContract):
    @pytest.fixture
    def play(self) -> Play:
        def play(story: Story[T]) -> T:
            with Sim() as sim:
                node = sim.node("app")
                return node.run(story(sim_locks(sim, node), node.flow.sleep))

        return play

    def test_of_many_that_ask_at_once_one_gets_the_lock(self, play: Play) -> None:
        """Not by asyncio, as the contract asks: in a simulation nobody awaits that."""
        winners = [contended(seed) for seed in range(20)]
        assert len(set(winners)) > 5
        assert winners == [contended(seed) for seed in range(20)]


def sim_locks(sim: Sim, node: Node, locks: Locks | None = None) -> SimLocks:
    return SimLocks(locks or locks_of(sim), runner(sim, node))


def contended(seed: int) -> str:
    """Let twenty nodes ask for a lock at once, and return the one that got it."""
    with Sim(seed, shuffled=True) as sim:
        locks, nodes = locks_of(sim), [sim.node(f"node {number}") for number in range(20)]
        asked = [node.spawn(sim_locks(sim, node, locks).acquire("INN", node.name, LONG_S)) for node in nodes]
        tokens = {node.name: sim.run(task) for node, task in zip(nodes, asked, strict=True)}
        ((winner, token),) = [(name, token) for name, token in tokens.items() if token is not None]
        assert at_once(locks.holder("INN")) == Holder(winner, token, LONG_S - WAY_S)
        return winner


def test_a_lock_lapses_by_true_time_whatever_the_clocks_of_the_nodes_say() -> None:
    with Sim() as sim:
        slow, fast = sim.node("slow", clock=Clock(-900, 0.5)), sim.node("fast", clock=Clock(900, 2))
        locks = locks_of(sim)
        assert slow.run(sim_locks(sim, slow, locks).acquire("INN", "slow", 10))
        pass_time(sim, 9.4)
        assert not fast.run(sim_locks(sim, fast, locks).acquire("INN", "fast", 10))
        assert fast.run(sim_locks(sim, fast, locks).acquire("INN", "fast", 10)) == 2


def test_a_node_that_dies_holds_its_lock_until_that_lapses() -> None:
    with Sim() as sim:
        locks, first = locks_of(sim), sim.node("app", crash_at=1)
        with pytest.raises(Crashed):
            first.run(sim_locks(sim, first, locks).acquire("INN", "first", 600))
        again = sim.node("app")
        its = sim_locks(sim, again, locks)
        assert again.run(its.acquire("INN", "again", 600)) is None
        pass_time(sim, 600)
        assert again.run(its.acquire("INN", "again", 600)) == 2


def test_a_renewal_that_is_late_finds_the_lock_lapsed() -> None:
    late = {2: StoreFate(late_s=10)}

    async def keep(node: Node, lease_locks: SimLocks) -> bool:
        lease = await Lease.take(node.flow, lease_locks, "INN", "ada", 9)
        assert lease is not None
        return await lease_locks.renew("INN", "ada", lease.fence.token, 9)

    with Sim() as sim:
        node = sim.node("app")
        locks = SimLocks(locks_of(sim), runner(sim, node, lambda _, call: late.get(call, StoreFate())))
        assert not node.run(keep(node, locks))


def test_only_what_awaits_nothing_is_done_at_once() -> None:
    async def three() -> int:
        return 3

    with Sim() as sim:
        assert at_once(three()) == 3
        with pytest.raises(RuntimeError, match="awaits something"):
            at_once(sim.node("app").flow.sleep(1))
