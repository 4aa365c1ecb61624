"""What the notebook on the anatomy of a push shows: every chart is whole and legible, and says what happened."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import polars as pl
import pytest

from pms_lab.charts.canvas import SIZE, wide
from pms_lab.errors import InputError
from pms_lab.lab import Lab
from pms_lab.reporting.anatomy import EXPOSED, PURPOSES, TITLES, PushAnatomy
from pms_lab.sim.anatomy.course import course, scenes
from pms_lab.sim.anatomy.happenings import TOLD

SEEDS = (1, 2, 5)
PAGE_PX = 868
"""What a page of 900 pixels leaves between its margins."""
NAMES_PX = 95
"""Left of the lanes."""


def charts(anatomy: PushAnatomy) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the specification of each chart, checked against Vega-Lite's schema."""
    drawn: dict[str, Any] = {name: anatomy.timeline(name) for name in TITLES}
    drawn |= {f"exposed: {name}": anatomy.exposed(name) for name in EXPOSED}
    drawn["crash points"] = anatomy.crash_points()
    for name, chart in drawn.items():
        yield name, chart.to_dict(validate=True)


def words(spec: dict[str, Any]) -> Iterator[tuple[str, float, float, float]]:
    """Yield each word with its left end, its right end and its height."""
    for layer in spec["layer"]:
        mark = layer["mark"]
        if mark["type"] == "text":
            for row in spec["datasets"][layer["data"]["name"]]:
                px = wide(row["text"], is_bold=mark["fontWeight"] == "bold") * mark["fontSize"] / SIZE
                left = row["x"] - {"left": 0.0, "center": px / 2, "right": px}[mark["align"]]
                yield row["text"], left, left + px, row["y"]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_word_of_a_chart_lies_over_another_and_all_fits_on_a_page(seed: int) -> None:
    for name, spec in charts(PushAnatomy(seed)):
        written = sorted(words(spec), key=lambda word: (word[3], word[1]))
        assert len(written) > 20, name
        for one, other in combinations(written, 2):
            is_beside = one[2] <= other[1] + 3 or other[2] <= one[1] + 3
            assert is_beside or abs(one[3] - other[3]) >= 10, (name, one, other)
        assert spec["width"] + (0 if name == "crash points" else NAMES_PX) <= PAGE_PX, name


@pytest.mark.parametrize("name", TITLES)
def test_a_timeline_has_its_title_and_every_amount_that_a_cell_held(name: str) -> None:
    spec = PushAnatomy(1).timeline(name).to_dict()
    assert (spec["title"]["text"], spec["title"]["subtitle"]) == TITLES[name]
    held = course(1, scenes(1)[name]).happenings.filter(pl.col("lane") == "cell")["label"].to_list()
    shown = [row.get("note", "") for rows in spec["datasets"].values() for row in rows]
    assert all(any(note.endswith(amount) for note in shown) for amount in held)


@pytest.mark.parametrize("name", TITLES)
def test_the_table_of_a_course_tells_the_ledger_s_state_the_truth_of_each_cell_and_the_alerts(name: str) -> None:
    one, table = course(1, scenes(1)[name]), PushAnatomy(1).cells(name)
    assert table.rows == 3
    assert f"The ledger says {one.state}" in table.html
    assert all(f"${held}" in table.html for held in one.cells["held"])
    assert all(f"Alert, {alert.severity}: {alert.kind}." in table.html for alert in one.alerts)
    assert ("Alert" in table.html) == bool(one.alerts)


def test_every_step_of_a_calm_push_has_its_purpose() -> None:
    table = PushAnatomy(1).steps()
    assert table.rows == len(PURPOSES)
    assert all(step in table.html and purpose in table.html for step, purpose in PURPOSES.items())


def test_what_a_process_hears_is_drawn_in_few_words() -> None:
    heard = {row for trouble in scenes(1).values() for row in course(1, trouble).happenings["detail"].drop_nulls()}
    assert heard <= {"", "E", "F", "S", "lapsed", *TOLD.values()}


def test_the_title_counts_the_deaths() -> None:
    title = PushAnatomy(1).crash_points().to_dict()["title"]["text"]
    assert title == "24 instants to die at: 24 ended with all rates old or all new"


def test_every_scene_has_a_title_and_an_unknown_one_is_named_with_those_there_are() -> None:
    assert TITLES.keys() == scenes(1).keys()
    for draw in (PushAnatomy(1).timeline, PushAnatomy(1).cells, PushAnatomy(1).exposed):
        with pytest.raises(InputError, match=r"'a flood'.*partial write"):
            draw("a flood")


def test_the_workbench_hands_it_out(lab: Lab) -> None:
    assert lab.push_anatomy(7) == PushAnatomy(7)
