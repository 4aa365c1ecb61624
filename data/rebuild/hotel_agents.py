"""Six agents that price a hotel's cells from what was known on the run date.

An agent says which earlier prices are evidence for which cell; `votes` turns any agent's evidence into a rate
and a confidence, the same way for all.

Cells have the columns `CELL`. Known bookings come from `bookings.known_before`, on the run date and a year
before it. Evidence has the columns `CELL`, `cents` (EUR cents a night, Float64), `age` (days from the booking
to the run date) and `support` (null, or a count that caps the sample size).
"""

from collections.abc import Callable

import polars as pl

from data.rebuild.bookings import prices
from data.rebuild.tables import CELL, whole_cents

YEAR = 364  # days: a year ago on the same weekday
HALF_SIZE = 3  # this many prices earn half of the confidence that many would
HALF_AGE = 90  # evidence this many days old is worth half
STAY = ("location", "product", "stay_date")

Agent = Callable[[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame], pl.LazyFrame]


def own_last_week(cells: pl.LazyFrame, known: pl.LazyFrame, _: pl.LazyFrame) -> pl.LazyFrame:
    """The hotel's own prices for the stay a week earlier."""
    return evidence(cells, prices(known, "own"), shift=-7)


def online_same_day(cells: pl.LazyFrame, known: pl.LazyFrame, _: pl.LazyFrame) -> pl.LazyFrame:
    """Online agencies' prices for the same stay."""
    return evidence(cells, prices(known, "online"))


def online_nearby(cells: pl.LazyFrame, known: pl.LazyFrame, _: pl.LazyFrame) -> pl.LazyFrame:
    """Online agencies' prices for stays within 3 days, booked in the last 28 days."""
    return evidence(cells, prices(known, "online"), width=3).filter(pl.col("age") <= 28)


def own_level(cells: pl.LazyFrame, known: pl.LazyFrame, _: pl.LazyFrame) -> pl.LazyFrame:
    """The hotel's own prices for stays within 14 days, booked in the last 60 days."""
    return evidence(cells, prices(known, "own"), width=14).filter(pl.col("age") <= 60)


def own_last_year(cells: pl.LazyFrame, known: pl.LazyFrame, _: pl.LazyFrame) -> pl.LazyFrame:
    """The hotel's own prices for stays within 10 days of the same weekday a year earlier."""
    return evidence(cells, prices(known, "own"), shift=-YEAR, width=10)


def pickup_pace(cells: pl.LazyFrame, known: pl.LazyFrame, known_last_year: pl.LazyFrame) -> pl.LazyFrame:
    """The own level times the ratio of the bookings on the books to those a year earlier, equally far ahead.

    Bookings of every channel count. Without any on either side there is no vote; the smaller number is the
    support.
    """
    now = on_the_books(known).rename({"bookings": "now"})
    then = on_the_books(known_last_year).with_columns(pl.col("stay_date") + pl.duration(days=YEAR))
    level = own_level(cells, known, known_last_year)
    return (
        level.join(now, on=STAY)
        .join(then.rename({"bookings": "then"}), on=STAY)
        .select(
            *CELL,
            pl.col("cents") * pl.col("now") / pl.col("then"),
            "age",
            support=pl.min_horizontal("now", "then"),
        )
    )


AGENTS: dict[str, Agent] = {
    agent.__name__: agent
    for agent in (own_last_week, online_same_day, online_nearby, own_level, pickup_pace, own_last_year)
}


def evidence(cells: pl.LazyFrame, sold: pl.LazyFrame, shift: int = 0, width: int = 0) -> pl.LazyFrame:
    """The prices sold for arrivals within `width` days of the stay date shifted by `shift` days."""
    offsets = pl.lit(pl.Series(range(shift - width, shift + width + 1), dtype=pl.Int32).implode())
    return (
        cells.with_columns(offset=offsets)
        .explode("offset")
        .with_columns(arrival=pl.col("stay_date") + pl.duration(days="offset"))
        .join(sold, on=["location", "product", "arrival"])
        .select(
            *CELL,
            pl.col("cents").cast(pl.Float64),
            age=(pl.col("run_date") - pl.col("booked")).dt.total_days(),
            support=pl.lit(None, pl.UInt32),
        )
    )


def on_the_books(known: pl.LazyFrame) -> pl.LazyFrame:
    """The number of `bookings` per stay that were not known to be cancelled."""
    live = known.filter(~pl.col("cancelled")).rename({"arrival": "stay_date"})
    return live.group_by(STAY).agg(bookings=pl.len())


def votes(found: pl.LazyFrame) -> pl.LazyFrame:
    """One rate (`cents`) and confidence per cell and `agent`: the evidence's median, and how much it tells.

    confidence = size · agreement · freshness, each above 0 and at most 1:
    size = n / (n + 3), n being the number of prices or, if smaller, the support;
    agreement = median / (median + interquartile range);
    freshness = 90 / (90 + median age).
    Only counts and quantiles are used, so the order of the rows cannot matter.
    """
    cents, age = pl.col("cents"), pl.col("age")
    n = pl.min_horizontal(pl.len(), pl.col("support").first())
    spread = cents.quantile(0.75, "linear") - cents.quantile(0.25, "linear")
    size = n / (n + HALF_SIZE)
    agreement = cents.median() / (cents.median() + spread)
    freshness = HALF_AGE / (HALF_AGE + age.median())
    return found.group_by(*CELL, "agent").agg(
        cents=whole_cents(cents.median()), confidence=(size * agreement * freshness).round(2)
    )
