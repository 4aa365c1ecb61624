"""Intervals that take days, not cells, as what is independent: the cells of one day share its weather.

Days are taken as independent; where neighbouring days resemble one another, the intervals are too narrow.
The standard error is the cluster-robust one of a ratio of totals (W. G. Cochran, Sampling Techniques, 3rd ed., section
6.3, with days as the units); shares get a Wilson interval on the effective sample size that it implies (E. L. Korn and
B. I. Graubard, Survey Methodology 24, 1998, 193-201).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

LEVEL: Final = 0.95


def clustered_mean(daily: pl.DataFrame, *, by: str, total: str) -> pl.DataFrame:
    """Estimate the mean per cell from daily totals, with an interval.

    Args:
        daily: rows of `by`, `run_date`, `scored` (cells of the day) and the day's `total`.

    Returns:
        One row per `by`: `scored`, `days`, `mean`, `low`, `high` (95 %) and `p`, the two-sided probability of such a
        mean were the true one zero. With a single day, or days that are all off by the same, the last three are null:
        they tell nothing of day-to-day change.
    """
    found = _ratio(daily, by, total)
    half = _t_quantile(found["days"]) * found["standard_error"]
    p = _two_sided(found["mean"] / found["standard_error"], found["days"])
    found = found.with_columns(low=found["mean"] - half, high=found["mean"] + half, p=p)
    never_off = (pl.col("mean") == 0) & (pl.col("standard_error") == 0)
    known = (pl.col("standard_error") > 0) | never_off
    found = found.with_columns(p=pl.when(never_off).then(1.0).otherwise("p"))
    return found.with_columns(pl.when(known).then(pl.col("low", "high", "p"))).drop("standard_error")


def clustered_share(daily: pl.DataFrame, *, by: str, total: str) -> pl.DataFrame:
    """Estimate a share of cells from daily counts, with an interval that stays within 0 to 1.

    Args:
        daily: rows of `by`, `run_date`, `scored` (cells of the day) and `total`, how many of them count.

    Returns:
        One row per `by`: `scored`, `days`, `share`, `low`, `high` (95 %); with a single day the last two are null.
    """
    found = _ratio(daily, by, total).rename({"mean": "share"})
    share, spread = pl.col("share"), pl.col("share") * (1 - pl.col("share"))
    effective = pl.when(spread > 0).then(spread / pl.col("standard_error") ** 2).otherwise("days")
    found = found.with_columns(n=effective.clip(upper_bound="scored"), z=_t_quantile(found["days"]))
    centre, half = _wilson(share, pl.col("n"), pl.col("z"))
    bounds = found.with_columns(low=(centre - half).clip(0, 1), high=(centre + half).clip(0, 1))
    return bounds.drop("standard_error", "n", "z")


def with_holm(tests: pl.DataFrame) -> pl.DataFrame:
    """Add `p_holm`: `p` adjusted for looking at every row (S. Holm, Scand. J. of Statistics 6, 1979, 65-70)."""
    rank = pl.col("p").rank("ordinal")
    adjusted = (pl.col("p") * (pl.col("p").count() - rank + 1)).clip(upper_bound=1.0)
    return tests.with_columns(p_holm=adjusted.cum_max().over(order_by="p"))


def _t_quantile(days: pl.Series) -> pl.Series:
    from scipy.stats import t

    return pl.Series(np.asarray(t.ppf((1 + LEVEL) / 2, days.to_numpy() - 1))).fill_nan(None)


def _two_sided(extremity: pl.Series, days: pl.Series) -> pl.Series:
    from scipy.stats import t

    return pl.Series(np.asarray(2 * t.sf(extremity.abs().to_numpy(), days.to_numpy() - 1))).fill_nan(None)


def _wilson(share: pl.Expr, n: pl.Expr, z: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    scale = 1 + z**2 / n
    return (share + z**2 / (2 * n)) / scale, z / scale * (share * (1 - share) / n + z**2 / (4 * n**2)).sqrt()


def _ratio(daily: pl.DataFrame, by: str, total: str) -> pl.DataFrame:
    per_day = daily.group_by(by, "run_date").agg(pl.col("scored", total).sum())
    days = pl.len()
    mean = pl.col(total).sum() / pl.col("scored").sum()
    squares = ((pl.col(total) - mean * pl.col("scored")) ** 2).sum()
    variance = pl.when(days > 1).then(squares * days / (days - 1)) / pl.col("scored").sum() ** 2
    return (
        per_day.sort(by, "run_date")
        .group_by(by, maintain_order=True)
        .agg(pl.col("scored").sum(), days=days, mean=mean, standard_error=variance.sqrt())
    )
