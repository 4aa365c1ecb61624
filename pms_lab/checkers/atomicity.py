"""1: all cells of a push, or none."""

from __future__ import annotations

from collections.abc import Iterator

from pms_lab.checkers.facts import last_writes, was_sent
from pms_lab.checkers.verdict import checks
from pms_lab.domain.history import History
from pms_lab.domain.push import Push


@checks("1 push atomicity")
def atomicity(history: History) -> Iterator[str]:
    """At rest the pushed cells are all old or all new, or an alert names the push; and no cell has two rates.

    Cells that a colleague set since are left out, and so are pushes that a later one overwrote. A second rate beside
    one that a colleague created meanwhile cannot be prevented.
    """
    latest = next((push for push in reversed(history.pushes) if was_sent(push)), None)
    if latest is not None:
        yield from _mixed(history, latest)
    edited = {
        write.cell for write in history.writes if write.is_by_hand and write.amount is not None and write.at_us > 0
    }
    yield from (f"there are two rates of {history.name_of(cell)}" for cell in history.doubled if cell not in edited)


def _mixed(history: History, push: Push) -> Iterator[str]:
    last = last_writes(history.writes)
    written = [(change, last[change.cell]) for change in push.changes if change.is_needed and change.cell in last]
    ours = [(change, write) for change, write in written if not write.is_by_hand]
    new = [change for change, write in ours if write.amount == change.new]
    untouched = sum(change.is_needed and change.cell not in last for change in push.changes)
    whole = len(ours) + untouched
    if 0 < len(new) < whole and not any(told.alert.push_id == push.id for told in history.told):
        yield f"{push.id} ended {push.state} with {len(new)} of {whole} cells new, and no alert names it"
