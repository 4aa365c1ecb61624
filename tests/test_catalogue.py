from decimal import Decimal
from pathlib import Path

import pytest

from pms_lab.catalogue import load_catalogue
from pms_lab.errors import SettingsError
from tests.conftest import LOCATIONS_TOML, ROOT

PLACE = """[DESK]
name = "Desk"
zone = "Europe/Lisbon"
currency = "EUR"
price_step = "0.10"
products = { E = { label = "E-class" } }
"""


def test_a_location_is_read_with_its_zone_money_and_products(tmp_path: Path) -> None:
    (tmp_path / "locations.toml").write_text(LOCATIONS_TOML)
    desk = load_catalogue(tmp_path / "locations.toml")["DESK"]
    assert (desk.code, desk.zone.key, desk.currency, desk.price_step) == (
        "DESK",
        "America/Los_Angeles",
        "USD",
        Decimal("0.10"),
    )
    assert [(code, product.label, product.floor) for code, product in desk.products.items()] == [
        ("E", "E-class", Decimal("30.00")),
        ("F", "F-class", None),
    ]
    assert not desk.allow_negative


def test_the_shipped_catalogue_is_valid() -> None:
    shipped = load_catalogue(ROOT / "data" / "locations.toml")
    assert list(shipped) == ["LAS_AIRPORT", "CITY_HOTEL", "RESORT_HOTEL", "PJM_EXPERTS"]
    assert [code for code, place in shipped.items() if place.allow_negative] == ["PJM_EXPERTS"]
    assert all(place.note for place in shipped.values())


@pytest.mark.parametrize(
    ("was", "now", "named"),
    [
        ("Europe/Lisbon", "Europe/Lisboa", "DESK.zone = 'Europe/Lisboa'"),
        ('"EUR"', '"euro"', "DESK.currency = 'euro'"),
        ('"0.10"', '"0"', "DESK.price_step = '0'"),
        ("{ E = { label", "{ E = { lable", "DESK.products.E.label"),
        ("{ E = {", '{ "../x" = {', "../x"),
        ("[DESK]", '["../x"]', "../x"),
        ("name", "nmae", "DESK.name"),
        ("[DESK]", "[DESK", "cannot be read"),
        (
            '{ E = { label = "E-class" } }',
            '{ E = { label = "Car" }, F = { label = "Car" } }',
            "two products have one label",
        ),
    ],
)
def test_a_mistyped_entry_names_itself(tmp_path: Path, was: str, now: str, named: str) -> None:
    path = tmp_path / "locations.toml"
    path.write_text(PLACE.replace(was, now, 1))
    with pytest.raises(SettingsError) as error:
        load_catalogue(path)
    assert named in str(error.value)
    assert str(path) in str(error.value)


def test_a_missing_catalogue_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_catalogue(tmp_path / "locations.toml")
