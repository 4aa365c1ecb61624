"""The rows of one import on their way into the evidence: on disk, so that memory does not grow with the file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
import polars as pl

from pms_lab.errors import StoreError
from pms_lab.scoring.contract import COLUMNS, KEYS, Kind
from pms_lab.scoring.database import connect

PREFIX: Final = ".staging-"
STALE_SECONDS: Final = 24 * 60 * 60
MEMORY: Final = "512MB"
THREADS: Final = 4
ROWS_PER_GROUP: Final = 100_000
_BATCHED: Final = ("good", "refused")

TWIN_REASONS: Final = {Kind.RECOMMENDATIONS: "same cell as another row", Kind.RATES: "two rates of a kind for one cell"}

_TWIN: Final = {
    Kind.RECOMMENDATIONS: "'same cell as row' || if(rows > 2, 's ', ' ') || others",
    Kind.RATES: "if(rows = 2, 'two', rows::VARCHAR) || ' ' || kind || ' rates for one cell: rows ' || alike",
}

# Few rows share a hash, so only they are compared. The nearest four twins are named, however many there are.
_TWINS: Final = """
    COPY (
        WITH
            good AS (SELECT {keys}, row, hash({keys}) AS cell_hash FROM read_parquet($good)),
            suspect AS (SELECT cell_hash FROM good GROUP BY cell_hash HAVING count(*) > 1),
            twin AS (
                SELECT *, count(*) OVER (PARTITION BY {keys}) AS rows,
                    list_filter(
                        [lag(row, 2) OVER cell, lag(row) OVER cell, lead(row) OVER cell, lead(row, 2) OVER cell],
                        lambda other: other IS NOT NULL
                    ) AS near
                FROM good SEMI JOIN suspect USING (cell_hash)
                WINDOW cell AS (PARTITION BY {keys} ORDER BY row)
                QUALIFY rows > 1
            ),
            named AS (
                SELECT *, if(rows > len(near) + 1, ' and more', '') AS more,
                    list_aggregate(near, 'string_agg', ', ') || more AS others,
                    list_aggregate(list_sort(list_append(near, row)), 'string_agg', ', ') || more AS alike
                FROM twin
            )
        SELECT row, {reason} AS reason FROM named
    ) TO $twins (FORMAT parquet)
"""

_EVIDENCE: Final = """
    COPY (
        SELECT {columns} FROM read_parquet($good) AS good ANTI JOIN read_parquet($twins) AS twins USING (row)
        ORDER BY {order}
    ) TO $evidence (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {rows_per_group})
