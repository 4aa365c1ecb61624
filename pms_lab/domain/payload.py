"""Writes as records: what a queue stores, and reads back exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from pms_lab.domain.money import Money
from pms_lab.domain.pms import PmsId, Preference, ReservationStatus
from pms_lab.domain.rates import RateCell, RateSheet, TaxBasis
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import OPERATIONS, Write
from pms_lab.errors import PmsLabError, StoreError

TYPES: Final = {operation: kind for kind, operation in OPERATIONS.items()}


class _Form(NamedTuple):
    """How a field is written, and how it is read."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def to_record(write: Write) -> dict[str, Any]:
    """Return a write as JSON knows it: its `operation` and its fields.

    Decimals become texts, and a time keeps the offset of its zone, not the zone's name.
    """
    form = {field.name: _FORMS.get(field.name, _AS_IT_IS) for field in fields(write)}
    values = {name: getattr(write, name) for name in form}
    written = {name: None if value is None else form[name].write(value) for name, value in values.items()}
    return {"operation": OPERATIONS[type(write)]} | written


def from_record(record: Mapping[str, Any]) -> Write:
    """Read what `to_record` wrote.

    Raises:
        StoreError: it is no record of a write.
    """
    operation = record.get("operation")
    if not isinstance(operation, str) or operation not in TYPES:
        raise StoreError(f"a stored write has the operation {operation!r}, which is none of {', '.join(sorted(TYPES))}")
    given = {name: value for name, value in record.items() if name != "operation"}
    try:
        read = {
            name: None if value is None else _FORMS.get(name, _AS_IT_IS).read(value) for name, value in given.items()
        }
        kind: Callable[..., Write] = TYPES[operation]
        return kind(**read)
    except (PmsLabError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as exc:
        raise StoreError(f"a stored {operation} is damaged ({type(exc).__name__}): look at its record") from exc


def _money(value: Money) -> list[str]:
    return [str(value.amount), value.currency]


def _read_money(value: list[str]) -> Money:
    amount, currency = value
    return Money(Decimal(amount), currency)


def _sheet(sheet: RateSheet) -> dict[str, Any]:
    return {
        "location": sheet.location,
        "currency": sheet.currency,
        "tax_basis": sheet.tax_basis,
        "rates": [[*_spot(cell), str(rate.amount)] for cell, rate in sheet.items()],
    }


def _read_sheet(value: dict[str, Any]) -> RateSheet:
    basis = value["tax_basis"]
    return RateSheet.of(
        (
            (_read_cell([value["location"], *spot]), Money(Decimal(amount), value["currency"]))
            for *spot, amount in value["rates"]
        ),
        basis and TaxBasis(basis),
    )


def _cells(cells: Iterable[RateCell]) -> list[list[Any]]:
    return [[cell.location, *_spot(cell)] for cell in cells]


def _read_cells(value: list[list[Any]]) -> tuple[RateCell, ...]:
    return tuple(map(_read_cell, value))


def _spot(cell: RateCell) -> list[Any]:
    """Return a cell without its location."""
    night = cell.stay_date.isoformat() if cell.stay_date else None
    return [cell.product, night, cell.rate_plan, cell.occupancy]


def _read_cell(value: list[Any]) -> RateCell:
    location, product, night, rate_plan, occupancy = value
    return RateCell(location, product, night and date.fromisoformat(night), rate_plan, occupancy)


def _rooms(rooms: Mapping[tuple[str, date], int]) -> list[list[Any]]:
    return [[product, night.isoformat(), count] for (product, night), count in rooms.items()]


def _read_rooms(value: list[list[Any]]) -> dict[tuple[str, date], int]:
    return {(product, date.fromisoformat(night)): count for product, night, count in value}


_AS_IT_IS: Final = _Form(lambda value: value, lambda value: value)
_ID: Final = _Form(str, PmsId.parse)
_MONEY: Final = _Form(_money, _read_money)
_FORMS: Final = {
    "guest": _ID,
    "reservation": _ID,
    "total": _MONEY,
    "amount": _MONEY,
    "status": _Form(str, ReservationStatus),
    "at": _Form(datetime.isoformat, datetime.fromisoformat),
    "stay": _Form(
        lambda stay: [stay.check_in.isoformat(), stay.check_out.isoformat()],
        lambda value: StayDates(*map(date.fromisoformat, value)),
    ),
    "preferences": _Form(
        lambda preferences: [[preference.kind, preference.value] for preference in preferences],
        lambda value: tuple(Preference(*pair) for pair in value),
    ),
    "sheet": _Form(_sheet, _read_sheet),
    "cells": _Form(_cells, _read_cells),
    "rooms": _Form(_rooms, _read_rooms),
}
