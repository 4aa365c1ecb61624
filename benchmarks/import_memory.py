"""A valid CSV of two gigabytes is imported in a process of its own: how much memory, and how long?

The time is given as a multiple of what DuckDB alone needs to read the same file as text, sort it and write Parquet.
Needs Linux, some minutes and six gigabytes below the temporary folder.
"""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import duckdb

from pms_lab.domain.location import Location, Product
from pms_lab.scoring.contract import Kind
from pms_lab.scoring.importing import import_file

ROWS = 22_000_000
PRODUCTS = {code: Product(code, code) for code in "EFS"}
DESK = Location("DESK", "Desk", ZoneInfo("America/Los_Angeles"), "USD", Decimal("0.10"), PRODUCTS)

FILE = """
    COPY (
        SELECT DATE '2026-01-01' + (i % 300)::INTEGER AS run_date, 'DESK' AS location,
            ['E', 'F', 'S'][1 + i // 300 % 3] AS product,
            DATE '2026-12-01' + (i // 900 % 365)::INTEGER AS stay_date, 'PLAN-' || i // 328_500 AS rate_plan,
            2 AS occupancy, 'gross' AS tax_basis, 'agent_' || i % 7 AS agent, '2026.01' AS agent_version,
            (40 + hash(i) % 4000 / 100)::DECIMAL(18, 2) AS rate, 'USD' AS currency,
            round(hash(i) % 1000 / 1000, 3) AS confidence, '2026-01-01T06:00:00Z' AS recommended_at
        FROM range($rows) AS numbers(i)
    ) TO $path (FORMAT csv, HEADER)
"""
BARE = """
    COPY (FROM read_csv($path, all_varchar = true) ORDER BY location, run_date, product, stay_date, rate_plan)
    TO $target (FORMAT parquet, COMPRESSION zstd)
"""


def main() -> None:
    """Make the file, import it, and print one line."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "votes.csv"
        con = duckdb.connect(config={"temp_directory": name})
        con.execute("SET enable_progress_bar = false")
        con.execute(FILE, {"rows": ROWS, "path": str(path)})
        started = time.perf_counter()
        con.execute(BARE, {"path": str(path), "target": f"{name}/bare"})
        bare_s = time.perf_counter() - started
        started = time.perf_counter()
        command = [sys.executable, __file__, str(path)]
        accepted, peak_kb = map(int, subprocess.run(command, check=True, capture_output=True).stdout.split())
        import_s = time.perf_counter() - started
        size_gb = path.stat().st_size / 1e9
    print(
        f"import_memory: {accepted:,} rows, {size_gb:.2f} GB of CSV, peak {peak_kb * 1024 / 1e9:.2f} GB of memory, "
        f"{import_s / bare_s:.1f} times DuckDB's own read, sort and write ({bare_s:.0f} s)"
    )


def import_alone(path: Path) -> None:
    """Import in this process and print the accepted rows and its largest memory in kB."""
    outcome = import_file(
        Kind.RECOMMENDATIONS, path, {"DESK": DESK}, path.parent / "data", now=datetime(2026, 2, 18, 6, tzinfo=UTC)
    )
    # Not getrusage: its maximum includes that of the process which started this one.
    status = Path("/proc/self/status").read_text()
    print(outcome.accepted, status.split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    import_alone(Path(sys.argv[1])) if sys.argv[1:] else main()
