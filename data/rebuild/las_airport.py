"""Las Vegas airport: one day's car rental sample, US dollars a day; its votes are constructed.

Source: `raw/las_airport.toml`, which says what is constructed and what is not.
"""

import tomllib
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from data.rebuild.tables import RATES, RAW, RECOMMENDATIONS, run_instant, shaped, write

LOCATION = "LAS_AIRPORT"
ZONE = "America/Los_Angeles"
SOURCE = RAW / "las_airport.toml"

Sample = dict[str, Any]


def load() -> Sample:
    """The sample as it stands in the file, amounts as text."""
    return tomllib.loads(SOURCE.read_text(encoding="utf-8"))


def on_the_day(sample: Sample, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """The rows with what they all share; a car class has no stay date."""
    return pl.DataFrame(rows).with_columns(
        run_date=date.fromisoformat(sample["run_date"]),
        location=pl.lit(LOCATION),
        currency=pl.lit(sample["currency"]),
    )


def recommendations(sample: Sample) -> pl.DataFrame:
    """The constructed votes."""
    rows = [
        {"product": product, "agent": agent, "rate": Decimal(vote["rate"]), "confidence": vote["confidence"]}
        for product, votes in sample["constructed"]["votes"].items()
        for agent, vote in votes.items()
    ]
    votes = on_the_day(sample, rows)
    return shaped(votes.with_columns(agent_version=pl.lit("1"), recommended_at=run_instant(ZONE)), RECOMMENDATIONS)


def rates(sample: Sample) -> pl.DataFrame:
    """The current and the manual rates."""
    rows = [
        {"product": product, "kind": kind, "rate": Decimal(rate)}
        for kind in ("current", "manual")
        for product, rate in sample[kind].items()
    ]
    return shaped(on_the_day(sample, rows), RATES)


def main() -> None:
    """Rebuild the two Las Vegas tables."""
    sample = load()
    write(recommendations(sample), "recommendations", "las_airport")
    write(rates(sample), "rates", "las_airport")


if __name__ == "__main__":
    main()
