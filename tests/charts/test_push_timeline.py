"""The timeline of a push, from a table made by hand: what is in the table is in the picture."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from pms_lab.charts.canvas import wide
from pms_lab.charts.crash_points import crash_points
from pms_lab.charts.look import CONSENSUS_COLOUR, TARGET_COLOUR
from pms_lab.charts.push_timeline import HOLDERS, WRITE, timeline

TIMES = ("start_s", "effect_s", "end_s")
COLUMNS = ("lane", "kind", "label", *TIMES, "phase", "detail")


def table(*rows: tuple[Any, ...]) -> pl.DataFrame:
    kinds = {name: pl.Float64() if name in TIMES else pl.String() for name in COLUMNS}
    return pl.DataFrame([dict(zip(COLUMNS, row, strict=False)) for row in rows], schema=kinds)


CELL = ("cell", "old", "46.00", 0.0, None, 1.0, None, "E")
WROTE = (
    CELL,
    ("cell", "new", "46.50", 1.0, None, 9.0, None, "E"),
    ("phase", "write", "write", 0.0, None, 9.0),
    ("app", "call", "write 1", 0.5, None, 1.5, "write", ""),
    ("network", "well", "write 1", 0.5, 1.0, 1.5, "write", ""),
    ("ledger", "state", "PREPARED", 0.5),
    ("ledger", "state", "PUBLISHED", 2.0),
    ("lock", "held", "held", 0.0, None, 2.0, None, ""),
)


def drawn(chart: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a chart's specification, checked against Vega-Lite's schema, and all rows that it draws."""
    spec = chart.to_dict(validate=True)
    return spec, [row for rows in spec.get("datasets", {}).values() for row in rows]


def words(rows: list[dict[str, Any]]) -> list[str]:
    return [row["text"] for row in rows if "text" in row]


def test_states_phases_calls_and_amounts_are_named_and_the_title_says_what_to_look_at() -> None:
    spec, rows = drawn(timeline(table(*WROTE), "A push", "Look here."))
    assert (spec["title"]["text"], spec["title"]["subtitle"]) == ("A push", "Look here.")
    said = words(rows)
    for word in ("PREPARED", "PUBLISHED", "write", "write 1", "46.00", "46.50", "PMS: class E", "new rate"):
        assert word in said


def test_states_that_follow_at_once_are_drawn_apart() -> None:
    soon = ("ledger", "state", "PENDING_MANUAL_REVIEW", 0.501)
    _, rows = drawn(timeline(table(*WROTE[:6], ("ledger", "state", "IN_PROGRESS", 0.5001), soon), "", ""))
    places = {row["text"]: row["x"] for row in rows if "text" in row}
    # The one begins where it stands, the other ends there.
    room = places["PENDING_MANUAL_REVIEW"] - places["IN_PROGRESS"]
    assert room >= wide("IN_PROGRESS") + wide("PENDING_MANUAL_REVIEW")


def test_an_arrow_meets_the_pms_where_the_stripe_changes() -> None:
    _, rows = drawn(timeline(table(*WROTE), "", ""))
    (new,) = [
        row for row in rows if row.get("colour") == CONSENSUS_COLOUR and "x2" in row and row["x2"] > row["x"] + 20
    ]
    lines = [row for row in rows if row.get("colour") == WRITE.fill and "width" in row]
    assert [row["x2"] for row in lines] == [new["x"], lines[1]["x2"]]
    assert lines[1]["x"] == new["x"]


def test_a_request_that_never_arrives_ends_half_way_with_a_cross() -> None:
    lost = ("network", "refused", "write 1", 2.0, None, 3.0, "write", "")
    _, rows = drawn(timeline(table(CELL, ("cell", "old", "46.00", 1.0, None, 9.0, None, "E"), lost), "", ""))
    assert [row["colour"] for row in rows if row.get("shape") == "cross"] == [TARGET_COLOUR]
    assert not [row for row in rows if row.get("shape") == "triangle"]


def test_an_answer_that_is_lost_ends_half_way_and_one_to_the_dead_does_not_begin() -> None:
    for kind, end_s, crosses in (("not known", 3.0, 1), ("died before its end", None, 0)):
        row = ("network", kind, "write 1", 0.5, 1.0, end_s, "write", "")
        _, rows = drawn(timeline(table(*WROTE[:3], row), "", ""))
        assert len([row for row in rows if row.get("shape") == "triangle"]) == 1
        assert len([row for row in rows if row.get("shape") == "cross"]) == crosses


def test_a_long_wait_is_cut_on_the_axis_and_told_in_seconds() -> None:
    waits = ("app", "wait", "wait", 2.0, None, 9.0, "verify", "")
    _, rows = drawn(timeline(table(*WROTE, waits), "", ""))
    assert "7 s" in words(rows)
    assert "// much time goes by" in words(rows)
    _, rows = drawn(timeline(table(CELL), "", ""))
    assert "// much time goes by" not in words(rows)


def test_the_brief_picture_has_the_preflight_as_one_bar() -> None:
    preflight = [
        ("app", "store", "take the lock", 0.0, None, 0.1, "preflight", ""),
        ("app", "call", "rates", 0.1, None, 0.4, "preflight", ""),
        ("network", "well", "rates", 0.1, 0.2, 0.4, "preflight", ""),
    ]
    _, whole = drawn(timeline(table(*preflight, *WROTE), "", ""))
    _, brief = drawn(timeline(table(*preflight, *WROTE), "", "", is_brief=True))
    assert "rates" in words(whole)
    assert "rates" not in words(brief)
    assert "3 reads" in words(brief)


def test_only_colours_that_occur_are_explained() -> None:
    _, rows = drawn(timeline(table(CELL), "", ""))
    assert {paint.name for paint in (*HOLDERS.values(), WRITE)} & set(words(rows)) == {"old rate"}


@pytest.mark.parametrize(("in_air", "signs"), [(None, 1), ("PMS", 2), ("ledger", 2)])
def test_a_crash_point_is_a_row_of_squares_and_states(in_air: str | None, signs: int) -> None:
    point = {
        "phase": "write", "step": "write 3", "moment": "asked", "held_then": ["old", "new"], "in_air": in_air,
        "state_then": "IN_PROGRESS", "recovery": "all new: published", "held": ["new", "new"], "state": "PUBLISHED",
    }  # fmt: skip
    spec, rows = drawn(crash_points(pl.DataFrame([point]), "Deaths", "Look here."))
    assert spec["title"]["text"] == "Deaths"
    assert {"write", "write 3", "after asking", "IN_PROGRESS", "all new: published", "PUBLISHED"} <= set(words(rows))
    new = [row for row in rows if row.get("colour") == CONSENSUS_COLOUR and "x2" in row]
    assert len(new) == 4  # three cells and the legend
    assert len([row for row in rows if row.get("shape") == "triangle"]) == signs
