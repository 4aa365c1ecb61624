"""14: rates keep their guards, measured by the PMS's own amounts."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pms_lab.checkers.facts import changes_by_push, meant_by
from pms_lab.checkers.verdict import checks
from pms_lab.domain.history import History, Write
from pms_lab.domain.push import Change, Push


@checks("14 rate guards")
def guards(history: History) -> Iterator[str]:
    """Each new rate that was written is finite, in the PMS's currency, above its floor and below its caps.

    The day cap counts from the first reading of the day, as far as the history shows it; a person may waive it.
    """
    meant, pushes = changes_by_push(history), {push.id: push for push in history.pushes}
    for write in history.writes:
        name = history.name_of(write.cell)
        if not write.is_by_hand and write.amount is not None and not write.amount.is_finite():
            yield f"{name} was set to {write.amount}, which is no number"
            continue
        for push_id, change in meant_by(write, meant):
            if write.amount == change.new:
                yield from (
                    f"{name} was set to {change.new} {why}" for why in _broken(history, pushes[push_id], change)
                )
                if not _was_held(history, change, write):
                    yield f"{push_id} says that {name} was {change.old}, which the PMS never held"


def _broken(history: History, push: Push, change: Change) -> Iterator[str]:
    rules, new = history.guards, change.new
    if push.currency != rules.currency:
        yield f"{push.currency}, and the PMS sells in {rules.currency}"
    floor = dict(rules.floors).get(change.cell.product)
    if floor is not None and new < floor:
        yield f"below its floor {floor}"
    if change.old is not None and new > rules.push_cap * change.old.amount:
        yield f"beyond the push cap from {change.old.amount}"
    base = _day_base(history, push, change)
    if push.follows is None and base is not None and new > rules.day_cap * base:
        yield f"beyond the day cap from {base}"


def _day_base(history: History, push: Push, change: Change) -> Decimal | None:
    """Return what a cell held in the first reading of the push's day; None where an earlier day was read too."""
    readings = []
    for one in history.pushes[: history.pushes.index(push) + 1]:
        old = next((other.old for other in one.changes if other.cell == change.cell), None)
        if one.read_at is not None and old is not None:
            readings.append((one.read_at, old.amount))
    if not readings or push.read_at is None:
        return None
    first_at, amount = min(readings)
    zone = history.guards.zone
    return amount if first_at.astimezone(zone).date() == push.read_at.astimezone(zone).date() else None


def _was_held(history: History, change: Change, write: Write) -> bool:
    if change.old is None or not change.old.is_own:
        return change.old is None or change.old.amount == dict(history.inherited).get(change.cell)
    return any(
        one.cell == change.cell and one.amount == change.old.amount
        for one in history.writes
        if one.number < write.number
    )
