"""6: whoever writes holds the lock."""

from __future__ import annotations

from collections.abc import Iterator

from pms_lab.checkers.verdict import checks
from pms_lab.domain.history import History


@checks("6 locks and fences")
def locks(history: History) -> Iterator[str]:
    """Fencing tokens never go back, no write is sent by who does not hold the lock, and only its owner releases it."""
    for sent in history.sent:
        if sent.holder != sent.node:
            yield f"{sent.node} sent {sent.operation} {sent.call} while {sent.holder or 'nobody'} held the lock"
    highest = 0
    for one in history.recorded:
        if one.token is not None and one.token < highest:
            yield f"{one.push_id} was recorded as {one.state} with token {one.token}, after {highest}"
        highest = max(highest, one.token or 0)
    for hold in history.holds:
        if hold.given_back_with not in (None, hold.token):
            yield f"the lock of {hold.node} with token {hold.token} was released with token {hold.given_back_with}"
