"""A sheet of rates cut into runs: what one call to OPERA publishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pms_lab.adapters.opera.hotel_models import PERSONS
from pms_lab.domain.outcome import Outcome, Refused, Why
from pms_lab.domain.property import Property
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates


@dataclass(frozen=True)
class RateRun:
    """Consecutive nights of one rate plan and room type with the same amounts.

    Attributes:
        product: OPERA's code of the room type.
        amounts: by the number of adults.
    """

    plan: str
    product: str
    nights: StayDates
    amounts: Mapping[int, Decimal]
    cells: tuple[RateCell, ...]


def runs_of(sheet: RateSheet, place: Property, persons: int) -> tuple[list[RateRun], dict[RateCell, Outcome[None]]]:
    """Return the runs of a sheet in order, and the refused cells: those that OPERA has no place for.

    Args:
        persons: whom a cell without an occupancy is for.
    """
    refused: dict[RateCell, Outcome[None]] = {}
    nights: dict[tuple[str, str, date], dict[int, RateCell]] = {}
    for cell in sheet:
        adults = cell.occupancy or persons
        plan, product = cell.rate_plan or place.rate_plan, place.vendor_product(cell.product)
        if cell.stay_date is None or not 1 <= adults <= len(PERSONS):
            refused[cell] = Refused(
                Why.REJECTED, f"{cell}: OPERA's rates are for a night and 1 to {len(PERSONS)} adults"
            )
        else:
            nights.setdefault((plan, product, cell.stay_date), {})[adults] = cell
    runs: list[RateRun] = []
    for (plan, product, night), cells in sorted(nights.items()):
        amounts = {adults: sheet[cell].amount for adults, cell in sorted(cells.items())}
        one = RateRun(plan, product, StayDates.starting(night, 1), amounts, tuple(cells.values()))
        if runs and _continues(runs[-1], one):
            runs[-1] = _joined(runs[-1], one)
        else:
            runs.append(one)
    return runs, refused


def _continues(run: RateRun, one: RateRun) -> bool:
    same = (run.plan, run.product, run.amounts) == (one.plan, one.product, one.amounts)
    return same and run.nights.check_out == one.nights.check_in


def _joined(run: RateRun, one: RateRun) -> RateRun:
    nights = StayDates(run.nights.check_in, one.nights.check_out)
    return RateRun(run.plan, run.product, nights, run.amounts, run.cells + one.cells)
