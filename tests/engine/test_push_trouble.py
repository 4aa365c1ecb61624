"""Pushes whose PMS, watcher or caller behaves otherwise than it should, and what is left of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from pms_lab.domain.outcome import Outcome
from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import AlertKind, Ending, PushOutcome, PushState
from pms_lab.domain.rates import RateCell
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import UpdateRates
from pms_lab.engine.locks import Lease
from pms_lab.engine.push import push
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.engine.recover import recover
from pms_lab.errors import SettingsError
from pms_lab.rules.push_policy import PushPolicy
from pms_lab.sim.driver import Sim
from pms_lab.sim.flow import Clock
from pms_lab.sim.node import Node
from pms_lab.sim.pms.thin import ThinFate, ThinPms
from pms_lab.sim.push_world import DESK, MORNING, NEW, OLD, order
from pms_lab.sim.stops import Cancelled
from pms_lab.sim.storage import at_once
from tests.engine.push_checks import HALF, PARTS, REFUSED, Watched, broken, fated, pass_time, settle

REVIEW, ROLLED_BACK = PushState.PENDING_MANUAL_REVIEW, PushState.ROLLED_BACK


@pytest.fixture
def sim() -> Iterator[Sim]:
    with Sim(1, epoch=MORNING) as sim:
        yield sim


def pushed(world: Watched, rates: Mapping[str, Decimal] = NEW, *, ports: PushPorts | None = None) -> PushOutcome:
    """Push from a node of its own."""
    node = world.sim.node("app")
    return node.run(push(ports or world.ports(node), order(rates)))


def refusing(sim: Sim, highest: str = "50") -> Watched:
    """Return a world that refuses S for good, once E and F are written: so they are taken back."""
    world = Watched(sim)
    world.hotel.highest = Decimal(highest)
    return world


# The PMS


class Belated(ThinPms):
    """A PMS that takes the second write, and for 20 s shows what was before it."""

    def __init__(self, world: Watched, node: Node) -> None:
        super().__init__(world.way, node)
        self.writes = 0
        self.shown_s = 0.0
        self.before: Mapping[RateCell, NightlyRate] = {}

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        self.writes += 1
        if self.writes == 2:
            self.shown_s = self._flow.monotonic_s() + 20
        return await super().update_rates(write)

    async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
        if self._flow.monotonic_s() >= self.shown_s:
            self.before = await super().get_rates(nights, products)
        return self.before


def test_a_restore_that_shows_later_than_promised_is_waited_for(sim: Sim) -> None:
    world, node = refusing(sim), sim.node("app")
    outcome = pushed(world, ports=replace(world.ports(node), pms=Belated(world, node)))
    assert (outcome.state, len(world.sent)) == (REVIEW, 2)
    assert (world.amounts(), broken(world)) == (OLD, [])


def busy_from(world: Watched, operation: str, call: int, wait_s: float) -> list[float]:
    """Let the PMS be busy for a while from a node's call on; return when it is asked nevertheless."""
    until_s: list[float] = []
    asked_s: list[float] = []

    def decide(node: str, number: int, asked: str) -> ThinFate:
        now_s = world.sim.env.now / 1e6
        if asked != operation or number < call:
            return ThinFate()
        if not until_s:
            until_s.append(now_s + wait_s)
        elif now_s < until_s[0]:
            asked_s.append(now_s)
        return ThinFate(throttled_s=round(until_s[0] - now_s + 0.5)) if now_s < until_s[0] else ThinFate()

    world.fate = decide
    return asked_s


def test_a_pms_that_asks_for_patience_gets_it_while_rates_are_taken_back(sim: Sim) -> None:
    world = refusing(sim)
    asked_s = busy_from(world, "update_rates", 2, 300)
    outcome = pushed(world)
    assert (outcome.state, asked_s) == (REVIEW, [])
    assert (world.amounts(), broken(world)) == (OLD, [])


@pytest.mark.parametrize("call", [2, 3], ids=["compare", "verify"])
def test_a_pms_that_asks_for_patience_gets_it_from_reads(sim: Sim, call: int) -> None:
    world = Watched(sim)
    asked_s = busy_from(world, "get_rates", call, 100)
    assert (pushed(world).state, asked_s, broken(world)) == (PushState.PUBLISHED, [], [])


def test_a_pms_that_cannot_be_read_for_longer_than_is_waited_leaves_the_push_open(sim: Sim) -> None:
    world = Watched(sim)
    asked_s = busy_from(world, "get_rates", 3, 700)
    outcome = pushed(world)
    assert (outcome.state, asked_s) == (PushState.IN_PROGRESS, [])
    assert [alert.kind for alert in outcome.alerts] == [AlertKind.IN_DOUBT]
    pass_time(world, 700)
    settle(world, sim.node("app"))
    assert broken(world) == []


def test_an_amount_that_is_not_taken_any_more_keeps_no_other_cell_from_being_cleared(sim: Sim) -> None:
    world = refusing(sim)
    world.set("E", Decimal("60.00"), MORNING - timedelta(hours=5))
    world.set("F", None, MORNING - timedelta(hours=5))
    outcome = pushed(world, {**NEW, "E": Decimal("49.00")})
    assert (outcome.state, outcome.why.split("; ")[-1]) == (
        PushState.ROLLBACK_FAILED, "it could not be taken back from E 2026-02-20",
    )  # fmt: skip
    assert (world.own("E"), world.own("F"), broken(world)) == (Decimal("49.00"), None, [])


