"""Faults planted in the engine, one at a time: the checks find each of them, and nothing in the engine as it is.

A hunt is a handful of histories in which the fault can show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest

from pms_lab.domain.money import Money
from pms_lab.domain.push import AlertKind, Change, PushOutcome, PushState
from pms_lab.domain.rates import RateSheet
from pms_lab.domain.writes import UpdateRates
from pms_lab.engine import memory_book
from pms_lab.engine import push as pushing
from pms_lab.engine import recover as recovering
from pms_lab.engine.ledger import Fence
from pms_lab.engine.locks import Lease
from pms_lab.engine.push import push
from pms_lab.engine.pushing import ending, sending
from pms_lab.engine.pushing.ending import publish, take_back, verify
from pms_lab.engine.pushing.opening import ended_at_once
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.engine.pushing.run import Run
from pms_lab.engine.pushing.sending import Cause, Stop, send
from pms_lab.engine.recover import left_open, recover
from pms_lab.errors import StoreError
from pms_lab.rules import comparing
from pms_lab.rules.push_policy import PushPolicy
from pms_lab.sim.driver import Sim
from pms_lab.sim.node import Node
from pms_lab.sim.pms.thin import CAN, ThinFate
from pms_lab.sim.push_world import DESK, MORNING, NEW, order
from pms_lab.sim.storage import StoreFate
from tests.engine.push_checks import (
    HALF,
    PARTS,
    REFUSED,
    History,
    Watched,
    always,
    broken,
    fated,
    live,
    pass_time,
    settle,
)

Hunt = Callable[[], list[str]]

BROKEN_OFF: Final = ThinFate(resets=True, late_s=50)
CREATES: Final = {"can": replace(CAN, creates_rates=True)}
OTHER: Final = {"E": Decimal("46.70"), "F": Decimal("48.60"), "S": Decimal("52.10")}


# Hunts


def among(*histories: History) -> Hunt:
    return lambda: [wrong for history in histories for wrong in live(history).broken]


def edited(history: History, times_s: Sequence[float]) -> Hunt:
    return among(*(replace(history, edit=(at_s, "E")) for at_s in times_s))


SOON: Final = [0.05 * step for step in range(40)]
CALM: Final = among(History(), History(settings=PARTS))
HALF_DONE: Final = among(History(fates=HALF), History(fates=HALF, inherited="E"))
CRASHES: Final = among(*(History(fates={"update_rates_1": ThinFate(first=2)}, crash_at=at) for at in range(14, 60)))


def needless() -> list[str]:
    """A calm push on a lagging replica takes no longer than the lag, and nobody is told anything."""
    lived = live(History(settings={"lag_s": 3.0}))
    took_s, alerts = lived.world.final_at_s(), lived.world.book.alerts()
    return lived.broken + [f"a calm push took {took_s:g} s"] * (took_s > 5) + [str(alert) for alert in alerts]


def two_at_once() -> list[str]:
    """Two nodes push half a second apart, and the first has to wait."""
    with Sim(1, epoch=MORNING) as sim:
        world = Watched(sim, fated(update_rates_1=REFUSED), policy=PushPolicy(lock_ttl_s=4))
        one, other = sim.node("one"), sim.node("other")
        tasks = [one.spawn(push(world.ports(one), order()))]
        for wait_s in (0.5, 3.6):
            pass_time(world, wait_s)
            tasks.append(other.spawn(push(world.ports(other), order(OTHER))))
            other.spawn(recovered(world, other))
        for task in tasks:
            sim.run(task)
        settle(world, other)
        return broken(world)


async def recovered(world: Watched, node: Node) -> None:
    with suppress(StoreError):
        await recover(world.ports(node))


def sluggish() -> list[str]:
    """A node's intent is recorded when another has pushed meanwhile."""
    with Sim(1, epoch=MORNING) as sim:
        world, slow, quick = Watched(sim), sim.node("slow"), sim.node("quick")
        world.storage.decide = lambda node, call: StoreFate(late_s=700 if (node, call) == ("slow", 3) else 0)
        task = slow.spawn(push(world.ports(slow), order()))
        pass_time(world, 601)
        quick.run(push(world.ports(quick), order(OTHER)))
        sim.run(task)
        settle(world, quick)
        return broken(world)


