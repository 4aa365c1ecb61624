"""Many courses of one push side by side: a death at each instant, or a colleague's edit at each instant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby, pairwise

import polars as pl

from pms_lab.domain.push import Ending, PushState
from pms_lab.sim.anatomy.course import EDITED, NO_TROUBLE, Course, Edit, Trouble, course
from pms_lab.sim.anatomy.happenings import kind_of, label_of


def crashes(seed: int, trouble: Trouble = NO_TROUBLE) -> pl.DataFrame:
    """Let the process die at each crash point of a course, one after the other, and recover it each time.

    Returns:
        A row for each point: `point`, `phase`, `step`, `moment` (``asked`` or ``answered``), what there was then
        (`held_then`, `in_air`, `state_then`), what `recovery` found and did, and how it ended (`held`, `state`). The
        held are whose amounts the cells hold, in the order of their products; `in_air` is where a write was on its way
        to, ``PMS`` or ``ledger``, or null.
    """
    points = course(seed, trouble).points
    return pl.DataFrame([_crash(seed, replace(trouble, crash_at=point)) for point in range(1, points + 1)])


def edits(seed: int, trouble: Trouble = NO_TROUBLE, product: str = "S") -> pl.DataFrame:
    """Let a colleague edit a cell in each stretch between two instants of a course, and tell what became of the edit.

    Returns:
        Stretches `start_s` to `end_s` with the `fate` of an edit: ``known``, ``noticed``, ``lost`` or ``later``.
    """
    instants = course(seed, trouble).instants_s
    fates = [
        (start_s, end_s, _fate(seed, trouble, Edit(product, EDITED, (start_s + end_s) / 2)))
        for start_s, end_s in pairwise([*instants, instants[-1] + 1.0])
    ]
    return pl.DataFrame(list(_merged(fates)), schema=["start_s", "end_s", "fate"], orient="row")


def _crash(seed: int, trouble: Trouble) -> dict[str, object]:
    one = course(seed, trouble)
    if one.death is None:
        raise LookupError(f"crash point {trouble.crash_at} was not reached")
    step = one.death.step
    return {
        "point": trouble.crash_at,
        "phase": step.phase.value,
        "step": label_of(step),
        "moment": _moment(one),
        "held_then": [kind_of(product, amount) for product, amount in one.death.held.items()],
        "in_air": step.asked.value if step.is_write and _moment(one) == "asked" else None,
        "state_then": one.death.state,
        "recovery": _recovery(one),
        "held": [kind_of(product, amount) for product, amount in one.cells.select("product", "held").rows()],
        "state": one.push.state if one.push else None,
    }


def _moment(one: Course) -> str:
    return "asked" if one.points % 2 else "answered"


def _recovery(one: Course) -> str:
    """Tell what recovery found, and what it did then."""
    if one.push is None:
        return "not begun"
    if one.cells["ending"].is_null().all():
        return "had ended"
    if one.push.state is PushState.REJECTED:
        return "never sent: closed"
    if one.push.state is PushState.PUBLISHED:
        return "all new: published"
    is_restored = (one.cells["ending"] == Ending.RESTORED).any()
    return "ours: taken back" if is_restored else "all old: closed"


def _fate(seed: int, trouble: Trouble, edit: Edit) -> str:
    one = course(seed, replace(trouble, edit=edit, watched_s=edit.at_s + 1.0))
    held = one.cells.row(by_predicate=pl.col("product") == edit.product, named=True)["held"]
    is_published = one.push is not None and one.push.state is PushState.PUBLISHED
    if held == edit.amount:
        return "later" if is_published else "noticed"
    olds = [change.old.amount for change in one.push.changes if change.old] if one.push else []
    return "known" if edit.amount in olds else "lost"


def _merged(fates: list[tuple[float, float, str]]) -> Iterator[tuple[float, float, str]]:
    for fate, stretches in groupby(fates, key=lambda row: row[2]):
        alike = list(stretches)
        yield alike[0][0], alike[-1][1], fate
