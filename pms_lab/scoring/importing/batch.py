"""What every reader yields, and what it checks before: the columns of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from pms_lab.errors import FileRefused, hint, listed
from pms_lab.scoring.contract import Layout

SHOWN: Final = 60

BrokenRow = tuple[int, str, str]
"""Its number; its reason, which is general up to the first colon; its text."""


@dataclass(frozen=True)
class Batch:
    """Some rows of a file, as text.

    Attributes:
        cells: `row` (Int64; from 1, without the header and blank lines) and each column of the layout as String,
            null where the file does not have it.
        broken: `row`, `reason` and `line` of the rows that could not be split into cells.
        share: how much of the file has been read by now, 0 to 1.
    """

    cells: pl.DataFrame
    broken: pl.DataFrame
    share: float

    @classmethod
    def of(
        cls, layout: Layout, rows: pl.Series, columns: Mapping[str, pl.Series], broken: list[BrokenRow], share: float
    ) -> Batch:
        """Give every column of the layout its place."""
        absent = [pl.lit(None, pl.String).alias(name) for name in layout.schema if name not in columns]
        cells = pl.DataFrame({"row": rows, **columns}).with_columns(absent).select("row", *layout.schema)
        schema = {"row": pl.Int64, "reason": pl.String, "line": pl.String}
        return cls(cells, pl.DataFrame(broken, schema, orient="row"), share)


def check_columns(names: list[str], layout: Layout, path: Path) -> None:
    """Refuse a file whose header is not the layout's.

    Raises:
        FileRefused: a column is unknown, is missing, or comes twice.
    """
    if twice := {name for name in names if names.count(name) > 1}:
        raise FileRefused(f"{path} has the column {listed(twice)} twice: keep one")
    if unknown := [name for name in names if name not in layout.schema]:
        shown = ", ".join(unknown_column(name, layout) for name in unknown[:5])
        raise FileRefused(f"{path} has the unknown column {shown}: {layout.name} may have {listed(layout.schema)}")
    if missing := [name for name in layout.required if name not in names]:
        raise FileRefused(f"{path} lacks the column {listed(missing)}: {layout.name} need {listed(layout.required)}")


def unknown_column(name: str, layout: Layout) -> str:
    """Show a column that the layout does not have, and what may have been meant."""
    shown = name[:SHOWN]
    separated_otherwise = any(mark in shown for mark in ";\t|")
    return repr(shown) + (" (separate columns by commas)" if separated_otherwise else hint(shown, layout.schema))
