"""Nothing said about the hotels on a run date depends on what came later, and the checks would notice."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

import polars as pl
import pytest

from data.rebuild import hotels
from data.rebuild.bookings import SOURCE, Known, known_before, load
from data.rebuild.no_look_ahead import later_bookings_tell, later_statuses_tell

Build = Callable[..., pl.DataFrame]
RUN_DATES = [*hotels.days()[::40], hotels.LAST_RUN]
DAYS_BEFORE = (0, 1, 2, 7, 30)  # of the run dates up to the one at stake, those that are built


@pytest.fixture(scope="module")
def raw() -> pl.DataFrame:
    return pl.read_parquet(SOURCE)


def up_to(run_date: date, build: Build, known: Known = known_before) -> Callable[[pl.DataFrame], pl.DataFrame]:
    days = [run_date - timedelta(days=n) for n in DAYS_BEFORE]
    return partial(build, run_dates=[day for day in days if day >= hotels.FIRST_RUN], known=known)


def bookings_of_the_run_date_known(bookings: pl.DataFrame, run_date: date) -> pl.LazyFrame:
    return known_before(bookings, run_date + timedelta(days=1))


def every_booking_known(bookings: pl.DataFrame, run_date: date) -> pl.LazyFrame:
    return known_before(bookings, date.max)


def final_status_known(bookings: pl.DataFrame, run_date: date) -> pl.LazyFrame:
    return bookings.lazy().filter(pl.col("booked") < run_date)


def cancellations_of_the_run_date_known(bookings: pl.DataFrame, run_date: date) -> pl.LazyFrame:
    today = pl.col("cancelled") & (pl.col("cancelled_on") <= run_date)
    return bookings.lazy().filter(pl.col("booked") < run_date).with_columns(cancelled=today)


@pytest.mark.parametrize("build", [hotels.recommendations, hotels.current])
@pytest.mark.parametrize("run_date", RUN_DATES, ids=str)
def test_bookings_made_on_or_after_the_run_date_change_nothing(raw: pl.DataFrame, run_date: date, build: Build) -> None:
    assert later_bookings_tell(up_to(run_date, build), raw, run_date).is_empty()


@pytest.mark.parametrize("build", [hotels.recommendations, hotels.current])
@pytest.mark.parametrize("run_date", RUN_DATES, ids=str)
def test_statuses_dated_on_or_after_the_run_date_change_nothing(
    raw: pl.DataFrame, run_date: date, build: Build
) -> None:
    assert later_statuses_tell(up_to(run_date, build), raw, run_date).is_empty()


@pytest.mark.parametrize("later_tells", [later_bookings_tell, later_statuses_tell])
def test_no_vote_of_the_half_year_up_to_a_run_date_changes(
    raw: pl.DataFrame, later_tells: Callable[..., pl.DataFrame]
) -> None:
    run_date = date(2017, 1, 8)
    half_year = partial(hotels.recommendations, run_dates=hotels.days(last=run_date))
    assert later_tells(half_year, raw, run_date).is_empty()


@pytest.mark.parametrize("build", [hotels.recommendations, hotels.current])
@pytest.mark.parametrize("leak", [bookings_of_the_run_date_known, every_booking_known])
@pytest.mark.parametrize("run_date", [RUN_DATES[0], RUN_DATES[-1]], ids=str)
def test_an_agent_that_sees_later_bookings_is_caught(
    raw: pl.DataFrame, run_date: date, leak: Known, build: Build
) -> None:
    assert later_bookings_tell(up_to(run_date, build, leak), raw, run_date).height > 0


@pytest.mark.parametrize("leak", [final_status_known, cancellations_of_the_run_date_known])
@pytest.mark.parametrize("run_date", [RUN_DATES[0], RUN_DATES[-1]], ids=str)
def test_an_agent_that_sees_later_cancellations_is_caught(raw: pl.DataFrame, run_date: date, leak: Known) -> None:
    found = later_statuses_tell(up_to(run_date, hotels.recommendations, leak), raw, run_date)
    assert set(found["agent"]) == {"pickup_pace"}


def test_a_leak_of_bookings_reaches_every_agent_that_looks_at_this_year(raw: pl.DataFrame) -> None:
    last = hotels.LAST_RUN
    found = later_bookings_tell(up_to(last, hotels.recommendations, every_booking_known), raw, last)
    assert set(found["agent"]) == {
        "own_last_week",
        "online_same_day",
        "online_nearby",
        "own_level",
        "pickup_pace",
    }


def test_each_proof_covers_votes_of_all_six_agents_on_all_run_dates_built(raw: pl.DataFrame) -> None:
    built = up_to(hotels.LAST_RUN, hotels.recommendations)(raw)
    assert built.group_by("run_date").agg(pl.col("agent").n_unique())["agent"].to_list() == [6] * len(DAYS_BEFORE)


def test_what_is_known_leaves_out_every_final_value(raw: pl.DataFrame) -> None:
    bookings = load(raw)
    hidden = set(bookings.columns) - set(known_before(bookings, hotels.LAST_RUN).collect_schema())
    assert hidden == {"row", "cancelled_on", "changes"}


def test_the_order_of_the_bookings_changes_nothing(raw: pl.DataFrame) -> None:
    build = up_to(hotels.LAST_RUN, hotels.recommendations)
    assert build(raw.sample(fraction=1, shuffle=True, seed=7)).equals(build(raw))
