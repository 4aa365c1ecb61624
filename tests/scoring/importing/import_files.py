"""What the tests of the import share: two locations, rows as text, and files of them in each format."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from pms_lab.domain.location import Location, Product
from pms_lab.scoring.contract import COLUMNS, Kind

NOW: Final = datetime(2026, 2, 18, 6, 0, 1, tzinfo=UTC)
FORMATS: Final = (".csv", ".jsonl", ".parquet")
CATALOGUE: Final[Mapping[str, Location]] = {
    "DESK": Location(
        "DESK",
        "Desk",
        ZoneInfo("America/Los_Angeles"),
        "USD",
        Decimal("0.10"),
        {code: Product(code, code) for code in ("E", "F", "CABRIO")},
    ),
    "GRID": Location(
        "GRID", "Grid", ZoneInfo("UTC"), "USD", Decimal("0.01"), {"P": Product("P", "P")}, allow_negative=True
    ),
}

Row = dict[str, str | None]


def vote(**cells: str | None) -> Row:
    """Return a row of recommendations that the contract accepts, with other cells where given."""
    row: Row = {
        "run_date": "2026-02-18",
        "location": "DESK",
        "product": "E",
        "agent": "rate_agent",
        "rate": "46.50",
        "currency": "USD",
        "confidence": "0.85",
    }
    return row | cells


def rate(**cells: str | None) -> Row:
    """Return a row of rates that the contract accepts, with other cells where given."""
    row: Row = {
        "run_date": "2026-02-18",
        "location": "DESK",
        "product": "E",
        "kind": "manual",
        "rate": "46.50",
        "currency": "USD",
    }
    return row | cells


def written(path: Path, rows: Sequence[Row]) -> Path:
    """Write rows, all cells as text, in the format that the path ends in."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row").write_parquet(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def quarantined(path: Path | None) -> dict[int, str]:
    """Return the reason of each refused row."""
    return {int(row["row"]): row["reason"] for row in quarantine_rows(path)}


def quarantine_rows(path: Path | None) -> list[dict[str, str]]:
    """Return the quarantine as a spreadsheet would show it; empty where there is none."""
    if path is None:
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def left_behind(data_folder: Path) -> list[str]:
    """Return every file and folder below the data folder, but for the empty folders of a kind or of quarantine."""
    kept = {kind.value for kind in Kind} | {"quarantine"}
    found = (path.relative_to(data_folder).as_posix() for path in data_folder.rglob("*"))
    return sorted(name for name in found if name not in kept)


def columns(kind: Kind) -> tuple[str, ...]:
    """Return the columns of a quarantine file."""
    return ("row", "reason", *COLUMNS[kind], "line")
