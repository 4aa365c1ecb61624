"""Hotels: recommendations, current and manual rates, and pairs of guests' rates, from real bookings.

A cell is (run date, hotel, room type, stay date) with the stay 0 to 60 days ahead. Whatever is said on a run
date comes from `bookings.known_before`; only the truth that it is compared with, `manual`, looks at the
bookings made on the run date itself. Amounts are EUR a night.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from data.rebuild.bookings import CURRENCY, PRODUCTS, SOURCE, ZONE, Known, known_before, load, prices
from data.rebuild.hotel_agents import AGENTS, STAY, YEAR, votes
from data.rebuild.tables import CELL, RATES, RECOMMENDATIONS, money, run_instant, shaped, whole_cents, write

FIRST_RUN, LAST_RUN = date(2016, 7, 8), date(2017, 7, 2)
HORIZON = 60  # days from the run date to the last stay date
FLOOR_SHARE = 0.01  # share of the own rates that the floor leaves below it


def days(first: date = FIRST_RUN, last: date = LAST_RUN) -> list[date]:
    """Every day from the first to the last."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def cells(run_date: date) -> pl.LazyFrame:
    """Every cell of the run date."""
    stays = pl.LazyFrame({"stay_date": days(run_date, run_date + timedelta(days=HORIZON))})
    return PRODUCTS.lazy().join(stays, how="cross").with_columns(run_date=run_date).select(CELL)


def day_votes(bookings: pl.DataFrame, run_date: date, known: Known) -> pl.DataFrame:
    """All agents' votes on one run date."""
    now, last_year = known(bookings, run_date), known(bookings, run_date - timedelta(days=YEAR))
    found = [agent(cells(run_date), now, last_year).with_columns(agent=pl.lit(name)) for name, agent in AGENTS.items()]
    return votes(pl.concat(found)).collect()


def day_current(bookings: pl.DataFrame, run_date: date, known: Known) -> pl.DataFrame:
    """The current rates on one run date: the median own rate of the last day on which one was booked."""
    own = prices(known(bookings, run_date), "own").rename({"arrival": "stay_date"})
    return (
        cells(run_date)
        .join(own, on=STAY)
        .filter(pl.col("booked") == pl.col("booked").max().over(CELL))
        .group_by(CELL)
        .agg(cents=whole_cents(pl.col("cents").median()))
        .collect()
    )


def recommendations(raw: pl.DataFrame, run_dates: Sequence[date], known: Known = known_before) -> pl.DataFrame:
    """What the agents recommend on these run dates."""
    bookings = load(raw)
    found = pl.concat([day_votes(bookings, day, known) for day in run_dates])
    return shaped(
        found.with_columns(
            agent_version=pl.lit("1"),
            rate=money(pl.col("cents")),
            currency=pl.lit(CURRENCY),
            recommended_at=run_instant(ZONE),
        ),
        RECOMMENDATIONS,
    )


def current(raw: pl.DataFrame, run_dates: Sequence[date], known: Known = known_before) -> pl.DataFrame:
    """The current rates on these run dates."""
    bookings = load(raw)
    return rates_of("current", pl.concat([day_current(bookings, day, known) for day in run_dates]))


def manual(raw: pl.DataFrame) -> pl.DataFrame:
    """The manual rates on all run dates: the median of the cell's own bookings made on the run date."""
    return rates_of("manual", own_bookings(raw).group_by(CELL).agg(cents=whole_cents(pl.col("cents").median())))


def rates_of(kind: str, found: pl.DataFrame) -> pl.DataFrame:
    """Rates of one kind; who set them, and when in the day, is not on record."""
    amounts = found.with_columns(kind=pl.lit(kind), rate=money(pl.col("cents")), currency=pl.lit(CURRENCY))
    return shaped(amounts, RATES)


def rates(raw: pl.DataFrame) -> pl.DataFrame:
    """Current and manual rates on all run dates."""
    return shaped(pl.concat([current(raw, days()), manual(raw)]), RATES)


def own_bookings(raw: pl.DataFrame) -> pl.DataFrame:
    """The bookings that count as manual rates, with their cell: direct, transient, never changed.

    A booking that was changed later shows the price after the change. One that was cancelled later stays.
    """
    own = prices(load(raw).lazy(), "own").rename({"booked": "run_date", "arrival": "stay_date"})
    ahead = (pl.col("stay_date") - pl.col("run_date")).dt.total_days()
    return own.filter(
        pl.col("changes") == 0, pl.col("run_date").is_between(FIRST_RUN, LAST_RUN), ahead <= HORIZON
    ).collect()


def manual_pairs(raw: pl.DataFrame) -> pl.DataFrame:
    """Every unordered pair of bookings that count as manual rates and share a cell: how far people agree.

    `exact_duplicate`: the two raw rows are equal in every column.
    """
    guests = own_bookings(raw).select(*CELL, "row", rate=money(pl.col("cents")))
    pairs = guests.join(guests, on=CELL, suffix="_b").filter(pl.col("row") < pl.col("row_b"))
    first, second = (raw.select(pl.all().gather(pairs[row])) for row in ("row", "row_b"))
    same = pl.all_horizontal(first[name].eq_missing(second[name]) for name in raw.columns)
    return (
        pairs.with_columns(exact_duplicate=same, currency=pl.lit(CURRENCY))
        .sort(*CELL, "row", "row_b")
        .select(*CELL, pl.col("rate").alias("rate_a"), pl.col("rate_b"), "currency", "exact_duplicate")
    )


def floors(raw: pl.DataFrame) -> pl.DataFrame:
    """Floors for `locations.toml`: the 1st percentile of the own rates known on the first run date."""
    own = prices(known_before(load(raw), FIRST_RUN), "own")
    floor = pl.col("cents").quantile(FLOOR_SHARE, "higher").cast(pl.Int64)
    return own.group_by("location", "product").agg(floor=money(floor)).sort("location", "product").collect()


def main() -> None:
    """Rebuild the three hotel tables."""
    raw = pl.read_parquet(SOURCE)
    write(recommendations(raw, days()), "recommendations", "hotels")
    write(rates(raw), "rates", "hotels")
    write(manual_pairs(raw), "manual_pairs", "hotels")


if __name__ == "__main__":
    main()
