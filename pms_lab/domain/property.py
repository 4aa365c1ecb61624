"""A property as an adapter knows it: what the vendor calls it, and what is sold there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from pms_lab.domain.rates import RateCell


@dataclass(frozen=True, slots=True)
class Property:
    """One property in one PMS.

    Attributes:
        location: our name of it, as in data/locations.toml.
        code: the vendor's id of it: hotel code, enterprise or property id.
        zone: its clock; every day is one of this clock.
        currency: ISO 4217 code of all its amounts.
        rate_plan: the vendor's id of the plan whose rates are read and published.
        products: our code of each room type to the vendor's id of it.
    """

    location: str
    code: str
    zone: ZoneInfo
    currency: str
    rate_plan: str
    products: Mapping[str, str] = field(default_factory=dict)

    def cell(self, product: str, night: date, plan: str | None = None, occupancy: int | None = None) -> RateCell:
        """Return the cell of a rate as sheets write it: without the plan, where it is that of the settings."""
        return RateCell(self.location, product, night, None if plan == self.rate_plan else plan, occupancy)

    def vendor_product(self, product: str) -> str:
        """Return the vendor's id of a room type; a code that the settings do not list is its own id."""
        return self.products.get(product, product)

    def our_product(self, vendor_id: str) -> str:
        """Return our code of a room type; an id that the settings do not list is its own code."""
        return next((ours for ours, theirs in self.products.items() if theirs == vendor_id), vendor_id)
