"""2: what the ledger says of the PMS is so."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from pms_lab.checkers.facts import OPEN, last_writes, own_old, writes_under
from pms_lab.checkers.verdict import checks
from pms_lab.domain.history import History, Write
from pms_lab.domain.push import Push, PushState
from pms_lab.domain.rates import RateCell

NOTHING_OF_OURS: Final = (PushState.ROLLED_BACK, PushState.REJECTED, PushState.PENDING_MANUAL_REVIEW)


@checks("2 ledger truth")
def ledger_truth(history: History) -> Iterator[str]:
    """PUBLISHED means that the PMS was all new after our last write, a rollback that nothing of ours remains.

    Every intent ends, and nothing of a push takes effect after its end.
    """
    last = last_writes(history.writes)
    for push in history.pushes:
        if push.state in OPEN:
            yield f"{push.id} has not ended: {push.state}"
        mine = writes_under(history, push.id)
        if push.state is PushState.PUBLISHED and mine:
            yield from _not_published(history, push, mine)
        if push.state in NOTHING_OF_OURS:
            yield from _left(history, push, last, mine)
    yield from _late(history)


def _not_published(history: History, push: Push, mine: list[Write]) -> Iterator[str]:
    then = last_writes(write for write in history.writes if write.number <= mine[-1].number)
    for change in push.changes:
        held = then[change.cell].amount if change.cell in then else None
        if held != change.new:
            yield f"{push.id} is published, but {history.name_of(change.cell)} was {held}"


def _left(history: History, push: Push, last: Mapping[RateCell, Write], mine: Collection[Write]) -> Iterator[str]:
    pins = "clear_rates" in history.can.unsupported
    for change in push.changes:
        write = last.get(change.cell)
        if write is None or write not in mine:
            continue
        name = history.name_of(change.cell)
        if change.is_needed and write.amount == change.new:
            yield f"{push.id} is {push.state}, but {name} holds its {write.amount}"
        elif not pins and write.amount != own_old(change):
            yield f"{push.id} is {push.state}, but {name} was left as {write.amount}, not as {own_old(change)}"


def _late(history: History) -> Iterator[str]:
    ended = {one.push_id: one for one in history.recorded if one.state not in OPEN}
    for write in history.writes:
        for push_id in write.sent.under_way if write.sent else ():
            if push_id in ended and write.number > ended[push_id].written:
                name = history.name_of(write.cell)
                yield f"{name} was set to {write.amount} after {push_id} was {ended[push_id].state}"
