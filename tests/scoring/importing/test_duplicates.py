"""A cell that comes twice: none of its rows goes in, wherever in the file they are."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pms_lab.scoring.contract import Kind
from pms_lab.scoring.importing import import_file
from tests.scoring.importing.import_files import (
    CATALOGUE,
    FORMATS,
    NOW,
    quarantine_rows,
    quarantined,
    rate,
    vote,
    written,
)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("rows_per_batch", [1, 2, 100])
def test_neither_of_two_votes_for_one_cell_goes_in_even_from_different_batches(
    suffix: str, rows_per_batch: int, tmp_path: Path
) -> None:
    rows = [vote(), vote(product="F"), vote(agent="other"), vote(rate="47.00", agent_version="v2"), vote(product="F")]
    path = written(tmp_path / f"in{suffix}", [*rows, vote(product="F")])

    outcome = import_file(Kind.RECOMMENDATIONS, path, CATALOGUE, tmp_path, now=NOW, rows_per_batch=rows_per_batch)

    assert quarantined(outcome.quarantine) == {
        1: "same cell as row 4",
        2: "same cell as rows 5, 6",
        4: "same cell as row 1",
        5: "same cell as rows 2, 6",
        6: "same cell as rows 2, 5",
    }
    assert (outcome.accepted, outcome.refused) == (1, 5)
    assert outcome.reasons == (("same cell as another row", 5),)
    assert outcome.evidence is not None
    assert pl.read_parquet(outcome.evidence)["agent"].to_list() == ["other"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_two_manual_rates_for_one_cell_are_refused_and_the_current_one_goes_in(suffix: str, tmp_path: Path) -> None:
    rows = [rate(), rate(kind="current"), rate(rate="48.00", set_by="Ana")]
    path = written(tmp_path / f"in{suffix}", rows)
    outcome = import_file(Kind.RATES, path, CATALOGUE, tmp_path, now=NOW)
    said = "two manual rates for one cell: rows 1, 3"
    assert quarantined(outcome.quarantine) == {1: said, 3: said}
    assert outcome.accepted == 1


def test_missing_parts_of_a_cell_are_equal_and_other_writings_of_a_value_are_too(tmp_path: Path) -> None:
    rows = [
        vote(stay_date="2026-03-01", rate_plan=""),
        vote(stay_date="2026-03-01", rate_plan=None),
        vote(occupancy="2"),
        vote(occupancy=" 2.0"),
        vote(occupancy="1"),
    ]
    outcome = import_file(Kind.RECOMMENDATIONS, written(tmp_path / "in.csv", rows), CATALOGUE, tmp_path, now=NOW)
    assert sorted(quarantined(outcome.quarantine)) == [1, 2, 3, 4]


def test_a_row_refused_for_another_reason_makes_no_duplicate_of_a_good_one(tmp_path: Path) -> None:
    path = written(tmp_path / "in.csv", [vote(), vote(rate="abc")])
    outcome = import_file(Kind.RECOMMENDATIONS, path, CATALOGUE, tmp_path, now=NOW)
    assert outcome.accepted == 1
    assert list(quarantined(outcome.quarantine)) == [2]


def test_of_many_rows_for_one_cell_the_nearest_are_named_and_the_cells_are_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "in.csv", [vote(agent_version=f"v{number}") for number in range(1, 10)])
    outcome = import_file(Kind.RECOMMENDATIONS, path, CATALOGUE, tmp_path, now=NOW)
    assert quarantined(outcome.quarantine)[5] == "same cell as rows 3, 4, 6, 7 and more"
    assert [row["agent_version"] for row in quarantine_rows(outcome.quarantine)] == [f"v{n}" for n in range(1, 10)]
