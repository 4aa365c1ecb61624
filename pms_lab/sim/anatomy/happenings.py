"""What happened in a watched world, as one table: a row for each thing, in the lane of whoever did it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Any, Final

import polars as pl

from pms_lab.sim.anatomy.log import Asked, Hold, Mark, Phase, Step
from pms_lab.sim.anatomy.watching import WatchedWorld
from pms_lab.sim.push_world import MORNING, NEW, NIGHT, OLD

COLUMNS: Final = {
    "lane": pl.String(),
    "kind": pl.String(),
    "label": pl.String(),
    "start_s": pl.Float64(),
    "effect_s": pl.Float64(),
    "end_s": pl.Float64(),
    "phase": pl.String(),
    "asks": pl.String(),
    "detail": pl.String(),
}
"""Of the table of happenings; times are seconds from the beginning, null where there is none.

`phase` and `asks` (an `Asked`) are of the steps in ``app`` and ``network``; `detail` is what they were told.

| lane | kinds | lasts |
|---|---|---|
| ``phase`` | a `Phase`, or ``nobody`` between a crash and a recovery | its time |
| ``lock`` | ``held``, ``renewed`` | until given back or lapsed |
| ``ledger`` | ``state``, ``alert`` | an instant: when it was durable |
| ``app`` | ``call``, ``store``, ``wait``; ``crash``, ``start`` | until heard; no end where it died |
| ``network`` | an `Ended` | from sent to heard; `effect_s` is when it arrived at the PMS |
| ``cell`` | ``old``, ``new``, ``foreign`` | as long as the cell held it; `detail` is the product |
| ``colleague`` | ``edit`` | an instant; `detail` is the product |
"""

CALLS: Final = {
    "health_check": "alive?",
    "get_availability": "rooms",
    "acquire": "take the lock",
    "renew": "renew the lock",
    "release": "give the lock back",
    "holder": "who holds the lock?",
    "past": "what is known?",
    "pushes": "what is open?",
    "tell": "tell an alert",
    "clear": "clear an alert",
    "sleep": "wait",
}
READS: Final = {Phase.PREFLIGHT: "rates", Phase.WRITE: "check", Phase.VERIFY: "read back"}

TOLD: Final = {
    "the PMS did not answer within 10 s": "no answer in 10 s",
    "the answer of the PMS broke off": "connection broke",
    "the PMS was asked too often": "asked too often",
    "somebody holds the lock": "lock is held",
}
"""What a process heard, in fewer words."""

NOBODY: Final = "nobody"

Row = dict[str, Any]


def happenings(world: WatchedWorld, died_s: float | None = None) -> pl.DataFrame:
    """Return all that happened in a world until now, by its start.

    Args:
        died_s: when the first process died, if it did.
    """
    now_s = world.log.now_us / 1e6
    lives = [list(steps) for _, steps in groupby(world.log.steps, key=lambda step: step.life)]
    rows = [
        *_phases(lives, now_s if died_s is None else died_s),
        *_locks(world.log.holds, now_s),
        *(_mark(mark) for mark in world.log.marks),
        *(row for steps in lives for row in _app(steps, died_s)),
        *_network(world),
        *(row for product in OLD for row in _cell(world, product, now_s)),
    ]
    return pl.DataFrame(rows, schema=COLUMNS).sort("start_s", maintain_order=True)


def label_of(step: Step) -> str:
    """Name a step in a word or two."""
    if step.what == "get_rates":
        return READS.get(step.phase, "read")
    if step.what in ("update_rates", "clear_rates"):
        return f"{'restore' if step.phase is Phase.TAKE_BACK else 'write'} {step.cells}"
    return CALLS.get(step.what, step.what)


def kind_of(product: str, amount: Decimal) -> str:
    """Tell whose amount a cell holds."""
    return {OLD[product]: "old", NEW[product]: "new"}.get(amount, "foreign")


def _phases(lives: Sequence[Sequence[Step]], died_s: float) -> Iterator[Row]:
    ended_s: float | None = None
    for steps in lives:
        first_s = _start_s(steps[0])
        if ended_s is not None:
            yield _row("phase", NOBODY, NOBODY, ended_s, end_s=first_s)
        last_s = _end_s(steps[-1])
        ended_s = died_s if last_s is None else last_s
        groups = [(phase, next(iter(group))) for phase, group in groupby(steps, key=lambda step: step.phase)]
        starts_s = [*(_start_s(first) for _, first in groups), ended_s]
        for (phase, _), (start_s, end_s) in zip(groups, pairwise(starts_s), strict=True):
            yield _row("phase", phase, phase, start_s, end_s=end_s)


def _locks(holds: Iterable[Hold], now_s: float) -> Iterator[Row]:
    for hold in holds:
        end_s = min(hold.until_us / 1e6, now_s)
        yield _row(
            "lock", "held", "held", hold.start_us / 1e6, end_s=end_s, detail="" if hold.is_given_back else "lapsed"
        )
        for renewed_us in hold.renewed_us:
            yield _row("lock", "renewed", "renewed", renewed_us / 1e6)


def _app(steps: Sequence[Step], died_s: float | None) -> Iterator[Row]:
    """Yield what one process did; waits, with the renewals of the lock in them, are one."""
    for is_wait, group in groupby(steps, key=lambda step: step.asked is Asked.CLOCK or step.what == "renew"):
        taken = list(group)
        if is_wait and any(step.asked is Asked.CLOCK for step in taken):
            yield _step_row("wait", taken[0], _end_s(taken[-1]))
            continue
        for step in taken:
            yield _step_row("call" if step.asked is Asked.PMS else "store", step, _end_s(step))
    if died_s is not None and steps[-1].end_us is None:
        yield _row("app", "crash", "crash", died_s)


def _mark(mark: Mark) -> Row:
    lane = "colleague" if mark.kind == "edit" else "ledger"
    return _row(lane, mark.kind, mark.label, mark.at_us / 1e6, detail=mark.product)


def _network(world: WatchedWorld) -> Iterator[Row]:
    history = world.way.history
    arrived = {line[1:4]: line.at_us / 1e6 for line in history if line.has_arrived}
    for step in world.log.steps:
        if step.request is not None:
            row = _step_row(step.ended, step, _end_s(step))
            yield row | {"lane": "network", "effect_s": arrived.get(history[step.request][1:4])}


def _cell(world: WatchedWorld, product: str, now_s: float) -> Iterator[Row]:
    """Yield what a cell held, one amount after the other."""
    times = [MORNING, *sorted({event.at for event in world.pms.events if event.at > MORNING})]
    seen = [((at - MORNING).total_seconds(), world.pms.rate(product, NIGHT, as_of=at)) for at in times]
    changes = [next(group) for _, group in groupby(seen, key=lambda one: one[1])]
    ends_s = [*(at_s for at_s, _ in changes[1:]), now_s]
    for (start_s, amount), end_s in zip(changes, ends_s, strict=True):
        yield _row("cell", kind_of(product, amount), str(amount), start_s, end_s=end_s, detail=product)


def _step_row(kind: str, step: Step, end_s: float | None) -> Row:
    return _row(
        "app",
        kind,
        label_of(step),
        _start_s(step),
        end_s=end_s,
        phase=step.phase,
        asks=step.asked,
        detail=TOLD.get(step.told, step.told),
    )


def _row(lane: str, kind: str, label: str, start_s: float, **other: Any) -> Row:
    return {"lane": lane, "kind": str(kind), "label": str(label), "start_s": start_s} | other


def _start_s(step: Step) -> float:
    return step.start_us / 1e6


def _end_s(step: Step) -> float | None:
    return None if step.end_us is None else step.end_us / 1e6
