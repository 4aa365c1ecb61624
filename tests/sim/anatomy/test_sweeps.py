"""A death, or an edit, at every instant: what the sweeps tell holds for every seed."""

from __future__ import annotations

from itertools import pairwise

import polars as pl
import pytest

from pms_lab.domain.push import PushState
from pms_lab.sim.anatomy.course import LANDED_UNHEARD, LANDS_IN_PART, LANDS_LATE, NO_TROUBLE, Trouble, course
from pms_lab.sim.anatomy.sweeps import crashes, edits

SEEDS = range(5)
THREE_NEW = ["new"] * 3
THREE_OLD = ["old"] * 3


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("trouble", [NO_TROUBLE, LANDS_IN_PART], ids=["calm", "lands in part"])
def test_wherever_it_dies_all_is_old_or_all_is_new_and_the_ledger_says_which(seed: int, trouble: Trouble) -> None:
    for row in crashes(seed, trouble).to_dicts():
        assert row["held"] in (THREE_OLD, THREE_NEW)
        assert (row["state"] == PushState.PUBLISHED) == (row["held"] == THREE_NEW)
        assert row["state"] is None or PushState(row["state"]).is_final


def test_each_crash_point_has_its_step_its_moment_and_what_recovery_did() -> None:
    rows = crashes(1)
    assert rows["point"].to_list() == list(range(1, 25))
    assert rows["moment"].to_list() == ["asked", "answered"] * 12
    told = rows.group_by("recovery", maintain_order=True).agg("point")
    assert {row["recovery"]: (row["point"][0], row["point"][-1]) for row in told.to_dicts()} == {
        "not begun": (1, 10),
        "never sent: closed": (11, 12),
        "all old: closed": (13, 16),
        "all new: published": (17, 20),
        "had ended": (21, 24),
    }
    assert rows.filter(pl.col("in_air").is_not_null()).select("step", "in_air").rows() == [
        ("open PREPARED", "ledger"),
        ("record IN_PROGRESS", "ledger"),
        ("write 3", "PMS"),
        ("record PUBLISHED", "ledger"),
    ]


def test_what_landed_in_part_is_taken_back_by_recovery() -> None:
    torn = crashes(1, LANDS_IN_PART).filter(pl.col("held_then") == ["new", "new", "old"])
    assert "ours: taken back" in torn["recovery"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("trouble", [NO_TROUBLE, LANDED_UNHEARD, LANDS_LATE], ids=["calm", "unheard", "late"])
def test_an_edit_is_lost_between_the_check_and_the_last_write_alone_and_the_push_covers_that(
    seed: int, trouble: Trouble
) -> None:
    one, stretches = course(seed, trouble), edits(seed, trouble).to_dicts()
    assert [row["fate"] for row in stretches] == ["known", "noticed", "lost", "noticed", "later"]
    assert all(before["end_s"] == after["start_s"] for before, after in pairwise(stretches))
    lost = stretches[2]
    writes = one.happenings.filter((pl.col("lane") == "network") & (pl.col("label") == "write 3"))
    assert lost["start_s"] == one.request("check")["effect_s"]
    assert lost["end_s"] == writes["effect_s"].max()
    assert one.exposed_s is not None
    asked_s = one.request("check")["start_s"]
    assert asked_s <= lost["start_s"] < lost["end_s"] <= asked_s + one.exposed_s
