"""One sentence for each rule of the contract, and for each way in which a value can be unreadable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import polars as pl

from pms_lab.domain.location import Location
from pms_lab.errors import hint, listed
from pms_lab.scoring.contract import COLUMNS, REQUIRED, Kind, layout_of
from pms_lab.scoring.importing.batch import SHOWN
from pms_lab.scoring.importing.parsing import faults

HINTS_PER_BATCH: Final = 100
_NOTHING: Final = pl.lit("")

_NAME: Final = "is no name: up to 64 of A-Z, a-z, 0-9, '_', '.' and '-', the first a letter or digit"
_TEXT: Final = "is no plain text: up to 200 characters without '<', '>' or line breaks, the first none of '=+-@'"
_RANGE: Final = "is not within 0 to 1"

RULES: Final[Mapping[str, tuple[str, str]]] = {
    "location|regex": ("location", _NAME),
    "product|regex": ("product", _NAME),
    "rate_plan|regex": ("rate_plan", _TEXT),
    "occupancy|min": ("occupancy", "is below 1"),
    "tax_basis|regex": ("tax_basis", "is neither 'gross' nor 'net'"),
    "currency|regex": ("currency", "is no ISO 4217 code such as USD"),
    "location_is_known": ("location", "is not in data/locations.toml"),
    "product_is_known": ("product", "is no product of its location"),
    "currency_is_the_location_s": ("currency", "is not that of its location"),
    "rate_is_not_negative": ("rate", "is negative"),
    "run_is_not_in_the_future": ("run_date", "is in the future"),
    "stay_is_not_past": ("stay_date", "is before the run date"),
    "agent|regex": ("agent", _NAME),
    "agent_version|regex": ("agent_version", _TEXT),
    "agent_is_not_reserved": ("agent", "is reserved for the mean of all agents"),
    "confidence|min": ("confidence", _RANGE),
    "confidence|max": ("confidence", _RANGE),
    "confidence|inf": ("confidence", _RANGE),
    "confidence|nan": ("confidence", _RANGE),
    "kind|regex": ("kind", "is none of 'current', 'manual' and 'floor'"),
    "set_by|regex": ("set_by", _TEXT),
}


_DETAILS: Final[Mapping[str, pl.Expr]] = {
    "location": pl.col("location_hint").fill_null(""),
    "product": pl.col("product_hint").fill_null(""),
    "currency": pl.format(", {}", "location_currency").fill_null(""),
    "stay_date": pl.format(", {}", "run_date").fill_null(""),
}
_DETAILED: Final = ("location_is_known", "product_is_known", "currency_is_the_location_s", "stay_is_not_past")


def explained(
    refused: pl.DataFrame, kind: Kind, catalogue: Mapping[str, Location]
) -> tuple[pl.DataFrame, Mapping[str, int]]:
    """Say why rows are refused.

    Args:
        refused: the stripped cells, `location_currency`, and a Boolean column per rule, true where the row breaks it.

    Returns:
        `row` and its `reason` (its sentences, joined by ``; ``), and how many rows each sentence without its values
        is about.
    """
    hinted = refused.join(_hints(refused, catalogue), on=["location", "product"], how="left", nulls_equal=True)
    said = hinted.select("row", *(sentence.alias(short) for short, sentence in _sentences(kind)))
    reason = pl.concat_str(pl.exclude("row"), separator="; ", ignore_nulls=True)
    counts = said.drop("row").count().row(0, named=True)
    return said.select("row", reason.alias("reason")), counts


def _sentences(kind: Kind) -> Iterator[tuple[str, pl.Expr]]:
    """List what can be wrong with a row: the sentence without values, and that with them, null where all is well."""
    for column in REQUIRED[kind]:
        missing = pl.col(f"{column}|nullability") & pl.col(column).is_null()
        yield f"{column} is missing", pl.when(missing).then(pl.lit(f"{column} is missing"))
    for fault in faults(layout_of(kind)):
        yield _sentence(fault.column, fault.complaint, fault.found)
    for column, complaint in dict.fromkeys(RULES.values()):
        if column in COLUMNS[kind]:
            rules = [rule for rule, said in RULES.items() if said == (column, complaint)]
            broken = pl.any_horizontal(rules) & pl.col(column).is_not_null()
            yield _sentence(column, complaint, broken, _DETAILS[column] if rules[0] in _DETAILED else _NOTHING)


def _sentence(column: str, complaint: str, found: pl.Expr, detail: pl.Expr = _NOTHING) -> tuple[str, pl.Expr]:
    value = pl.col(column).str.slice(0, SHOWN)
    full = pl.concat_str(pl.lit(f"{column} '"), value, pl.lit(f"' {complaint}"), detail)
    return f"{column} {complaint.partition(':')[0]}", pl.when(found).then(full)


def _hints(refused: pl.DataFrame, catalogue: Mapping[str, Location]) -> pl.DataFrame:
    """Find what may have been meant by unknown locations and products: of the first hundred, since it takes time."""
    unknown = refused.filter(pl.any_horizontal("location_is_known", "product_is_known"))
    pairs = unknown.select("location", "product").unique(maintain_order=True).head(HINTS_PER_BATCH)
    rows = [
        (location, product, _hint(location, catalogue), _hint(product, _products(catalogue.get(location))))
        for location, product in pairs.iter_rows()
    ]
    names = ("location", "product", "location_hint", "product_hint")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def _hint(name: str | None, known: Iterable[str]) -> str:
    if name is None or len(name) > SHOWN:
        return ""
    return hint(name, known) or f": known are {listed(known)}"


def _products(location: Location | None) -> Iterable[str]:
    return location.products if location else ()
