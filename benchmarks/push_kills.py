"""Pushes killed with SIGKILL at random instants, on each kind of ledger; what is there after recovery must be whole.

`--kills` says how many on each. Takes several minutes, so it has a target of its own: `make bench-kills`.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

# The rest is imported where it is needed: each process that is to be killed imports this module once more.

KILLS = 1_000


def main(kills: int, seed: str) -> None:
    """Print one line: what the kills met, how the pushes ended, and in how many cases something was wrong."""
    import pytest

    from tests.store.databases import new_schema

    with TemporaryDirectory() as folder:
        told = [f"SQLite {killed(f'sqlite:///{folder}/ledger.sqlite', kills, seed)}"]
    try:
        with new_schema() as url:
            told.append(f"PostgreSQL {killed(url, kills, seed)}")
    except pytest.skip.Exception as missing:
        told.append(f"PostgreSQL not measured, {missing}")
    print(f"push_kills: {' | '.join(told)}")


def killed(ledger: str, kills: int, seed: str) -> str:
    """Kill pushes with one ledger, and tell.

    Raises:
        AssertionError: something was wrong after a kill.
    """
    from tests.kills.killing import Tally, rig

    tally, began_s = Tally(), time.monotonic()
    with TemporaryDirectory() as folder, rig(Path(folder) / "home", ledger, seed) as hotel:
        undisturbed_s = hotel.start()
        for _ in range(kills):
            hotel.kill(tally, undisturbed_s * 1.05)
    assert not tally.wrong, tally.wrong
    return (
        f"{tally.kills:,} kills met {listed(tally.met)}; after recovery {listed(tally.ended)}; {len(tally.wrong)} "
        f"violations; {(time.monotonic() - began_s) / kills:.2f} s each"
    )


def listed(counts: Counter[str]) -> str:
    """Write counts, the largest first."""
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS, help="how many on each kind of ledger")
    parser.add_argument("--seed", default="bench", help="of the instants at which they come")
    main(**vars(parser.parse_args()))
