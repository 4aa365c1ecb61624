"""What a design document's push does to a PMS, and what it says of it; beside it this product's, in the same course.

| defect | course | what is seen of `as_documented` |
|---|---|---|
| 1 | a rate 17 % up; the same as a dry run | never sent and yet "taken back", over a colleague's edit |
| 2 | two classes pushed, one request too many (429) | the class that was not pushed loses its colleague's edit |
| 3 | one cell lands, then the PMS is away for 20 s | logged ROLLED_BACK, and the PMS holds a part of it |
| 4 | one 429, or one refused connection | given up at once, though the next second would have done |
| 4 | one class of three is not sent, each time | three attempts within a second, then a read-back that must fail |
| 5 | the third attempt is on its way for 30 s | it lands after the rollback: ROLLED_BACK, and the PMS holds it all |
| 5 | the answer is lost, a colleague edits, it is sent again | the edit is overwritten, logged PUBLISHED |
| 6 | a crash after one cell landed | the PMS holds a part of it, the log nothing, nobody is told, for ever |
| 7 | the log cannot be read for once after the write | a good push is taken back |
| 8 | a class loses its rate in the PMS before the read-back | a TypeError, then all is overwritten |
| 8 | a colleague changes a rate by one cent meanwhile | 46.50 to 46.51 is PUBLISHED, 51.80 to 51.81 rolled back |
| 9 | a class that was never pushed, or was at 0 | KeyError or ZeroDivisionError, and an edit is overwritten |
| 10 | a colleague lowers a rate between check and write | published at 20.5 % above what the PMS held |
| 11 | two pushers at once | both are "alone"; the one that is PUBLISHED is overwritten by the other's rollback |
| 11 | two dry runs | two rows of no push stay in the history |
| 12 | reads lag by 30 s | a good push is taken back |

13 and 14 are contradictions of the text; of each reading one test tells which was taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from pms_lab.domain.push import AlertKind, PushOrder, PushOutcome, PushState
from pms_lab.domain.rates import RateCell
from pms_lab.domain.writes import UpdateRates
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.engine.strategies import STRATEGIES, Strategy
from pms_lab.engine.strategies.as_documented import AsDocumented, claimed
from pms_lab.engine.strategies.rate_log import TEST, MemoryRateLog, RateLog, Row
from pms_lab.errors import StoreError
from pms_lab.sim.driver import Sim
from pms_lab.sim.node import Node
from pms_lab.sim.pms.thin import CALM, CAN, ThinFate
from pms_lab.sim.push_world import DESK, MORNING, NEW, NIGHT, OLD, PLAN, YESTERDAY, PushWorld, order
from pms_lab.sim.storage import CALM as STORE_CALM
from pms_lab.sim.storage import SimRunner, StoreFate

FOREIGN = Decimal("47.77")
"""What a colleague sets."""

AN_HOUR_AGO = MORNING - timedelta(hours=1)
REFUSED = ThinFate(refused=True)
THROTTLED = ThinFate(throttled_s=1.0)


def cells(rates: Mapping[str, Decimal]) -> dict[RateCell, Decimal]:
    return {RateCell(DESK.code, code, NIGHT): amount for code, amount in rates.items()}


class Desk:
    """The world of one strategy, where `OLD` was published yesterday, with the fates that a course gives it.

    Attributes:
        fates: of requests, by ``operation_call``.
        rows: the log of `as_documented`.
        told: how the pushes ended, as their strategy says.
    """

    def __init__(self, sim: Sim, name: str, **settings: Any) -> None:
        self.sim, self.name = sim, name
        self.world = PushWorld(sim, self._decide, **settings)
        self.rows = [Row("yesterday's", DESK.code, PushState.PUBLISHED, YESTERDAY, cells(OLD))]
        self.fates: dict[str, ThinFate] = {}
        self.told: list[PushOutcome] = []
        self._before_reading_back: list[Callable[[], None]] = []

    def strategy(self, node: Node) -> Strategy:
        return STRATEGIES[self.name](MemoryRateLog(self.rows, SimRunner(node, self.world.storage)))

    def push(self, asked: PushOrder | None = None) -> None:
        node = self.sim.node("app")
        self.told.append(node.run(self.strategy(node).push(self.world.ports(node), asked or order())))

    def edit(self, product: str, amount: Decimal | None = FOREIGN) -> Callable[[], None]:
        return lambda: self.world.set(product, amount)

    def before_reading_back(self, do: Callable[[], None]) -> None:
        """Let something happen when a push first reads what it has written."""
        self._before_reading_back.append(do)

    def pass_time(self, wait_s: float) -> None:
        bystander = self.sim.node("bystander")
        bystander.run(bystander.flow.sleep(wait_s))

    def settle(self) -> None:
        """Recover twice a minute for half an hour, as a supervisor would."""
        node = self.sim.node("app")
        for _ in range(60):
            node.run(self.strategy(node).recover(self.world.ports(node)))
            node.run(node.flow.sleep(30))

    def has_written(self) -> bool:
        return any(line.operation == "update_rates" and line.has_arrived for line in self.world.way.history)

    def _decide(self, node: str, call: int, operation: str) -> ThinFate:
        if operation == "get_rates" and self._before_reading_back and self.has_written():
            self._before_reading_back.pop()()
        return self.fates.get(f"{operation}_{call}", CALM)


class Seen(NamedTuple):
    """What is left in the end: what the PMS holds, what the log or the ledger claims, and whom it was told.

    Attributes:
        written: when writes to the PMS arrived, in seconds.
        errors: what the log says of each push.
        junk: how many rows of the log belong to no push.
    """

    held: dict[str, Decimal | None]
    claims: list[str]
    alerts: list[AlertKind]
    written: list[float]
    told: list[PushOutcome]
    errors: list[str]
    junk: int


def seen(name: str, course: Callable[[Desk], None], **settings: Any) -> Seen:
    """Let a strategy live through a course."""
    with Sim(1, epoch=MORNING) as sim:
        desk = Desk(sim, name, **settings)
        course(desk)
        desk.settle()
        world = desk.world
        rows = [row for row in desk.rows[1:] if row.status != TEST]
        pushes = list(reversed(world.book.pushes()))
        return Seen(
            {code: world.pms.rates.get((code, PLAN, NIGHT)) for code in OLD},
            [row.status for row in rows] or [one.state for one in pushes],
            [alert.kind for alert in world.book.alerts()],
            [line.at_us / 1e6 for line in world.way.history if line.operation == "update_rates" and line.has_arrived],
            desk.told,
            [row.error for row in rows],
            len(desk.rows[1:]) - len(rows),
        )


def both(course: Callable[[Desk], None], **settings: Any) -> tuple[Seen, Seen]:
    """Let both strategies live through a course, each in a world of its own."""
    return seen("as_documented", course, **settings), seen("hardened", course, **settings)


@pytest.mark.parametrize("name", STRATEGIES)
def test_in_calm_both_publish(name: str) -> None:
    calm = seen(name, Desk.push)
    assert (calm.held, calm.claims, calm.alerts) == (NEW, ["PUBLISHED"], [])
    assert len(calm.told[0].checks) == 5


@pytest.mark.parametrize(("dry_run", "end"), [(False, "REJECTED"), (True, "PROPOSED_DRY_RUN")])
def test_defect_1_what_was_never_written_is_taken_back(dry_run: bool, end: str) -> None:
    def course(desk: Desk) -> None:
        desk.world.set("S", FOREIGN, AN_HOUR_AGO)
        desk.push(order({"E": Decimal("53.80")}, dry_run=dry_run))

    documented, hardened = both(course)
    assert (documented.claims, documented.held) == (["ROLLED_BACK"], OLD)
    assert len(documented.written) == 1
    assert (hardened.claims, hardened.held) == ([end], {**OLD, "S": FOREIGN})
    assert hardened.written == []


def test_defect_2_a_class_that_was_not_pushed_is_set_to_what_our_log_remembers() -> None:
    def course(desk: Desk) -> None:
        desk.world.set("S", FOREIGN, AN_HOUR_AGO)
        desk.fates["update_rates_1"] = THROTTLED
        desk.push(order({code: NEW[code] for code in "EF"}))

    documented, hardened = both(course)
    assert (documented.claims, documented.held) == (["ROLLED_BACK"], OLD)
    assert (hardened.claims, hardened.held) == (["PUBLISHED"], {**NEW, "S": FOREIGN})


def test_defect_3_a_rollback_that_failed_is_logged_as_done() -> None:
    def course(desk: Desk) -> None:
        desk.fates = {"update_rates_1": ThinFate(first=1), "update_rates_2": REFUSED, "update_rates_3": REFUSED}
        desk.push()

    documented, hardened = both(course)
    assert (documented.claims, documented.held) == (["ROLLED_BACK"], {**OLD, "E": NEW["E"]})
    assert documented.alerts == [AlertKind.ROLLBACK_FAILED]
    assert (hardened.claims, hardened.held) == (["PUBLISHED"], NEW)


@pytest.mark.parametrize("fate", [THROTTLED, REFUSED], ids=["429", "refused"])
def test_defect_4_what_is_no_timeout_is_not_tried_again(fate: ThinFate) -> None:
    def course(desk: Desk) -> None:
        desk.fates["update_rates_1"] = fate
        desk.push()

    documented, hardened = both(course)
    assert (documented.claims, documented.held) == (["ROLLED_BACK"], OLD)
    assert (hardened.claims, hardened.held) == (["PUBLISHED"], NEW)


def test_defect_4_a_status_that_is_not_ok_is_sent_again_without_a_wait_and_then_read_back() -> None:
    def course(desk: Desk) -> None:
        # Each class is a request of its own, and the second of three is not sent, each time.
        desk.fates = {f"update_rates_{call}": REFUSED for call in (2, 5, 8)}
        desk.push()

    documented, hardened = both(course, can=replace(CAN, rate_batch=1))
    assert (documented.claims, documented.held) == (["ROLLED_BACK"], OLD)
    assert documented.errors == ["F: expected 48.2, got 48.0"]
    assert max(documented.written) - min(documented.written) < 2
    assert (hardened.claims, hardened.held) == (["PUBLISHED"], NEW)


def test_defect_5_a_write_lands_after_its_rollback() -> None:
    def course(desk: Desk) -> None:
        lost = ThinFate(arrives=False)
        desk.fates = {"update_rates_1": lost, "update_rates_2": lost, "update_rates_3": ThinFate(late_s=30)}
        desk.push()

    documented, hardened = both(course)
    assert (documented.claims, documented.held) == (["ROLLED_BACK"], NEW)
    assert documented.alerts == []
    assert (hardened.claims, hardened.held) == (["PUBLISHED"], NEW)


def test_defect_5_what_a_colleague_set_meanwhile_is_overwritten_by_a_repetition() -> None:
    def course(desk: Desk) -> None:
        desk.fates["update_rates_1"] = ThinFate(answered=False)
        desk.sim.after(8, desk.edit("E"))
        desk.push()

    documented, hardened = both(course)
    assert (documented.claims, documented.held) == (["PUBLISHED"], NEW)
    assert (hardened.claims, hardened.held) == (["PENDING_MANUAL_REVIEW"], {**OLD, "E": FOREIGN})
    assert hardened.alerts == [AlertKind.MANUAL_REVIEW]


def test_defect_6_a_crash_leaves_no_trace() -> None:
    def course(desk: Desk) -> None:
        desk.fates["update_rates_1"] = ThinFate(first=1)
        node = desk.sim.node("app")
        node.spawn(desk.strategy(node).push(desk.world.ports(node), order()))
        while not desk.has_written():
            desk.pass_time(0.001)
        node.crash()

    documented, hardened = both(course)
    assert (documented.claims, documented.held, documented.alerts) == ([], {**OLD, "E": NEW["E"]}, [])
    assert (hardened.claims, hardened.held) == (["ROLLED_BACK"], OLD)
    assert hardened.alerts != []


def test_defect_7_a_good_push_is_taken_back_since_the_log_could_not_be_asked() -> None:
    def course(desk: Desk) -> None:
        struck: list[str] = []

        def once_when_written(node: str, call: int) -> StoreFate:
            if struck or desk.world.amounts() != NEW:
                return STORE_CALM
            struck.append(node)
            return StoreFate(works=False)

        desk.world.storage.decide = once_when_written
        desk.push()
        assert struck

    documented, hardened = both(course)
    assert (documented.claims, documented.held, documented.alerts) == (["ROLLED_BACK"], OLD, [])
    assert (hardened.claims, hardened.held) == (["PUBLISHED"], NEW)


def test_defect_8_a_class_without_a_rate_is_a_type_error() -> None:
    def course(desk: Desk) -> None:
        desk.world.hotel.inherits = False
        desk.before_reading_back(desk.edit("S", None))
        desk.push()

    documented, hardened = both(course)
    assert (documented.claims, documented.held, documented.alerts) == (["ROLLED_BACK"], OLD, [])
    assert "NoneType" in documented.errors[0]
    assert (hardened.claims, hardened.held) == (["PENDING_MANUAL_REVIEW"], {**OLD, "S": None})
    assert hardened.alerts == [AlertKind.MANUAL_REVIEW]


@pytest.mark.parametrize(
    ("product", "edit", "end", "left"),
    [("E", "46.51", "PUBLISHED", "46.51"), ("S", "51.81", "ROLLED_BACK", "51.00")],
)
def test_defect_8_a_cent_is_a_difference_or_none_as_the_floats_have_it(
    product: str, edit: str, end: str, left: str
) -> None:
    def course(desk: Desk) -> None:
        desk.before_reading_back(desk.edit(product, Decimal(edit)))
        desk.push()

    documented, hardened = both(course)
    assert (documented.claims, documented.held[product]) == ([end], Decimal(left))
    assert (hardened.claims, hardened.held) == (["PENDING_MANUAL_REVIEW"], {**OLD, product: Decimal(edit)})


@pytest.mark.parametrize(
    ("published", "error"),
    [({"E": OLD["E"]}, "RateCell"), ({"E": OLD["E"], "S": Decimal(0)}, "division by zero")],
    ids=["never", "at 0"],
)
def test_defect_9_a_class_that_our_log_does_not_know_takes_back_what_it_knows(
    published: Mapping[str, Decimal], error: str
) -> None:
    def course(desk: Desk) -> None:
        desk.rows[0] = replace(desk.rows[0], rates=cells(published))
        desk.world.set("E", FOREIGN, AN_HOUR_AGO)
        desk.push(order({"S": NEW["S"]}))

    documented, hardened = both(course)
    assert documented.claims == ["ROLLED_BACK"]
    assert error in documented.errors[0]
    assert documented.held["E"] == OLD["E"]
    assert (hardened.claims, hardened.held) == (["PUBLISHED"], {**OLD, "E": FOREIGN, "S": NEW["S"]})


def test_defect_10_what_was_checked_is_five_minutes_old() -> None:
    def course(desk: Desk) -> None:
        desk.sim.after(200, desk.edit("F", Decimal("40.00")))
        if desk.name == "hardened":
            desk.pass_time(300)  # so that both write at the same time
            desk.push()
        else:
            node = desk.sim.node("app")
            log = MemoryRateLog(desk.rows, SimRunner(node, desk.world.storage))
            node.run(AsDocumented(log, lead_s=300).push(desk.world.ports(node), order()))

    documented, hardened = both(course)
    assert (documented.claims, documented.held) == (["PUBLISHED"], NEW)
    assert documented.held["F"] == Decimal("40.00") * Decimal("1.205")
    assert (hardened.claims, hardened.held) == (["REJECTED"], {**OLD, "F": Decimal("40.00")})
    assert "is above 1.15 × 40.00, what the PMS holds now" in hardened.told[0].why


OTHER = {code: amount + 1 for code, amount in NEW.items()}


def test_defect_11_two_that_push_at_once_are_both_told_that_they_are_alone() -> None:
    def course(desk: Desk) -> None:
        desk.fates["get_rates_1"] = ThinFate(late_s=1)
        desk.fates["update_rates_2"] = ThinFate(late_s=3)
        one, two = desk.sim.node("one"), desk.sim.node("two")
        first = one.spawn(desk.strategy(one).push(desk.world.ports(one), order()))
        desk.pass_time(0.35)
        second = two.spawn(desk.strategy(two).push(desk.world.ports(two), order(OTHER)))
        desk.told += [desk.sim.run(second), desk.sim.run(first)]

    documented, hardened = both(course)
    assert all(one.checks[-1].passed for one in documented.told)
    assert (documented.claims, documented.held) == (["PUBLISHED", "ROLLED_BACK"], OLD)
    assert documented.alerts == []
    assert (hardened.claims, hardened.held) == (["PUBLISHED", "REJECTED"], NEW)


def test_defect_11_trying_whether_the_log_can_be_written_leaves_rows_of_no_push() -> None:
    def course(desk: Desk) -> None:
        desk.push(order(dry_run=True))
        desk.push(order(dry_run=True))

    documented, hardened = both(course)
    assert documented.junk == 2
    assert documented.claims == hardened.claims == ["PROPOSED_DRY_RUN"] * 2  # the ledger has nothing beside


def test_defect_12_a_replica_that_lags_takes_back_a_good_push() -> None:
    documented, hardened = both(Desk.push, lag_s=30.0)
    assert (documented.claims, documented.held) == (["ROLLED_BACK"], OLD)
    assert documented.errors == ["E: expected 46.5, got 46.0"]
    assert (hardened.claims, hardened.held) == (["PUBLISHED"], NEW)


def test_reading_13_a_rate_out_of_range_is_held_with_what_was_written_beside_it() -> None:
    def course(desk: Desk) -> None:
        desk.world.hotel.highest = Decimal("51.50")
        desk.push()

    documented, hardened = both(course)
    assert (documented.claims, documented.held) == (["PENDING_MANUAL_REVIEW"], {**NEW, "S": OLD["S"]})
    assert documented.alerts == [AlertKind.MANUAL_REVIEW]
    assert hardened.held == OLD


def test_reading_14_the_waits_are_5_and_25_seconds() -> None:
    def course(desk: Desk) -> None:
        desk.fates = {f"update_rates_{call}": ThinFate(answered=False) for call in (1, 2)}
        desk.push()

    first, second, third = seen("as_documented", course).written
    assert second - first == pytest.approx(10 + 5, abs=0.2)
    assert third - second == pytest.approx(10 + 25, abs=0.2)


def test_without_an_end_in_the_log_the_error_comes_out() -> None:
    """As the document has it: who logs a failure by something that fails has nothing left."""
    with Sim(1, epoch=MORNING) as sim:
        desk = Desk(sim, "as_documented")
        desk.before_reading_back(lambda: setattr(desk.world.storage, "is_gone", True))
        with pytest.raises(StoreError):
            desk.push()


def test_what_an_outcome_claims_can_be_judged_as_a_push_of_the_ledger() -> None:
    outcome = seen("as_documented", Desk.push).told[0]
    claim = claimed(order(), outcome, MORNING)
    assert (claim.state, claim.asked_by) == (PushState.PUBLISHED, "an analyst")
    assert {one.cell.product: one.new for one in claim.changes} == NEW
    assert {one.cell.product: one.old.amount for one in claim.changes if one.old} == OLD


@dataclass
class Hopeful:
    """A strategy of a user's own."""

    log: RateLog
    name: str = "hopeful"

    async def push(self, ports: PushPorts, order: PushOrder) -> PushOutcome:
        push_id = ports.chance.new_id()
        await ports.pms.update_rates(UpdateRates(push_id, order.sheet))
        return PushOutcome(push_id, ports.place.code, PushState.PUBLISHED, "surely", (), ())

    async def recover(self, ports: PushPorts) -> tuple[PushOutcome, ...]:
        return ()


def test_a_strategy_of_ones_own_is_a_class_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STRATEGIES, "hopeful", Hopeful)
    assert seen("hopeful", Desk.push).held == NEW
