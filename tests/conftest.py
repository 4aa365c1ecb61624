"""Fixtures that the tests of several rooms share."""

from __future__ import annotations

import os
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pms_lab.domain.location import Location, Product
from pms_lab.lab import Lab, open_lab
from pms_lab.scoring.contract import Kind, schema_of

ROOT = Path(__file__).parents[1]

LOCATIONS_TOML = """\
[DESK]
name = "Airport desk"
zone = "America/Los_Angeles"
currency = "USD"
price_step = "0.10"
note = "Made up for the tests."
products = { E = { label = "E-class", floor = "30.00" }, F = { label = "F-class" } }

[INN]
name = "Inn"
zone = "Europe/Lisbon"
currency = "EUR"
price_step = "0.01"
products = { A = { label = "Room A" } }
"""


@pytest.fixture
def desk() -> Location:
    """A car-rental desk in dollars with two classes."""
    products = {"E": Product("E", "E-class", Decimal("30.00")), "F": Product("F", "F-class")}
    return Location("DESK", "Airport desk", ZoneInfo("America/Los_Angeles"), "USD", Decimal("0.10"), products)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home with two locations and the project's notebooks, which the commands find by PMS_LAB_HOME."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "locations.toml").write_text(LOCATIONS_TOML)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    monkeypatch.setenv("PMS_LAB_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def lab(home: Path) -> Lab:
    """The workbench in that home."""
    return open_lab()


@pytest.fixture(scope="session")
def shipped_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the shipped data and notebooks, where tests may write."""
    return ship(tmp_path_factory.mktemp("shipped"))


def ship(home: Path) -> Path:
    """Put the shipped data and notebooks into a home, without what this checkout has imported or made since."""
    shutil.copytree(
        ROOT / "data", home / "data", ignore=shutil.ignore_patterns("dry_runs", "quarantine", "ledger", "import-*")
    )
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    return home


def evidence(home: Path, kind: Kind, rows: list[dict[str, Any]], name: str = "shipped") -> Path:
    """Put rows into the evidence as one file; columns left out are null."""
    path = home / "data" / kind.value / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows, schema=schema_of(kind)).write_parquet(path)
    return path


def vote(agent: str, rate: str, confidence: float = 0.8, **other: Any) -> dict[str, Any]:
    """Return a recommendation row for DESK's class E on 2026-02-18, unless said otherwise."""
    row = {"run_date": date(2026, 2, 18), "location": "DESK", "product": "E", "currency": "USD"}
    return row | {"agent": agent, "rate": Decimal(rate), "confidence": confidence} | other


def set_rate(kind: str, rate: str, **other: Any) -> dict[str, Any]:
    """Return a rate row for DESK's class E on 2026-02-18, unless said otherwise."""
    row = {"run_date": date(2026, 2, 18), "location": "DESK", "product": "E", "currency": "USD"}
    return row | {"kind": kind, "rate": Decimal(rate)} | other


def required(what: str, found: object, how: str) -> None:
    """Skip a test whose tool is missing, with the reason; in CI a missing tool is a failure."""
    if not found:
        reason = f"{what} is missing: {how}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
