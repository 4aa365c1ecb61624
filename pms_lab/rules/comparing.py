"""Compare-and-set: whose amount a cell holds, ours or another's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from enum import Enum
from typing import Final

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import CellOutcome, Change, Ending, PushState
from pms_lab.domain.rates import RateCell

TOLERANCE: Final = Decimal("0.01")
"""Two amounts are the same when they differ by less: a difference of exactly one cent is one."""

Held = Mapping[RateCell, NightlyRate]


class Stand(Enum):
    """What a cell holds."""

    NEW = "the new amount"
    OLD = "the old one"
    FOREIGN = "neither"


def stand_of(change: Change, held: NightlyRate | None, *, pins: bool = False) -> Stand:
    """Tell whose amount a cell holds; where the old and the new are the same, it is the new one.

    Args:
        held: what the PMS holds now; None where it has no rate.
        pins: whether an own rate of the inherited amount counts as the old one, as where no rate can be taken away.
    """
    if held is not None and held.is_own and _same(held.amount, change.new):
        return Stand.NEW
    old = change.old
    if held is None or old is None:
        return Stand.OLD if held is old else Stand.FOREIGN
    is_as_before = held.is_own is old.is_own or (pins and held.is_own)
    return Stand.OLD if is_as_before and _same(held.amount, old.amount) else Stand.FOREIGN


def was_new(change: Change) -> bool:
    """Whether the cell held its new amount before anything was sent: there is nothing to write, or to take back."""
    return stand_of(change, change.old) is Stand.NEW


def outcomes_of(
    changes: Iterable[Change],
    held: Held | None,
    state: PushState,
    taken_back: Collection[RateCell] = (),
    *,
    pins: bool = False,
) -> tuple[CellOutcome, ...]:
    """Tell what became of each cell.

    Args:
        held: what was read back last; None where nothing could be read.
        state: how the push ended.
        taken_back: the cells that held our new amount for a while.
        pins: as for `stand_of`.
    """
    if held is None:
        return tuple(CellOutcome(change, Ending.UNREAD) for change in changes)
    outcomes = []
    for change in changes:
        found = held.get(change.cell)
        stand, was_ours = stand_of(change, found, pins=pins), change.cell in taken_back
        ending = _ending(change, stand, is_published=state is PushState.PUBLISHED, was_ours=was_ours)
        outcomes.append(CellOutcome(change, ending, found))
    return tuple(outcomes)


def outcomes_by_state(changes: Iterable[Change], state: PushState) -> tuple[CellOutcome, ...]:
    """Tell what became of each cell, as far as the state of a push that was not read back proves it."""
    known = list(changes)
    match state:
        case PushState.PUBLISHED:
            return outcomes_of(known, {one.cell: NightlyRate(one.new) for one in known}, state)
        case PushState.REJECTED | PushState.ROLLED_BACK:
            return outcomes_of(known, {one.cell: one.old for one in known if one.old}, state)
        case _:
            return outcomes_of(known, None, state)


def _ending(change: Change, stand: Stand, *, is_published: bool, was_ours: bool) -> Ending:
    if stand is Stand.NEW and was_new(change):
        return Ending.UNCHANGED
    match stand:
        case Stand.NEW:
            return Ending.PUBLISHED if is_published else Ending.OURS
        case Stand.OLD:
            return Ending.RESTORED if was_ours else Ending.UNCHANGED
        case Stand.FOREIGN:
            return Ending.FOREIGN


def _same(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) < TOLERANCE
