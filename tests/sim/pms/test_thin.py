"""The thin port: what becomes of a push's requests, without HTTP, and just as an adapter would tell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import Availability, Capabilities, NightlyRate
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import ClearRates, UpdateRates
from pms_lab.engine.pushing.ports import RatePms
from pms_lab.errors import NotSent, PmsError, PmsFailed, PmsRefused, Throttled, Unanswered
from pms_lab.sim.driver import Sim
from pms_lab.sim.node import Node
from pms_lab.sim.pms.sample import sample_pms
from pms_lab.sim.pms.state import Rejected
from pms_lab.sim.pms.thin import CAN, Decide, Line, ThinFate, ThinHotel, ThinPms, ThinWay, calm
from pms_lab.sim.stops import Crashed
from tests.contracts.harness import NOON, Direct, Vendor, bench, now
from tests.contracts.vendors import VENDORS

NIGHT = date(2026, 3, 1)
NIGHTS = StayDates.starting(NIGHT, 1)
PRODUCTS = ["GEN", "DLX", "EXE"]
EVEN_S = (0.25, 0.25)
BASE = {"GEN": "1000", "DLX": "1500", "EXE": "2000"}


def cell_of(product: str) -> RateCell:
    return RateCell("INN", product, NIGHT)


CELLS = [cell_of(product) for product in PRODUCTS]


def sheet_of(amount: str, *cells: RateCell, currency: str = "USD") -> UpdateRates:
    return UpdateRates("p1", RateSheet({cell: Money.of(amount, currency) for cell in cells or CELLS}))


def own(amount: str) -> NightlyRate:
    return NightlyRate(Decimal(amount))


def inherited(amount: str) -> NightlyRate:
    return NightlyRate(Decimal(amount), is_own=False)


@dataclass
class World:
    """A hotel, the way to it, and a node that asks."""

    sim: Sim
    decide: Decide = calm
    can: Capabilities = CAN
    lag_s: float = 0
    latency_s: tuple[float, float] = EVEN_S
    crash_at: int | None = None
    node: Node = field(init=False)

    def __post_init__(self) -> None:
        self.pms = sample_pms(lag=timedelta(seconds=self.lag_s))
        self.hotel = ThinHotel(self.sim, self.pms, "INN", self.can)
        self.way = ThinWay(self.hotel, self.decide, latency_s=self.latency_s, timeout_s=3)
        self.node = self.sim.node("app", crash_at=self.crash_at)
        self.port = ThinPms(self.way, self.node)

    def run(self, work: Awaitable[Any]) -> Any:
        async def main() -> Any:
            return await work

        return self.node.run(main())

    def pass_time(self, wait_s: float = 60) -> None:
        bystander = self.sim.node("bystander")
        bystander.run(bystander.flow.sleep(wait_s))

    def set(self, product: str, amount: str | None) -> None:
        self.pms.set_rate(product, "BAR", NIGHT, None if amount is None else Decimal(amount), self.sim.now())

    @property
    def held(self) -> dict[str, str]:
        """What the PMS truly holds."""
        return {product: f"{self.pms.rate(product, NIGHT):.0f}" for product in PRODUCTS}

    @property
    def own_rates(self) -> list[str]:
        """The products whose night has a rate of its own."""
        return [product for product in PRODUCTS if self.pms.rates.get((product, "BAR", NIGHT)) is not None]


def at(line: Line) -> tuple[float, bool]:
    return line.at_us / 1e6, line.has_arrived


# Reading


def test_a_read_tells_own_rates_from_inherited_ones() -> None:
    with Sim() as sim:
        world = World(sim)
        world.set("DLX", "1400")
        assert world.run(world.port.get_rates(NIGHTS, [*PRODUCTS, "NOSUCH"])) == {
            CELLS[0]: inherited("1000"), CELLS[1]: own("1400"), CELLS[2]: inherited("2000"),
        }  # fmt: skip
        two = StayDates.starting(NIGHT, 2)
        assert set(world.run(world.port.get_rates(two, ["DLX"]))) == {
            CELLS[1], replace(CELLS[1], stay_date=NIGHT + timedelta(days=1)),
        }  # fmt: skip
        world.hotel.inherits = False
        assert world.run(world.port.get_rates(NIGHTS, PRODUCTS)) == {CELLS[1]: own("1400")}


def test_a_read_shows_what_was_when_the_pms_lags() -> None:
    with Sim() as sim:
        world = World(sim, lag_s=5)
        world.run(world.port.update_rates(sheet_of("1100")))
        assert world.held == dict.fromkeys(PRODUCTS, "1100")
        seen = []
        for _ in range(3):
            seen.append(world.run(world.port.get_rates(NIGHTS, ["GEN"]))[CELLS[0]])
            world.pass_time(2.25)
        assert seen == [inherited("1000"), inherited("1000"), own("1100")]


def test_a_read_is_of_the_time_when_it_arrives() -> None:
    with Sim() as sim:
        world = World(sim, lambda *_: ThinFate(late_s=2))
        sim.after(2.2, lambda: world.set("GEN", "1100"))
        sim.after(2.3, lambda: world.set("GEN", "1200"))
        assert world.run(world.port.get_rates(NIGHTS, ["GEN"])) == {CELLS[0]: own("1100")}


def test_availability_is_what_can_be_sold_by_product_and_night() -> None:
    with Sim() as sim:
        world = World(sim)
        world.pms.set_limit("DLX", NIGHT, 2, sim.now())
        asked = world.port.get_availability(NIGHTS, ["GEN", "NOSUCH", "DLX"])
        assert world.run(asked) == (Availability("DLX", NIGHT, 2), Availability("GEN", NIGHT, 5))


@pytest.mark.parametrize(
    ("fate", "error", "heard_s"),
    [
        (ThinFate(refused=True), NotSent, 0.25),
        (ThinFate(resets=True), Unanswered, 0.5),
        (ThinFate(arrives=False), Unanswered, 3),
        (ThinFate(answered=False), Unanswered, 3),
        (ThinFate(late_s=2.7), Unanswered, 3),
        (ThinFate(throttled_s=30), Throttled, 0.5),
        (ThinFate(fails=True), PmsFailed, 0.5),
    ],
    ids=str,
)
def test_a_read_without_an_answer_raises_what_an_adapter_raises(
    fate: ThinFate, error: type[PmsError], heard_s: float
) -> None:
    with Sim() as sim:
        world = World(sim, lambda *_: fate)
        for ask in (world.port.get_rates, world.port.get_availability):
            started_s = world.node.flow.monotonic_s()
            with pytest.raises(error) as raised:
                world.run(ask(NIGHTS, PRODUCTS))
            assert type(raised.value) is error
            assert raised.value.retry_after_s == fate.throttled_s
            assert world.node.flow.monotonic_s() - started_s == heard_s
        health = world.run(world.port.health_check())
        assert (health.is_up, health.latency_s) == (False, heard_s)


def test_health_is_how_long_the_pms_took_or_why_it_did_not_answer() -> None:
    with Sim() as sim:
        world = World(sim)
        health = world.run(world.port.health_check())
        assert (health.is_up, health.latency_s) == (True, 0.5)
        world.way.is_down = True
        assert "no connection" in world.run(world.port.health_check()).detail
        with pytest.raises(NotSent):
            world.run(world.port.get_rates(NIGHTS, PRODUCTS))


def test_an_unknown_property_refuses_reads_and_writes() -> None:
    with Sim() as sim:
        world = World(sim, can=replace(CAN, creates_rates=True))
        world.hotel.is_known = False
        for ask in (world.port.get_rates, world.port.get_availability):
            with pytest.raises(PmsRefused) as raised:
                world.run(ask(NIGHTS, PRODUCTS))
            assert raised.value.status == 404
        assert world.node.flow.monotonic_s() == 1
        for told in (world.port.update_rates(sheet_of("1100")), world.port.clear_rates(ClearRates("p1", (CELLS[0],)))):
            assert {outcome.why for outcome in world.run(told).values()} == {Why.NOT_FOUND}
        assert world.held == BASE


# Writing

NEW = dict.fromkeys(PRODUCTS, "1100")


@pytest.mark.parametrize(
    ("fate", "end", "heard_s", "arrives_s"),
    [
        (ThinFate(), "applied", 0.5, 0.25),
        (ThinFate(late_s=2), "applied", 2.5, 2.25),
        (ThinFate(refused=True), Why.NOT_SENT, 0.25, None),
        (ThinFate(throttled_s=30), Why.THROTTLED, 0.5, None),
        (ThinFate(resets=True), "unknown", 0.5, 0.25),
        (ThinFate(resets=True, arrives=False), "unknown", 0.5, None),
        (ThinFate(resets=True, late_s=40), "unknown", 0.5, 40.25),
        (ThinFate(answered=False), "unknown", 3, 0.25),
        (ThinFate(arrives=False), "unknown", 3, None),
        (ThinFate(late_s=40), "unknown", 3, 40.25),
        (ThinFate(fails=True), "unknown", 0.5, 0.25),
        (ThinFate(fails=True, first=0), "unknown", 0.5, None),
        (ThinFate(first=0), "unknown", 0.5, None),
        (ThinFate(first=3), "unknown", 0.5, 0.25),
    ],
    ids=str,
)
@pytest.mark.parametrize("operation", ["update_rates", "clear_rates"])
def test_a_write_meets_its_fate(
    operation: str, fate: ThinFate, end: str, heard_s: float, arrives_s: float | None
) -> None:
    with Sim() as sim:
        world = World(sim, lambda *_: fate)
        for product in PRODUCTS:
            world.set(product, "900")
        before = len(world.pms.events)
        if operation == "update_rates":
            told, new = world.run(world.port.update_rates(sheet_of("1100"))), NEW
        else:
            told, new = world.run(world.port.clear_rates(ClearRates("p1", tuple(CELLS)))), BASE
        assert told.keys() == set(CELLS)
        assert kinds(told) == {end}
        waits_s = {outcome.retry_after_s for outcome in told.values() if isinstance(outcome, Refused)}
        assert waits_s <= {fate.throttled_s}
        causes = {outcome.cause for outcome in told.values() if isinstance(outcome, Unknown)}
        assert ("the PMS failed" in causes) == fate.fails
        assert world.node.flow.monotonic_s() == heard_s
        world.pass_time()
        assert world.held == (dict.fromkeys(PRODUCTS, "900") if arrives_s is None else new)
        landed = [(event.at - sim.epoch).total_seconds() for event in world.pms.events[before:]]
        assert landed == ([] if arrives_s is None else [arrives_s] * 3)


def kinds(told: Mapping[RateCell, Outcome[None]]) -> set[str]:
    """Return how cells ended, in a word each."""
    names: dict[type, str] = {Applied: "applied", Unknown: "unknown"}
    return {outcome.why if isinstance(outcome, Refused) else names[type(outcome)] for outcome in told.values()}


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("atomic", [False, True])
def test_of_a_batch_that_is_cut_off_only_the_first_take_effect(first: int, atomic: bool) -> None:
    with Sim() as sim:
        world = World(sim, lambda *_: ThinFate(first=first), can=replace(CAN, atomic_rates=atomic))
        assert kinds(world.run(world.port.update_rates(sheet_of("1100")))) == {"unknown"}
        assert world.own_rates == PRODUCTS[: 0 if atomic and first < 3 else first]


def test_a_long_sheet_goes_in_batches_and_nothing_is_sent_after_one_that_is_unknown() -> None:
    nights = [NIGHT + timedelta(days=away) for away in range(7)]
    cells = [RateCell("INN", "GEN", night) for night in nights]
    for fate, ends, landed in (
        (ThinFate(), ["applied"] * 7, 7),
        (ThinFate(first=1), ["applied"] * 3 + ["unknown"] * 3 + [Why.NOT_SENT], 4),
        (ThinFate(refused=True), ["applied"] * 3 + [Why.NOT_SENT] * 3 + ["applied"], 4),
    ):
        with Sim() as sim:
            second = {2: fate}
            world = World(sim, lambda _, call, __: second.get(call, ThinFate()), can=replace(CAN, rate_batch=3))  # noqa: B023
            told = world.run(world.port.update_rates(sheet_of("1100", *cells)))
            assert list(told) == cells
            assert [kinds({cell: told[cell]}).pop() for cell in cells] == ends
            assert len(world.pms.events) == landed


@pytest.mark.parametrize("atomic", [False, True])
def test_refusals_are_told_by_cell(atomic: bool) -> None:
    with Sim() as sim:
        world = World(sim, can=replace(CAN, atomic_rates=atomic))
        world.hotel.lowest, world.hotel.highest = Decimal(500), Decimal(1200)
        strangers = {
            cell_of("NOSUCH"): Why.NOT_FOUND,
            replace(CELLS[0], stay_date=None): Why.REJECTED,
            replace(CELLS[0], rate_plan="OTHER"): Why.REJECTED,
            replace(CELLS[0], occupancy=2): Why.REJECTED,
        }
        told = world.run(world.port.update_rates(sheet_of("1100", CELLS[0], *strangers)))
        ends: dict[RateCell, Why | None] = {CELLS[0]: Why.REJECTED if atomic else None, **strangers}
        assert {cell: outcome.why if isinstance(outcome, Refused) else None for cell, outcome in told.items()} == ends
        assert world.own_rates == ([] if atomic else ["GEN"])


def test_an_amount_out_of_range_a_foreign_location_and_a_foreign_currency_are_refused() -> None:
    with Sim() as sim:
        world = World(sim)
        world.hotel.lowest, world.hotel.highest = Decimal(500), Decimal(1200)
        for amount, end in (
            ("499.99", Why.OUT_OF_RANGE), ("500", "applied"), ("1200", "applied"), ("1200.01", Why.OUT_OF_RANGE),
        ):  # fmt: skip
            assert kinds(world.run(world.port.update_rates(sheet_of(amount)))) == {end}
        assert kinds(world.run(world.port.clear_rates(ClearRates("p1", tuple(CELLS))))) == {"applied"}
        elsewhere = replace(CELLS[0], location="ELSEWHERE")
        assert kinds(world.run(world.port.update_rates(sheet_of("600", elsewhere)))) == {Why.REJECTED}
        sent = len(world.way.history)
        assert kinds(world.run(world.port.update_rates(sheet_of("600", currency="EUR")))) == {Why.REJECTED}
        assert len(world.way.history) == sent
        assert world.held == BASE


def test_a_late_write_lands_upon_a_later_one() -> None:
    late = {1: ThinFate(late_s=20)}
    with Sim() as sim:
        world = World(sim, lambda _, call, __: late.get(call, ThinFate()))
        assert kinds(world.run(world.port.update_rates(sheet_of("1100", CELLS[0])))) == {"unknown"}
        assert kinds(world.run(world.port.update_rates(sheet_of("1050", CELLS[0])))) == {"applied"}
        assert world.held["GEN"] == "1050"
        world.pass_time(20)
        assert world.held["GEN"] == "1100"


def test_a_rate_that_is_created_twice_is_there_twice_until_it_is_cleared() -> None:
    late = dict.fromkeys([(1, "update_rates"), (4, "update_rates")], ThinFate(late_s=20))
    with Sim() as sim:
        world = World(sim, lambda _, *named: late.get(named, ThinFate()), can=replace(CAN, creates_rates=True))
        key = ("GEN", "BAR", NIGHT)
        for amount in ("1100", "1100", "1150"):
            world.run(world.port.update_rates(sheet_of(amount, CELLS[0])))
        assert world.hotel.doubled == set()
        world.pass_time(20)
        assert world.hotel.doubled == {key}
        world.run(world.port.clear_rates(ClearRates("p1", (CELLS[0],))))
        assert (world.hotel.doubled, world.held["GEN"]) == (set(), "1000")
        world.set("GEN", "1100")
        world.run(world.port.update_rates(sheet_of("1200", CELLS[0])))
        world.run(world.port.update_rates(sheet_of("1200", CELLS[0])))
        world.pass_time(20)
        assert world.hotel.doubled == set()


def test_a_rate_that_is_set_twice_is_there_once() -> None:
    late = {1: ThinFate(late_s=20)}
    with Sim() as sim:
        world = World(sim, lambda _, call, __: late.get(call, ThinFate()))
        for _ in range(2):
            world.run(world.port.update_rates(sheet_of("1100", CELLS[0])))
        world.pass_time(20)
        assert [event.detail for event in world.pms.events] == ["1100", "1100"]
        assert world.hotel.doubled == set()


def test_a_write_that_the_world_cannot_do_ends_the_run() -> None:
    with Sim() as sim:
        world = World(sim)

        def broken(*_: object) -> None:
            raise Rejected("invalid", "a bug of the world")

        world.pms.set_rate = broken  # type: ignore[method-assign, assignment]
        with pytest.raises(Rejected):
            world.run(world.port.update_rates(sheet_of("1100")))


# Crashes


@pytest.mark.parametrize("crash_at", range(1, 7))
@pytest.mark.parametrize("first", [None, 1])
def test_what_is_sent_before_a_crash_lands_and_the_dead_node_learns_nothing(crash_at: int, first: int | None) -> None:
    """Three writes, of which each has two crash points: when it is sent, and before its end is heard."""
    with Sim() as sim:
        world = World(sim, lambda *_: ThinFate(first=first), crash_at=crash_at)
        told = []

        async def write() -> None:
            for cell, other in zip(CELLS, reversed(CELLS), strict=True):
                told.append(await world.port.update_rates(sheet_of("1100", cell, *{other} - {cell})))

        with pytest.raises(Crashed):
            world.node.run(write())
        heard, sent = len(told), [line for line in world.way.history if not line.has_arrived]
        at_crash = len(world.pms.events)
        world.pass_time()
        assert (heard, len(sent)) == ((crash_at - 1) // 2, (crash_at + 1) // 2)
        assert len(told) == heard
        arrived = [line.call for line in world.way.history if line.has_arrived]
        assert arrived == [line.call for line in sent]
        sizes = [2, 1, 2] if first is None else [1, 1, 1]
        assert len(world.pms.events) == sum(sizes[: len(sent)])
        assert len(world.pms.events) - at_crash == (sizes[len(sent) - 1] if crash_at % 2 else 0)


def test_a_dead_node_sends_nothing() -> None:
    with Sim() as sim:
        world, other = World(sim, can=replace(CAN, creates_rates=True)), sim.node("other")
        world.node.crash()
        for call in (
            world.port.health_check(), world.port.get_rates(NIGHTS, PRODUCTS),
            world.port.get_availability(NIGHTS, PRODUCTS), world.port.update_rates(sheet_of("1")),
            world.port.clear_rates(ClearRates("p1", tuple(CELLS))),
        ):  # fmt: skip
            with pytest.raises(Crashed, match="app is dead"):
                other.run(call)
        assert world.way.history == []


def test_a_request_that_was_given_up_arrives() -> None:
    with Sim() as sim:
        world = World(sim)

        async def give_up() -> None:
            with pytest.raises(TimeoutError):
                async with world.node.flow.timeout(0.1):
                    await world.port.update_rates(sheet_of("1100"))

        world.node.run(give_up())
        assert (world.held, world.node.flow.monotonic_s()) == (BASE, 0.1)
        world.pass_time()
        assert world.held == NEW


# Names and numbers of requests


def test_requests_are_named_by_node_operation_and_number_and_a_restart_goes_on_counting() -> None:
    asked = []

    def decide(node: str, call: int, operation: str) -> ThinFate:
        asked.append((node, call, operation))
        return ThinFate()

    with Sim() as sim:
        world = World(sim, decide)
        for name in ("app", "other", "app"):
            port = ThinPms(world.way, node := sim.node(name))
            for operation in (port.health_check(), port.get_rates(NIGHTS, PRODUCTS), port.health_check()):
                node.run(operation)
    assert asked == [
        ("app", 1, "health_check"), ("app", 1, "get_rates"), ("app", 2, "health_check"),
        ("other", 1, "health_check"), ("other", 1, "get_rates"), ("other", 2, "health_check"),
        ("app", 3, "health_check"), ("app", 2, "get_rates"), ("app", 4, "health_check"),
    ]  # fmt: skip


def test_the_history_tells_what_was_sent_what_arrived_and_whose_the_events_are() -> None:
    with Sim() as sim:
        world = World(sim, lambda _, call, __: ThinFate(arrives=call != 2))
        world.set("GEN", "900")
        for _ in range(2):
            world.run(world.port.update_rates(sheet_of("1100")))
        world.run(world.port.get_rates(NIGHTS, PRODUCTS))
        assert [(at(line), *line[1:4], line.events) for line in world.way.history] == [
            ((0, False), "app", "update_rates", 1, 1),
            ((0.25, True), "app", "update_rates", 1, 1),
            ((0.5, False), "app", "update_rates", 2, 4),
            ((3.5, False), "app", "get_rates", 1, 4),
            ((3.75, True), "app", "get_rates", 1, 4),
        ]


def story(seed: int, *, shuffled: bool = False, also: bool = False) -> tuple[list[Line], list[object]]:
    """Let a node write and read through faults of a seed, with or without another beside it."""
    with Sim(seed, shuffled=shuffled) as sim:
        dice = sim.random("faults")
        fates = [ThinFate(), ThinFate(late_s=1), ThinFate(first=1), ThinFate(answered=False), ThinFate(refused=True)]
        world = World(sim, lambda node, *_: dice.choice(fates) if node == "app" else ThinFate(), latency_s=(0.02, 0.08))
        other = sim.node("other")

        async def push(port: RatePms, amount: str, times: int) -> None:
            for _ in range(times):
                await port.update_rates(sheet_of(amount))

        if also:
            other.spawn(push(ThinPms(world.way, other), "1200", 5))
        world.run(push(world.port, "1100", 10))
        world.pass_time()
        return world.way.history, list(world.pms.events)


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_history_depends_on_its_seed_alone(shuffled: bool) -> None:
    histories = [story(seed, shuffled=shuffled, also=True) for seed in range(20)]
    assert histories == [story(seed, shuffled=shuffled, also=True) for seed in range(20)]
    assert len({repr(history) for history in histories}) == 20


def test_another_node_s_requests_do_not_change_how_long_a_node_s_take() -> None:
    alone, beside = (
        [line[:5] for line in story(7, also=also)[0] if line.node == "app"] for also in (False, True)
    )  # fmt: skip
    assert alone == beside


# As the adapters tell


def refuse(it: Direct) -> None:
    def before(request: object) -> None:
        raise NotSent("no connection")

    it.before = before


@pytest.mark.parametrize("vendor", VENDORS, ids=[vendor.name for vendor in VENDORS])
@pytest.mark.parametrize(
    ("fate", "interfere"), [(ThinFate(), lambda it: None), (ThinFate(refused=True), refuse)], ids=["calm", "refused"]
)
def test_a_write_ends_as_it_does_with_the_vendors_adapters(
    vendor: Vendor, fate: ThinFate, interfere: Callable[[Direct], None]
) -> None:
    """That one without an answer ends as unknown with each of them, their contract says."""
    it = bench(vendor)
    (pattern,) = now(it.pms.get_rates(StayDates.starting(NOON.date(), 1), ["GEN"]))
    interfere(it.http)
    real = now(it.pms.update_rates(sheet_of("1100", pattern)))
    with Sim() as sim:
        world = World(sim, lambda *_: fate)
        thin = world.run(world.port.update_rates(sheet_of("1100", CELLS[0])))
    assert kinds(thin) == kinds(real)
