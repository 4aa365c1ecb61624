"""15: whoever must know is told, once, in time, and nobody for nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from pms_lab.checkers.facts import was_sent
from pms_lab.checkers.verdict import checks
from pms_lab.domain.history import History
from pms_lab.domain.push import AlertKind, PushState

TOLD_WITHIN_US: Final = 60_000_000
"""How long after what causes it an alert may be raised."""

OF_TROUBLE: Final = frozenset(AlertKind) - {AlertKind.SPIKE, AlertKind.MANUAL_REVIEW}
"""What is only told when something went wrong; the others are about the rates themselves."""


@checks("15 alert quality")
def alerts(history: History) -> Iterator[str]:
    """Each bad end is told within 60 s, each alert comes once and says what to do; without trouble there is none."""
    counted = Counter((told.alert.kind, told.alert.push_id) for told in history.told if told.alert.push_id)
    yield from (
        f"{kind} was told {times} times of {push_id}" for (kind, push_id), times in counted.items() if times > 1
    )
    for told in history.told:
        if not (told.alert.message and told.alert.next_step):
            yield f"an alert says nothing: {told.alert}"
        if history.healing and not history.struck and told.alert.kind in OF_TROUBLE:
            yield f"needless, since nothing went wrong: {told.alert.kind}: {told.alert.message}"
    yield from _untold(history)


def _untold(history: History) -> Iterator[str]:
    ended_us = {one.push_id: one.at_us for one in history.recorded}
    for push in history.pushes:
        ended_badly = was_sent(push) and push.state is not PushState.PUBLISHED
        if not (ended_badly or push.state is PushState.PENDING_MANUAL_REVIEW):
            continue
        times_us = [told.at_us for told in history.told if told.alert.push_id == push.id]
        if not times_us:
            yield f"{push.id} ended {push.state}, and nobody was told"
        elif min(times_us) > ended_us.get(push.id, 0) + TOLD_WITHIN_US:
            yield f"{push.id} ended {push.state}, and somebody was told only later than 60 s after that"
