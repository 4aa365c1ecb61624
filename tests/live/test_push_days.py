"""Days by a location's clock, of which one in autumn shows an hour twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import Change, Origin, Push, PushState, Transition
from pms_lab.domain.rates import RateCell
from pms_lab.lab import open_lab
from pms_lab.live.push import office

PLACE = """
[DESK]
name = "Santiago"
zone = "America/Santiago"
currency = "CLP"
price_step = "1"
products = { E = { label = "E-class" } }
"""
NIGHT = date(2026, 4, 20)
CELL = RateCell("DESK", "E", NIGHT)
TWICE = date(2026, 4, 4)
"""Its last hour comes twice: at 24:00 the clock is set back to 23:00."""


def read(at: datetime, amount: int) -> Push:
    """A dry run that read the cell."""
    change = Change(CELL, NightlyRate(Decimal(amount)), Decimal(amount))
    step = Transition(PushState.PROPOSED_DRY_RUN, at, "ada", "a dry run")
    name = f"at {at:%H}"
    return Push(name, "DESK", "CLP", None, "ada", at, at, Origin("file", "week.csv"), (change,), (), None, (step,))


def test_a_day_ends_with_the_second_of_two_equal_hours(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "locations.toml").write_text(PLACE)
    desk = open_lab(tmp_path).desk

    async def history() -> list[Decimal]:
        async with office(tmp_path, desk.settings) as opened:
            for hour, amount in ((2, 40_000), (3, 41_000), (4, 42_000)):
                await opened.ledger.open(read(datetime(2026, 4, 5, hour, 30, tzinfo=UTC), amount), None)
        return [entry.amount for entry in await desk.history("DESK", "E", NIGHT, on=TWICE)]

    assert asyncio.run(history()) == [41_000, 40_000]
