"""The hotels' shipped tables are rebuilt from the raw bookings and have the figures of `data/README.md`."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from data.rebuild import hotels
from data.rebuild.bookings import SOURCE
from data.rebuild.tables import CELL, DATA

AGENTS = ["online_nearby", "online_same_day", "own_last_week", "own_last_year", "own_level", "pickup_pace"]


@pytest.fixture(scope="module")
def raw() -> pl.DataFrame:
    return pl.read_parquet(SOURCE)


@pytest.fixture(scope="module")
def votes() -> pl.DataFrame:
    return pl.read_parquet(DATA / "recommendations/hotels.parquet")


@pytest.fixture(scope="module")
def rates() -> pl.DataFrame:
    return pl.read_parquet(DATA / "rates/hotels.parquet")


@pytest.fixture(scope="module")
def judged(votes: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """The votes on cells with a manual rate, beside it."""
    manual = rates.filter(pl.col("kind") == "manual").select(*CELL, manual="rate")
    return manual.join(votes, on=CELL, how="left")


def within(error: pl.Expr) -> pl.Expr:
    return (error.round(2).abs() <= 2).mean()


def test_rebuilt_recommendations_equal_the_shipped_ones(raw: pl.DataFrame, votes: pl.DataFrame) -> None:
    assert_frame_equal(hotels.recommendations(raw, hotels.days()), votes, check_exact=True)


def test_rebuilt_rates_equal_the_shipped_ones(raw: pl.DataFrame, rates: pl.DataFrame) -> None:
    assert_frame_equal(hotels.rates(raw), rates, check_exact=True)


def test_rebuilt_pairs_equal_the_shipped_ones(raw: pl.DataFrame) -> None:
    shipped = pl.read_parquet(DATA / "manual_pairs/hotels.parquet")
    assert_frame_equal(hotels.manual_pairs(raw), shipped, check_exact=True)


def test_1764_cells_on_356_of_360_run_dates_have_a_manual_rate(rates: pl.DataFrame) -> None:
    manual = rates.filter(pl.col("kind") == "manual")
    assert (manual.height, manual["run_date"].n_unique(), len(hotels.days())) == (1764, 356, 360)


def test_every_cell_has_a_vote_and_99_percent_have_three(votes: pl.DataFrame, judged: pl.DataFrame) -> None:
    everywhere = votes.group_by(CELL).len()["len"]
    where_judged = judged.group_by(CELL).agg(pl.col("agent").count())["agent"]
    assert everywhere.len() == 360 * 5 * 61
    assert (everywhere >= 3).mean() == pytest.approx(0.989, abs=0.0005)
    assert (where_judged >= 3).sum() == 1763


def test_five_agents_agree_with_people_in_9_to_15_percent_and_pace_in_about_3(judged: pl.DataFrame) -> None:
    shares = judged.group_by("agent").agg(within(pl.col("rate") - pl.col("manual")).alias("share"))
    by_agent = dict(shares.sort("agent").rows())
    pace = by_agent.pop("pickup_pace")
    assert 0.02 < pace < 0.035
    assert sorted(by_agent) == AGENTS[:-1]
    assert all(0.09 < share < 0.15 for share in by_agent.values())


def test_the_equal_mean_agrees_with_people_in_7_to_8_percent(judged: pl.DataFrame) -> None:
    error = (pl.col("rate").cast(pl.Float64) - pl.col("manual").cast(pl.Float64)).mean()
    means = judged.group_by(CELL).agg(error.alias("error"))
    assert 0.07 < means.select(within(pl.col("error"))).item() < 0.08


def test_two_guests_agree_in_45_percent_and_in_35_without_exact_duplicates(raw: pl.DataFrame) -> None:
    pairs = hotels.manual_pairs(raw)
    distinct = pairs.filter(~pl.col("exact_duplicate"))
    shares = [frame.select(within(pl.col("rate_a") - pl.col("rate_b"))).item() for frame in (pairs, distinct)]
    assert (pairs.height, distinct.height) == (785, 671)
    assert shares == pytest.approx([0.448, 0.355], abs=0.0005)


def test_confidences_lie_between_0_and_1_and_differ_by_agent(votes: pl.DataFrame) -> None:
    assert votes["confidence"].is_between(0.01, 1).all()
    medians = dict(votes.group_by("agent").agg(pl.col("confidence").median()).rows())
    assert medians["own_last_year"] < medians["own_last_week"] < medians["own_level"]


def test_votes_are_cast_at_six_local_time(votes: pl.DataFrame) -> None:
    local = votes["recommended_at"].dt.convert_time_zone("Europe/Lisbon")
    assert (local.dt.date() == votes["run_date"]).all()
    assert (local.dt.time().cast(pl.String) == "06:00:00").all()
