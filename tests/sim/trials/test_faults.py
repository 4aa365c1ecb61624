"""Faults are data: drawn from a seed alone, written and read back as they were."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest

from pms_lab.errors import InputError
from pms_lab.sim.trials.faults import OF_REQUESTS, OF_STORES, TIMED, Fault, FaultKind, Schedule, Swarm, drawn
from pms_lab.sim.trials.scenarios import SCENARIOS, Scenario, scenario
from pms_lab.sim.trials.trial import FATES, STORE_FATES

EVERYTHING = scenario("everything").swarm


def test_a_schedule_has_one_text_whatever_the_order_of_its_faults() -> None:
    faults = (
        Fault(FaultKind.LATE, "one", "update_rates", 2, for_s=25.5),
        Fault(FaultKind.EDIT, at_s=0.25, product="E", amount=Decimal("47.10")),
        Fault(FaultKind.CRASH, "two", call=17),
    )
    assert {Schedule(order).to_json() for order in permutations(faults)} == {
        '[{"amount": "47.10", "at_s": 0.25, "kind": "colleague\'s edit", "product": "E"}, '
        '{"call": 17, "kind": "crash", "node": "two"}, '
        '{"call": 2, "for_s": 25.5, "kind": "timeout, applied", "node": "one", "operation": "update_rates"}]'
    }


@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.name)
def test_what_is_drawn_comes_back_from_its_text(one: Scenario) -> None:
    for seed in range(200):
        schedule = drawn(seed, one.swarm)
        assert Schedule.from_json(schedule.to_json()) == schedule


@pytest.mark.parametrize(
    "text",
    ["", "{", "7", "[7]", '[{"kind": "magic"}]', '[{"node": "one"}]', '[{"kind": "crash", "when": 1}]',
     '[{"kind": "limit", "amount": "much"}]'],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no schedule of faults"):
        Schedule.from_json(text)


def test_a_seed_draws_the_same_and_another_draws_otherwise() -> None:
    drawings = [drawn(seed, EVERYTHING).to_json() for seed in range(300)]
    assert drawings == [drawn(seed, EVERYTHING).to_json() for seed in range(300)]
    assert len(set(drawings)) > 290


def test_only_what_a_swarm_allows_is_drawn_and_every_kind_of_it_is() -> None:
    for one in SCENARIOS:
        kinds = {fault.kind for seed in range(200) for fault in drawn(seed, one.swarm).faults}
        assert kinds == {kind for kind, _ in one.swarm.kinds}, one.name


def test_a_swarm_leaves_kinds_out_now_and_then() -> None:
    counts = {len({fault.kind for fault in drawn(seed, EVERYTHING).faults}) for seed in range(200)}
    assert max(counts) - min(counts) > 8


def test_no_draw_breaks_what_the_vendor_promises() -> None:
    narrow = replace(EVERYTHING, in_flight_s=30.0)
    faults = [fault for seed in range(300) for fault in drawn(seed, narrow).faults]
    assert 10 < max(fault.for_s for fault in faults if fault.kind is FaultKind.LATE) <= 29
    assert max(fault.at_s for fault in faults) <= narrow.within_s


def test_amounts_of_edits_tell_them_apart_from_each_other_and_from_all_orders() -> None:
    swarm = Swarm(((FaultKind.EDIT, 4),), ("one",))
    ordered = {amount for one in SCENARIOS for placed in one.orders for amount in placed.rates.values()}
    for seed in range(200):
        edits = [(fault.product, fault.amount) for fault in drawn(seed, swarm).faults]
        assert len(set(edits)) == len(edits)
        assert not {amount for _, amount in edits} & ordered


def test_every_kind_of_fault_has_its_effect_and_its_scenario() -> None:
    assert {*OF_REQUESTS, *OF_STORES, *TIMED, FaultKind.CRASH} == set(FaultKind)
    assert (set(FATES), set(STORE_FATES)) == (set(OF_REQUESTS), set(OF_STORES))
    for kind in FaultKind:
        named = [one.name for one in SCENARIOS if kind in dict(one.swarm.kinds) and one.name != "everything"]
        assert named, kind


def test_a_scenario_that_there_is_not_is_named() -> None:
    with pytest.raises(InputError, match=r"no scenario is called 'storm': there are calm, flaky network, .*everything"):
        scenario("storm")
