"""`data/locations.toml`, money, and the README's list of raw files agree with the data they describe."""

import hashlib
import tomllib
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.rebuild import bookings, experts, hotels, las_airport
from data.rebuild.tables import DATA, RAW, money, whole_cents

NAMES = ("hotels", "experts", "las_airport")


@pytest.fixture(scope="module")
def locations() -> dict[str, Any]:
    return tomllib.loads((DATA / "locations.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tables() -> list[pl.DataFrame]:
    """The identifying columns of every shipped table."""
    paths = [DATA / folder / f"{name}.parquet" for folder in ("recommendations", "rates") for name in NAMES]
    return [pl.read_parquet(path, columns=["location", "product", "rate", "currency"]) for path in paths]


def test_each_location_and_product_is_listed_and_in_the_tables(
    locations: dict[str, Any], tables: list[pl.DataFrame]
) -> None:
    listed = {(name, product) for name, place in locations.items() for product in place["products"]}
    for folder in (tables[:3], tables[3:]):
        shipped = {row for table in folder for row in table.select("location", "product").unique().rows()}
        assert shipped == listed


def test_each_location_has_its_currency_and_a_price_step_that_its_rates_fit(
    locations: dict[str, Any], tables: list[pl.DataFrame]
) -> None:
    for table in tables:
        for name, currency, rate in table.select("location", "currency", "rate").unique().rows():
            assert currency == locations[name]["currency"]
            assert rate % Decimal(locations[name]["price_step"]) == 0


def test_only_electricity_may_have_negative_prices_and_only_it_has(
    locations: dict[str, Any], tables: list[pl.DataFrame]
) -> None:
    allowed = {name for name, place in locations.items() if place["allow_negative"]}
    negative = {name for table in tables for name in table.filter(pl.col("rate") < 0)["location"]}
    assert allowed == negative == {experts.LOCATION}


def test_each_location_has_the_zone_of_its_tables(locations: dict[str, Any]) -> None:
    zones = {name: place["zone"] for name, place in locations.items()}
    assert zones == {
        "LAS_AIRPORT": las_airport.ZONE,
        "CITY_HOTEL": bookings.ZONE,
        "RESORT_HOTEL": bookings.ZONE,
        "PJM_EXPERTS": experts.ZONE,
    }


def test_hotel_floors_are_the_first_percentile_of_earlier_own_rates(locations: dict[str, Any]) -> None:
    derived = hotels.floors(pl.read_parquet(bookings.SOURCE))
    for name, product, floor in derived.rows():
        assert Decimal(locations[name]["products"][product]["floor"]) == floor
    assert derived.height == 5


def test_las_vegas_floors_are_the_constructed_ones(locations: dict[str, Any]) -> None:
    products = locations["LAS_AIRPORT"]["products"]
    assert {product: entry["floor"] for product, entry in products.items()} == las_airport.load()["constructed"][
        "floors"
    ]


def test_electricity_has_no_floor(locations: dict[str, Any]) -> None:
    assert not any("floor" in entry for entry in locations["PJM_EXPERTS"]["products"].values())


def test_the_raw_files_are_those_that_the_readme_names() -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in RAW.iterdir()}
    assert [name for name, checksum in sums.items() if f"{checksum}  {name}" not in readme] == []


@given(st.integers(min_value=1, max_value=10**9))
def test_money_is_exact_to_the_cent(cents: int) -> None:
    amount = pl.select(money(pl.lit(cents))).item()
    assert amount == Decimal(cents) / 100


@given(st.integers(min_value=1, max_value=10**9))
def test_a_median_between_two_cents_goes_up(cents: int) -> None:
    assert pl.select(whole_cents(pl.lit(cents + 0.5))).item() == cents + 1
