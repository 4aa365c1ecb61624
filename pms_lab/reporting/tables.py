"""Tables as people read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import polars as pl
from great_tables import GT, loc, style

from pms_lab.domain.location import Location
from pms_lab.scoring.contract import CONSENSUS
from pms_lab.scoring.scores import Scores
from pms_lab.wording import UNKNOWN, change, money, signed_money

MOST_ROWS: Final = 40
DETAILS: Final = {"stay_date": "Stay date", "rate_plan": "Rate plan", "occupancy": "Persons", "tax_basis": "Tax"}


@dataclass(frozen=True)
class Table:
    """A finished table, shown in a notebook as HTML; its text is the same on every run, as a saved notebook needs."""

    name: str
    rows: int
    html: str = field(repr=False)

    def _repr_html_(self) -> str:
        return self.html


def cells_of_the_day(scores: Scores) -> Table:
    """Show the cells of the run date that a person can judge: those with a manual rate, or without a stay date.

    Of more than `MOST_ROWS`, those with the largest difference.
    """
    has_manual = pl.col("manual").is_not_null() | pl.col("manual_seen").is_not_null()
    judged = scores.today.filter(has_manual | pl.col("stay_date").is_null())
    rows = judged
    if judged.height > MOST_ROWS:
        rows = judged.sort(pl.col("difference").abs(), descending=True, nulls_last=True).head(MOST_ROWS)
    shown = rows.select(
        _label(scores.location),
        *[name for name in DETAILS if rows[name].null_count() < rows.height],
        "current",
        "rate",
        pl.Series("moved", [_moved(row) for row in rows.iter_rows(named=True)], dtype=pl.String),
        pl.coalesce("manual", "manual_seen"),
        "difference",
        _verdict().alias("verdict"),
    )
    table = _table(shown, "today", scores.location.currency, ["current", "rate", "manual"], ["difference"])
    names = {**DETAILS, "label": "Class", "current": "Current", "rate": "Recommended", "moved": "Change"}
    names |= {"manual": "Manual", "difference": "Difference", "verdict": "Verdict"}
    table = table.cols_label({name: names[name] for name in shown.columns}).cols_align("right", "moved")
    table = table.tab_style(
        style.css("padding-left: 24px"), [loc.body(columns="verdict"), loc.column_labels("verdict")]
    )
    for note in _left_out(scores.today.height - judged.height, judged.height - rows.height):
        table = table.tab_source_note(note)
    return Table("today", rows.height, table.as_raw_html())


def _left_out(without_manual: int, smaller: int) -> list[str]:
    told = [
        (smaller, "more with a manual rate and a smaller difference."),
        (without_manual, "more on that day without a manual rate to compare."),
    ]
    return [f"{count:,} {what}" for count, what in told if count]


def products_compared(scores: Scores) -> Table:
    """Show how each class scores over all run dates so far."""
    rows = scores.by_product.with_columns(_label(scores.location))
    table = _measures(rows.select("label", *MEASURES), "products", scores.location.currency).cols_label(label="Class")
    return Table("products", rows.height, table.as_raw_html())


def agents_table(scores: Scores) -> Table:
    """Show how each agent, and the consensus, scores over all run dates so far; the best first."""
    rows = scores.by_agent.sort("within", "agent", descending=[True, False], nulls_last=True)
    table = _measures(rows.select("agent", *MEASURES), "agents", scores.location.currency).cols_label(agent="Agent")
    table = table.tab_style(style.text(weight="bold"), loc.body(rows=pl.col("agent") == CONSENSUS))
    return Table("agents", rows.height, table.as_raw_html())


MEASURES: Final = ("recommended", "scored", "coverage", "exact", "within", "error", "bias", "confidence")


def _measures(rows: pl.DataFrame, name: str, currency: str) -> GT:
    table = _table(rows, name, currency, ["error"], ["bias"])
    return (
        table.fmt_integer(["recommended", "scored"])
        .fmt_percent(["coverage", "exact", "within"], decimals=1)
        .fmt_percent("confidence", decimals=0)
        .cols_label(
            recommended="Recommended", scored="Compared", coverage="Coverage", exact="Exact", within="Within",
            error="Mean error", bias="Bias", confidence="Confidence",
        )
    )  # fmt: skip


def _table(rows: pl.DataFrame, name: str, currency: str, amounts: list[str], differences: list[str]) -> GT:
    numbers = [column for column, kind in rows.schema.items() if kind.is_numeric()]
    return (
        GT(rows, id=name)
        .fmt(partial(money, currency=currency), amounts)
        .fmt(partial(signed_money, currency=currency), differences)
        .cols_align("right", numbers)
        .sub_missing(missing_text=UNKNOWN)
        .tab_options(
            table_font_size="14px", table_width="100%", column_labels_font_weight="600", table_font_color="#1f2933"
        )
    )


def _label(location: Location) -> pl.Expr:
    return (
        pl.col("product").replace({code: product.label for code, product in location.products.items()}).alias("label")
    )


def _moved(row: dict[str, Any]) -> str | None:
    return None if row["rate"] is None or row["current"] is None else change(row["rate"], row["current"])


def _verdict() -> pl.Expr:
    return (
        pl.when(pl.col("rate").is_null()).then(pl.lit("no recommendation"))
        .when(pl.col("manual_seen").is_not_null()).then(pl.lit("not counted: recommendation was seen"))
        .when(pl.col("manual").is_null()).then(pl.lit("no manual rate"))
        .when(pl.col("exact")).then(pl.lit("✓ match"))
        .when(pl.col("within")).then(pl.lit("within tolerance"))
        .otherwise(pl.lit("conflict"))
    )  # fmt: skip
