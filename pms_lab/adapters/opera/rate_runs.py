"""A sheet of rates cut into runs: what one call to OPERA publishes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from pms_lab.adapters.opera.hotel_models import PERSONS
from pms_lab.domain.money import Money
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


class Spot(NamedTuple):
    """Where OPERA keeps one amount."""

    plan: str
    product: str
    night: date
    adults: int


def runs_of(sheet: RateSheet, place: Property, persons: int) -> tuple[list[RateRun], dict[RateCell, Outcome[None]]]:
    """Return the runs of a sheet in order, and the refused cells: no cell of the sheet is in neither.

    Refused are those that OPERA has no place for, and those that share one.

    Args:
        persons: whom a cell without an occupancy is for.
    """
    spots = {cell: _in_foreign_money(rate, place) or spot_of(cell, place, persons) for cell, rate in sheet.items()}
    meant = Counter(spots.values())
    refused: dict[RateCell, Outcome[None]] = {}
    nights: dict[tuple[str, str, date], dict[int, RateCell]] = {}
    for cell, spot in spots.items():
        if isinstance(spot, Refused):
            refused[cell] = spot
        elif meant[spot] > 1:
            refused[cell] = _refused(f"{cell}: another cell of the sheet means the same rate in OPERA; keep one")
        else:
            nights.setdefault((spot.plan, spot.product, spot.night), {})[spot.adults] = cell
    runs: list[RateRun] = []
    for (plan, product, night), cells in sorted(nights.items()):
        amounts = {adults: sheet[cell].amount for adults, cell in sorted(cells.items())}
        one = RateRun(plan, product, StayDates.starting(night, 1), amounts, tuple(cells.values()))
        if runs and _continues(runs[-1], one):
            runs[-1] = _joined(runs[-1], one)
        else:
            runs.append(one)
    return runs, refused


def spot_of(cell: RateCell, place: Property, persons: int) -> Spot | Refused:
    """Return where OPERA keeps the amount of a cell, or why it has no place for it.

    Args:
        persons: whom a cell without an occupancy is for.
    """
    adults = persons if cell.occupancy is None else cell.occupancy
    if cell.location != place.location:
        return _refused(f"{cell} is not of {place.location}, whose PMS this is: publish it there")
    if cell.stay_date is None or not 1 <= adults <= len(PERSONS):
        return _refused(f"{cell}: OPERA's rates are for a night and 1 to {len(PERSONS)} adults")
    return Spot(cell.rate_plan or place.rate_plan, place.vendor_product(cell.product), cell.stay_date, adults)


def _in_foreign_money(rate: Money, place: Property) -> Refused | None:
    if rate.currency == place.currency:
        return None
    return _refused(f"{rate}: {place.location} sells in {place.currency}, and nothing is converted")


def _refused(why: str) -> Refused:
    return Refused(Why.REJECTED, why)


def _continues(run: RateRun, one: RateRun) -> bool:
    same = (run.plan, run.product, run.amounts) == (one.plan, one.product, one.amounts)
    return same and run.nights.check_out == one.nights.check_in


def _joined(run: RateRun, one: RateRun) -> RateRun:
    nights = StayDates(run.nights.check_in, one.nights.check_out)
    return RateRun(run.plan, run.product, nights, run.amounts, run.cells + one.cells)
