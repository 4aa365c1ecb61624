"""DuckDB as the analytics engine: in memory, closed to everything but the folder it is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from glob import escape
from importlib.resources import files
from pathlib import Path

import duckdb
import polars as pl

from pms_lab.errors import StoreError
from pms_lab.scoring.contract import Kind, schema_of
from pms_lab.scoring.evidence import IMPORT_PREFIX, EvidenceStore

CAME_IN = f"""{{
    'by_import': starts_with(parse_filename(filename), '{IMPORT_PREFIX}'),
    'file': regexp_extract(filename, '[^/\\\\]+[/\\\\][^/\\\\]+$')
}} AS came_in"""


def connect(folder: Path, **config: str | int) -> duckdb.DuckDBPyConnection:
    """Open DuckDB in memory so that it can reach the files below `folder` and nothing else, and prints nothing.

    Args:
        config: further settings of DuckDB, such as `memory_limit`.
    """
    closed = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    connection = duckdb.connect(":memory:", config={**closed, **config})
    connection.execute("SET allowed_directories = $folders", {"folders": [str(folder)]})
    connection.execute("SET enable_external_access = false")
    # Where there is no bar, as in a Jupyter without widgets, DuckDB refuses to have it switched off.
    if connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()[0][0]:
        connection.execute("SET enable_progress_bar = false")
    return connection


@contextmanager
def database(folder: Path) -> Iterator[Database]:
    """Open a database for scoring that can read the files below `folder`."""
    connection = connect(folder)
    try:
        connection.execute(question("measures"))
        yield Database(connection)
    finally:
        connection.close()


@cache
def question(name: str) -> str:
    """Return the text of one of the package's `.sql` files."""
    return files("pms_lab.scoring").joinpath("sql", f"{name}.sql").read_text("utf-8")


class Database:
    """A connection on which the package's questions are asked by name."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def ask(self, name: str, **parameters: object) -> pl.DataFrame:
        """Run `sql/<name>.sql` with bound parameters; decimals stay decimals.

        Raises:
            StoreError: a file that the question reads is damaged.
        """
        with _damage_told():
            answer: pl.DataFrame = self.connection.sql(question(name), params=parameters).pl()
        return answer.with_columns(pl.col(pl.Enum, pl.Categorical).cast(pl.String))

    def show_evidence(self, store: EvidenceStore) -> None:
        """Make the views `recommendations` and `rates` over the store; `came_in` orders what several files say."""
        for kind in Kind:
            with _damage_told():
                self._rows_of(kind, store.files(kind)).create_view(kind.value)

    def load_dry_runs(self, files: Sequence[Path]) -> None:
        """Load dry-run files, at least one, into the table `dry_runs`, on which the scoring questions are asked."""
        with _damage_told():
            rows = self.connection.read_parquet(literal(files), hive_partitioning=True)
            rows.create_view("stored_dry_runs")
            self.connection.execute(question("load_dry_runs"))

    def _rows_of(self, kind: Kind, files: list[Path]) -> duckdb.DuckDBPyRelation:
        if not files:
            none = pl.DataFrame(schema=schema_of(kind) | {"filename": pl.String()})
            return self.connection.from_arrow(none.to_arrow()).project(f"*, {CAME_IN}")
        rows = self.connection.read_parquet(literal(files), filename=True, union_by_name=True)
        return rows.project(f"*, {CAME_IN}")


def literal(files: Iterable[Path]) -> list[str]:
    """Name files so that DuckDB does not take a `*`, `?` or `[` in a name for a pattern."""
    return [escape(str(file)) for file in files]


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as exc:
        raise StoreError(f"the stored data cannot be read: {exc}; move the file named away and run again") from exc