def test_a_cell_that_held_its_new_amount_but_for_less_than_a_cent_is_not_taken_back(sim: Sim) -> None:
    """It was not written, and cannot be told from one that was."""
    world = Watched(sim, fated(update_rates_1=ThinFate(first=1)), policy=PushPolicy(lock_ttl_s=5))
    world.set("E", Decimal("46.0041"), MORNING - timedelta(hours=5))
    node = sim.node("app")
    node.spawn(push(world.ports(node), order({**NEW, "E": OLD["E"]})))
    while not world.sent:
        pass_time(world, 0.01)
    node.crash()
    pass_time(world, 5)
    other = sim.node("other")
    (told,) = other.run(recover(world.ports(other)))
    assert told.state is ROLLED_BACK
    assert [one.ending for one in told.cells] == [Ending.UNCHANGED, Ending.RESTORED, Ending.UNCHANGED]
    assert (world.amounts(), broken(world)) == ({**OLD, "E": Decimal("46.0041")}, [])


@pytest.mark.parametrize(
    ("step", "amount", "why"),
    [("0.10", "1E+40", "more digits than any rate"), ("0.005", "46.005", "finer than 0.01")],
)
def test_amounts_that_cannot_be_compared_are_rejected(sim: Sim, step: str, amount: str, why: str) -> None:
    world, node = Watched(sim), sim.node("app")
    ports = replace(world.ports(node), place=replace(DESK, price_step=Decimal(step)))
    outcome = pushed(world, {"E": Decimal(amount)}, ports=ports)
    assert (outcome.state, why in outcome.why, world.sent) == (PushState.REJECTED, True, [])


def test_a_horizon_after_the_calendar_is_refused() -> None:
    with pytest.raises(SettingsError, match="horizon_days"):
        PushPolicy(horizon_days=3_000_000)


# Faults


def test_a_watcher_that_fails_stops_nothing(sim: Sim) -> None:
    def fail(share: float) -> None:
        raise BrokenPipeError

    world, node = Watched(sim, **PARTS), sim.node("app")
    outcome = pushed(world, ports=replace(world.ports(node), progress=fail))
    assert (outcome.state, world.amounts(), broken(world)) == (PushState.PUBLISHED, NEW, [])


class Faulty(ThinPms):
    """An adapter with a fault, that shows once it has written."""

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        await super().update_rates(write)
        raise KeyError("the key of a guest")


@pytest.mark.parametrize("recovers", [False, True], ids=["push", "recovery"])
def test_a_fault_is_raised_and_a_person_is_told_that_the_push_is_open(sim: Sim, recovers: bool) -> None:
    world, node = Watched(sim, **PARTS), sim.node("app")
    ports = replace(world.ports(node), pms=Faulty(world.way, node))
    for attempt in range(2 if recovers else 1):
        with pytest.raises(KeyError):
            node.run(recover(ports)) if attempt else pushed(world, ports=ports)
    (open_push,) = world.book.pushes()
    assert open_push.state is PushState.IN_PROGRESS
    assert [(alert.kind, alert.push_id) for alert in world.book.alerts()] == [(AlertKind.IN_DOUBT, open_push.id)]
    assert "guest" not in world.book.alerts()[0].message
    settle(world, node)
    assert broken(world) == []


# Cancellation


@pytest.mark.parametrize("fates", [{}, HALF], ids=["published", "taken back"])
@pytest.mark.parametrize("settings", [{}, PARTS], ids=["in one part", "one by one"])
def test_a_push_that_is_cancelled_anywhere_gives_its_lock_back_and_can_be_recovered_at_once(
    fates: dict[str, ThinFate], settings: dict[str, object]
) -> None:
    cancelled = 0
    for at in range(1, 200):
        with Sim(1, epoch=MORNING) as sim:
            world, node = Watched(sim, fated(**fates), **settings), sim.node("app")
            task = node.spawn(push(world.ports(node), order()))
            while node.points < at and not task.processed:
                sim.env.step()
            if task.processed:
                break
            task.cancel()
            with suppress(Cancelled):
                sim.run(task)
            cancelled += 1
            assert at_once(world._locks.holder(DESK.code)) is None
            settle(world, sim.node("other"), attempts=1)
            assert broken(world) == []
    assert cancelled > 20


# A lock that was lost


def sleeper(sim: Sim) -> Node:
    """Start a machine that falls asleep in its first wait of 5 s, and wakes after 5000 s: only its wall clock knows."""
    clock = Clock(rate=0.001)
    sim.after(4999, lambda: setattr(clock, "offset_s", 4994.0))
    return sim.node("sleeper", clock=clock)


def test_that_a_lock_was_lost_is_told_by_the_push_itself_while_another_has_it(sim: Sim) -> None:
    world = Watched(sim, fated(update_rates_1=REFUSED))
    asleep, awake = sleeper(sim), sim.node("awake")
    task = asleep.spawn(push(world.ports(asleep), order()))
    pass_time(world, 4990)
    awake.run(Lease.take(awake.flow, world.ports(awake).locks, DESK.code, "somebody", 600))
    outcome = sim.run(task)
    assert (outcome.state, outcome.alerts) == (PushState.IN_PROGRESS, world.book.alerts())
    assert [alert.kind for alert in outcome.alerts] == [AlertKind.LOCK_LOST]


def test_whoever_lost_the_lock_of_a_push_that_has_ended_is_not_sent_to_recover_it(sim: Sim) -> None:
    world = Watched(sim, fated(update_rates_1=REFUSED))
    asleep, awake = sleeper(sim), sim.node("awake")
    task = asleep.spawn(push(world.ports(asleep), order()))
    pass_time(world, 601)
    awake.run(recover(world.ports(awake)))
    outcome = sim.run(task)
    (alert,) = outcome.alerts
    assert (outcome.state, alert.kind) == (ROLLED_BACK, AlertKind.LOCK_LOST)
    assert f"pms-lab transactions --id {outcome.push_id}" in alert.next_step
