"""A push that dies at any instant, and the recovery after it: all old or all new, and the ledger tells the truth."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import pytest

from pms_lab.domain.push import PushState
from pms_lab.engine.push import push
from pms_lab.engine.recover import recover
from pms_lab.sim.driver import Sim
from pms_lab.sim.pms.thin import ThinFate
from pms_lab.sim.push_world import MORNING, NEW, NIGHT, OLD, PushWorld, order
from pms_lab.sim.stops import Crashed

FOREIGN = Decimal("47.77")

Decide = Callable[[str, int, str], ThinFate]


def fated(**fates: ThinFate) -> Decide:
    """Decide by ``operation_call``, such as ``update_rates_1``; the rest is calm."""
    return lambda node, call, operation: fates.get(f"{operation}_{call}", ThinFate())


COURSES: dict[str, Decide] = {
    "calm": fated(),
    "an answer that was lost": fated(update_rates_1=ThinFate(answered=False)),
    "a late landing": fated(update_rates_1=ThinFate(late_s=25)),
    "a part of it": fated(update_rates_1=ThinFate(first=1), update_rates_2=ThinFate(refused=True)),
    "taken back": fated(**{f"update_rates_{call}": ThinFate(first=2) for call in (1, 2, 3, 4)}),
}


def crash_points(decide: Decide) -> int:
    with Sim(1, epoch=MORNING) as sim:
        world, node = PushWorld(sim, decide), sim.node("app")
        node.run(push(world.ports(node), order()))
        return node.points


def check_at_rest(world: PushWorld) -> None:
    """All old or all new, as the ledger says; what was written had an intent; nothing is open, no lock is held."""
    held = world.amounts()
    assert held in (OLD, NEW)
    pushes = world.book.pushes()
    writes = [event for event in world.pms.events if event.at > MORNING]
    assert pushes or not writes
    for one in pushes:
        assert one.state.is_final
        assert (one.state is PushState.PUBLISHED) == (held == NEW)
        started = [step.at for step in one.transitions if step.state is PushState.IN_PROGRESS]
        assert all(started and event.at >= started[0] for event in writes)


@pytest.mark.parametrize("decide", COURSES.values(), ids=COURSES.keys())
@pytest.mark.parametrize("restart_s", [0.0, 1.0, 700.0], ids=["at once", "a second later", "after the lock lapsed"])
def test_a_push_that_crashes_at_any_point_is_settled_by_recovery(decide: Decide, restart_s: float) -> None:
    points = crash_points(decide)
    assert points > 20
    for crash_at in range(1, points + 1):
        with Sim(1, epoch=MORNING) as sim:
            world = PushWorld(sim, decide)
            node = sim.node("app", crash_at=crash_at)
            with pytest.raises(Crashed):
                node.run(push(world.ports(node), order()))
            pass_time(world, restart_s)
            settle(world)
            check_at_rest(world)


def crash_in_mid_write(world: PushWorld) -> None:
    """Let a push die when the PMS has done its first write, and before it hears of that."""
    node = world.sim.node("app")
    node.spawn(push(world.ports(node), order()))
    bystander = world.sim.node("bystander")
    while len([line for line in world.way.history if line.operation == "update_rates" and line.has_arrived]) < 1:
        bystander.run(bystander.flow.sleep(0.001))
    node.crash()
    assert world.book.pushes()[0].state is PushState.IN_PROGRESS


def pass_time(world: PushWorld, wait_s: float) -> None:
    bystander = world.sim.node("bystander")
    bystander.run(bystander.flow.sleep(wait_s))


def settle(world: PushWorld) -> None:
    """Recover until nothing is open, as a supervisor would; then recover again, which must change nothing."""
    node = world.sim.node("app")
    for _ in range(40):
        node.run(recover(world.ports(node)))
        if all(one.state.is_final for one in world.book.pushes()):
            break
        node.run(node.flow.sleep(30))
    before = world.book.pushes(), len(world.pms.events), world.book.alerts()
    assert node.run(recover(world.ports(node))) == ()
    assert (world.book.pushes(), len(world.pms.events), world.book.alerts()) == before


def test_a_recovery_that_crashes_at_any_point_is_finished_by_the_next() -> None:
    decide = fated(update_rates_1=ThinFate(first=2))
    for crash_at in range(1, 60):
        with Sim(1, epoch=MORNING) as sim:
            world = PushWorld(sim, decide)
            crash_in_mid_write(world)
            pass_time(world, 700)
            second = sim.node("app", crash_at=crash_at)
            with suppress(Crashed):
                second.run(recover(world.ports(second)))
            settle(world)
            check_at_rest(world)


def test_two_recoveries_at_once_settle_a_push_once() -> None:
    with Sim(1, epoch=MORNING) as sim:
        world = PushWorld(sim, fated(update_rates_1=ThinFate(first=2)))
        crash_in_mid_write(world)
        pass_time(world, 700)
        nodes = [sim.node("one"), sim.node("two")]
        tasks = [one.spawn(recover(world.ports(one))) for one in nodes]
        ended = [sim.run(task) for task in tasks]
        assert sorted(len([one for one in told if one.state.is_final]) for told in ended) == [0, 1]
        check_at_rest(world)
        final = [step for step in world.book.pushes()[0].transitions if step.state.is_final]
        assert len(final) == 1


def test_recovery_leaves_what_somebody_else_changed_alone_and_asks_a_person() -> None:
    with Sim(1, epoch=MORNING) as sim:
        world = PushWorld(sim, fated(update_rates_1=ThinFate(first=2)))
        crash_in_mid_write(world)
        pass_time(world, 5)
        world.set("S", FOREIGN)
        settle(world)
        assert world.amounts() == {**OLD, "S": FOREIGN}
        (ended,) = world.book.pushes()
        assert ended.state is PushState.PENDING_MANUAL_REVIEW
        assert [alert.push_id for alert in world.book.alerts()] == [ended.id]
        assert world.pms.rate("S", NIGHT) == FOREIGN
