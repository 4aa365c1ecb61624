"""A push of 1,000 cells over loopback against its bare limit: the same HTTP requests, and the same rows made durable.

The PMS is served by a process of its own, so the time that it takes is in both.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks._hotels import Recorded, bare_client, order_of, place_of, recorded_push, send_bare, serving
from pms_lab.live.push import LEDGER
from pms_lab.store.database import open_database

RUNS = {"mews": 15, "qloapps": 7}
NAME = "HOTEL"
PRODUCTS, NIGHTS = 4, 250

Rows = list[tuple[object, ...]]
Commit = Sequence[tuple[str, Rows]]
"""What one transaction adds, by table; a table without rows stands for one row of it that is changed."""


class Turn(NamedTuple):
    """A push and its bare limit, measured one after the other, in seconds."""

    push_s: float
    requests_s: float
    commits_s: float
    requests: int
    commits: int

    @property
    def ratio(self) -> float:
        """How many times the bare limit the push takes."""
        return self.push_s / (self.requests_s + self.commits_s)


def main() -> None:
    """Print one line: for each vendor, the median ratio, its spread, and what a push consists of."""
    told = []
    for vendor, runs in RUNS.items():
        turns = [one_turn(vendor) for _ in range(runs + 1)][1:]  # the first only warms up
        ratios = sorted(turn.ratio for turn in turns)
        told.append(
            f"{vendor} {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}), "
            f"{median(turn.push_s for turn in turns):.3f} s, "
            f"of {turns[0].requests} requests ({median(turn.requests_s for turn in turns):.3f} s) "
            f"and {turns[0].commits} commits ({median(turn.commits_s for turn in turns):.3f} s)"
        )
    print(
        f"push_loopback: a push of {PRODUCTS * NIGHTS:,} cells / its HTTP requests and durable commits, bare (at most "
        f"1.2): {'; '.join(told)}"
    )


def one_turn(vendor: str) -> Turn:
    """Push to a new hotel; send the same to another one, bare; and store the same, bare."""
    place = place_of(NAME)
    order = order_of(place, PRODUCTS, NIGHTS)
    with TemporaryDirectory() as folder:
        home = Path(folder)
        with serving(vendor, [NAME]) as address:
            pushed = asyncio.run(recorded_push(vendor, f"{address}/{NAME}", home, place, order))
        with serving(vendor, [NAME]) as address:
            requests_s = asyncio.run(bare_requests(pushed, address))
        commits = stored(home / LEDGER)
        commits_s = bare_commits(commits, home / "bare.sqlite")
    return Turn(pushed.took_s, requests_s, commits_s, len(pushed.sent), len(commits))


async def bare_requests(pushed: Recorded, address: str) -> float:
    """Send what a push sent, and return how long that takes."""
    async with bare_client() as client:
        await send_bare(client, pushed.before, address, NAME)
        began_s = time.perf_counter()
        await send_bare(client, pushed.sent, address, NAME)
        return time.perf_counter() - began_s


def stored(ledger: Path) -> Sequence[Commit]:
    """Return the rows of a push, by the transactions that have to be durable before it goes on."""
    with closing(sqlite3.connect(ledger)) as connection:
        named = (
            "pushes",
            "push_cells",
            "transitions",
            "readings",
            "publications",
            "inventory_reads",
            "fences",
            "locks",
        )
        rows: dict[str, Rows] = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in named}
    prepared, in_progress, published = rows["transitions"]
    half = len(rows["readings"]) // 2
    return (
        [("locks", rows["locks"])],
        [
            ("fences", rows["fences"]),
            ("pushes", rows["pushes"]),
            ("push_cells", rows["push_cells"]),
            ("transitions", [prepared]),
            ("readings", rows["readings"][:half]),
            ("inventory_reads", rows["inventory_reads"]),
        ],
        [("fences", []), ("transitions", [in_progress])],
        [
            ("fences", []),
            ("transitions", [published]),
            ("readings", rows["readings"][half:]),
            ("publications", rows["publications"]),
        ],
        [("locks", [])],
    )


def bare_commits(commits: Sequence[Commit], path: Path) -> float:
    """Store rows in the same tables, as durably, and return how long that takes."""
    open_database(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        began_s = time.perf_counter()
        for commit in commits:
            connection.execute("BEGIN IMMEDIATE")
            for table, rows in commit:
                if rows:
                    places = ", ".join("?" * len(rows[0]))
                    connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
                else:
                    connection.execute(f"UPDATE {table} SET token = token")
            connection.execute("COMMIT")
        return time.perf_counter() - began_s


if __name__ == "__main__":
    main()
