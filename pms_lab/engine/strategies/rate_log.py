"""The log that the design document calls ``rate_history``: all that the strategy `as_documented` remembers.

It is smaller than the ledger: a row is written when all is over, and nothing says what was meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final, Protocol

from pms_lab.domain.push import PushState
from pms_lab.domain.rates import RateCell
from pms_lab.engine.ledger import Runner

TEST: Final = "TEST"
"""The status of the rows with which the document tries whether its log can be written."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the log.

    Attributes:
        push_id: its transaction; None for a row that tests the log.
        status: a `PushState`, or `TEST`.
        at: when the push began, whenever the row was written; aware.
        rates: what was pushed; empty for a push that was rolled back.
        previous: what the log held published before.
        error: why it failed; empty where it did not.
    """

    push_id: str | None
    location: str
    status: str
    at: datetime
    rates: Mapping[RateCell, Decimal] = field(default_factory=dict)
    previous: Mapping[RateCell, Decimal] = field(default_factory=dict)
    error: str = ""


class RateLog(Protocol):
    """The log, as the strategy awaits it. Every method raises `StoreError` when the store does not answer."""

    async def add(self, row: Row) -> None:
        """Write a row, for good."""

    async def previous_rates(self, location: str) -> Mapping[RateCell, Decimal]:
        """Return the rate with which each cell was last published by us, whoever has changed it in the PMS since."""

    async def is_push_in_progress(self, location: str) -> bool:
        """Whether the last row of any push there says so."""


class MemoryRateLog:
    """One node's way to a log in memory.

    Attributes:
        rows: the log itself, shared by all nodes; it outlives their crashes.
    """

    def __init__(self, rows: list[Row], run: Runner) -> None:
        """Lead to a log.

        Args:
            run: where it is read and written, and what fails there.
        """
        self.rows = rows
        self._run = run

    async def add(self, row: Row) -> None:
        """Write a row."""
        await self._run(partial(self.rows.append, row))

    async def previous_rates(self, location: str) -> Mapping[RateCell, Decimal]:
        """Return what was last published."""
        return await self._run(partial(self._published, location))

    async def is_push_in_progress(self, location: str) -> bool:
        """Whether a row says so."""
        return await self._run(partial(self._is_in_progress, location))

    def _published(self, location: str) -> dict[RateCell, Decimal]:
        rates: dict[RateCell, Decimal] = {}
        for row in self.rows:
            if row.location == location and row.status == PushState.PUBLISHED:
                rates |= row.rates
        return rates

    def _is_in_progress(self, location: str) -> bool:
        last = {row.push_id: row.status for row in self.rows if row.location == location}
        return PushState.IN_PROGRESS in last.values()
