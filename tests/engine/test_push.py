"""How a push ends: every state, what is told, and what becomes of the cells."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import pytest

from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Outcome, Refused, Why
from pms_lab.domain.pms import Capabilities, NightlyRate
from pms_lab.domain.push import AlertKind, Ending, Origin, PushOrder, PushOutcome, PushState, Severity
from pms_lab.domain.rates import RateCell, RateSheet, TaxBasis
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import UpdateRates
from pms_lab.engine.locks import Lease
from pms_lab.engine.push import push
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.engine.recover import recover
from pms_lab.rules.preflight import ALONE, FRESH, REACHABLE, SANE, WRITABLE
from pms_lab.rules.push_policy import PushPolicy
from pms_lab.sim.driver import Sim
from pms_lab.sim.flow import Clock
from pms_lab.sim.node import Node
from pms_lab.sim.pms.thin import CAN, ThinFate, ThinPms
from pms_lab.sim.push_world import DESK, MORNING, NEW, NIGHT, OLD, order
from pms_lab.sim.storage import StoreFate
from tests.engine.push_checks import FOREIGN, HALF, PARTS, REFUSED, Watched, always, broken, fated, pass_time, settle

E, F, S = (RateCell(DESK.code, code, NIGHT) for code in "EFS")
CREATES: Final = replace(CAN, creates_rates=True)
NO_CLEARING: Final = replace(CAN, unsupported={"clear_rates": "no call takes a rate away"})
SILENT: Final = ThinFate(answered=False)
LOST: Final = ThinFate(arrives=False)


@pytest.fixture(params=[False, True], ids=["in order", "shuffled"])
def sim(request: pytest.FixtureRequest) -> Iterator[Sim]:
    with Sim(1, epoch=MORNING, shuffled=request.param) as sim:
        yield sim


def pushed(world: Watched, sheet: PushOrder | None = None, *, ports: PushPorts | None = None) -> PushOutcome:
    """Push from a node of its own."""
    node = world.sim.node("app")
    return node.run(push(ports or world.ports(node), sheet or order()))


def sent(world: Watched) -> list[str]:
    return [one.operation for one in world.sent]


def waits_s(world: Watched) -> list[int]:
    """Return what went by between one write and the next, in whole seconds."""
    return [round((later.at_us - one.at_us) / 1e6) for one, later in pairwise(world.sent)]


def check_alone(world: Watched, outcome: PushOutcome, kind: AlertKind | None) -> None:
    """Exactly one alert, that names the push and the next step, in the ledger as in the outcome; or none at all."""
    assert world.book.alerts() == outcome.alerts
    assert [(alert.kind, alert.push_id) for alert in outcome.alerts] == ([(kind, outcome.push_id)] if kind else [])
    assert all(alert.message and alert.next_step for alert in outcome.alerts)


@dataclass(frozen=True)
class Case:
    """What happens to a push, and how it must end. `inherited` are the cells without a rate of their own."""

    state: PushState
    kind: AlertKind | None
    why: str
    endings: str
    fates: Mapping[str, ThinFate] = field(default_factory=dict)
    edits: Mapping[str, tuple[str, Decimal | None]] = field(default_factory=dict)
    inherited: str = ""
    highest: str = "Infinity"
    settings: Mapping[str, Any] = field(default_factory=dict)
    after_s: tuple[float, float] = (0, 2)

    def world(self, sim: Sim) -> Watched:
        world = Watched(sim, **self.settings)
        for product in self.inherited:
            world.set(product, None, MORNING - timedelta(hours=5))
        world.hotel.highest = Decimal(self.highest)
        edits = {at: _edit(world, *edit) for at, edit in self.edits.items()}
        world.fate = fated(**self.fates, **edits)
        return world


def _edit(world: Watched, product: str, amount: Decimal | None) -> Callable[[], None]:
    return lambda: world.set(product, amount)


LETTERS: Final = {
    "p": Ending.PUBLISHED, "u": Ending.UNCHANGED, "r": Ending.RESTORED, "f": Ending.FOREIGN, "o": Ending.OURS,
}  # fmt: skip
PUBLISHED, ROLLED_BACK, REVIEW = PushState.PUBLISHED, PushState.ROLLED_BACK, PushState.PENDING_MANUAL_REVIEW
PARTIAL, MANUAL = AlertKind.PARTIAL_WRITE, AlertKind.MANUAL_REVIEW
READ_BACK: Final = "every cell was read back with its new rate"
GIVEN_UP: Final = always("update_rates", REFUSED, 4)

CASES: Final = {
    "calm": Case(PUBLISHED, None, READ_BACK, "ppp"),
    "a lagging replica": Case(PUBLISHED, None, READ_BACK, "ppp", settings={"lag_s": 3.0}, after_s=(3, 5)),
    "one by one": Case(PUBLISHED, None, READ_BACK, "ppp", settings=PARTS),
    "a timeout that had landed": Case(
        PUBLISHED, None, READ_BACK, "ppp", {"update_rates_1": SILENT}, after_s=(70, 72),
    ),
    "a timeout that had not": Case(PUBLISHED, None, READ_BACK, "ppp", {"update_rates_1": LOST}, after_s=(70, 72)),
    "a landing after the timeout": Case(
        PUBLISHED, None, READ_BACK, "ppp", {"update_rates_1": ThinFate(late_s=25)}, after_s=(70, 72),
    ),
    "a landing after the next attempt": Case(
        PUBLISHED, None, READ_BACK, "ppp", {"update_rates_1": ThinFate(late_s=55)}, after_s=(70, 72),
    ),
    "a partial write that goes on": Case(
        PUBLISHED, None, READ_BACK, "ppp", {"update_rates_1": ThinFate(first=1)}, after_s=(60, 62),
    ),
    "a 500 that was done": Case(
        PUBLISHED, None, READ_BACK, "ppp", {"update_rates_1": ThinFate(fails=True)}, after_s=(60, 62),
    ),
    "a refused connection": Case(PUBLISHED, None, READ_BACK, "ppp", {"update_rates_1": REFUSED}, after_s=(5, 7)),
    "asked too often": Case(
        PUBLISHED, None, READ_BACK, "ppp", {"update_rates_1": ThinFate(throttled_s=7)}, after_s=(7, 9),
    ),
    "no attempt succeeds": Case(
        ROLLED_BACK, AlertKind.ROLLED_BACK, "no connection", "uuu", GIVEN_UP, after_s=(155, 160),
    ),
    "asked too often, always": Case(
        ROLLED_BACK, AlertKind.ROLLED_BACK, "too often", "uuu",
        always("update_rates", ThinFate(throttled_s=1)), after_s=(155, 160),
    ),
    "asked to wait for too long": Case(
        ROLLED_BACK, AlertKind.ROLLED_BACK, "asks to wait 601 s", "uuu", {"update_rates_1": ThinFate(throttled_s=601)},
    ),
    "all but a part lost": Case(ROLLED_BACK, PARTIAL, "no connection", "rru", HALF, after_s=(215, 220)),
    "a part of inherited cells": Case(
        ROLLED_BACK, PARTIAL, "no connection", "rru", HALF, inherited="E", after_s=(215, 220),
    ),
    "out of range, nothing written": Case(REVIEW, MANUAL, "not within", "uuu", highest="40"),
    "out of range, a part written": Case(REVIEW, MANUAL, "not within", "rru", highest="50"),
    "out of range in the third part": Case(REVIEW, MANUAL, "not within", "rru", highest="50", settings=PARTS),
    "a colleague before our write": Case(
        REVIEW, MANUAL, "somebody else changed F", "ufu", edits={"get_rates_2": ("F", FOREIGN)},
    ),
    "a colleague before our second part": Case(
        REVIEW, MANUAL, "somebody else changed F", "rfu", edits={"get_rates_3": ("F", FOREIGN)}, settings=PARTS,
    ),
    "a colleague after our write": Case(
        REVIEW, MANUAL, "left alone, since somebody else changed them: F", "rfr", edits={"get_rates_3": ("F", FOREIGN)},
    ),
    "a colleague takes a rate away": Case(
        REVIEW, MANUAL, "left alone, since somebody else changed them: F", "rfr", edits={"get_rates_3": ("F", None)},
    ),
    "a colleague during the compensation": Case(
        REVIEW, MANUAL, "left alone, since somebody else changed them: E", "fru", HALF,
        {"get_rates_7": ("E", FOREIGN)}, after_s=(215, 280),
    ),
    "a restore that goes unanswered": Case(
        REVIEW, MANUAL, "not within", "rru", {"update_rates_2": LOST}, highest="50", after_s=(130, 150),
    ),
    "a restore that is refused": Case(
        PushState.ROLLBACK_FAILED, AlertKind.ROLLBACK_FAILED, "it could not be taken back from E 2026-02-20, F", "oou",
        {f"update_rates_{call}": REFUSED for call in (2, 3, 4, 5)}, highest="50", after_s=(155, 165),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_push_ends_as_the_table_says(sim: Sim, case: Case) -> None:
    world = case.world(sim)
    outcome = pushed(world)
    assert outcome.state is case.state
    assert [one.ending for one in outcome.cells] == [LETTERS[one] for one in case.endings]
    assert case.why in outcome.why
    check_alone(world, outcome, case.kind)
    assert case.after_s[0] <= world.final_at_s() < case.after_s[1]
    (kept,) = world.book.pushes()
    last = kept.transitions[-1]
    assert (kept.id, last.state, last.why, last.exposed_s) == (
        outcome.push_id, outcome.state, outcome.why, outcome.exposed_s,
    )  # fmt: skip
    assert broken(world) == []
    settle(world, sim.node("app"))
    assert broken(world) == []


def test_only_what_failed_is_critical() -> None:
    ended = {}
    for name in ("all but a part lost", "a restore that is refused", "no attempt succeeds"):
        with Sim(1, epoch=MORNING) as sim:
            world = CASES[name].world(sim)
            ended[name] = pushed(world).alerts[0].severity
    assert list(ended.values()) == [Severity.CRITICAL, Severity.CRITICAL, Severity.WARNING]


def test_a_sheet_that_is_held_already_is_published_without_a_write(sim: Sim) -> None:
    world = Watched(sim)
    outcome = pushed(world, order(OLD))
    assert (outcome.state, outcome.exposed_s, sent(world)) == (PUBLISHED, None, [])
    assert [one.ending for one in outcome.cells] == [Ending.UNCHANGED] * 3
    check_alone(world, outcome, None)
    assert broken(world) == []


def test_an_inherited_amount_is_not_held_already(sim: Sim) -> None:
    world = Watched(sim)
    world.set("E", None, MORNING - timedelta(hours=5))
    assert pushed(world, order(OLD)).state is PUBLISHED
    assert (sent(world), world.own("E")) == (["update_rates"], OLD["E"])


def test_progress_is_told_part_by_part(sim: Sim) -> None:
    told: list[float] = []
    world, node = Watched(sim, **PARTS), sim.node("app")
    node.run(push(replace(world.ports(node), progress=told.append), order()))
    assert told == [1 / 3, 2 / 3, 1]


# The preflight


def sheet(
    rates: Mapping[str, Decimal] = NEW, night: date | None = NIGHT, *, location: str = DESK.code, currency: str = "USD",
    basis: TaxBasis | None = None, **other: Any,
) -> PushOrder:  # fmt: skip
    """Return an order that is like the others but for what is said."""
    cells = {RateCell(location, code, night, **other): Money(amount, currency) for code, amount in rates.items()}
    return PushOrder(RateSheet(cells, basis), "an analyst", Origin("file", "rates.csv"))


def inherit_nothing(world: Watched) -> None:
    world.hotel.inherits = False
    world.set("E", None)


def unreadable(operation: str) -> Callable[[Watched], None]:
    def do(world: Watched) -> None:
        world.fate = fated(**always(operation, REFUSED))

    return do


def refuse_the_store(call: int) -> Callable[[Watched], None]:
    def do(world: Watched) -> None:
        world.storage.decide = lambda node, number: StoreFate(works=number != call)

    return do


def down(world: Watched) -> None:
    world.way.is_down = True


def in_doubt(world: Watched) -> None:
    """Leave a push open."""
    other = world.sim.node("other")
    world.fate = fated(get_rates_2=lambda: down(world))
    other.run(push(world.ports(other), order(OLD)))
    world.way.is_down = False
    world.fate = fated()


def locked(world: Watched) -> None:
    other = world.sim.node("other")
    other.run(Lease.take(other.flow, world.ports(other).locks, DESK.code, "somebody", 600))


def decided_ahead(world: Watched) -> None:
    """Let a node whose clock is a day ahead be the last that recorded something."""
    other = world.sim.node("other", clock=Clock(offset_s=86_400))
    other.run(push(world.ports(other), order(OLD)))


CAREFUL_CASES: Final[Mapping[str, tuple[Callable[[Watched], None] | None, PushOrder, Mapping[str, str]]]] = {
    "the PMS is down": (down, sheet(), {REACHABLE: "refused", SANE: "could not be read", FRESH: "could not be read"}),
    "no rates to read": (unreadable("get_rates"), sheet(), {SANE: "the rates in the PMS could not be read"}),
    "no availability to read": (unreadable("get_availability"), sheet(), {FRESH: "could not be read"}),
    "no health, but an answer": (unreadable("health_check"), sheet(), {
        REACHABLE: "refused", SANE: "could not be read", FRESH: "could not be read",
    }),
    "no property": (lambda world: setattr(world.hotel, "is_known", False), sheet(), {
        SANE: "there is no property", FRESH: "there is no property",
    }),
    "an unknown product": (None, sheet({"Z": Decimal(40)}), {SANE: "no such product", FRESH: "never read"}),
    "a night that is over": (None, sheet(night=date(2026, 2, 17)), {SANE: "not within", FRESH: "never read"}),
    "a mistyped year": (None, sheet(night=date(2062, 2, 20)), {SANE: "not within", FRESH: "never read"}),
    "no night": (None, sheet(night=None), {SANE: "without a night", FRESH: "never read"}),
    "half a price step": (None, sheet({"E": Decimal("46.55")}), {SANE: "price step"}),
    "below the floor": (None, sheet({"E": Decimal("37.90")}), {SANE: "below the floor"}),
    "a cent above the push cap": (None, sheet({"E": Decimal("53.00")}), {SANE: "above 1.15"}),
    "no rate before": (inherit_nothing, sheet(), {SANE: "no rate for it"}),
    "another currency": (None, sheet(currency="EUR"), {SANE: "in EUR"}),
    "another tax basis": (None, sheet(basis=TaxBasis.NET), {SANE: "net"}),
    "another location": (None, sheet(location="LAS_VEGAS"), {SANE: "for LAS_VEGAS"}),
    "a plan": (None, sheet(rate_plan="BAR"), {SANE: "read back"}),
    "an occupancy": (None, sheet(occupancy=2), {SANE: "read back"}),
    "a fall": (None, sheet({"E": Decimal("40.00")}), {SANE: "below 46.00"}),
    "too many cells": (None, sheet({**NEW, "Z": Decimal(1)}), {SANE: "4 cells", FRESH: "never read"}),
    "a lock that somebody holds": (locked, sheet(), {ALONE: "somebody holds the lock"}),
    "locks that do not answer": (refuse_the_store(1), sheet(), {ALONE: "the locks cannot be asked"}),
    "a ledger that does not answer": (refuse_the_store(2), sheet(), {WRITABLE: "the store is gone"}),
    "a push that is open": (in_doubt, sheet(), {ALONE: "has not ended"}),
    "a clock that was set back": (decided_ahead, sheet(), {WRITABLE: "set the clock"}),
}  # fmt: skip


@pytest.mark.parametrize(("before", "asked", "failed"), CAREFUL_CASES.values(), ids=CAREFUL_CASES.keys())
def test_a_push_that_fails_a_check_is_rejected_and_writes_nothing(
    sim: Sim, before: Callable[[Watched], None] | None, asked: PushOrder, failed: Mapping[str, str]
) -> None:
    policy = PushPolicy(largest_decrease=Decimal("0.10"), tax_basis=TaxBasis.GROSS, max_cells=3)
    world = Watched(sim, policy=policy)
    if before:
        before(world)
    written, told = len(world.pms.events), len(world.book.alerts())
    outcome = pushed(world, asked)
    assert outcome.state is PushState.REJECTED
    assert [check.name for check in outcome.checks] == [REACHABLE, SANE, FRESH, WRITABLE, ALONE]
    assert {check.name for check in outcome.checks if not check.passed} == set(failed)
    assert [why for check in outcome.checks if (why := failed.get(check.name, "")) not in check.detail] == []
    assert (len(world.pms.events), sent(world)) == (written, [])
    new = world.book.alerts()[: len(world.book.alerts()) - told]
    assert [(alert.kind, alert.push_id) for alert in new] == (
        [(AlertKind.PMS_DOWN, outcome.push_id)] if REACHABLE in failed else []
    )
    assert world.book.pushes()[0].id == outcome.push_id


@pytest.mark.parametrize(("amount", "state"), [("52.90", PUBLISHED), ("53.00", PushState.REJECTED)])
def test_the_push_cap_is_115_percent_of_what_the_pms_holds_now(sim: Sim, amount: str, state: PushState) -> None:
    assert pushed(Watched(sim), sheet({"E": Decimal(amount)})).state is state


def test_a_derived_rate_is_rejected(sim: Sim) -> None:
    class Derived(ThinPms):
        async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
            found = await super().get_rates(nights, products)
            return {cell: replace(rate, is_derived=cell == F) for cell, rate in found.items()}

    world, node = Watched(sim), sim.node("app")
    outcome = pushed(world, ports=replace(world.ports(node), pms=Derived(world.way, node)))
    assert (outcome.state, "push the parent" in outcome.why) == (PushState.REJECTED, True)


def test_the_availability_is_read_again_once_it_is_two_hours_old(sim: Sim) -> None:
    world = Watched(sim)
    reads = []
    for _ in range(3):
        assert pushed(world, order(OLD)).state is PUBLISHED
        reads.append(len([one for one in world.way.history if one.operation == "get_availability"]) // 2)
        pass_time(world, 2 * 3600 - 100)
    assert reads == [1, 1, 2]


def test_that_the_pms_is_down_is_told_once_each_time(sim: Sim) -> None:
    world = Watched(sim)
    told = []
    for is_down, dry_run in ((True, False), (True, True), (False, True), (True, False), (False, False), (True, True)):
        world.way.is_down = is_down
        told.append([alert.kind for alert in pushed(world, order(dry_run=dry_run)).alerts])
    down = [AlertKind.PMS_DOWN]
    assert told == [down, [], [], down, [], down]
    assert len(world.book.alerts()) == 3


# Retries


def test_a_write_is_repeated_after_5_25_and_125_s(sim: Sim) -> None:
    world = Watched(sim, fated(**always("update_rates", REFUSED)))
    assert pushed(world).state is ROLLED_BACK
    assert waits_s(world) == [5, 25, 125]


def test_a_pms_that_asks_for_patience_is_left_alone_for_as_long(sim: Sim) -> None:
    world = Watched(sim, fated(update_rates_1=ThinFate(throttled_s=40), update_rates_2=ThinFate(throttled_s=1)))
    assert pushed(world).state is PUBLISHED
    assert waits_s(world) == [40, 25]


@pytest.mark.parametrize("can", [CREATES, CAN], ids=["creates rates", "sets rates"])
@pytest.mark.parametrize("fate", [SILENT, LOST, ThinFate(late_s=55), ThinFate(resets=True, late_s=59)], ids=str)
def test_only_a_write_that_creates_waits_until_the_one_before_cannot_come_any_more(
    sim: Sim, can: Capabilities, fate: ThinFate
) -> None:
    world = Watched(sim, fated(update_rates_1=fate), can=can)
    world.set("E", None, MORNING - timedelta(hours=5))
    assert pushed(world).state is PUBLISHED
    assert not world.hotel.doubled or can is CAN
    assert broken(world) == []
    heard_s = 0 if fate.resets else 10
    if len(world.sent) > 1:
        assert waits_s(world) == [heard_s + (60 if can is CREATES else 5)]


def test_a_rate_that_was_created_twice_shows_in_the_world_that_the_test_above_relies_on(sim: Sim) -> None:
    world = Watched(sim, fated(update_rates_1=ThinFate(late_s=25)), can=replace(CREATES, in_flight_s=0.0))
    world.set("E", None, MORNING - timedelta(hours=5))
    pushed(world)
    pass_time(world, 30)
    assert broken(world)[-1] == f"there are two rates of E/BAR/{NIGHT}"


# What a PMS may answer


class Answering(ThinPms):
    """A PMS that answers a write otherwise for some cells, of which it writes nothing."""

    def __init__(self, world: Watched, node: Node, refused: Mapping[RateCell, Refused]) -> None:
        super().__init__(world.way, node)
        self.refused = refused

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        left = {cell: rate for cell, rate in write.sheet.items() if cell not in self.refused}
        told = dict(await super().update_rates(UpdateRates(write.key, RateSheet(left)))) if left else {}
        return told | {cell: self.refused[cell] for cell in write.sheet if cell in self.refused}


def answered(world: Watched, *cells: RateCell, why: Why) -> PushOutcome:
    node = world.sim.node("app")
    refused = dict.fromkeys(cells, Refused(why, "no"))
    return pushed(world, ports=replace(world.ports(node), pms=Answering(world, node, refused)))


@pytest.mark.parametrize(
    ("why", "cells", "state", "kind", "endings"),
    [
        (Why.NOT_FOUND, (E, F, S), PushState.REJECTED, AlertKind.LOCATION_NOT_FOUND, "uuu"),
        (Why.NOT_FOUND, (S,), ROLLED_BACK, AlertKind.LOCATION_NOT_FOUND, "rru"),
        (Why.OUT_OF_RANGE, (E, F, S), REVIEW, MANUAL, "uuu"),
        (Why.OUT_OF_RANGE, (S,), REVIEW, MANUAL, "rru"),
        (Why.REJECTED, (E, F, S), ROLLED_BACK, AlertKind.ROLLED_BACK, "uuu"),
        (Why.REJECTED, (E,), ROLLED_BACK, PARTIAL, "urr"),
        (Why.AUTH, (S,), ROLLED_BACK, PARTIAL, "rru"),
    ],
)
@pytest.mark.parametrize("settings", [{}, PARTS], ids=["in one part", "one by one"])
def test_a_refusal_is_final_and_what_was_written_is_taken_back_first(
    sim: Sim, why: Why, cells: Collection[RateCell], state: PushState, kind: AlertKind, endings: str, settings: Any
) -> None:
    world = Watched(sim, **settings)
    outcome = answered(world, *cells, why=why)
    if settings and E in cells:
        endings = "uuu"  # nothing was sent after the first part
        kind = AlertKind.ROLLED_BACK if kind is PARTIAL else kind
    assert (outcome.state, [one.ending for one in outcome.cells]) == (state, [LETTERS[one] for one in endings])
    check_alone(world, outcome, kind)
    assert (world.amounts(), broken(world)) == (OLD, [])
    assert world.final_at_s() < 2


def test_an_answer_that_leaves_a_cell_out_is_read_back_and_not_believed(sim: Sim) -> None:
    class Terse(ThinPms):
        async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
            told = await super().update_rates(write)
            return {E: told[E], RateCell(DESK.code, "Z", NIGHT): Applied(None)}

    world, node = Watched(sim), sim.node("app")
    outcome = pushed(world, ports=replace(world.ports(node), pms=Terse(world.way, node)))
    assert (outcome.state, sent(world), broken(world)) == (PUBLISHED, ["update_rates"], [])
    assert (outcome.exposed_s or 0) > 60


class Showing(ThinPms):
    """A PMS of which the k-th read shows more cells than asked for, and leaves some out."""

    def __init__(self, world: Watched, node: Node, call: int, hidden: Collection[RateCell] = ()) -> None:
        super().__init__(world.way, node)
        self.left = call
        self.hidden = hidden

    async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
        self.left -= 1
        found = dict(await super().get_rates(nights, products))
        found[RateCell(DESK.code, "Z", NIGHT)] = NightlyRate(Decimal(1))
        return {cell: rate for cell, rate in found.items() if self.left or cell not in self.hidden}


@pytest.mark.parametrize(
    ("call", "state"),
    [(1, PushState.REJECTED), (2, ROLLED_BACK), (3, ROLLED_BACK)],
    ids=["preflight", "compare", "verify"],
)
def test_a_read_that_leaves_a_cell_out_is_a_mismatch(sim: Sim, call: int, state: PushState) -> None:
    world, node = Watched(sim), sim.node("app")
    outcome = pushed(world, ports=replace(world.ports(node), pms=Showing(world, node, call, [F])))
    assert (outcome.state, world.amounts(), broken(world)) == (state, OLD, [])


def test_cells_that_nobody_asked_for_are_ignored(sim: Sim) -> None:
    world, node = Watched(sim), sim.node("app")
    outcome = pushed(world, ports=replace(world.ports(node), pms=Showing(world, node, 0)))
    assert (outcome.state, len(outcome.cells), broken(world)) == (PUBLISHED, 3, [])


def test_rates_that_show_later_than_promised_are_waited_for_even_beside_a_colleagues(sim: Sim) -> None:
    with Sim(1, epoch=MORNING) as other:
        calm = Watched(other)
        pushed(calm)
        _, compared_us, verified_us = (
            line.at_us for line in calm.way.history if line.has_arrived and line.operation == "get_rates"
        )
    world = Watched(sim)
    world.pms.lag = timedelta(seconds=20)
    world.set("F", FOREIGN, MORNING + timedelta(microseconds=(compared_us + verified_us) / 2) - world.pms.lag)
    outcome = pushed(world)
    pass_time(world, 30)
    assert (outcome.state, sent(world)) == (PUBLISHED, ["update_rates"])
    assert world.amounts() == NEW


# Colleagues


def test_an_edit_between_compare_and_write_is_lost_but_called_exposed(sim: Sim) -> None:
    world = Watched(sim)
    world.fate = fated(update_rates_1=lambda: world.set("F", FOREIGN))
    outcome = pushed(world)
    assert (outcome.state, broken(world)) == (PUBLISHED, [])
    assert 0 < (outcome.exposed_s or 0) < 1


def test_an_edit_before_a_late_landing_is_lost_but_called_exposed(sim: Sim) -> None:
    world = Watched(sim)
    world.fate = fated(update_rates_1=ThinFate(late_s=50), get_rates_3=lambda: world.set("F", FOREIGN))
    outcome = pushed(world)
    assert (outcome.state, world.amounts(), broken(world)) == (ROLLED_BACK, OLD, [])
    assert (outcome.exposed_s or 0) > 50


def test_an_edit_in_the_window_of_the_compensation_is_called_exposed(sim: Sim) -> None:
    world = Watched(sim)
    world.hotel.highest = Decimal(50)
    world.fate = fated(update_rates_2=lambda: world.set("E", FOREIGN))
    outcome = pushed(world)
    assert (outcome.state, world.amounts(), broken(world)) == (REVIEW, OLD, [])
    assert (outcome.exposed_s or 0) > 0


def test_a_colleagues_edit_of_a_cell_that_needed_no_write_stops_the_push_too(sim: Sim) -> None:
    world = Watched(sim)
    world.fate = fated(get_rates_3=lambda: world.set("E", FOREIGN))
    outcome = pushed(world, order({**NEW, "E": OLD["E"]}))
    assert (outcome.state, world.amounts(), broken(world)) == (REVIEW, {**OLD, "E": FOREIGN}, [])


# Cells without a rate of their own


def test_a_cell_that_inherited_inherits_again(sim: Sim) -> None:
    world = CASES["a part of inherited cells"].world(sim)
    pushed(world)
    assert world.own("E") is None
    assert sent(world)[-2:] == ["update_rates", "clear_rates"]


def test_a_first_rate_is_taken_away_again(sim: Sim) -> None:
    world = Watched(sim, fated(**HALF), policy=PushPolicy(allow_new=True))
    world.hotel.inherits = False
    world.set("E", None, MORNING - timedelta(hours=5))
    outcome = pushed(world)
    assert (outcome.state, world.own("E"), broken(world)) == (ROLLED_BACK, None, [])


class NoClearing(ThinPms):
    """A PMS that cannot take a rate away."""

    async def clear_rates(self, write: object) -> Mapping[RateCell, Outcome[None]]:
        raise AssertionError("it cannot do this, and has said so")


def without_clearing(sim: Sim, *, inherits: bool) -> tuple[Watched, PushOutcome]:
    world = Watched(sim, fated(**HALF), can=NO_CLEARING, policy=PushPolicy(allow_new=True))
    world.hotel.inherits = inherits
    world.set("E", None, MORNING - timedelta(hours=5))
    node = sim.node("app")
    return world, pushed(world, ports=replace(world.ports(node), pms=NoClearing(world.way, node)))


def test_where_no_rate_can_be_taken_away_an_inherited_amount_is_written(sim: Sim) -> None:
    world, outcome = without_clearing(sim, inherits=True)
    assert world.own("E") == OLD["E"]
    assert outcome.state is not REVIEW, "nobody else has changed anything"
    assert "somebody else" not in outcome.why


def test_a_first_rate_that_cannot_be_taken_away_is_told(sim: Sim) -> None:
    world, outcome = without_clearing(sim, inherits=False)
    assert (outcome.state, world.amounts()["F"]) == (PushState.ROLLBACK_FAILED, OLD["F"])
    check_alone(world, outcome, AlertKind.ROLLBACK_FAILED)
    assert broken(world) == []


# An end that cannot be learnt


def test_a_pms_that_cannot_be_read_at_the_end_leaves_the_push_open_until_it_can(sim: Sim) -> None:
    world, node = Watched(sim), sim.node("app")
    world.fate = fated(get_rates_3=lambda: setattr(world.way, "is_down", True))
    outcome = pushed(world)
    assert outcome.state is PushState.IN_PROGRESS
    check_alone(world, outcome, AlertKind.IN_DOUBT)
    world.way.is_down = False
    again = pushed(world)
    assert (again.state, [check.name for check in again.checks if not check.passed]) == (PushState.REJECTED, [ALONE])
    assert f"push {outcome.push_id} has not ended" in again.why
    world.way.is_down = True
    (told,) = node.run(recover(world.ports(node)))
    assert (told.state, len(world.book.alerts())) == (PushState.IN_PROGRESS, 1)  # it is told no second time
    world.way.is_down = False
    settle(world, node)
    (kept,) = [one for one in world.book.pushes() if one.id == outcome.push_id]
    assert (kept.state, broken(world)) == (PUBLISHED, [])
