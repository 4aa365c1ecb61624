"""Pushes among faults: every single one, samples of several, and what no fault may do.

A sweep says how many histories it lives through, and fails when a fault of its list never struck.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from pms_lab.domain.push import AlertKind, PushState
from pms_lab.engine.locks import Lease
from pms_lab.engine.push import push
from pms_lab.sim.driver import Sim
from pms_lab.sim.pms.thin import CAN, ThinFate
from pms_lab.sim.push_world import DESK, MORNING, NEW, OLD, order
from pms_lab.sim.storage import StoreFate
from tests.engine.push_checks import HALF, PARTS, REFUSED, WRITES, History, Watched, broken, live, settle

KINDS: Final = {
    "no connection": ThinFate(refused=True),
    "done, unanswered": ThinFate(answered=False),
    "lost": ThinFate(arrives=False),
    "late": ThinFate(late_s=25),
    "very late, unanswered": ThinFate(late_s=55, answered=False),
    "broken off, and late": ThinFate(resets=True, late_s=55),
    "broken off, done": ThinFate(resets=True),
    "broken off, lost": ThinFate(resets=True, arrives=False),
    "failed, done": ThinFate(fails=True),
    "asked too often": ThinFate(throttled_s=3),
    "the first alone": ThinFate(first=1),
    "the first two alone": ThinFate(first=2),
    "failed after the first": ThinFate(first=1, fails=True),
}
STORE_KINDS: Final = {
    "not done": StoreFate(works=False),
    "done, unanswered": StoreFate(answered=False),
    "slow": StoreFate(late_s=20),
    "slower than the lock lasts": StoreFate(late_s=700),
}
CALLS: Final = {"health_check": 1, "get_availability": 1, "get_rates": 9, "update_rates": 8, "clear_rates": 2}

WORLDS: Final = {
    "calm": History(),
    "taken back": History(fates=HALF),
    "one by one": History(settings=PARTS),
    "one by one, taken back": History(
        fates={f"update_rates_{call}": REFUSED for call in (3, 4, 5, 6)}, settings=PARTS,
    ),
    "batches in one part": History(settings={"can": replace(CAN, rate_batch=1)}),
    "created": History(inherited="EF", settings={"can": replace(CAN, creates_rates=True)}),
    "created, taken back": History(fates=HALF, inherited="E", settings={"can": replace(CAN, creates_rates=True)}),
    "a lagging replica": History(fates=HALF, settings={"lag_s": 3.0}),
    "as a whole": History(settings={"can": replace(CAN, atomic_rates=True)}),
}  # fmt: skip


def single_faults(world: History) -> Iterator[History]:
    for operation, calls in CALLS.items():
        for call in range(1, calls + 1):
            for fate in KINDS.values():
                yield replace(world, fates={**world.fates, f"{operation}_{call}": fate})


def sweep(histories: Iterable[History]) -> tuple[int, Counter[str], Counter[PushState]]:
    """Live through histories, and return how many they were, what struck how often, and how the pushes ended."""
    lived, struck, ended = 0, Counter[str](), Counter[PushState]()
    for history in histories:
        end = live(history)
        assert end.broken == [], history
        lived += 1
        struck.update(end.struck)
        ended.update(one.state for one in end.world.book.pushes())
    return lived, struck, ended


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())
def test_no_single_fault_of_the_pms_breaks_anything(world: History) -> None:
    lived, struck, ended = sweep(single_faults(world))
    assert lived == 21 * len(KINDS)
    assert {"health_check_1", "get_availability_1", "get_rates_3", "update_rates_1"} <= struck.keys()
    assert {PushState.PUBLISHED, PushState.REJECTED} <= ended.keys() or world.fates
    if world.inherited and world.fates:
        assert struck["clear_rates_1"] > 0


@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
def test_no_single_fault_of_the_store_breaks_anything(shuffled: bool) -> None:
    for world in (WORLDS["calm"], WORLDS["taken back"], WORLDS["created, taken back"]):
        histories = (
            replace(world, store={call: fate}, edit=edit, shuffled=shuffled)
            for call in range(1, 9)
            for fate in STORE_KINDS.values()
            for edit in (None, (5.0, "F"))
        )
        lived, struck, _ = sweep(histories)
        assert lived == 64
        assert struck["store_5"] == 8


def drawn(number: int) -> History:
    """Draw a history of several faults: of the PMS, of the store, a crash, a colleague's edit."""
    chance = random.Random(number)
    world = WORLDS[chance.choice(list(WORLDS))]
    places = [f"{operation}_{call}" for operation, calls in CALLS.items() for call in range(1, calls + 1)]
    struck = chance.sample(places[2:], chance.choice((1, 2, 4)))
    fates = {place: chance.choice(list(KINDS.values())) for place in struck}
    store = {chance.randint(1, 12): chance.choice(list(STORE_KINDS.values()))} if chance.random() < 0.3 else {}
    edit_s = chance.choice((chance.uniform(0, 1), chance.uniform(0, 100), chance.uniform(0, 250)))
    return replace(
        world,
        fates={**world.fates, **fates},
        store=store,
        edit=(edit_s, chance.choice("EFS")) if chance.random() < 0.5 else None,
        crash_at=chance.randint(20, 70) if chance.random() < 0.4 else None,
        seed=number,
        shuffled=chance.random() < 0.3,
    )


