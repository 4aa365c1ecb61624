"""Locations: where rates apply, and what is sold there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


@dataclass(frozen=True, slots=True)
class Product:
    """What a rate is for: a car class or room type.

    Attributes:
        code: as agents and the PMS write it, such as ``E``.
        label: as people read it, such as ``E-class``.
        floor: the lowest rate that keeps the margin, in the location's currency; None where none is known.
    """

    code: str
    label: str
    floor: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """One property: an airport desk, a hotel.

    Attributes:
        code: its name in files and paths, such as ``LAS_AIRPORT``.
        name: as people read it.
        zone: its clock; a run date is a local date.
        currency: ISO 4217 code of every rate there.
        price_step: published rates are multiples of it.
        products: by code.
        allow_negative: whether a rate may be below zero (an electricity price may, a room's never).
        note: what a reader of its figures must know; shown on every page.
    """

    code: str
    name: str
    zone: ZoneInfo
    currency: str
    price_step: Decimal
    products: Mapping[str, Product]
    allow_negative: bool = False
    note: str = ""

    def label(self, product: str) -> str:
        """Name a product as people read it; one that is no longer sold there keeps its code."""
        known = self.products.get(product)
        return known.label if known else product
