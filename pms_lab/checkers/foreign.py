"""4: what somebody else set is not overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pms_lab.checkers.facts import changes_by_push, meant_by, own_old
from pms_lab.checkers.verdict import Exposed, checks
from pms_lab.domain.history import History, Sent, Write

COMPARED_US: Final = 1_000_000
"""How old a comparison may be when a write is sent, apart from what its node could not help."""

ON_ITS_WAY_S: Final = 1.0
"""How long after it was sent a write of a good network may take effect."""


@checks("4 no foreign value overwritten")
def foreign_values(history: History) -> Iterator[str]:
    """What a colleague set is overwritten only where it could not be seen, and the push says for how long.

    That is between a comparison and the landing of its write, which a vendor bounds. With writes that compare and set
    in one step it is never. And what is written was read just before.
    """
    yield from (
        f"{one.node} sent {one.operation} {one.call} {late}" for one in history.sent if (late := _late(history, one))
    )
    meant = changes_by_push(history)
    exposed_s = {push.id: push.transitions[-1].exposed_s or 0.0 for push in history.pushes}
    last: dict[object, Write] = {}
    for write in history.writes:
        before, last[write.cell] = last.get(write.cell), write
        if write.sent is None or before is None or not before.is_by_hand:
            continue
        told = dict(meant_by(write, meant))
        if any(before.amount == own_old(change) for change in told.values()):
            continue  # it was there when the push began
        said_s = max((exposed_s[push_id] for push_id in write.sent.under_way if push_id in exposed_s), default=0.0)
        yield _lost(history, before, write, write.sent, said_s)


def _lost(history: History, before: Write, write: Write, sent: Sent, said_s: float) -> str:
    can, what = history.can, f"{history.name_of(write.cell)} {before.amount} of a colleague"
    lost_s = (write.at_us - before.at_us) / 1e6
    if before.at_us < _read_us(history, sent) - can.read_lag_s * 1e6:
        return f"{what}, which could be seen, became {write.amount}"
    if can.conditional_write:
        return f"{what} became {write.amount}, though the vendor compares and sets"
    if (write.at_us - sent.at_us) / 1e6 > can.in_flight_s + ON_ITS_WAY_S:
        return f"{what} was lost to a write that landed later than the vendor says"
    if said_s < lost_s:
        return f"{what} was lost after {lost_s:.2f} s, and no push tells of that"
    return Exposed(f"{what} was lost after {lost_s:.2f} s, and the push says up to {said_s:.2f} s")


def _late(history: History, sent: Sent) -> str:
    read_us = _read_us(history, sent)
    delayed_us = sum(
        delay.until_us - delay.from_us
        for delay in history.delays
        if delay.node == sent.node and read_us <= delay.until_us and delay.from_us <= sent.at_us
    )
    late_us = sent.at_us - read_us
    return f"{late_us / 1e6:.1f} s after it had read" if late_us - delayed_us > COMPARED_US else ""


def _read_us(history: History, sent: Sent) -> int:
    """Return when the last read arrived that a node made before it sent a write."""
    return max((read.at_us for read in history.reads if read.node == sent.node and read.at_us < sent.at_us), default=0)
