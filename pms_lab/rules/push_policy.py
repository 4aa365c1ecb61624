"""How careful a push is: every number that its rules use."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from pms_lab.domain.rates import TaxBasis
from pms_lab.errors import SettingsError

LONGEST_HORIZON_DAYS: Final = 36_525


@dataclass(frozen=True, slots=True)
class PushPolicy:
    """The rules of one location's pushes.

    Attributes:
        push_cap: the largest new rate, as a multiple of what the PMS holds now.
        day_cap: the same, as a multiple of the rate with which the day began; above it a person decides.
        largest_decrease: the largest share by which a rate may fall in one push; None allows any.
        allow_new: whether a cell for which the PMS has no rate may be given one.
        tax_basis: of the rates in the PMS; None where a sheet need not say.
        inventory_age_h: how old the last reading of the availability may be.
        health_s: how long the PMS may take to say that it is there.
        waits_s: before each repetition of a write; when they are used up, what was written is taken back.
        lock_ttl_s: after so long without a sign of its holder a lock is free.
        part_cells: how many cells are compared and sent at a time, where the vendor takes no more itself.
        max_cells: the largest sheet.
        horizon_days: the latest night, from the business date; at most 100 years.

    Raises:
        SettingsError: a value is outside its bounds.
    """

    push_cap: Decimal = Decimal("1.15")
    day_cap: Decimal = Decimal("1.20")
    largest_decrease: Decimal | None = None
    allow_new: bool = False
    tax_basis: TaxBasis | None = None
    inventory_age_h: float = 2.0
    health_s: float = 5.0
    waits_s: tuple[float, ...] = (5.0, 25.0, 125.0)
    lock_ttl_s: float = 600.0
    part_cells: int = 30
    max_cells: int = 20_000
    horizon_days: int = 730

    def __post_init__(self) -> None:
        bounds = {
            "push_cap": self.push_cap >= 1,
            "day_cap": self.day_cap >= 1,
            "largest_decrease": self.largest_decrease is None or 0 <= self.largest_decrease <= 1,
            "inventory_age_h": self.inventory_age_h > 0,
            "health_s": self.health_s > 0,
            "waits_s": all(wait_s >= 0 for wait_s in self.waits_s),
            "lock_ttl_s": self.lock_ttl_s > 0,
            "part_cells": self.part_cells >= 1,
            "max_cells": self.max_cells >= 1,
            "horizon_days": 1 <= self.horizon_days <= LONGEST_HORIZON_DAYS,
        }
        for name, holds in bounds.items():
            if not holds:
                raise SettingsError(f"{name} {getattr(self, name)} of a push is outside its bounds: correct it")


CAREFUL: Final = PushPolicy()
"""The defaults."""