"""

# A spreadsheet runs a cell that begins with one of these; an apostrophe makes it text. Plain numbers may keep a sign.
_SAFE: Final = r"""
    CREATE MACRO safe(cell) AS CASE
        WHEN regexp_matches(cell, '^[\s\pZ]*[=+\-@＝＋－＠]|^[\t\r\n]') AND NOT regexp_full_match(cell, '[+-]?[0-9.,]+')
        THEN '''' || cell ELSE nullif(cell, '') END
"""

_QUARANTINE: Final = """
    COPY (
        SELECT row, safe(COLUMNS(* EXCLUDE row)) FROM (
            SELECT row, reason, cells.*, line FROM read_parquet($refused)
            UNION ALL
            SELECT row, reason, cells.*, NULL
            FROM read_parquet($good) AS good JOIN read_parquet($twins) AS twins USING (row)
        ) ORDER BY row
    ) TO $quarantine (FORMAT csv, HEADER)
"""


@dataclass(frozen=True)
class Finished:
    """What is staged when all rows are in.

    Attributes:
        accepted: rows of `evidence`, a Parquet file.
        refused: rows of `quarantine`, a CSV file; `twins` of them because their cell comes more than once.
    """

    accepted: int
    refused: int
    twins: int
    evidence: Path
    quarantine: Path


class Staging:
    """One import's folder: the rows that keep the contract, and those that do not, each with their cells as text.

    Its methods raise `StoreError` when the disk is full or cannot be written.

    Attributes:
        rows: how many there are so far, good or not.
    """

    def __init__(self, folder: Path, kind: Kind) -> None:
        self.rows = 0
        self._kind = kind
        self._folder = folder
        self._batches = 0
        self._con = connect(folder, memory_limit=MEMORY, threads=THREADS, temp_directory=str(folder / "spilled"))
        self._con.execute(_SAFE)
        for name in _BATCHED:
            (folder / name).mkdir()

    def add(self, cells: pl.DataFrame, good: pl.DataFrame, refused: pl.DataFrame, broken: pl.DataFrame) -> None:
        """Stage a batch: `good` and `refused` are about rows of `cells`; `broken` rows have a line instead."""
        named = cells.select("row", cells=pl.struct(COLUMNS[self._kind]))
        with _storing():
            self._write(good.join(named, on="row", how="left"), "good")
            both = pl.concat([refused.join(named, on="row", how="left"), broken], how="diagonal")
            self._write(both.select("row", "reason", "cells", "line"), "refused")
        self.rows += len(cells) + len(broken)
        self._batches += 1

    def finish(self) -> Finished:
        """Find the cells that come twice, and write the files that are to appear."""
        keys = ", ".join(sorted(KEYS[self._kind], key=lambda key: key != "location"))
        columns = ", ".join(COLUMNS[self._kind])
        twins_sql = _TWINS.format(keys=keys, reason=_TWIN[self._kind])
        evidence_sql = _EVIDENCE.format(columns=columns, order=keys, rows_per_group=ROWS_PER_GROUP)
        with _storing():
            twins = self._copy(twins_sql, "good", "twins")
            accepted = self._copy(evidence_sql, "good", "twins", "evidence")
            refused = self._copy(_QUARANTINE, "good", "refused", "twins", "quarantine")
        return Finished(accepted, refused, twins, self._folder / "evidence", self._folder / "quarantine")

    def close(self) -> None:
        """Let go of the folder."""
        self._con.close()

    def _write(self, rows: pl.DataFrame, name: str) -> None:
        rows.write_parquet(self._folder / name / f"{self._batches:08}.parquet", compression="lz4")

    def _paths(self, name: str) -> list[str]:
        """Name every batch, since in a pattern a folder's own brackets would have a meaning."""
        return [str(self._folder / name / f"{batch:08}.parquet") for batch in range(self._batches)]

    def _copy(self, statement: str, *names: str) -> int:
        """Run a COPY over the named files of the folder and return how many rows it wrote."""
        paths = {name: self._paths(name) if name in _BATCHED else str(self._folder / name) for name in names}
        (rows,) = self._con.execute(statement, paths).fetchall()[0]
        return int(rows)


@contextmanager
def _storing() -> Iterator[None]:
    try:
        yield
    except (OSError, duckdb.Error, pl.exceptions.PolarsError) as exc:
        raise StoreError(f"the import cannot be staged: {exc}; nothing was imported") from exc


@contextmanager
def staging_folder(data_folder: Path) -> Iterator[Path]:
    """Make a folder for one import on the file system of the evidence, and remove it at the end.

    Folders that killed imports left more than a day ago are removed too.

    Raises:
        StoreError: the data folder cannot be written.
    """
    try:
        data_folder.mkdir(parents=True, exist_ok=True)
        made = TemporaryDirectory(prefix=PREFIX, dir=data_folder, ignore_cleanup_errors=True)
    except OSError as exc:
        raise StoreError(f"{data_folder} cannot be written: {exc.strerror}; nothing was imported") from exc
    with made as name:
        folder = Path(name)
        _remove_stale(folder)
        yield folder


def _remove_stale(newest: Path) -> None:
    """Remove the folders beside the newest that are a day older; the file system's own clock dates them all."""
    now = newest.stat().st_mtime
    for folder in newest.parent.glob(f"{PREFIX}*"):
        if now - folder.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
