"""3: no write without a recorded intent."""

from __future__ import annotations

from collections.abc import Iterator

from pms_lab.checkers.facts import changes_by_push, meant_by
from pms_lab.checkers.verdict import checks
from pms_lab.domain.history import History
from pms_lab.domain.push import Change


@checks("3 audit")
def audit(history: History) -> Iterator[str]:
    """Each applied write belongs to a push whose intent was durable, with its amounts, and which had not ended.

    So none belongs to a rejected push or a dry run.
    """
    meant = changes_by_push(history)
    for write in history.writes:
        if not write.is_by_hand and not any(_allows(change, write.amount) for _, change in meant_by(write, meant)):
            yield f"{history.name_of(write.cell)} was set to {write.amount} without a recorded intent"


def _allows(change: Change, amount: object) -> bool:
    return amount in (change.new, change.old.amount if change.old else None, None)
