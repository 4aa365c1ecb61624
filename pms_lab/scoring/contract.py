"""The contract of recommendations and rates: their columns, and the rules that each row must keep.

A frame is validated with the facts of its location joined to it (see `with_catalogue`), so that a rule is
one expression over one row. Rules between rows (no cell twice) are kept by the importer, over the whole file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import dataframely as dy
import polars as pl

from pms_lab.domain.location import NAME, Location

TEXT: Final = r"^[^=+\-@<>\x00-\x1f\x7f][^<>\x00-\x1f\x7f]{0,199}$"
AMOUNT: Final = pl.Decimal(14, 4)
CONSENSUS: Final = "consensus"
CELL: Final = ("run_date", "location", "product", "stay_date", "rate_plan", "occupancy")


class Kind(StrEnum):
    """What an import file holds."""

    RECOMMENDATIONS = "recommendations"
    RATES = "rates"


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a file.

    Attributes:
        name: what such files hold, in the plural.
        schema: the type of each column, in order.
        required: the columns that a file must have.
        takes_floats: whether a binary float may stand for a decimal; it then means its first four decimals.
    """

    name: str
    schema: Mapping[str, pl.DataType]
    required: tuple[str, ...]
    takes_floats: bool = True


class _Row(dy.Schema):
    """What both kinds of row share.

    `row` is the row's number in its file, counted from 1 without the header. `unreadable` names the values that
    could not be read as their type. `location_currency`, `known_product` and those after come from the catalogue;
    they are null for an unknown location.
    """

    row = dy.Int64(nullable=False)
    run_date = dy.Date(nullable=False)
    location = dy.String(nullable=False, regex=NAME)
    product = dy.String(nullable=False, regex=NAME)
    stay_date = dy.Date(nullable=True)
    rate_plan = dy.String(nullable=True, regex=TEXT)
    occupancy = dy.Int32(nullable=True, min=1)
    tax_basis = dy.String(nullable=True, regex=r"^(gross|net)$")
    rate = dy.Decimal(14, 4, nullable=False)
    currency = dy.String(nullable=False, regex=r"^[A-Z]{3}$")
    unreadable = dy.String(nullable=True)
    location_currency = dy.String(nullable=True)
    known_product = dy.Bool(nullable=True)
    allow_negative = dy.Bool(nullable=True)
    latest_run_date = dy.Date(nullable=True)

    @dy.rule()
    def readable(cls) -> pl.Expr:
        return pl.col("unreadable").is_null()

    @dy.rule()
    def location_is_known(cls) -> pl.Expr:
        return pl.col("location_currency").is_not_null()

    @dy.rule()
    def product_is_known(cls) -> pl.Expr:
        return pl.col("known_product").fill_null(True)

    @dy.rule()
    def currency_is_the_location_s(cls) -> pl.Expr:
        return (pl.col("currency") == pl.col("location_currency")).fill_null(True)

    @dy.rule()
    def rate_is_not_negative(cls) -> pl.Expr:
        return (pl.col("rate") >= 0) | pl.col("allow_negative").fill_null(True)

    @dy.rule()
    def run_is_not_in_the_future(cls) -> pl.Expr:
        return (pl.col("run_date") <= pl.col("latest_run_date")).fill_null(True)

    @dy.rule()
    def stay_is_not_past(cls) -> pl.Expr:
        return (pl.col("stay_date") >= pl.col("run_date")).fill_null(True)


class RecommendationRow(_Row):
    """One agent's rate for one cell, with its confidence in 0..1."""

    agent = dy.String(nullable=False, regex=NAME)
    agent_version = dy.String(nullable=True, regex=TEXT)
    confidence = dy.Float64(nullable=False, min=0, max=1, allow_nan=False)
    recommended_at = dy.Datetime(nullable=True, time_zone="UTC")

    @dy.rule()
    def agent_is_not_reserved(cls) -> pl.Expr:
        return pl.col("agent").str.to_lowercase() != CONSENSUS


class RateRow(_Row):
    """The current, manual or floor rate of one cell."""

    kind = dy.String(nullable=False, regex=r"^(current|manual|floor)$")
    set_by = dy.String(nullable=True, regex=TEXT)
    set_at = dy.Datetime(nullable=True, time_zone="UTC")
    recommendation_seen_at = dy.Datetime(nullable=True, time_zone="UTC")


CONTRACTS: Final[Mapping[Kind, type[_Row]]] = {Kind.RECOMMENDATIONS: RecommendationRow, Kind.RATES: RateRow}

_SHARED = ("run_date", "location", "product", "stay_date", "rate_plan", "occupancy", "tax_basis")
COLUMNS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.RECOMMENDATIONS: (
        *_SHARED, "agent", "agent_version", "rate", "currency", "confidence", "recommended_at",
    ),
    Kind.RATES: (*_SHARED, "kind", "rate", "currency", "set_by", "set_at", "recommendation_seen_at"),
}  # fmt: skip
REQUIRED: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.RECOMMENDATIONS: ("run_date", "location", "product", "agent", "rate", "currency", "confidence"),
    Kind.RATES: ("run_date", "location", "product", "kind", "rate", "currency"),
}
KEYS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.RECOMMENDATIONS: (*CELL, "agent"),
    Kind.RATES: (*CELL, "kind"),
}


def schema_of(kind: Kind) -> dict[str, pl.DataType]:
    """Return the stored columns of a kind, in order, with their Polars types."""
    columns = CONTRACTS[kind].columns()
    return {name: columns[name].dtype for name in COLUMNS[kind]}


def layout_of(kind: Kind) -> Layout:
    """Return the columns of an import file."""
    return Layout(kind, schema_of(kind), REQUIRED[kind])


def with_catalogue(rows: pl.DataFrame, catalogue: Mapping[str, Location], now: datetime) -> pl.DataFrame:
    """Join the facts of each row's location, for the rules.

    They are `location_currency`, `known_product`, `allow_negative` and `latest_run_date`, which is tomorrow by the
    location's clock: a clock may be somewhat fast, but a year is mistyped.
    """
    facts = pl.DataFrame(
        [
            (
                code,
                place.currency,
                place.allow_negative,
                now.astimezone(place.zone).date() + timedelta(days=1),
                list(place.products),
            )
            for code, place in catalogue.items()
        ],
        schema={
            "location": pl.String,
            "location_currency": pl.String,
            "allow_negative": pl.Boolean,
            "latest_run_date": pl.Date,
            "products": pl.List(pl.String),
        },
        orient="row",
    )
    joined = rows.join(facts, on="location", how="left", maintain_order="left")
    known = pl.col("products").list.contains(pl.col("product"))
    return joined.with_columns(known_product=known).drop("products")
