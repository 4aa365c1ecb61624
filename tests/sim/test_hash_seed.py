"""A scenario's history depends on its seed alone: not on the door, not on the order of sets, not on the process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.sim.doors import DOORS, scenario


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_both_doors_leave_the_same_history_byte_for_byte(seed: int, shuffled: bool) -> None:
    thin, wire = (scenario(door, seed, shuffled=shuffled) for door in DOORS.values())
    assert thin == wire


def test_a_scenario_meets_every_kind_of_end() -> None:
    history = scenario(DOORS["thin"], 1)[0]
    for word in ("refused", "reset", "timeout", "503", "crashed", "NotSent:", "Unanswered:", "200 ["):
        assert word in history, word


def test_histories_are_the_same_under_every_hash_seed() -> None:
    said = set()
    for hash_seed in ("0", "1", "12345"):
        command = [sys.executable, "-m", "tests.sim.doors"]
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        said.add(subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(said) == 1
    assert said.pop().count("crashed") == 10
