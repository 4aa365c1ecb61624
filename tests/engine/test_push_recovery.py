"""Pushes whose store fails, whose lock is lost, whose clock is wrong, and what recovery makes of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

import pytest

from pms_lab.domain.push import AlertKind, PushOutcome, PushState
from pms_lab.engine.locks import Holder
from pms_lab.engine.push import push
from pms_lab.engine.recover import recover
from pms_lab.errors import StoreError
from pms_lab.rules.preflight import ALONE
from pms_lab.rules.push_policy import PushPolicy
from pms_lab.sim.driver import Sim
from pms_lab.sim.flow import Clock
from pms_lab.sim.node import Node
from pms_lab.sim.pms.thin import CAN, ThinFate
from pms_lab.sim.push_world import DESK, MORNING, NEW, OLD, order
from pms_lab.sim.stops import Crashed
from pms_lab.sim.storage import StoreFate, at_once
from tests.engine.push_checks import FOREIGN, HALF, REFUSED, Watched, broken, fated, pass_time, settle

OTHER: Final = {"E": Decimal("46.70"), "F": Decimal("48.60"), "S": Decimal("52.10")}


def kinds(world: Watched) -> list[AlertKind]:
    """Return what was told, the earliest first."""
    return [alert.kind for alert in reversed(world.book.alerts())]


def states(world: Watched) -> list[PushState]:
    """Return how the pushes stand, the earliest first."""
    return [one.state for one in reversed(world.book.pushes())]


def lock(world: Watched) -> Holder | None:
    return at_once(world._locks.holder(DESK.code))


def gone_from(call: int) -> Callable[[str, int], StoreFate]:
    return lambda node, number: StoreFate(works=number < call)


def gone_at(call: int) -> Callable[[str, int], StoreFate]:
    return lambda node, number: StoreFate(works=number != call)


def unheard_at(call: int) -> Callable[[str, int], StoreFate]:
    return lambda node, number: StoreFate(answered=number != call)


# The store


@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("trouble", [gone_from, gone_at, unheard_at])
def test_a_store_that_fails_at_any_call_never_reverts_a_good_push(
    trouble: Callable[[int], Callable[[str, int], StoreFate]], shuffled: bool
) -> None:
    seen = set()
    for call in range(1, 9):
        with Sim(1, epoch=MORNING, shuffled=shuffled) as sim:
            world, node = Watched(sim), sim.node("app")
            world.storage.decide = trouble(call)
            outcome = node.run(push(world.ports(node), order()))
            written = world.amounts() == NEW
            seen.add((outcome.state, written))
            assert [one.operation for one in world.sent] == ["update_rates"] * written
            world.storage.decide = lambda *_: StoreFate()
            settle(world, node)
            assert (world.amounts() == NEW, broken(world)) == (written, [])
            assert not written or states(world) == [PushState.PUBLISHED]
    assert {(PushState.REJECTED, False), (PushState.PUBLISHED, True)} <= seen
    # An end that was recorded, and whose answer was lost, is found in the ledger.
    assert ((PushState.IN_PROGRESS, True) in seen) == (trouble is not unheard_at)


def test_a_store_that_is_gone_for_as_long_as_half_the_lock_stops_a_push_that_waits() -> None:
    with Sim(1, epoch=MORNING) as sim:
        world = Watched(sim, fated(update_rates_1=ThinFate(throttled_s=590)))
        node = sim.node("app")
        sim.after(1, lambda: setattr(world.storage, "is_gone", True))
        outcome = node.run(push(world.ports(node), order()))
        assert (outcome.state, kinds(world)) == (PushState.IN_PROGRESS, [])
        assert [alert.kind for alert in outcome.alerts] == [AlertKind.IN_DOUBT]
        assert 300 <= sim.env.now / 1e6 < 351
        world.storage.is_gone = False
        settle(world, node)
        assert (states(world), world.amounts(), broken(world)) == ([PushState.ROLLED_BACK], OLD, [])


@pytest.mark.parametrize("call", range(5, 13))
def test_a_compensation_that_loses_its_store_is_finished_by_recovery(call: int) -> None:
    with Sim(1, epoch=MORNING) as sim:
        world = Watched(sim, fated(**HALF), policy=PushPolicy(lock_ttl_s=60))
        node = sim.node("app")
        world.storage.decide = gone_from(call)
        node.run(push(world.ports(node), order()))
        world.storage.decide = lambda *_: StoreFate()
        settle(world, node)
        assert states(world) in ([PushState.ROLLED_BACK], [PushState.PUBLISHED])
        assert broken(world) == []


# The lock


@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
def test_of_two_pushes_at_once_one_goes_and_the_other_is_rejected_by_its_fifth_check(shuffled: bool) -> None:
    both = []
    for step in range(60):
        with Sim(step, epoch=MORNING, shuffled=shuffled) as sim:
            world = Watched(sim)
            one, other = sim.node("one"), sim.node("other")
            first = one.spawn(push(world.ports(one), order()))
            second = other.spawn(later(other, step / 50, push(world.ports(other), order(OTHER))))
            ends = [sim.run(task) for task in (first, second)]
            both.append([end.state for end in ends])
            if PushState.REJECTED in both[-1]:
                rejected = ends[both[-1].index(PushState.REJECTED)]
                assert [check.name for check in rejected.checks if not check.passed] == [ALONE]
                assert len([node for node, _ in groupby(one.node for one in world.sent)]) == 1
            assert (broken(world), lock(world)) == ([], None)
    assert both.count([PushState.PUBLISHED, PushState.PUBLISHED]) > 10
    assert both.count([PushState.PUBLISHED, PushState.REJECTED]) > 30


async def later(node: Node, wait_s: float, work: Coroutine[Any, Any, PushOutcome]) -> PushOutcome:
    await node.flow.sleep(wait_s)
    return await work


def test_a_lock_is_kept_through_long_waits_and_then_given_back() -> None:
    with Sim(1, epoch=MORNING) as sim:
        world = Watched(sim, fated(**HALF), policy=PushPolicy(lock_ttl_s=20))
        node = sim.node("app")
        task = node.spawn(push(world.ports(node), order()))
        pass_time(world, 1)
        while not task.processed:
            assert lock(world) is not None
            pass_time(world, 1)
        assert (sim.run(task).state, kinds(world), lock(world)) == (
            PushState.ROLLED_BACK, [AlertKind.PARTIAL_WRITE], None,
        )  # fmt: skip
        assert broken(world) == []


@pytest.mark.parametrize("is_gone", [False, True], ids=["the store is back", "the store stays away"])
def test_a_lock_whose_taking_was_not_answered_is_given_back_or_lapses(is_gone: bool) -> None:
    with Sim(1, epoch=MORNING) as sim:
        world, node = Watched(sim), sim.node("app")
        world.storage.decide = lambda _, call: StoreFate(answered=call != 1, works=not (is_gone and 1 < call < 6))
        ended = []
        for _ in range(3):
            ended.append(node.run(push(world.ports(node), order())).state)
            world.storage.decide = lambda *_: StoreFate()
            pass_time(world, 400)
        rejected, published = PushState.REJECTED, PushState.PUBLISHED
        assert ended == [rejected, rejected if is_gone else published, published]


def sleeper(sim: Sim) -> Node:
    """Start a machine that falls asleep in its first wait of 5 s, and wakes after 5000 s: only its wall clock knows."""
    clock = Clock(rate=0.001)
    sim.after(4999, lambda: setattr(clock, "offset_s", 4994.0))
    return sim.node("sleeper", clock=clock)


def test_a_holder_that_slept_past_its_lock_sends_nothing_more_and_says_so() -> None:
    with Sim(1, epoch=MORNING) as sim:
        world = Watched(sim, fated(update_rates_1=REFUSED))
        asleep, awake = sleeper(sim), sim.node("awake")
        task = asleep.spawn(push(world.ports(asleep), order()))
        pass_time(world, 601)
        awake.run(recover(world.ports(awake)))
        outcome = sim.run(task)
        assert len(world.sent) == 1
        assert (states(world), kinds(world)) == (
            [PushState.ROLLED_BACK], [AlertKind.ROLLED_BACK, AlertKind.LOCK_LOST],
        )  # fmt: skip
        assert [alert.kind for alert in outcome.alerts] == [AlertKind.LOCK_LOST]
        assert broken(world) == []


def test_a_holder_that_slept_past_its_lock_settles_its_push_where_nobody_else_has() -> None:
    with Sim(1, epoch=MORNING) as sim:
        world, node = Watched(sim, fated(update_rates_1=REFUSED)), sleeper(sim)
        outcome = node.run(push(world.ports(node), order()))
        assert (outcome.state, kinds(world)) == (
            PushState.ROLLED_BACK, [AlertKind.LOCK_LOST, AlertKind.ROLLED_BACK],
        )  # fmt: skip
        assert (len(world.sent), broken(world)) == (1, [])


@pytest.mark.parametrize("late_s", [601, 650, 700])
@pytest.mark.parametrize("call", [3, 4, 5], ids=["the intent", "in progress", "the end"])
def test_a_record_of_a_holder_whose_lock_has_lapsed_does_no_harm(call: int, late_s: float) -> None:
    with Sim(1, epoch=MORNING) as sim:
        world = Watched(sim)
        slow, quick = sim.node("slow"), sim.node("quick")
        world.storage.decide = lambda node, number: StoreFate(late_s=late_s if (node, number) == ("slow", call) else 0)
        task = slow.spawn(push(world.ports(slow), order()))
        pass_time(world, 600.5)
        quick.run(recover(world.ports(quick)))
        outcome = sim.run(task)
        settle(world, quick)
        assert broken(world) == []
        assert outcome.state is PushState.REJECTED or AlertKind.LOCK_LOST in kinds(world)


def test_an_end_that_is_recorded_late_is_void_once_another_has_the_lock() -> None:
    """Else a push is published, and taken back by whoever recovers it at that moment."""
    with Sim(1, epoch=MORNING) as sim:
        world = Watched(sim)
        slow, quick = sim.node("slow"), sim.node("quick")
        world.storage.decide = lambda node, number: StoreFate(late_s=630 if (node, number) == ("slow", 5) else 0)
        task = slow.spawn(push(world.ports(slow), order()))
        sim.after(10, lambda: world.set("F", FOREIGN))
        pass_time(world, 602)
        quick.run(recover(world.ports(quick)))
        sim.run(task)
        settle(world, quick)
        assert broken(world) == []
        assert states(world) == [PushState.PENDING_MANUAL_REVIEW]


def test_recovery_leaves_a_push_alone_whose_holder_is_at_work() -> None:
    with Sim(1, epoch=MORNING) as sim:
        world = Watched(sim, fated(update_rates_1=REFUSED))
        one, other = sim.node("one"), sim.node("other")
        task = one.spawn(push(world.ports(one), order()))
        pass_time(world, 2)
        (told,) = other.run(recover(world.ports(other)))
        assert (told.state, "holds the lock" in told.why) == (PushState.IN_PROGRESS, True)
        assert (sim.run(task).state, broken(world)) == (PushState.PUBLISHED, [])


# Clocks


@pytest.mark.parametrize("jump_s", [86_400, -86_400])
@pytest.mark.parametrize("fates", [{}, HALF, {"update_rates_1": ThinFate(late_s=25)}], ids=["calm", "half", "late"])
def test_a_clock_that_jumps_by_a_day_breaks_nothing(jump_s: float, fates: dict[str, ThinFate]) -> None:
    jumps_s = [0.03 * step for step in range(25)] + [7.0 * step for step in range(1, 32)] * bool(fates)
    for at_s in jumps_s:
        with Sim(1, epoch=MORNING) as sim:
            world, clock = Watched(sim, fated(**fates)), Clock()
            node = sim.node("app", clock=clock)
            sim.after(at_s, lambda clock=clock: setattr(clock, "offset_s", jump_s))  # type: ignore[misc]
            outcome = node.run(push(world.ports(node), order()))
            settle(world, node)
            assert broken(world) == []
            assert outcome.state is states(world)[-1]


@pytest.mark.parametrize("rate", [0.9, 0.99, 1.01, 1.1])
@pytest.mark.parametrize("offset_s", [-50.0, 0.0, 50.0])
def test_a_clock_that_is_too_fast_or_too_slow_breaks_nothing(rate: float, offset_s: float) -> None:
    late = ThinFate(late_s=50, resets=True)
    for fates in (HALF, {"update_rates_1": late}, {**HALF, "update_rates_1": late, "update_rates_5": late}):
        with Sim(1, epoch=MORNING) as sim:
            world = Watched(sim, fated(**fates), policy=PushPolicy(lock_ttl_s=60))
            node = sim.node("app", clock=Clock(offset_s, rate))
            outcome = node.run(push(world.ports(node), order()))
            assert (outcome.state.is_final, broken(world)) == (True, [])
            assert AlertKind.LOCK_LOST not in kinds(world)


@pytest.mark.parametrize("offset_s", [-86_400.0, 86_400.0])
def test_recovery_by_a_machine_whose_clock_is_a_day_off_is_as_good(offset_s: float) -> None:
    with Sim(1, epoch=MORNING) as sim:
        world = Watched(sim, fated(update_rates_1=ThinFate(first=2)))
        crash_in_mid_write(world)
        pass_time(world, 601)
        other = sim.node("other", clock=Clock(offset_s))
        (told,) = other.run(recover(world.ports(other)))
        assert (told.state, world.amounts(), broken(world)) == (PushState.ROLLED_BACK, OLD, [])


# Recovery


def crash_in_mid_write(world: Watched) -> None:
    """Let a push die when its first write has been sent, and not arrived."""
    node = world.sim.node("app")
    node.spawn(push(world.ports(node), order()))
    while not world.sent:
        pass_time(world, 0.01)
    node.crash()


@pytest.mark.parametrize("late_s", [0, 25, 50])
@pytest.mark.parametrize("first", [None, 1])
def test_recovery_waits_for_what_the_dead_may_still_have_under_way(first: int | None, late_s: float) -> None:
    with Sim(1, epoch=MORNING) as sim:
        fate = ThinFate(first=first, late_s=late_s)
        world = Watched(sim, fated(update_rates_1=fate), policy=PushPolicy(lock_ttl_s=5))
        crash_in_mid_write(world)
        pass_time(world, 5)
        node = sim.node("app")
        (told,) = node.run(recover(world.ports(node)))
        assert told.state is (PushState.PUBLISHED if first is None else PushState.ROLLED_BACK)
        assert (world.amounts(), broken(world)) == (NEW if first is None else OLD, [])
        pass_time(world, 100)
        assert broken(world) == []
        assert world.final_at_s() < 5 + 2 * CAN.in_flight_s + 2
        assert [alert.push_id for alert in world.book.alerts()] == ([told.push_id] if first else [])


def test_a_push_that_died_before_it_began_is_rejected() -> None:
    with Sim(1, epoch=MORNING) as sim:
        world, node = Watched(sim), sim.node("app")
        node.spawn(push(world.ports(node), order()))
        while not world.book.pushes():
            pass_time(world, 0.001)
        node.crash()
        pass_time(world, 600)
        other = sim.node("other")
        (told,) = other.run(recover(world.ports(other)))
        assert (told.state, world.sent, kinds(world), broken(world)) == (PushState.REJECTED, [], [], [])


def test_an_outage_while_recovering_is_told_once_and_ended_by_the_next_recovery() -> None:
    with Sim(1, epoch=MORNING) as sim:
        world = Watched(sim, fated(update_rates_1=ThinFate(first=2)))
        crash_in_mid_write(world)
        pass_time(world, 601)
        world.way.is_down = True
        node = sim.node("app")
        for _ in range(3):
            (told,) = node.run(recover(world.ports(node)))
            assert told.state is PushState.IN_PROGRESS
        assert kinds(world) == [AlertKind.IN_DOUBT]
        world.way.is_down = False
        healed_s = sim.env.now / 1e6
        settle(world, node)
        assert (states(world), world.amounts(), broken(world)) == ([PushState.ROLLED_BACK], OLD, [])
        assert world.final_at_s() - healed_s < 155 + 2 * CAN.in_flight_s + 60


# All of it

NAMES: Final = ("one", "two", "three")


def crowd(number: int) -> tuple[Watched, list[str]]:
    """Let two nodes push and a third recover, each with its own faults and its own clock, with locks that are short."""
    chance = random.Random(f"crowd {number}")
    places = [
        (name, f"{operation}_{call}")
        for name in NAMES
        for operation, calls in (("get_rates", 7), ("update_rates", 4), ("clear_rates", 2))
        for call in range(1, calls + 1)
    ]
    fates = {place: chance.choice(FATES) for place in chance.sample(places, chance.choice((0, 1, 2, 4, 8)))}
    store = {
        (chance.choice(NAMES), chance.randint(1, 25)): chance.choice(STORE_FATES)
        for _ in range(chance.choice((0, 1, 3, 6)))
    }
    settings = chance.choice(({}, {"lag_s": 3.0}, {"can": replace(CAN, rate_batch=1)}))
    policy = PushPolicy(lock_ttl_s=chance.choice((600, 60, 30)), part_cells=chance.choice((1, 30)))
    with Sim(number, epoch=MORNING, shuffled=chance.random() < 0.3) as sim:
        world = Watched(sim, policy=policy, **settings)
        world.fate = lambda node, call, operation: fates.get((node, f"{operation}_{call}"), ThinFate())
        world.storage.decide = lambda node, call: store.get((node, call), StoreFate())
        clocks = {
            name: Clock(chance.choice((0, chance.uniform(-50, 50))), chance.choice((1, 0.95, 1.05))) for name in NAMES
        }
        one, two, three = (sim.node(name, clock=clock) for name, clock in clocks.items())
        edits = ((chance.choice((chance.uniform(0, 1), chance.uniform(0, 200))), chance.choice("EFS")) for _ in "ab")
        for number, (at_s, product) in enumerate(edits):
            amount = FOREIGN + number
            sim.after(at_s, lambda product=product, amount=amount: world.set(product, amount))  # type: ignore[misc]
        jump_s = chance.choice((0, -86_400, 86_400))
        sim.after(chance.uniform(0, 300), lambda: setattr(clocks["one"], "offset_s", clocks["one"].offset_s + jump_s))
        if chance.random() < 0.3:
            sim.after(chance.uniform(0, 200), one.crash)
        tasks = [
            one.spawn(push(world.ports(one), order())),
            two.spawn(push_after(world, two, chance.choice((0, chance.uniform(0, 1), chance.uniform(0, 300))))),
            three.spawn(recover_often(world, three)),
        ]
        for task in tasks:
            with suppress(Crashed):
                sim.run(task)  # type: ignore[arg-type]
        settle(world, sim.node("four"))
        return world, broken(world)


FATES: Final = (
    REFUSED, ThinFate(answered=False), ThinFate(arrives=False), ThinFate(late_s=25), ThinFate(resets=True, late_s=50),
    ThinFate(fails=True), ThinFate(throttled_s=3), ThinFate(first=1), ThinFate(first=2),
)  # fmt: skip
STORE_FATES: Final = (
    StoreFate(works=False), StoreFate(answered=False), StoreFate(late_s=5), StoreFate(late_s=25), StoreFate(late_s=70),
)  # fmt: skip


async def push_after(world: Watched, node: Node, wait_s: float) -> PushOutcome:
    await node.flow.sleep(wait_s)
    return await push(world.ports(node), order(OTHER))


async def recover_often(world: Watched, node: Node) -> None:
    for _ in range(12):
        await node.flow.sleep(30)
        with suppress(StoreError):
            await recover(world.ports(node))


def test_several_nodes_with_faults_of_all_kinds_break_nothing() -> None:
    """A sample of 400."""
    told: set[AlertKind] = set()
    for number in range(400):
        world, wrong = crowd(number)
        assert wrong == [], number
        told.update(kinds(world))
    assert told >= {AlertKind.LOCK_LOST, AlertKind.IN_DOUBT, AlertKind.PARTIAL_WRITE, AlertKind.MANUAL_REVIEW}
