"""16: once the faults are over, everything settles."""

from __future__ import annotations

from collections.abc import Iterator

from pms_lab.checkers.facts import OPEN
from pms_lab.checkers.verdict import checks
from pms_lab.domain.history import Healing, History


@checks("16 liveness")
def liveness(history: History) -> Iterator[str]:
    """After healing every open push settles within the bound, and every lock is given back.

    A lock that a fault kept from being given back lapses first.
    """
    healing = history.healing
    if healing is None:
        return
    yield from (f"{push.id} is open for ever: {push.state}" for push in history.pushes if push.state in OPEN)
    free_us = _free_us(history, healing)
    late_s = (history.settled_us - free_us) / 1e6 - healing.bound_s
    if late_s > 0:
        yield f"settled {late_s:g} s too late"
    for hold in history.holds:
        if hold.from_us > free_us and hold.given_back_with is None:
            yield f"{hold.node} did not give its lock with token {hold.token} back, and nothing kept it from that"


def _free_us(history: History, healing: Healing) -> int:
    """Return when neither a fault nor a lock that is left over from one stands in the way any more."""
    left_over = (
        hold.until_us for hold in history.holds if hold.given_back_with is None and hold.from_us <= healing.healed_us
    )
    return max(healing.healed_us, *left_over, 0)
