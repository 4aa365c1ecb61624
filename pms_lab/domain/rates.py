"""Rates: what a price is for, who recommends it, and a sheet of them."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from pms_lab.domain.money import Money
from pms_lab.domain.stay import StayDates
from pms_lab.errors import CurrencyMismatch, DuplicateCell, RateError


class TaxBasis(StrEnum):
    """Whether a rate includes tax."""

    GROSS = "gross"
    NET = "net"


@dataclass(frozen=True, slots=True)
class RateCell:
    """The one thing that a rate is for.

    Attributes:
        location: where it applies, a name of data/locations.toml.
        product: a car class or room type of that location.
        stay_date: the night; None while the rate holds for no date in particular.
        rate_plan: where the vendor prices by plan.
        occupancy: persons, where the vendor prices by occupancy.
    """

    location: str
    product: str
    stay_date: date | None = None
    rate_plan: str | None = None
    occupancy: int | None = None

    def __hash__(self) -> int:
        # Of what tells the cells of one sheet apart: cells are looked up far more often than anything else.
        return hash((self.product, self.stay_date))


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One agent's rate for one cell.

    Attributes:
        agent: who recommends; `agent_version` is that of its prompt, model or code.
        confidence: 0 (a guess) to 1 (certain).
        recommended_at: aware.

    Raises:
        RateError: the confidence is outside 0 to 1, or the time is naive.
    """

    cell: RateCell
    agent: str
    rate: Money
    confidence: Decimal
    agent_version: str | None = None
    recommended_at: datetime | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise RateError(f"confidence {self.confidence} of {self.agent} is not within 0 to 1")
        if self.recommended_at is not None and self.recommended_at.tzinfo is None:
            raise RateError(f"time {self.recommended_at} of {self.agent} is naive: give it a zone")


class RateSheet(Mapping[RateCell, Money]):
    """Rates of one location in one currency, one per cell.

    Raises:
        RateError: the sheet is empty or spans two locations.
        CurrencyMismatch: the sheet mixes currencies.
    """

    def __init__(self, rates: Mapping[RateCell, Money], tax_basis: TaxBasis | None = None) -> None:
        self._rates = MappingProxyType(dict(rates))
        self.tax_basis = tax_basis
        self.location = _only("location", {cell.location for cell in rates}, RateError)
        self.currency = _only("currency", {rate.currency for rate in rates.values()}, CurrencyMismatch)

    @classmethod
    def of(cls, rates: Iterable[tuple[RateCell, Money]], tax_basis: TaxBasis | None = None) -> RateSheet:
        """Build a sheet from pairs.

        Raises:
            DuplicateCell: a cell comes twice, even with the same rate.
        """
        sheet: dict[RateCell, Money] = {}
        for cell, rate in rates:
            if cell in sheet:
                raise DuplicateCell(f"{cell} has two rates, {sheet[cell]} and {rate}: keep one")
            sheet[cell] = rate
        return cls(sheet, tax_basis)

    def __getitem__(self, cell: RateCell) -> Money:
        return self._rates[cell]

    def __iter__(self) -> Iterator[RateCell]:
        return iter(self._rates)

    def __len__(self) -> int:
        return len(self._rates)

    def items(self) -> ItemsView[RateCell, Money]:
        """Return the cells with their rates."""
        # Not as `Mapping` does, which looks every cell up.
        return self._rates.items()

    def values(self) -> ValuesView[Money]:
        """Return the rates."""
        return self._rates.values()

    def __repr__(self) -> str:
        return f"<RateSheet {self.location} {len(self)} cells {self.currency}>"

    def over(self, horizon: StayDates) -> RateSheet:
        """Expand the cells without a stay date over every night of `horizon`; dated cells stay as they are.

        Raises:
            DuplicateCell: a night has a rate of its own beside the expanded one.
        """
        return RateSheet.of(
            (
                (cell if cell.stay_date else replace(cell, stay_date=night), rate)
                for cell, rate in self.items()
                for night in ([cell.stay_date] if cell.stay_date else horizon)
            ),
            self.tax_basis,
        )


def _only(what: str, values: set[str], error: type[RateError] | type[CurrencyMismatch]) -> str:
    if not values:
        raise RateError("a rate sheet without cells: give at least one")
    if len(values) > 1:
        raise error(f"a rate sheet has one {what}, this one has {', '.join(sorted(values))}: split it")
    return values.pop()
