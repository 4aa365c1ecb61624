"""The Las Vegas sample's shipped tables."""

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from data.rebuild import las_airport
from data.rebuild.tables import DATA

Votes = dict[str, list[tuple[Decimal, Decimal]]]


@pytest.fixture(scope="module")
def votes() -> Votes:
    """Rates and confidences per car class."""
    found: Votes = defaultdict(list)
    table = pl.read_parquet(DATA / "recommendations/las_airport.parquet")
    for product, rate, confidence in table.select("product", "rate", "confidence").rows():
        found[product].append((rate, Decimal(repr(confidence))))
    return found


def test_rebuilt_tables_equal_the_shipped_ones() -> None:
    sample = las_airport.load()
    votes, rates = las_airport.recommendations(sample), las_airport.rates(sample)
    assert_frame_equal(votes, pl.read_parquet(DATA / "recommendations/las_airport.parquet"), check_exact=True)
    assert_frame_equal(rates, pl.read_parquet(DATA / "rates/las_airport.parquet"), check_exact=True)


def test_the_weighted_mean_to_the_price_step_is_the_consensus_of_the_report(votes: Votes) -> None:
    step, consensus = Decimal("0.10"), {}
    for product, cast in votes.items():
        total = sum((weight for _, weight in cast), Decimal(0))
        mean = sum((rate * weight for rate, weight in cast), Decimal(0)) / total
        consensus[product] = (mean / step).quantize(Decimal(1), ROUND_HALF_UP) * step
    assert consensus == {"E": Decimal("46.50"), "F": Decimal("48.20"), "S": Decimal("51.80")}


def test_the_average_confidence_is_78_percent_exactly(votes: Votes) -> None:
    means = [sum((weight for _, weight in cast), Decimal(0)) / len(cast) for cast in votes.values()]
    assert sum(means, Decimal(0)) / len(means) == Decimal("0.78")


def test_the_confidences_differ_within_every_class(votes: Votes) -> None:
    assert all(len({weight for _, weight in cast}) == 3 for cast in votes.values())


def test_current_and_manual_rates_are_those_of_the_report() -> None:
    rates = pl.read_parquet(DATA / "rates/las_airport.parquet").select("product", "kind", pl.col("rate").cast(float))
    by_class = {
        "E": {"current": 46.0, "manual": 46.5},
        "F": {"current": 48.0, "manual": 48.0},
        "S": {"current": 51.0, "manual": 52.0},
    }
    assert {(p, k): rate for p, k, rate in rates.rows()} == {
        (product, kind): rate for product, kinds in by_class.items() for kind, rate in kinds.items()
    }


def test_everything_is_of_one_day_at_six_local_time_and_without_a_stay_date() -> None:
    votes = pl.read_parquet(DATA / "recommendations/las_airport.parquet")
    assert votes["run_date"].unique().to_list() == [date(2026, 2, 18)]
    assert votes["recommended_at"].unique().to_list() == [datetime(2026, 2, 18, 14, tzinfo=UTC)]
    assert votes["stay_date"].is_null().all()
