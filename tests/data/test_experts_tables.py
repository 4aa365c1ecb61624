"""The electricity experts' shipped tables."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from statistics import median

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from data.rebuild import experts
from data.rebuild.no_look_ahead import later_prices_tell
from data.rebuild.tables import CELL, DATA

FIRST_RUN, LAST_RUN = date(2017, 1, 23), date(2018, 12, 23)
RUN_DATES = [FIRST_RUN, date(2017, 3, 12), date(2018, 1, 7), LAST_RUN]


@pytest.fixture(scope="module")
def raw() -> pl.DataFrame:
    return pl.read_parquet(experts.SOURCE)


@pytest.fixture(scope="module")
def votes() -> pl.DataFrame:
    return pl.read_parquet(DATA / "recommendations/experts.parquet")


@pytest.fixture(scope="module")
def rates() -> pl.DataFrame:
    return pl.read_parquet(DATA / "rates/experts.parquet")


def up_to(run_date: date, lag: int = 1) -> Callable[[pl.DataFrame], pl.DataFrame]:
    build = partial(experts.recommendations, lag=lag)
    return lambda raw: build(raw).filter(pl.col("run_date") <= run_date)


def cents(price: float) -> Decimal:
    return Decimal(repr(price)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_rebuilt_tables_equal_the_shipped_ones(raw: pl.DataFrame, votes: pl.DataFrame, rates: pl.DataFrame) -> None:
    assert_frame_equal(experts.recommendations(raw), votes, check_exact=True)
    assert_frame_equal(experts.rates(raw), rates, check_exact=True)


def test_eight_experts_vote_on_every_hour_of_700_days_and_no_ensemble_does(votes: pl.DataFrame) -> None:
    assert votes.height == 700 * 24 * 8
    assert votes.group_by(CELL).agg(pl.col("agent").n_unique())["agent"].unique().to_list() == [8]
    assert not votes["agent"].str.contains("ensemble").any()
    assert (votes["run_date"].min(), votes["run_date"].max()) == (FIRST_RUN, LAST_RUN)


def test_the_run_date_is_the_day_before_delivery(votes: pl.DataFrame, rates: pl.DataFrame) -> None:
    for table in (votes, rates):
        assert ((table["stay_date"] - table["run_date"]) == timedelta(days=1)).all()


def test_the_source_has_24_hours_on_each_of_728_days(raw: pl.DataFrame) -> None:
    assert raw.height == 728 * 24
    assert raw["ts"].diff().drop_nulls().unique().to_list() == [timedelta(hours=1)]


def test_rates_are_the_realised_price_and_the_one_of_a_day_earlier_to_the_cent(
    raw: pl.DataFrame, rates: pl.DataFrame
) -> None:
    realised = {(ts.date(), f"H{ts:%H}"): cents(price) for ts, price in raw.select("ts", "real_price").rows()}
    days_earlier = {"manual": 0, "current": 1}
    for product, delivery, kind, rate in rates.select("product", "stay_date", "kind", "rate").rows():
        assert rate == realised[delivery - timedelta(days=days_earlier[kind]), product]


def test_votes_are_the_forecasts_to_the_cent(raw: pl.DataFrame, votes: pl.DataFrame) -> None:
    forecasts = {(ts.date(), f"H{ts:%H}"): row for ts, *row in raw.select("ts", *experts.EXPERTS).rows()}
    for product, delivery, agent, rate in votes.select("product", "stay_date", "agent", "rate").rows():
        assert rate == cents(forecasts[delivery, product][experts.EXPERTS.index(agent)])


def test_74_manual_rates_are_negative(rates: pl.DataFrame) -> None:
    assert rates.filter(pl.col("kind") == "manual", pl.col("rate") < 0).height == 74


@pytest.mark.parametrize("agent", ["dnn_1", "lear_1456"])
def test_a_confidence_is_that_of_the_28_deliveries_before(raw: pl.DataFrame, votes: pl.DataFrame, agent: str) -> None:
    delivery, hour = date(2018, 1, 9), 17
    first = delivery - timedelta(days=28)
    past = raw.filter(
        pl.col("ts").dt.hour() == hour,
        pl.col("ts").dt.date().is_between(first, delivery - timedelta(days=1)),
    )
    low, high = np.quantile(past["real_price"], [0.25, 0.75])
    error = median((past[agent] - past["real_price"]).abs().to_list())
    shipped = votes.row(
        by_predicate=(pl.col("stay_date") == delivery) & (pl.col("product") == f"H{hour}") & (pl.col("agent") == agent),
        named=True,
    )
    assert past.height == 28
    assert shipped["confidence"] == pytest.approx((high - low) / (high - low + error), abs=0.005)


@pytest.mark.parametrize("run_date", RUN_DATES, ids=str)
def test_prices_realised_after_the_run_date_change_nothing(raw: pl.DataFrame, run_date: date) -> None:
    assert up_to(run_date)(raw).height > 0
    assert later_prices_tell(up_to(run_date), raw, run_date).is_empty()


@pytest.mark.parametrize("run_date", RUN_DATES, ids=str)
def test_a_confidence_that_knows_the_price_of_the_delivery_is_caught(raw: pl.DataFrame, run_date: date) -> None:
    assert later_prices_tell(up_to(run_date, lag=0), raw, run_date)["run_date"].unique().to_list() == [run_date]
