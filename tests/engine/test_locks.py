from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import Any

import pytest

from pms_lab.engine.locks import Holder, Lease, Locks
from pms_lab.engine.memory_locks import MemoryLocks
from pms_lab.engine.ports import Flow
from pms_lab.errors import LockLost, StoreError
from pms_lab.sim.driver import Sim
from pms_lab.sim.flow import Clock
from pms_lab.sim.node import Node
from tests.contracts.locks import LocksContract, Play, Story, T, taken
from tests.drivers import DRIVERS, Scenario

TTL_S = 600.0


class TestMemoryLocks(LocksContract):
    @pytest.fixture
    def play(self) -> Play:
        now_s = 0.0

        async def wait(wait_s: float) -> None:
            nonlocal now_s
            now_s += wait_s

        def run(story: Story[T]) -> T:
            return asyncio.run(story(MemoryLocks(lambda: now_s), wait))

        return run


class Far:
    """Locks as one node reaches them: each call takes its time on the way there and back, or is not answered at all."""

    def __init__(self, flow: Flow, locks: Locks) -> None:
        self.there_s = self.back_s = 0.01
        self.is_down = False
        self.renewed_at_s: list[float] = []
        self._flow = flow
        self._locks = locks

    async def acquire(self, location: str, owner: str, ttl_s: float) -> int | None:
        return await self._ask(lambda: self._locks.acquire(location, owner, ttl_s))

    async def renew(self, location: str, owner: str, token: int, ttl_s: float) -> bool:
        self.renewed_at_s.append(self._flow.monotonic_s())
        return await self._ask(lambda: self._locks.renew(location, owner, token, ttl_s))

    async def release(self, location: str, owner: str, token: int) -> None:
        await self._ask(lambda: self._locks.release(location, owner, token))

    async def holder(self, location: str) -> Holder | None:
        return await self._ask(lambda: self._locks.holder(location))

    async def _ask(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        await self._flow.sleep(self.there_s)
        if self.is_down:
            raise StoreError("the locks do not answer")
        answer = await call()
        await self._flow.sleep(self.back_s)
        return answer


@dataclass
class World:
    """Locks by the true time, and machines that reach them."""

    sim: Sim
    far: dict[str, Far] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.locks = MemoryLocks(self.true_s)

    def true_s(self) -> float:
        return float(self.sim.env.now) / 1e6

    def machine(self, name: str, clock: Clock | None = None) -> Node:
        node = self.sim.node(name, clock=clock)
        self.far[name] = Far(node.flow, self.locks)
        return node

    async def lease(self, node: Node, ttl_s: float = TTL_S) -> Lease:
        found = await Lease.take(node.flow, self.far[node.name], "INN", node.name, ttl_s)
        assert found is not None
        return found

    async def holds(self, name: str) -> bool:
        """Whether that machine truly holds the lock."""
        holder = await self.locks.holder("INN")
        return holder is not None and holder.owner == name

    async def pass_on(self) -> None:
        """Let whoever holds the lock lose it, and somebody else take it."""
        holder = await self.locks.holder("INN")
        assert holder
        await self.locks.release("INN", holder.owner, holder.token)
        await taken(self.locks, "bob", TTL_S)


@pytest.fixture
def world() -> Iterator[World]:
    with Sim() as sim:
        yield World(sim)


def test_a_lock_that_somebody_holds_gives_no_lease(world: World) -> None:
    ada, bob = world.machine("ada"), world.machine("bob")

    async def story() -> None:
        lease = await world.lease(ada)
        assert await Lease.take(bob.flow, world.far["bob"], "INN", "bob", TTL_S) is None
        await lease.give_back()
        assert (await world.lease(bob)).fence.token > lease.fence.token

    ada.run(story())


def test_the_holder_believes_in_its_lock_from_before_it_asked(world: World) -> None:
    ada = world.machine("ada")
    world.far["ada"].there_s = world.far["ada"].back_s = 3.0

    async def story() -> None:
        lease = await world.lease(ada)
        assert lease.remaining_s == pytest.approx(TTL_S - 6)
        await ada.flow.sleep(TTL_S / 2)
        await lease.hold()
        assert lease.remaining_s == pytest.approx(TTL_S - 6)
        holder = await world.locks.holder("INN")
        assert holder
        assert holder.remaining_s == pytest.approx(TTL_S - 3)

    ada.run(story())


def test_a_lock_is_renewed_once_a_third_of_its_time_has_gone_and_not_before(world: World) -> None:
    ada = world.machine("ada")

    async def story() -> None:
        lease = await world.lease(ada)
        for _ in range(100):
            await ada.flow.sleep(10)
            await lease.hold()
            assert lease.remaining_s > TTL_S * 2 / 3
            assert await world.holds("ada")

    ada.run(story())
    gaps_s = [after - before for before, after in pairwise([0, *world.far["ada"].renewed_at_s])]
    assert len(gaps_s) > 3
    assert all(TTL_S / 3 < gap_s < TTL_S / 3 + 11 for gap_s in gaps_s)


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_lock_is_kept_while_its_holder_rests(driver: Callable[[Scenario[None]], None]) -> None:
    async def story(flow: Flow) -> None:
        locks = MemoryLocks(flow.monotonic_s)
        lease = await Lease.take(flow, locks, "INN", "ada", 9.0)
        assert lease
        for wait_s in (0.0, -1.0, 1.0, 100.0, 8.9):
            began_s = flow.monotonic_s()
            await lease.rest(wait_s)
            assert flow.monotonic_s() - began_s == pytest.approx(max(wait_s, 0.0))
            assert lease.remaining_s > 4.5
            holder = await locks.holder("INN")
            assert holder
            assert holder.token == lease.fence.token

    driver(story)


def test_a_holder_that_rests_learns_at_once_that_its_lock_is_lost(world: World) -> None:
    ada = world.machine("ada")

    async def story() -> None:
        lease = await world.lease(ada)
        with pytest.raises(LockLost, match="INN"):
            await lease.rest(10_000)

    async def theft() -> None:
        await ada.flow.sleep(100)
        await world.pass_on()

    ada.spawn(theft())
    ada.run(story())
    assert world.true_s() <= TTL_S / 2


@pytest.mark.parametrize("is_taken", [True, False])
def test_a_holder_that_slept_past_its_lock_learns_it_before_it_sends(world: World, is_taken: bool) -> None:
    ada = world.machine("ada")

    async def story() -> None:
        lease = await world.lease(ada)
        await ada.flow.sleep(TTL_S)
        if is_taken:
            await taken(world.locks, "bob", TTL_S)
        assert lease.remaining_s < 0
        with pytest.raises(LockLost):
            await lease.hold()

    ada.run(story())


def test_a_machine_whose_monotonic_clock_stood_still_while_it_was_suspended_learns_it_too(world: World) -> None:
    clock = Clock()
    ada = world.machine("ada", clock)

    async def story() -> None:
        lease = await world.lease(ada)
        clock.offset_s += TTL_S
        await world.pass_on()
        with pytest.raises(LockLost):
            await lease.hold()

    ada.run(story())


def test_a_wall_clock_that_is_set_back_does_not_lengthen_a_lock(world: World) -> None:
    clock = Clock()
    ada = world.machine("ada", clock)

    async def story() -> None:
        lease = await world.lease(ada)
        clock.offset_s -= 3600
        await ada.flow.sleep(TTL_S)
        assert lease.remaining_s < 0

    ada.run(story())


def test_a_wall_clock_that_jumps_ahead_costs_a_renewal_and_no_lock(world: World) -> None:
    clock = Clock()
    ada = world.machine("ada", clock)

    async def story() -> None:
        lease = await world.lease(ada)
        clock.offset_s += 3600
        await lease.hold()
        assert lease.remaining_s == pytest.approx(TTL_S, abs=1)

    ada.run(story())
    assert len(world.far["ada"].renewed_at_s) == 1


@pytest.mark.parametrize(
    ("there_s", "back_s"), [(0.0, TTL_S), (0.0, TTL_S * 0.51), (TTL_S / 2, 0.0), (TTL_S * 0.3, TTL_S * 0.3)]
)
def test_a_renewal_that_takes_too_long_is_no_hold(world: World, there_s: float, back_s: float) -> None:
    """It may have lapsed since it was renewed, or before the renewal arrived."""
    ada = world.machine("ada")

    async def story() -> None:
        lease = await world.lease(ada)
        await ada.flow.sleep(TTL_S / 2)
        world.far["ada"].there_s, world.far["ada"].back_s = there_s, back_s
        with pytest.raises(LockLost, match="INN"):
            await lease.hold()
        await lease.give_back()

    ada.run(story())
    assert not ada.run(world.holds("ada"))


def test_an_acquisition_that_takes_longer_than_the_lock_is_no_hold(world: World) -> None:
    ada = world.machine("ada")
    world.far["ada"].back_s = TTL_S

    async def story() -> None:
        lease = await world.lease(ada)
        world.far["ada"].back_s = 0.01
        with pytest.raises(LockLost):
            await lease.hold()

    ada.run(story())


def test_locks_that_do_not_answer_are_borne_until_half_of_the_time_has_gone(world: World) -> None:
    ada = world.machine("ada")

    async def story() -> None:
        lease = await world.lease(ada)
        await ada.flow.sleep(TTL_S * 0.4)
        world.far["ada"].is_down = True
        await lease.hold()
        assert lease.remaining_s > TTL_S / 2
        await ada.flow.sleep(TTL_S * 0.1)
        with pytest.raises(StoreError, match="do not answer"):
            await lease.hold()
        world.far["ada"].is_down = False
        await lease.hold()
        assert lease.remaining_s > TTL_S * 2 / 3

    ada.run(story())


def test_a_short_outage_of_the_locks_does_not_wake_who_rests(world: World) -> None:
    ada = world.machine("ada")

    async def story() -> None:
        lease = await world.lease(ada)
        far = world.far["ada"]
        world.sim.after(190, lambda: setattr(far, "is_down", True))
        world.sim.after(260, lambda: setattr(far, "is_down", False))
        await lease.rest(1000)
        assert await world.holds("ada")
        world.sim.after(0, lambda: setattr(far, "is_down", True))
        with pytest.raises(StoreError):
            await lease.rest(1000)

    ada.run(story())
    assert world.true_s() < 1000 + TTL_S


def test_a_lost_lock_stays_lost_when_the_locks_do_not_answer_any_more(world: World) -> None:
    ada = world.machine("ada")

    async def story() -> None:
        lease = await world.lease(ada)
        await ada.flow.sleep(TTL_S * 0.4)
        await world.pass_on()
        with pytest.raises(LockLost):
            await lease.hold()
        assert lease.remaining_s == -inf
        world.far["ada"].is_down = True
        with pytest.raises(StoreError):
            await lease.hold()

    ada.run(story())


def test_giving_back_frees_the_lock_and_ends_the_lease(world: World) -> None:
    ada = world.machine("ada")

    async def story() -> None:
        lease = await world.lease(ada)
        await lease.give_back()
        assert await world.locks.holder("INN") is None
        with pytest.raises(LockLost):
            await lease.hold()
        await lease.give_back()

    ada.run(story())


def test_giving_back_a_lost_lock_leaves_it_with_its_new_holder(world: World) -> None:
    ada = world.machine("ada")

    async def story() -> None:
        lease = await world.lease(ada)
        await world.pass_on()
        await lease.give_back()
        assert await world.holds("bob")

    ada.run(story())


def test_giving_back_to_locks_that_do_not_answer_is_told_and_hides_no_other_error(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    ada = world.machine("ada")

    async def story() -> None:
        lease = await world.lease(ada)
        world.far["ada"].is_down = True
        try:
            raise LookupError("what truly happened")
        finally:
            await lease.give_back()

    with pytest.raises(LookupError):
        ada.run(story())
    assert "lock on INN was not given back" in caplog.text


@pytest.mark.parametrize("rate", [0.55, 0.8, 1.0, 1.5])
def test_no_machine_sends_while_another_holds_the_lock(rate: float) -> None:
    """Two machines, one with clocks that run slow or fast; the locks are slow or away now and then."""
    ends = {end for seed in range(8) for end in compete(seed, rate)}
    assert ends == {"ada sent", "bob sent", "LockLost", "StoreError"}


def compete(seed: int, rate: float) -> set[str]:
    """Let two machines take, hold, lose and give back one lock; they check that it is theirs whenever they send."""
    with Sim(seed, shuffled=True) as sim:
        world = World(sim)
        ends: set[str] = set()

        async def work(node: Node) -> None:
            chance, far = sim.random(node.name), world.far[node.name]
            while world.true_s() < 50 * TTL_S:
                far.is_down = False
                await node.flow.sleep(chance.random() * 20)
                try:
                    lease = await Lease.take(node.flow, far, "INN", node.name, TTL_S)
                    if lease:
                        await send(node, lease)
                except StoreError as error:
                    ends.add(type(error).__name__)

        async def send(node: Node, lease: Lease) -> None:
            chance, far = sim.random(node.name), world.far[node.name]
            for _ in range(chance.randrange(20)):
                far.is_down = chance.random() < 0.2
                far.there_s, far.back_s = (0.01 + chance.random() ** 9 * TTL_S for _ in "ab")
                wait_s = chance.random() ** 3 * TTL_S
                await (lease.rest(wait_s) if chance.random() < 0.5 else node.flow.sleep(wait_s))
                await lease.hold()
                assert await world.holds(node.name)
                ends.add(f"{node.name} sent")
            if chance.random() < 0.5:
                await lease.give_back()

        machines = [world.machine("ada", Clock(rate=rate)), world.machine("bob")]
        tasks = [node.spawn(work(node)) for node in machines]
        for task in tasks:
            sim.run(task)
        return ends
