"""What several checkers ask of a history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from pms_lab.domain.history import History, Write
from pms_lab.domain.push import Change, Push, PushState
from pms_lab.domain.rates import RateCell

OPEN: Final = (PushState.PREPARED, PushState.IN_PROGRESS)


def last_writes(writes: Iterable[Write]) -> dict[RateCell, Write]:
    """Return the last write to each cell."""
    return {write.cell: write for write in writes}


def writes_under(history: History, push_id: str) -> list[Write]:
    """Return the writes that were sent while a push was under way."""
    return [write for write in history.writes if write.sent and push_id in write.sent.under_way]


def was_sent(push: Push) -> bool:
    """Whether a push came so far that it may have written."""
    return any(step.state is PushState.IN_PROGRESS for step in push.transitions)


def own_old(change: Change) -> Decimal | None:
    """Return the rate of its own that a cell had before a push."""
    return change.old.amount if change.old and change.old.is_own else None


def changes_by_push(history: History) -> dict[str, dict[RateCell, Change]]:
    """Return what each push meant for each cell."""
    return {push.id: {change.cell: change for change in push.changes} for push in history.pushes}


def meant_by(write: Write, meant: dict[str, dict[RateCell, Change]]) -> Iterator[tuple[str, Change]]:
    """Yield the pushes that a write can belong to, each with what it meant for the cell."""
    for push_id in write.sent.under_way if write.sent else ():
        change = meant.get(push_id, {}).get(write.cell)
        if change is not None:
            yield push_id, change
