"""When a write that nobody answered can no longer take effect."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pms_lab.domain.pms import Capabilities
from pms_lab.errors import InputError

CLOCK_SKEW_S: Final = 60.0
"""How far the clocks of two machines of ours may be apart: the one that sent, and the one that reads back."""


def settling_s(can: Capabilities) -> float:
    """Return how long after an unanswered write a read tells for sure whether it took effect."""
    return can.in_flight_s + can.read_lag_s + CLOCK_SKEW_S


def is_settled(sent_at: datetime, now: datetime, can: Capabilities) -> bool:
    """Whether a write of which nothing is to be seen can no longer come.

    Args:
        sent_at: when its last attempt was sent, by the clock of the machine that sent it; aware.

    Raises:
        InputError: it is naive.
    """
    if sent_at.tzinfo is None:
        raise InputError(f"time {sent_at} of a write is naive: give it a zone")
    return now > sent_at + timedelta(seconds=settling_s(can))
