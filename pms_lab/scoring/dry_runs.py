"""Dry runs: what the agents would have published, one Parquet file per run date and location.

A dry run is made from the evidence of its day and the weights that are set when it is made. It is kept as it was until
evidence of its day comes in, or goes: a later change of weights alone does not rewrite what was recommended then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import polars as pl

from pms_lab.domain.location import Location
from pms_lab.domain.money import Money
from pms_lab.errors import SettingsError, StoreError, hint, listed
from pms_lab.files import in_place_of
from pms_lab.rules.consensus import Consensus, Method, Vote, find_consensus
from pms_lab.scoring.contract import AMOUNT, CONSENSUS
from pms_lab.scoring.database import Database, literal
from pms_lab.scoring.evidence import EvidenceStore

CONFIDENCE: Final = pl.Decimal(7, 6)
SCHEMA: Final[Mapping[str, pl.DataType]] = {
    "location": pl.String(),
    "product": pl.String(),
    "stay_date": pl.Date(),
    "rate_plan": pl.String(),
    "occupancy": pl.Int32(),
    "tax_basis": pl.String(),
    "currency": pl.String(),
    "agent": pl.String(),
    "agent_version": pl.String(),
    "rate": AMOUNT,
    "confidence": CONFIDENCE,
    "weight": pl.Float64(),
    "share": pl.Float64(),
    "consensus": AMOUNT,
    "current": AMOUNT,
    "manual": AMOUNT,
    "manual_seen": AMOUNT,
    "evidence": pl.String(),
}
ONE: Final = Decimal(1)
DAYS_AT_ONCE: Final = 120
VOTES: Final = ("agent", "agent_version", "rate", "confidence")


class DryRunStore:
    """The folder of dry runs: `run_date=2026-02-18/LAS_AIRPORT.parquet`.

    Each file has one row per cell and agent, and one with agent ``consensus``; `SCHEMA` lists the columns. `share` is
    the vote's part of the consensus, 0 to 1; `evidence` names what the dry run was made from.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, location: str, run_date: date) -> Path:
        """Return where the dry run of a location and day lies, or would lie."""
        return self.folder / f"run_date={run_date.isoformat()}" / f"{location}.parquet"

    def read(self, location: str, run_date: date) -> pl.DataFrame | None:
        """Return the dry run of a location and day as it was made; None where none was.

        Raises:
            StoreError: its file is damaged or cannot be read.
        """
        file = self.path(location, run_date)
        if not file.exists():
            return None
        try:
            return pl.read_parquet(file, columns=list(SCHEMA), hive_partitioning=False, glob=False)
        except (pl.exceptions.PolarsError, OSError) as exc:
            raise StoreError(f"dry run {file} cannot be read: {exc}; delete it and make it again") from exc

    def write(self, location: str, run_date: date, rows: pl.DataFrame) -> Path:
        """Put a dry run in the place of an earlier one, in one step: a reader finds the old or the new, never half.

        It is not forced to the disk: what a power cut takes is made again from the evidence.

        Raises:
            StoreError: the file cannot be written; an earlier one is untouched.
        """
        target = self.path(location, run_date)
        with in_place_of(target) as temporary:
            rows.write_parquet(temporary, compression="zstd")
        return target


def make_dry_runs(
    db: Database,
    evidence: EvidenceStore,
    store: DryRunStore,
    location: Location,
    last: date,
    *,
    method: Method,
    weights: Mapping[str, Decimal],
    again: bool,
    progress: Callable[[float], None],
) -> list[Path]:
    """Make the dry runs up to `last` that are missing or whose evidence has changed since.

    Args:
        again: make that of `last` anew in any case, with today's weights and method.

    Returns:
        The files of all dry runs up to `last`, oldest first, without those of days whose evidence is gone.

    Raises:
        SettingsError: a weight is of an agent that never recommended anything there.
        StoreError: evidence is in another currency than the location's, or a file cannot be written.
    """
    _check_agents(db, location.code, weights)
    wanted = _evidence_by_day(db, evidence, location, last)
    made = _evidence_of_made(db, [file for day in wanted if (file := store.path(location.code, day)).exists()])
    due = [day for day, name in wanted.items() if made.get(day) != name or (again and day == last)]
    for done in range(0, len(due), DAYS_AT_ONCE):
        cells = db.ask("cells", location=location.code, run_dates=due[done : done + DAYS_AT_ONCE])
        for (day,), rows in dry_runs(cells, location, method, weights).partition_by("run_date", as_dict=True).items():
            store.write(location.code, day, rows.with_columns(evidence=pl.lit(wanted[day])).select(*SCHEMA))
        progress(min(1.0, (done + DAYS_AT_ONCE) / len(due)))
    return [store.path(location.code, day) for day in wanted]