@pytest.mark.parametrize("part", range(4))
def test_no_sample_of_several_faults_crashes_and_edits_breaks_anything(part: int) -> None:
    """Of all pairs and more, at every crash point: a sample of 3,200."""
    lived, struck, ended = sweep(drawn(number) for number in range(part * 800, part * 800 + 800))
    assert lived == 800
    assert min(struck[what] for what in ("crash", "edit", "update_rates_1", "update_rates_2", "get_rates_4")) > 20
    assert ended.keys() >= {
        PushState.PUBLISHED, PushState.ROLLED_BACK, PushState.PENDING_MANUAL_REVIEW, PushState.REJECTED,
    }  # fmt: skip


PAIR_KINDS: Final = ("done, unanswered", "late", "the first alone", "no connection")
PAIR_PLACES: Final = ("update_rates_1", "update_rates_2", "get_rates_3", "update_rates_5")


def test_no_pair_of_a_small_set_breaks_anything_wherever_the_push_crashes() -> None:
    """All 96 pairs; of the crash points of each, 1 in 11, another for each pair: a sample of about 700."""
    faults = [(place, KINDS[kind]) for place in PAIR_PLACES for kind in PAIR_KINDS]
    pairs = [dict((one, other)) for one in faults for other in faults if one[0] < other[0]]
    assert len(pairs) == 96
    histories = (
        replace(WORLDS["taken back"], fates={**HALF, **pair}, crash_at=crash_at)
        for number, pair in enumerate(pairs)
        for crash_at in range(20 + number % 11, 100, 11)
    )
    lived, struck, _ = sweep(histories)
    assert lived > 600
    assert struck["crash"] > 250
    assert min(struck[place] for place in PAIR_PLACES) > 50


@pytest.mark.parametrize("product", ["E", "S"])
def test_a_colleagues_edit_at_any_instant_is_kept_or_called_exposed(product: str) -> None:
    histories = [
        replace(world, edit=(at_s, product), seed=seed)
        for world in (WORLDS["calm"], WORLDS["taken back"], WORLDS["a lagging replica"])
        for seed in (1, 2)
        for at_s in [0.02 * step for step in range(60)] + [5.0 + 4 * step for step in range(60)]
    ]
    lived, _, ended = sweep(histories)
    assert lived == 720
    assert ended[PushState.PENDING_MANUAL_REVIEW] > 50


# Dry runs


def never_written(world: Watched) -> bool:
    """Whether no write was ever sent or arrived, nor anything changed in the PMS but by hand."""
    asked = [line for line in world.way.history if line.operation in WRITES]
    return not asked and not world.sent and len(world.by_hand) == len(world.pms.events)


@pytest.mark.parametrize("trouble", ["nothing", "PMS down", "store gone", "lock held", "push open", "cap", "clock"])
def test_a_dry_run_ends_as_proposed_whatever_fails_and_writes_nothing(trouble: str) -> None:
    with Sim(1, epoch=MORNING) as sim:
        world, node = Watched(sim), sim.node("app")
        rates = {**NEW, "E": Decimal(90)} if trouble == "cap" else NEW
        if trouble == "lock held":
            node.run(Lease.take(node.flow, world.ports(node).locks, DESK.code, "somebody", 600))
        if trouble == "push open":
            world.fate = lambda *_: ThinFate(refused=_[2] == "get_rates" and _[1] > 1)
            node.run(push(world.ports(node), order(OLD)))
        world.way.is_down = trouble == "PMS down"
        world.storage.is_gone = trouble == "store gone"
        outcome = node.run(push(world.ports(node), order(rates, dry_run=True)))
        assert (outcome.state, len(outcome.checks)) == (PushState.PROPOSED_DRY_RUN, 5)
        assert all(check.passed for check in outcome.checks) == (trouble in ("nothing", "clock"))
        assert never_written(world)
        assert (outcome.push_id is None) == (trouble == "store gone")
        kinds = [alert.kind for alert in outcome.alerts]
        assert kinds == ([AlertKind.PMS_DOWN] if trouble == "PMS down" else [])
        assert world.book.reviews() == ()


def test_no_fault_and_no_crash_makes_a_dry_run_write() -> None:
    faults: list[tuple[Mapping[str, ThinFate], Mapping[int, StoreFate], int | None]] = [
        ({f"{operation}_{call}": fate}, {}, None)
        for operation, calls in CALLS.items()
        for call in range(1, min(calls, 2) + 1)
        for fate in KINDS.values()
    ]
    faults += [({}, {call: fate}, None) for call in range(1, 5) for fate in STORE_KINDS.values()]
    faults += [({}, {}, crash_at) for crash_at in range(1, 25)]
    for fates, store, crash_at in faults:
        with Sim(1, epoch=MORNING) as sim:
            world, node = Watched(sim), sim.node("app", crash_at=crash_at)
            world.fate = lambda _, call, operation, fates=fates: fates.get(f"{operation}_{call}", ThinFate())  # type: ignore[misc]
            world.storage.decide = lambda _, call, store=store: store.get(call, StoreFate())  # type: ignore[misc]
            task = node.spawn(push(world.ports(node), order(dry_run=True)))
            settle(world, sim.node("other"))
            assert never_written(world)
            assert crash_at or sim.run(task).state is PushState.PROPOSED_DRY_RUN
            assert broken(world) == []