def dry_runs() -> list[str]:
    """A dry run that fails a check."""
    with Sim(1, epoch=MORNING) as sim:
        world, node = Watched(sim), sim.node("app")
        node.run(push(world.ports(node), order({**NEW, "E": Decimal(90)}, dry_run=True)))
        return broken(world)


def unheard() -> list[str]:
    """The answer to the last record is lost."""
    return among(*(History(store={call: StoreFate(answered=False)}) for call in (4, 5)))()


ALL_HUNTS: Final[dict[str, Hunt]] = {
    "calm": CALM,
    "half done": HALF_DONE,
    "crashes": CRASHES,
    "needless": needless,
    "two at once": two_at_once,
    "sluggish": sluggish,
    "dry runs": dry_runs,
    "unheard": unheard,
    "edits": edited(History(fates=HALF), [*SOON, 3.0, 100.0, 217.2, 217.4]),
    "edits between parts": edited(History(settings=PARTS), SOON),
    "edits by a cent": edited(History(settings=PARTS, foreign=NEW["E"] + Decimal("0.01")), SOON),
    "an edit before a retry": edited(History(fates={"update_rates_1": REFUSED}), [3.0]),
    "an edit, and a late landing": edited(History(fates={"update_rates_1": BROKEN_OFF}), [0.6, 3.0]),
    "created twice": among(History(fates={"update_rates_1": ThinFate(late_s=25)}, inherited="EF", settings=CREATES)),
    "a restore lost": among(History(fates={**HALF, "update_rates_5": ThinFate(arrives=False)})),
    "restores refused": among(History(fates={**always("update_rates", REFUSED), "update_rates_1": ThinFate(first=2)})),
}


@pytest.mark.parametrize("hunt", ALL_HUNTS.values(), ids=ALL_HUNTS.keys())
def test_no_hunt_finds_anything_in_the_engine_as_it_is(hunt: Hunt) -> None:
    assert hunt() == []


# Mutants

Plant = Callable[[pytest.MonkeyPatch], None]


def planted(where: Any, name: str, fault: Callable[..., Any]) -> Plant:
    return lambda patch: patch.setattr(where, name, fault)


async def publishes_unread(run: Run) -> PushOutcome:
    return await publish(run, await run.read_surely(run.push.changes))


async def restores_everything(run: Run, ours: Sequence[Change]) -> float | None:
    run.taken_back.update(run.sent)
    return None if await run.restore(run.needed) is None else 0.0


def everything(run: Run, held: object) -> list[Change]:
    return [] if run.taken_back else [change for change in run.needed if change.cell in run.sent]


def restores_all_cells(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Run, "ours", everything)
    patch.setattr(ending, "_restored", restores_everything)


async def records_after_sending(run: Run) -> PushOutcome:
    try:
        stop = await send(run)
        await run.record(PushState.IN_PROGRESS, "it was sent")
        return await (verify(run) if stop is None else take_back(run, stop))
    except StoreError as error:
        return await left_open(run, error)


async def without_reading(run: Run, part: Sequence[Change]) -> list[Change]:
    return list(part)


async def publishes_what_was_open(run: Run) -> PushOutcome:
    return await publish(run, {})


async def holds_nothing(lease: Lease) -> None:
    return


async def waits_only(lease: Lease, wait_s: float) -> None:
    await lease._flow.sleep(wait_s)


def never_renews(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lease, "hold", holds_nothing)
    patch.setattr(Lease, "rest", waits_only)


async def takes_no_lock(ports: PushPorts, owner: str, *, is_wanted: bool) -> tuple[Lease | None, None]:
    fence = Fence(DESK.code, 1)
    return Lease(ports.flow, ports.locks, fence, owner, 1e9, (0, MORNING.timestamp())) if is_wanted else None, None


def ends_well(patch: pytest.MonkeyPatch) -> None:
    right = ending._ended

    async def ended(run: Run, state: PushState, *other: Any) -> PushOutcome:
        return await right(run, PushState.ROLLED_BACK if state is PushState.ROLLBACK_FAILED else state, *other)

    patch.setattr(ending, "_ended", ended)