def dry_runs(cells: pl.DataFrame, location: Location, method: Method, weights: Mapping[str, Decimal]) -> pl.DataFrame:
    """Find the consensus of each cell: rows of votes, and a row ``consensus`` for each cell.

    Args:
        cells: as `sql/cells.sql` returns them.
        weights: by agent; one without weight weighs 1.

    Returns:
        `run_date` and the columns of `SCHEMA` but `evidence`.
    """
    found = [
        _consensus(row, location, method, weights)
        for row in cells.select("agent", "rate", "confidence").iter_rows(named=True)
    ]
    told = cells.with_columns(
        consensus=pl.Series([None if one.rate is None else one.rate.amount for one in found], dtype=AMOUNT),
        location=pl.lit(location.code),
        currency=pl.lit(location.currency),
    )
    together = told.with_columns(
        agent=pl.lit(CONSENSUS),
        agent_version=pl.lit(None, dtype=pl.String),
        rate=pl.col("consensus"),
        confidence=pl.col("confidence").list.mean().cast(CONFIDENCE),
        weight=pl.lit(None, dtype=pl.Float64),
        share=pl.lit(None, dtype=pl.Float64),
    )
    columns = ["run_date", *(name for name in SCHEMA if name != "evidence")]
    return pl.concat([together.select(columns), _votes(told, weights).select(columns)])


def _consensus(row: Mapping[str, Any], location: Location, method: Method, weights: Mapping[str, Decimal]) -> Consensus:
    votes = [
        Vote(agent, Money(rate, location.currency), _exact(confidence), weights.get(agent, ONE))
        for agent, rate, confidence in zip(row["agent"] or (), row["rate"] or (), row["confidence"] or (), strict=True)
    ]
    return find_consensus(votes, location.price_step, method)


@lru_cache(maxsize=10_000)
def _exact(confidence: float) -> Decimal:
    """Return the decimal that was written, 0.1 and not 0.1000000000000000055; confidences repeat, so they are kept."""
    return Decimal(repr(confidence))


def _votes(cells: pl.DataFrame, weights: Mapping[str, Decimal]) -> pl.DataFrame:
    """Give each vote a row, with its weight and its share of the cell's confidence × weight."""
    votes = cells.with_row_index("cell").filter(pl.col("agent").is_not_null()).explode(VOTES)
    weight = {agent: float(weight) for agent, weight in weights.items()}
    votes = votes.with_columns(
        weight=pl.col("agent").replace_strict(weight, default=1.0, return_dtype=pl.Float64) if weight else pl.lit(1.0)
    )
    pull = pl.col("confidence") * pl.col("weight")
    share = (pull / pull.sum().over("cell")).fill_nan(0.0)
    return votes.with_columns(share=share, confidence=pl.col("confidence").cast(CONFIDENCE))


def _check_agents(db: Database, location: str, weights: Mapping[str, Decimal]) -> None:
    known = set(db.ask("agents", location=location)["agent"])
    for agent in weights.keys() - known:
        raise SettingsError(
            f"weights.{location}.{agent}: no such agent ever recommended anything there; known are {listed(known)}"
            f"{hint(agent, known)}"
        )


def _evidence_by_day(db: Database, evidence: EvidenceStore, location: Location, last: date) -> dict[date, str]:
    """Name what each run date up to `last` with a recommendation is made from, and as which columns.

    Evidence is known by its files' names and sizes.
    """
    days = db.ask("evidence_by_day", location=location.code).filter(
        pl.col("is_recommended") & (pl.col("run_date") <= last)
    )
    currencies = set(days["currencies"].explode())
    if currencies != {location.currency}:
        raise StoreError(
            f"evidence of {location.code} is in {listed(currencies)}, data/locations.toml says {location.currency}: "
            "set it back, or give the location a new name"
        )
    sizes = {file: (evidence.folder / file).stat().st_size for file in set(days["files"].explode())}
    return {
        day: sha256(repr((SCHEMA, [(file, sizes[file]) for file in files])).encode()).hexdigest()[:16]
        for day, files in days.select("run_date", "files").iter_rows()
    }


def _evidence_of_made(db: Database, files: Sequence[Path]) -> dict[date, str]:
    return dict(db.ask("evidence_of_made", files=literal(files)).iter_rows()) if files else {}
