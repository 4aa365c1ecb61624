"""Every shipped table has the columns, types and keys that are promised to those who read it."""

import polars as pl
import pytest

from data.rebuild.tables import DATA

CELL = {"run_date": pl.Date(), "location": pl.String(), "product": pl.String(), "stay_date": pl.Date()}
UNKNOWN = {"rate_plan": pl.String(), "occupancy": pl.Int32(), "tax_basis": pl.String()}
MONEY = pl.Decimal(14, 4)
INSTANT = pl.Datetime("us", "UTC")
RECOMMENDATIONS = {
    **CELL,
    **UNKNOWN,
    "agent": pl.String(),
    "agent_version": pl.String(),
    "rate": MONEY,
    "currency": pl.String(),
    "confidence": pl.Float64(),
    "recommended_at": INSTANT,
}
RATES = {
    **CELL,
    **UNKNOWN,
    "kind": pl.String(),
    "rate": MONEY,
    "currency": pl.String(),
    "set_by": pl.String(),
    "set_at": INSTANT,
    "recommendation_seen_at": INSTANT,
}
PAIRS = {**CELL, "rate_a": MONEY, "rate_b": MONEY, "currency": pl.String(), "exact_duplicate": pl.Boolean()}
NAMES = ["hotels", "experts", "las_airport"]


def shipped(folder: str, name: str) -> pl.DataFrame:
    return pl.read_parquet(DATA / folder / f"{name}.parquet")


@pytest.mark.parametrize("name", NAMES)
def test_recommendations_have_the_promised_columns_in_order(name: str) -> None:
    assert list(shipped("recommendations", name).schema.items()) == list(RECOMMENDATIONS.items())


@pytest.mark.parametrize("name", NAMES)
def test_rates_have_the_promised_columns_in_order(name: str) -> None:
    assert list(shipped("rates", name).schema.items()) == list(RATES.items())


def test_pairs_have_the_promised_columns_in_order() -> None:
    assert list(shipped("manual_pairs", "hotels").schema.items()) == list(PAIRS.items())


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_votes_once_per_cell_with_a_confidence_above_0_in_whole_percent(name: str) -> None:
    votes = shipped("recommendations", name)
    assert not votes.select(*CELL, "agent").is_duplicated().any()
    assert votes["confidence"].is_between(0.01, 1).all()
    assert (votes["confidence"].round(2) == votes["confidence"]).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_has_at_most_one_current_and_one_manual_rate(name: str) -> None:
    rates = shipped("rates", name)
    assert set(rates["kind"]) == {"current", "manual"}
    assert not rates.select(*CELL, "kind").is_duplicated().any()


@pytest.mark.parametrize("name", NAMES)
def test_agents_have_names_that_are_safe_as_paths(name: str) -> None:
    assert shipped("recommendations", name)["agent"].str.contains("^[a-z0-9_]+$").all()


@pytest.mark.parametrize("name", NAMES)
def test_only_stay_dates_and_what_no_source_records_are_null(name: str) -> None:
    votes, rates = shipped("recommendations", name), shipped("rates", name)
    empty = {"rate_plan", "occupancy", "tax_basis", *({"stay_date"} if name == "las_airport" else set())}
    assert {column.name for column in votes if column.null_count()} == empty
    assert {column.name for column in rates if column.null_count()} == empty | {
        "set_by",
        "set_at",
        "recommendation_seen_at",
    }
