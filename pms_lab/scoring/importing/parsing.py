"""Text to the contract's types. Nothing is guessed: what cannot be read exactly is named and refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from pms_lab.scoring.contract import Layout

_DATE: Final = r"(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}"
_CLOCK: Final = r"[0-9]{2}:[0-9]{2}(?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
_DAY: Final = rf"^{_DATE}(?:[T ]00:00:00(?:\.0+)?)?$"  # pandas has no day, only its midnight
_NAIVE: Final = rf"^{_DATE}[T ]{_CLOCK}$"
_ZONED: Final = rf"^{_DATE}[T ]{_CLOCK}(?:Z|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)$"
_PLAIN: Final = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_NUMBER: Final = rf"^{_PLAIN}$"
_SCIENTIFIC: Final = rf"^{_PLAIN}(?:[eE][+-]?[0-9]{{1,4}})?$"
_WHOLE: Final = r"^([+-]?[0-9]+)(?:\.0*)?$"


@dataclass(frozen=True)
class Fault:
    """A way in which a column's text cannot be read.

    Attributes:
        column: whose text it is.
        complaint: what is wrong, to be read after the column and its value.
        found: whether a row has the fault.
    """

    column: str
    complaint: str
    found: pl.Expr


def stripped(cells: pl.DataFrame) -> pl.DataFrame:
    """Strip surrounding blanks from every cell; what is empty then is null."""
    return cells.with_columns(pl.col(pl.String).str.strip_chars().replace("", None))


def parsed(text: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Read stripped cells as the layout's types; `unreadable` names what cannot be read exactly."""
    named = [pl.when(fault.found).then(pl.lit(f"{fault.column} {fault.complaint}")) for fault in faults(layout)]
    return text.select(
        "row",
        *(_value(pl.col(name), dtype).alias(name) for name, dtype in layout.schema.items()),
        unreadable=pl.concat_str(named, separator="; ", ignore_nulls=True).replace("", None),
    )


def faults(layout: Layout) -> Iterator[Fault]:
    """List every way in which the text of a file can be unreadable."""
    for column, dtype in layout.schema.items():
        for complaint, found in _complaints(pl.col(column), dtype):
            yield Fault(column, complaint, pl.col(column).is_not_null() & found)


def _value(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Read text as a type; null where it cannot be read. A decimal may be rounded here, which is a complaint."""
    if isinstance(dtype, pl.Decimal):
        return text.cast(dtype, strict=False)
    if isinstance(dtype, pl.Date):
        return _only(text, _DAY).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    if isinstance(dtype, pl.Datetime):
        return _time(text)
    if isinstance(dtype, pl.Int32):
        return text.str.extract(_WHOLE).cast(dtype, strict=False)
    if isinstance(dtype, pl.Float64):
        return _only(text, _SCIENTIFIC).cast(dtype, strict=False)
    return text


def _complaints(text: pl.Expr, dtype: pl.DataType) -> Iterator[tuple[str, pl.Expr]]:
    unreadable = _value(text, dtype).is_null()
    if isinstance(dtype, pl.Decimal):
        number = text.str.contains(_NUMBER)
        fine = text.str.contains(rf"\.[0-9]{{{dtype.scale}}}[0-9]*[1-9]")
        yield "is no number such as 46.50", ~number
        yield f"has more than {dtype.scale} decimals", number & fine
        yield f"has more than {dtype.precision - dtype.scale} digits before the point", number & unreadable
    if isinstance(dtype, pl.Date):
        yield "is no date such as 2026-02-18", unreadable
    if isinstance(dtype, pl.Datetime):
        naive = text.str.contains(rf"{_NAIVE}$")
        yield "has no time zone: write 2026-02-18T06:00:00Z or +01:00", naive
        yield "is no time such as 2026-02-18T06:00:00Z", unreadable & ~naive
    if isinstance(dtype, pl.Int32):
        yield "is no whole number", unreadable
    if isinstance(dtype, pl.Float64):
        yield "is no number such as 0.85", unreadable


def _time(text: pl.Expr) -> pl.Expr:
    """Read a time with its offset, written as ISO 8601 or as PostgreSQL and pandas write it."""
    iso = (
        _only(text, _ZONED)
        .str.replace(" ", "T", literal=True)
        .str.replace(r"^(.{16})([Z+-])", "${1}:00${2}")
        .str.replace(r"([+-][0-9]{2})$", "${1}:00")
    )
    return iso.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)


def _only(text: pl.Expr, pattern: str) -> pl.Expr:
    return pl.when(text.str.contains(pattern)).then(text)
