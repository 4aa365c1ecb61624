"""The answers to the scoring questions, for one location up to one run date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from pms_lab.domain.location import Location
from pms_lab.rules.consensus import Method
from pms_lab.rules.tolerance import Tolerance
from pms_lab.scoring.database import Database, literal
from pms_lab.scoring.intervals import clustered_mean, clustered_share, with_holm


@dataclass(frozen=True)
class Scores:
    """Every answer, as frames whose columns the `.sql` of the same name explains. Rates are decimals.

    Attributes:
        run_date: the last day looked at; the comparison of that day is `today`.
        method: how the consensus was found.
        comparison: a row per cell and day: recommended, current and manual rate.
        confidence: 'Confidence Avg' of the run date, 0 to 1; None when nobody voted.
        overall: the measures of the consensus over all days, one row.
        bias: per product the consensus's mean difference, with its interval and Holm-adjusted p-value.
        agreement: per agent the share within tolerance, with its interval.
        noise_floor: how often two people agree, one row, or none where it cannot be computed.
    """

    location: Location
    run_date: date
    tolerance: Tolerance
    method: Method
    comparison: pl.DataFrame
    confidence: float | None
    overall: pl.DataFrame
    by_run_date: pl.DataFrame
    by_product: pl.DataFrame
    by_agent: pl.DataFrame
    bias: pl.DataFrame
    agreement: pl.DataFrame
    weight_effects: pl.DataFrame
    noise_floor: pl.DataFrame

    @property
    def today(self) -> pl.DataFrame:
        """The comparison of the run date alone."""
        return self.comparison.filter(run_date=self.run_date)

    @property
    def days_scored(self) -> int:
        """How many run dates have a cell with both a recommended and a manual rate."""
        return self.comparison.filter(pl.col("difference").is_not_null())["run_date"].n_unique()

    @property
    def noise_floor_within(self) -> float | None:
        """How often two people agree within the tolerance, 0 to 1; None where it cannot be computed."""
        return None if self.noise_floor.is_empty() else self.noise_floor["within"].item()


def score(
    db: Database,
    location: Location,
    run_date: date,
    tolerance: Tolerance,
    method: Method,
    pairs_of_manual_rates: Sequence[Path] = (),
) -> Scores:
    """Ask every question of the loaded dry runs of one location, which end on the run date.

    Args:
        pairs_of_manual_rates: files with two people's rates for the same cell, for the noise floor.

    Raises:
        StoreError: a stored file is damaged.
    """
    judged = {"tolerance": tolerance.amount, "is_percent": tolerance.is_percent}
    sums = db.ask("daily_sums", **judged)
    together = sums.filter(agent="consensus")
    return Scores(
        location=location,
        run_date=run_date,
        tolerance=tolerance,
        method=method,
        comparison=db.ask("comparison", **judged),
        confidence=db.ask("confidence_avg", run_date=run_date).item(),
        overall=db.ask("score_by_location", **judged),
        by_run_date=db.ask("score_by_run_date", **judged),
        by_product=db.ask("score_by_product", **judged),
        by_agent=db.ask("score_by_agent", **judged),
        bias=with_holm(clustered_mean(together, by="product", total="difference")),
        agreement=clustered_share(sums, by="agent", total="within"),
        weight_effects=db.ask("weight_effects"),
        noise_floor=_noise_floor(db, pairs_of_manual_rates, location.code, run_date, judged),
    )


def _noise_floor(
    db: Database, files: Sequence[Path], location: str, last: date, judged: dict[str, object]
) -> pl.DataFrame:
    if not files:
        return pl.DataFrame()
    return db.ask("noise_floor", files=literal(files), location=location, last=last, **judged)
