"""`report daily` on the shipped data against papermill running, and exporting, a notebook with the same imports.

Both run the same number of notebooks in one process. The report is measured twice: first, when every dry run of all
past days is still to be made and the chart library to be bundled, and then as on any later day.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
RUNS = 3
BARE = """
import sys
import nbformat, papermill
from nbconvert import HTMLExporter
imports = "from pms_lab.lab import open_lab\\nimport pms_lab.reporting.daily, pms_lab.scoring.scores, scipy.stats"
node = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}})
node.cells = [nbformat.v4.new_code_cell(imports)]
nbformat.write(node, sys.argv[1] + "/bare.ipynb")
for at in range(int(sys.argv[2])):
    out = f"{sys.argv[1]}/{at}.ipynb"
    papermill.execute_notebook(
        sys.argv[1] + "/bare.ipynb", out, progress_bar=False, log_output=False,
        extra_arguments=["--log-level=CRITICAL"],
    )
    exporter = HTMLExporter(template_name="basic", exclude_input=True)
    open(f"{sys.argv[1]}/{at}.html", "w").write(exporter.from_notebook_node(nbformat.read(out, 4))[0])
"""


def main() -> None:
    """Print one line: the median ratio on a later day, and that of the first run."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        for part in ("data", "notebooks"):
            shutil.copytree(ROOT / part, home / part, ignore=shutil.ignore_patterns("dry_runs", "import-*"))
        report = [str(Path(sys.executable).with_name("pms-lab")), "report", "daily"]
        first_s = seconds(report, home)
        pages = len(list((home / "reports").glob("*/*/*.html")))
        bare = [sys.executable, "-c", BARE, folder, str(pages)]
        seconds(bare, home)
        pairs = [(seconds(report, home), seconds(bare, home)) for _ in range(RUNS)]
    bare_s = median(pair[1] for pair in pairs)
    ratio = median(ours / bare for ours, bare in pairs)
    print(
        f"report daily, {pages} locations / bare papermill and export: {ratio:.2f} (at most 1.5), "
        f"the first run with all past days {first_s / bare_s:.2f}; bare {bare_s / pages:.1f} s a notebook"
    )


def seconds(command: list[str], home: Path) -> float:
    """Return how long a process takes in a home."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"PMS_LAB_HOME": str(home)})
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