def reverts_on_ledger_errors(patch: pytest.MonkeyPatch) -> None:
    async def carried_out(run: Run) -> PushOutcome:
        try:
            await run.record(PushState.IN_PROGRESS, "")
            await send(run)
            return await verify(run)
        except StoreError as error:
            with suppress(StoreError):
                return await take_back(run, Stop(Cause.GAVE_UP, str(error)))
            return await left_open(run, error)

    patch.setattr(pushing, "_carried_out", carried_out)


def rolls_back_dry_runs(patch: pytest.MonkeyPatch) -> None:
    right = ended_at_once

    async def rolled_back(ports: PushPorts, opening: Any, found: Any) -> PushOutcome:
        old = {change.cell: Money(change.old.amount, "USD") for change in opening.push.changes if change.old}
        await ports.pms.update_rates(UpdateRates(opening.push.id, RateSheet(old)))
        return await right(ports, opening, found)

    patch.setattr(pushing, "ended_at_once", rolled_back)


def forgets_exposure(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Run, "exposure_s", property(lambda run: 0.0))


async def waits_for_doubts_only(run: Run) -> None:
    if run.has_doubts:
        await run.lease.rest(run._settled_at_s - run.ports.flow.monotonic_s())


async def believes_the_restore(run: Run, stop: Stop) -> PushOutcome:
    await run.let_settle()
    held = await run.read_surely(run.push.changes)
    await ending._restored(run, run.ours(held))
    return await ending._ended(run, PushState.ROLLED_BACK, stop.why, {}, AlertKind.ROLLED_BACK)


def believes_every_restore(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pushing, "take_back", believes_the_restore)


async def writes_old_amounts(run: Run, changes: Sequence[Change]) -> Any:
    return await run._send(run._update({change.cell: change.old.amount for change in changes if change.old}))


def tells_nobody(patch: pytest.MonkeyPatch) -> None:
    right = Run.record

    async def record(run: Run, state: PushState, why: str, held: Any = None, alerts: Any = ()) -> None:
        await right(run, state, why, held)

    patch.setattr(Run, "record", record)


def no_doubts(run: Run) -> None:
    return


def no_fences(*_: object, **__: object) -> None:
    return


MUTANTS: Final[dict[str, tuple[Plant, str]]] = {
    "it is not verified": (planted(pushing, "verify", publishes_unread), "edits between parts"),
    "every cell is restored without a look": (restores_all_cells, "edits"),
    "what is under way is not waited for": (planted(Run, "doubt", no_doubts), "an edit, and a late landing"),
    "the intent follows the write": (planted(pushing, "_carried_out", records_after_sending), "calm"),
    "a retry does not read": (planted(sending, "_compared", without_reading), "an edit before a retry"),
    "recovery publishes unread": (planted(recovering, "_as_the_pms_says", publishes_what_was_open), "crashes"),
    "the lock is not renewed": (never_renews, "two at once"),
    "the lock is not taken": (planted(pushing, "_lock", takes_no_lock), "two at once"),
    "a failed restore is a rollback": (ends_well, "restores refused"),
    "a restore is not verified": (believes_every_restore, "a restore lost"),
    "a ledger error reverts the push": (reverts_on_ledger_errors, "unheard"),
    "the fence is not checked": (planted(memory_book, "_check_fence", no_fences), "sluggish"),
    "a dry run rolls back": (rolls_back_dry_runs, "dry runs"),
    "a rate is created again at once": (planted(sending, "_seen_after_s", lambda run, left: 0.0), "created twice"),
    "a lagging replica is believed": (planted(Run, "let_settle", waits_for_doubts_only), "needless"),
    "an inherited amount is written back": (planted(Run, "restore", writes_old_amounts), "half done"),
    "nobody is told": (tells_nobody, "half done"),
    "exposure is not counted": (forgets_exposure, "edits"),
    "a cent is no difference": (
        planted(comparing, "_same", lambda one, other: abs(one - other) <= comparing.TOLERANCE), "edits by a cent",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("plant", "hunt"), MUTANTS.values(), ids=MUTANTS.keys())
def test_a_planted_fault_is_found(monkeypatch: pytest.MonkeyPatch, plant: Plant, hunt: str) -> None:
    plant(monkeypatch)
    assert ALL_HUNTS[hunt]() != []
