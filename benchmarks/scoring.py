"""Score 10 million recommendations: each question against its own bare aggregate in DuckDB, and against pandas.

A bare aggregate reads the same columns of the same rows and groups them in the same way, but only counts and sums.
pandas answers `score_by_agent`, with the same measures, from the same rows already in its memory.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import median

import duckdb
import pandas as pd

from pms_lab.scoring.database import Database, database

ROWS = 10_000_000
RUNS = 5
DAYS = {"first": date(2026, 1, 1), "last": date(2026, 12, 31)}
JUDGED = {"tolerance": Decimal("2.00"), "is_percent": False}

ROWS_SQL = """
WITH random AS (
    SELECT i, hash(i) % 8000 AS a, hash(i + $rows) % 800 AS b, hash(i + 2 * $rows) % 101 AS c FROM range($rows) AS t(i)
)
SELECT
    DATE '2026-01-01' + (i // 100_000)::INT AS run_date, 'DESK' AS location, 'P' || (i // 8) % 20 AS product,
    DATE '2026-06-01' AS stay_date, NULL::VARCHAR AS rate_plan, NULL::INT AS occupancy, NULL::VARCHAR AS tax_basis,
    'USD' AS currency, ['consensus', 'a', 'b', 'c', 'd', 'e', 'f', 'g'][i % 8 + 1] AS agent, '1' AS agent_version,
    (40 + a / 100)::DECIMAL(14, 4) AS rate, c / 100 AS confidence, 1.0 AS weight, 1 / 7 AS share,
    (40 + b / 100)::DECIMAL(14, 4) AS consensus, (40 + b / 100)::DECIMAL(14, 4) AS current,
    (36 + (a + b) / 100)::DECIMAL(14, 4) AS manual, NULL::DECIMAL(14, 4) AS manual_seen, 'bench' AS evidence
FROM random
"""
COUNTED = "count(*), count(rate), sum(rate), sum(manual), sum(confidence)"
TOGETHER = "FROM dry_runs WHERE agent = 'consensus' AND run_date BETWEEN $first AND $last"
EVERY = "FROM dry_runs WHERE run_date BETWEEN $first AND $last"
BARE = {
    "score_by_product": f"SELECT location, product, {COUNTED} {TOGETHER} GROUP BY ALL",
    "score_by_location": f"SELECT location, {COUNTED} {TOGETHER} GROUP BY ALL",
    "score_by_run_date": f"SELECT location, run_date, {COUNTED} {TOGETHER} GROUP BY ALL",
    "score_by_agent": f"SELECT location, agent, {COUNTED} {EVERY} GROUP BY ALL",
    "daily_sums": f"SELECT location, product, agent, run_date, count(*), sum(rate), sum(manual) {EVERY} GROUP BY ALL",
    "weight_effects": f"SELECT location, product, agent, sum(share), sum(rate), sum(consensus) {EVERY} GROUP BY ALL",
}


def main() -> None:
    """Print one line: each question's ratio to its bare aggregate, pandas' ratio, and the peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        in_own_process("make", folder)
        *ratios, duckdb_s, peak_gb = in_own_process("ask", folder)
        (pandas_s,) = in_own_process("ask-pandas", folder)
    told = ", ".join(f"{name} {ratio}" for name, ratio in zip(BARE, ratios, strict=True))
    print(
        f"scoring {ROWS:,} rows, question / bare aggregate (at most 1.5): {told}; "
        f"pandas / question (at least 5): {float(pandas_s) / float(duckdb_s):.1f}; peak {peak_gb} GB (under 3)"
    )


def in_own_process(step: str, folder: str) -> list[str]:
    """Run one step alone, so that its memory is its own, and return the words that it prints."""
    command = [sys.executable, __file__, step, folder]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def make(folder: Path) -> None:
    """Write the rows as dry runs, a folder per run date, and once more as pandas would keep them."""
    with duckdb.connect() as connection:
        rows = connection.sql(ROWS_SQL, params={"rows": ROWS})
        rows.write_parquet(str(folder / "dry_runs"), partition_by=["run_date"])
        plain = "location, agent, rate::DOUBLE AS rate, manual::DOUBLE AS manual, confidence"
        rows.project(plain).write_parquet(str(folder / "pandas.parquet"))


def ask(folder: Path) -> None:
    """Print each question's ratio, the seconds of `score_by_agent`, and the peak memory in GB."""
    with database(folder) as db:
        db.load_dry_runs(sorted(folder.glob("dry_runs/*/*.parquet")))
        seconds = {name: paired(db, name) for name in BARE}
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    ratios = [f"{question_s / bare_s:.2f}" for question_s, bare_s in seconds.values()]
    print(*ratios, seconds["score_by_agent"][0], f"{peak_gb:.2f}")


def paired(db: Database, name: str) -> tuple[float, float]:
    """Return the median seconds of a question and of its bare aggregate, run in turn."""
    parameters = DAYS if name == "weight_effects" else DAYS | JUDGED
    pairs = [
        (
            seconds(lambda: db.ask(name, **parameters)),
            seconds(lambda: db.connection.sql(BARE[name], params=DAYS).pl()),
        )
        for _ in range(RUNS + 1)
    ][1:]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def ask_pandas(folder: Path) -> None:
    """Print the median seconds of `score_by_agent` in pandas."""
    frame = pd.read_parquet(folder / "pandas.parquet")
    print(median(seconds(lambda: scored_by_agent(frame)) for _ in range(3)))


def scored_by_agent(frame: pd.DataFrame) -> pd.DataFrame:
    """Answer `score_by_agent` in pandas."""
    difference = frame["rate"] - frame["manual"]
    known = difference.notna()
    told = frame.assign(
        difference=difference,
        error=difference.abs(),
        exact=(difference == 0).astype(float).where(known),
        within=(difference.abs() <= 2).astype(float).where(known),
    )
    grouped = told.groupby(["location", "agent"])
    means = grouped[["exact", "within", "error", "difference", "confidence"]].mean()
    return means.join(
        grouped.agg(cells=("agent", "size"), recommended=("rate", "count"), scored=("difference", "count"))
    )


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    step = sys.argv[1] if len(sys.argv) > 1 else "main"
    {"main": lambda _: main(), "make": make, "ask": ask, "ask-pandas": ask_pandas}[step](Path(sys.argv[-1]))
