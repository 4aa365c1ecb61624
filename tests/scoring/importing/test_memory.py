"""Memory does not grow with the file. The benchmark shows it for two gigabytes; this is its small sister."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.scoring.importing.import_files import vote

ROOT = Path(__file__).parents[3]
PROCESS = """
import sys
from pathlib import Path
from pms_lab.scoring.contract import Kind
from pms_lab.scoring.importing import import_file
from tests.scoring.importing.import_files import CATALOGUE, NOW

path = Path(sys.argv[1])
import_file(Kind.RECOMMENDATIONS, path, CATALOGUE, path.parent, now=NOW, rows_per_batch=10_000)
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) >> 10)
"""


def peak_mb(rows: int, folder: Path) -> int:
    """Import so many rows in a process of its own and return its largest memory in MB."""
    path = folder / f"{rows}.csv"
    numbers = pl.select(agent=pl.format("agent-{}", pl.int_range(rows)))
    numbers.with_columns(pl.lit(cell).alias(name) for name, cell in vote().items() if name != "agent").write_csv(path)
    command = [sys.executable, "-c", PROCESS, str(path)]
    return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the largest memory is read from Linux's /proc")
def test_ten_times_the_rows_take_far_less_than_ten_times_the_memory(tmp_path: Path) -> None:
    # Both files are larger than the reader's block, so that the difference is what grows with the rows.
    small, large = peak_mb(150_000, tmp_path), peak_mb(1_500_000, tmp_path)
    assert large < 3 * small, f"{small} MB for 150,000 rows, {large} MB for 1,500,000"
