"""A hundred pushes killed with SIGKILL at random instants, on each kind of ledger, and what is there after recovery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kills.killing import Tally, rig
from tests.store.databases import new_schema

KILLS = 100


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty ledger."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.sqlite"
    else:
        with new_schema() as url:
            yield url


def test_a_hundred_killed_pushes_leave_all_rates_old_or_all_new_as_the_ledger_says(ledger: str, tmp_path: Path) -> None:
    tally = Tally()
    with rig(tmp_path / "home", ledger, f"kills:{ledger.partition(':')[0]}") as hotel:
        undisturbed_s = hotel.start()
        for _ in range(KILLS):
            hotel.kill(tally, undisturbed_s * 1.05)
    assert tally.wrong == []
    assert tally.kills == KILLS
    # A sweep that never struck in the middle would show nothing.
    assert tally.met["a part"] >= KILLS / 20, tally
    assert tally.ended["PUBLISHED"], tally
    assert tally.ended["ROLLED_BACK"], tally
