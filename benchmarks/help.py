"""`pms-lab --help` against an equally large Typer app that does nothing: what our imports add."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

RUNS = 15
COMMAND = """
@app.command("{name}")
def {name}(
    one: Annotated[str, typer.Option(metavar="NAME", help="The first option of this command.")],
    two: Annotated[Optional[datetime], typer.Option(formats=["%Y-%m-%d"], help="The second option.")] = None,
    three: Annotated[Optional[list[str]], typer.Option("--three", "-t", help="The third option.")] = None,
    four: Annotated[bool, typer.Option("--four", help="The fourth option.")] = False,
) -> None:
    '''Do nothing, at about the length of a real command's help.'''
"""
BARE = (
    "from datetime import datetime\nfrom typing import Annotated, Optional\nimport typer\n"
    "app = typer.Typer(no_args_is_help=True, rich_markup_mode='rich')\n"
    + "".join(COMMAND.format(name=name) for name in ("first", "second", "third"))
    + "\napp()\n"
)


def main() -> None:
    """Print one line: the median ratio of the two, run in turn."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        ours = [str(Path(sys.executable).with_name("pms-lab")), "--help"]
        pairs = [(seconds(ours), seconds([sys.executable, str(bare), "--help"])) for _ in range(RUNS + 1)][1:]
    ratio = median(ours / bare for ours, bare in pairs)
    print(f"pms-lab --help / bare Typer app: {ratio:.2f} (at most 1.3), {median(pair[0] for pair in pairs):.2f} s")


def seconds(command: list[str]) -> float:
    """Return how long a process takes."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
