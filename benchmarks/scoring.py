"""Score 10 million recommendations: each question against its own bare aggregate in DuckDB, and against pandas.

A bare aggregate reads the same columns of the same rows and groups them in the same way, but only counts and sums.
pandas answers each question, with the same measures, from the same rows already in its memory, money as binary floats.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from statistics import median

import duckdb
import pandas as pd

from pms_lab.scoring.database import Database, database

ROWS = 10_000_000
RUNS = 11
JUDGED = {"tolerance": Decimal("2.00"), "is_percent": False}

ROWS_SQL = """
WITH random AS (
    SELECT i, hash(i) % 8000 AS a, hash(i + $rows) % 800 AS b, hash(i + 2 * $rows) % 101 AS c FROM range($rows) AS t(i)
)
SELECT
    DATE '2026-01-01' + (i // 100_000)::INT AS run_date, 'DESK' AS location, 'P' || (i // 8) % 20 AS product,
    DATE '2026-06-01' AS stay_date, NULL::VARCHAR AS rate_plan, NULL::INT AS occupancy, NULL::VARCHAR AS tax_basis,
    'USD' AS currency, ['consensus', 'a', 'b', 'c', 'd', 'e', 'f', 'g'][i % 8 + 1] AS agent, '1' AS agent_version,
    (40 + a / 100)::DECIMAL(14, 4) AS rate, (c / 100)::DECIMAL(7, 6) AS confidence, 1.0 AS weight, 1 / 7 AS share,
    (40 + b / 100)::DECIMAL(14, 4) AS consensus, (40 + b / 100)::DECIMAL(14, 4) AS current,
    (36 + (a + b) / 100)::DECIMAL(14, 4) AS manual, NULL::DECIMAL(14, 4) AS manual_seen, 'bench' AS evidence
FROM random
"""
COUNTED = "count(*), count(rate), count(difference), sum(rate), sum(difference), sum(confidence)"
TOGETHER = "FROM dry_runs WHERE agent = 'consensus'"
BARE = {
    "score_by_product": f"SELECT location, product, {COUNTED} {TOGETHER} GROUP BY ALL",
    "score_by_location": f"SELECT location, {COUNTED} {TOGETHER} GROUP BY ALL",
    "score_by_run_date": f"SELECT location, run_date, {COUNTED} {TOGETHER} GROUP BY ALL",
    "score_by_agent": f"SELECT location, agent, {COUNTED} FROM dry_runs GROUP BY ALL",
    "daily_sums": "SELECT location, product, agent, run_date, count(*), sum(rate), sum(manual) FROM dry_runs "
    "WHERE difference IS NOT NULL GROUP BY ALL",
    "weight_effects": "SELECT location, product, agent, sum(share), sum(rate), sum(consensus) FROM dry_runs "
    "WHERE agent <> 'consensus' AND manual IS NOT NULL AND consensus IS NOT NULL GROUP BY ALL",
}


def main() -> None:
    """Print one line: each question's ratio to its bare aggregate, pandas' ratio, and the peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        in_own_process("make", folder)
        *told, peak_gb = in_own_process("ask", folder)
        pandas_s = in_own_process("ask-pandas", folder)
    questions_s, bare_s = told[: len(BARE)], told[len(BARE) :]
    print(
        f"scoring {ROWS:,} rows, question / bare aggregate (at most 1.5): {ratios(questions_s, bare_s)}; "
        f"pandas / question (at least 5): {ratios(pandas_s, questions_s)}; peak {peak_gb} GB (under 3)"
    )


def ratios(ours: list[str], theirs: list[str]) -> str:
    """Write one ratio per question."""
    return ", ".join(f"{name} {float(a) / float(b):.2f}" for name, a, b in zip(BARE, ours, theirs, strict=True))


def in_own_process(step: str, folder: str) -> list[str]:
    """Run one step alone, so that its memory is its own, and return the words that it prints."""
    command = [sys.executable, __file__, step, folder]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def make(folder: Path) -> None:
    """Write the rows as dry runs, a folder per run date, and once more as pandas would keep them."""
    with duckdb.connect() as connection:
        rows = connection.sql(ROWS_SQL, params={"rows": ROWS})
        rows.write_parquet(str(folder / "dry_runs"), partition_by=["run_date"])
        money = ", ".join(f"{name}::DOUBLE AS {name}" for name in ("rate", "manual", "consensus"))
        plain = f"location, product, agent, run_date, confidence, share, {money}"
        rows.project(plain).write_parquet(str(folder / "pandas.parquet"))


def ask(folder: Path) -> None:
    """Print the seconds of each question, then of each bare aggregate, and the peak memory in GB."""
    with database(folder) as db:
        db.load_dry_runs(sorted(folder.glob("dry_runs/*/*.parquet")))
        questions_s, bare_s = zip(*(paired(db, name) for name in BARE), strict=True)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(*questions_s, *bare_s, f"{peak_gb:.2f}")


def paired(db: Database, name: str) -> tuple[float, float]:
    """Return the median seconds of a question and of its bare aggregate, run in turn."""
    parameters = {} if name == "weight_effects" else JUDGED
    pairs = [
        (
            seconds(lambda: db.ask(name, **parameters)),
            seconds(lambda: db.connection.sql(BARE[name]).pl()),
        )
        for _ in range(RUNS + 1)
    ][1:]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def ask_pandas(folder: Path) -> None:
    """Print the median seconds of each question in pandas."""
    frame = pd.read_parquet(folder / "pandas.parquet")
    answers: dict[str, Callable[[], object]] = {
        "score_by_product": lambda: measured(frame[frame["agent"] == "consensus"], ["location", "product"]),
        "score_by_location": lambda: measured(frame[frame["agent"] == "consensus"], ["location"]),
        "score_by_run_date": lambda: measured(frame[frame["agent"] == "consensus"], ["location", "run_date"]),
        "score_by_agent": lambda: measured(frame, ["location", "agent"]),
        "daily_sums": lambda: daily_sums(frame),
        "weight_effects": lambda: weight_effects(frame),
    }
    print(*(median(seconds(answers[name]) for _ in range(3)) for name in BARE))


def measured(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Measure groups in pandas as `measures.sql` does."""
    difference = frame["rate"] - frame["manual"]
    known = difference.notna()
    told = frame[[*keys, "rate", "confidence"]].assign(
        difference=difference,
        error=difference.abs(),
        exact=(difference == 0).astype(float).where(known),
        within=(difference.abs() <= 2).astype(float).where(known),
    )
    grouped = told.groupby(keys)
    means = grouped[["exact", "within", "error", "difference", "confidence"]].mean()
    return means.join(
        grouped.agg(cells=("confidence", "size"), rates=("rate", "count"), scored=("difference", "count"))
    )


def daily_sums(frame: pd.DataFrame) -> pd.DataFrame:
    """Answer `daily_sums` in pandas."""
    keys = ["location", "product", "agent", "run_date"]
    difference = frame["rate"] - frame["manual"]
    told = frame[keys].assign(difference=difference, within=difference.abs() <= 2)[difference.notna()]
    return told.groupby(keys).agg(scored=("within", "size"), difference=("difference", "sum"), within=("within", "sum"))


def weight_effects(frame: pd.DataFrame) -> pd.Series[float]:
    """Answer `weight_effects` in pandas."""
    told = frame[(frame["agent"] != "consensus") & frame["manual"].notna() & frame["consensus"].notna()]
    pull = told["share"] * (told["rate"] - told["consensus"]) / 10
    return pull.groupby([told["location"], told["product"], told["agent"]]).mean()


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    step = sys.argv[1] if len(sys.argv) > 1 else "main"
    {"main": lambda _: main(), "make": make, "ask": ask, "ask-pandas": ask_pandas}[step](Path(sys.argv[-1]))
