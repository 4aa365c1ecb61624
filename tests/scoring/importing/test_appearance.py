"""An import is there whole or not at all: killed, with a full disk, or beside another one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from pms_lab.errors import StoreError
from pms_lab.scoring.contract import Kind
from pms_lab.scoring.evidence import EvidenceStore
from pms_lab.scoring.importing import ImportOutcome, import_file
from tests.scoring.importing.import_files import CATALOGUE, NOW, left_behind, quarantined, vote, written

PROCESS = """
import sys, time
from pathlib import Path
from pms_lab.scoring.contract import Kind
from pms_lab.scoring.importing import import_file
from tests.scoring.importing.import_files import CATALOGUE, NOW

def progress(share):
    print(share, flush=True)
    if {halts}:
        time.sleep(60)

import_file(Kind.RECOMMENDATIONS, Path(sys.argv[1]), CATALOGUE, Path(sys.argv[2]), now=NOW, progress=progress)
"""
ROOT = Path(__file__).parents[3]


def importing(path: Path, data_folder: Path, *, halts: bool) -> subprocess.Popen[str]:
    """Import in a process of its own, which stops for good after the first batch if it `halts`."""
    command = [sys.executable, "-c", PROCESS.format(halts=halts), str(path), str(data_folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def imported(path: Path, data_folder: Path) -> ImportOutcome:
    """Import recommendations in this process."""
    return import_file(Kind.RECOMMENDATIONS, path, CATALOGUE, data_folder, now=NOW)


def mixed_file(path: Path, rows: int = 20) -> Path:
    """Write a file of which every tenth row is bad."""
    return written(path, [vote(agent=f"a{n}", rate="abc" if n % 10 == 0 else "46.50") for n in range(rows)])


def test_a_killed_import_leaves_nothing_to_see_and_a_second_one_succeeds(tmp_path: Path) -> None:
    data, path = tmp_path / "data", mixed_file(tmp_path / "in.csv")
    process = importing(path, data, halts=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert EvidenceStore(data).files(Kind.RECOMMENDATIONS) == []
    assert not (data / "quarantine").exists()
    assert [folder.name[:9] for folder in data.iterdir()] == [".staging-"]
    outcome = imported(path, data)
    assert (outcome.accepted, outcome.refused) == (18, 2)


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.1, 0.2])
def test_an_import_killed_at_any_moment_shows_its_evidence_only_with_the_quarantine(
    delay_s: float, tmp_path: Path
) -> None:
    data, path = tmp_path / "data", mixed_file(tmp_path / "in.csv", 50_000)
    process = importing(path, data, halts=False)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(delay_s)
    process.kill()
    process.communicate()

    for file in EvidenceStore(data).files(Kind.RECOMMENDATIONS):
        assert len(pl.read_parquet(file)) == 45_000
        assert len(quarantined(data / "quarantine" / f"{file.stem}.csv")) == 5_000
    assert imported(path, data).accepted == 45_000


def test_the_leftovers_of_a_killed_import_go_after_a_day_and_no_earlier(tmp_path: Path) -> None:
    old, young = tmp_path / ".staging-old", tmp_path / ".staging-young"
    for folder, hours in ((old, 25), (young, 23)):
        (folder / "good").mkdir(parents=True)
        os.utime(folder, (time.time() - hours * 3600,) * 2)
    imported(mixed_file(tmp_path / "in.csv"), tmp_path)
    assert not old.exists()
    assert young.exists()


def test_two_processes_may_import_at_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    paths = [mixed_file(tmp_path / f"{rows}.csv", rows) for rows in (1000, 2000)]
    processes = [importing(path, data, halts=False) for path in (*paths, paths[0])]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0]
    files = EvidenceStore(data).files(Kind.RECOMMENDATIONS)
    assert {len(pl.read_parquet(file)) for file in files} == {900, 1800}
    assert {len(quarantined(file)) for file in (data / "quarantine").iterdir()} == {100, 200}
    assert not list(data.glob(".staging-*"))


def test_the_same_file_imported_later_is_another_piece_of_evidence(tmp_path: Path) -> None:
    path = mixed_file(tmp_path / "in.csv")
    first = imported(path, tmp_path)
    second = import_file(Kind.RECOMMENDATIONS, path, CATALOGUE, tmp_path, now=NOW.replace(second=2))
    assert [first.evidence, second.evidence] == EvidenceStore(tmp_path).files(Kind.RECOMMENDATIONS)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("bad", [False, True])
def test_a_full_disk_is_told_and_leaves_nothing(bad: bool, small_disk: Path, tmp_path: Path) -> None:
    rows = [vote(agent=f"a{os.urandom(20).hex()}", rate="abc" if bad else "46.50") for _ in range(50_000)]
    path = written(tmp_path / "in.csv", rows)
    with pytest.raises(StoreError, match="nothing was imported"):
        imported(path, small_disk)
    assert left_behind(small_disk) == []


def test_evidence_that_cannot_be_written_takes_its_quarantine_back(tmp_path: Path) -> None:
    (tmp_path / "recommendations").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="the evidence is as before"):
        imported(mixed_file(tmp_path / "in.csv"), tmp_path)
    assert not list((tmp_path / "quarantine").iterdir())
    assert not list(tmp_path.glob(".staging-*"))


def test_a_data_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="nothing was imported"):
        imported(mixed_file(tmp_path / "in.csv"), tmp_path / "data")


def test_an_interrupted_import_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(share: float) -> None:
        raise KeyboardInterrupt

    path = mixed_file(tmp_path / "in.csv")
    with pytest.raises(KeyboardInterrupt):
        import_file(Kind.RECOMMENDATIONS, path, CATALOGUE, tmp_path / "data", now=NOW, progress=interrupt)
    assert left_behind(tmp_path / "data") == []


def test_a_data_folder_may_have_any_name(tmp_path: Path) -> None:
    data = tmp_path / "it's [my] data *?"
    outcome = imported(mixed_file(tmp_path / "in.csv"), data)
    assert (outcome.accepted, outcome.refused) == (18, 2)
    assert left_behind(data) == [
        f"quarantine/{outcome.quarantine.name}" if outcome.quarantine else "",
        f"recommendations/{outcome.evidence.name}" if outcome.evidence else "",
    ]
    assert outcome.evidence is not None
    assert outcome.evidence.name.startswith("import-20260218T060001.000000Z-")
