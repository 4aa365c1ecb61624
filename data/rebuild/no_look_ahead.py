"""Checks that what was said on a run date does not depend on what came later.

Each check changes the raw material that lies at or after a run date, builds again and returns the rows that
differ: an empty frame is the proof. `build` makes rows from raw material, for run dates up to that one only.
"""

from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl

from data.rebuild.bookings import BOOKED, CHANNELS, HIGHEST_PLAUSIBLE, LOCATIONS

SEED = 20160708
STATUSES = ("Check-Out", "Canceled", "No-Show")
ROOMS = ("A", "D", "E")
SEGMENTS = (*CHANNELS, "Groups")

Build = Callable[[pl.DataFrame], pl.DataFrame]


def differing(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """The rows that only one of two frames has; no row may occur twice within a frame."""
    return pl.concat([before, after]).filter(pl.struct(pl.all()).is_unique())


def later_bookings_tell(build: Build, raw: pl.DataFrame, run_date: date) -> pl.DataFrame:
    """What changes when every booking made on or after the run date becomes another, made on or after it."""
    is_later = run_date <= BOOKED
    earlier, later = raw.filter(~is_later), raw.filter(is_later)
    return differing(build(raw), build(pl.concat([earlier, noise(later, run_date)])))


def later_statuses_tell(build: Build, raw: pl.DataFrame, run_date: date) -> pl.DataFrame:
    """What changes when every status dated on or after the run date becomes another, dated on or after it."""
    is_later = pl.col("reservation_status_date") >= run_date
    earlier, later = raw.filter(~is_later), raw.filter(is_later)
    return differing(build(raw), build(pl.concat([earlier, scrambled(later, run_date)])))


def later_prices_tell(build: Build, raw: pl.DataFrame, run_date: date) -> pl.DataFrame:
    """What changes when every realised price of a delivery after the run date becomes another."""
    random = pl.Series(np.random.default_rng(SEED).normal(30, 30, raw.height))
    is_later = pl.col("ts").dt.date() > run_date
    return differing(
        build(raw), build(raw.with_columns(real_price=pl.when(is_later).then(random).otherwise("real_price")))
    )


def noise(bookings: pl.DataFrame, run_date: date) -> pl.DataFrame:
    """As many random bookings, made in the 60 days from the run date on for stays in the 60 days after."""
    rng, n = np.random.default_rng(SEED), bookings.height
    lead = pl.lit(pl.Series(rng.integers(0, 60, n, dtype=np.int32)))
    ahead = pl.lit(pl.Series(rng.integers(0, 60, n, dtype=np.int32)))
    arrival = pl.lit(run_date) + pl.duration(days=ahead + lead)
    random = bookings.with_columns(
        hotel=pl.Series(rng.choice(list(LOCATIONS), n)),
        reserved_room_type=pl.Series(rng.choice(ROOMS, n)),
        market_segment=pl.Series(rng.choice(SEGMENTS, n)),
        customer_type=pl.lit("Transient"),
        adr=pl.Series(rng.integers(1, HIGHEST_PLAUSIBLE, n).astype(float)),
        lead_time=lead,
        arrival_date_year=arrival.dt.year(),
        arrival_date_month=arrival.dt.strftime("%B"),
        arrival_date_week_number=arrival.dt.week().cast(pl.Int32),
        arrival_date_day_of_month=arrival.dt.day().cast(pl.Int32),
    )
    return scrambled(random, run_date)


def scrambled(bookings: pl.DataFrame, run_date: date) -> pl.DataFrame:
    """The same bookings with random changes and random final statuses, dated from the run date on."""
    rng, n = np.random.default_rng(SEED), bookings.height
    status = pl.Series(rng.choice(STATUSES, n))
    ahead = pl.lit(pl.Series(rng.integers(0, 400, n)))
    return bookings.with_columns(
        reservation_status=status,
        is_canceled=(status != "Check-Out").cast(pl.Int32),
        reservation_status_date=pl.lit(run_date) + pl.duration(days=ahead),
        booking_changes=pl.Series(rng.integers(0, 4, n, dtype=np.int32)),
    )
