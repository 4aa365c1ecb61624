"""Text cells to rows that keep the contract, and reasons for those that do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from pms_lab.domain.location import Location
from pms_lab.scoring.contract import CONTRACTS, Kind, layout_of, schema_of, with_catalogue
from pms_lab.scoring.importing.parsing import parsed, stripped
from pms_lab.scoring.importing.reasons import explained


@dataclass(frozen=True)
class Checked:
    """The outcome of checking some rows, each on its own.

    Attributes:
        good: `row` and the stored columns of the kind.
        refused: `row` and `reason`.
        counts: how many rows each reason, without its values, is about.
    """

    good: pl.DataFrame
    refused: pl.DataFrame
    counts: Mapping[str, int]


def check(cells: pl.DataFrame, kind: Kind, catalogue: Mapping[str, Location], now: datetime) -> Checked:
    """Read cells as the contract's types and keep the rows that obey its rules."""
    text = stripped(cells)
    good, failure = CONTRACTS[kind].filter(with_catalogue(parsed(text, layout_of(kind)), catalogue, now))
    details = failure.details()
    verdicts = details.select("row", "location_currency", pl.col(pl.Enum) == "invalid")
    refused, counts = explained(text.join(verdicts, on="row", maintain_order="left"), kind, catalogue)
    return Checked(good.select("row", *schema_of(kind)), refused, counts)
