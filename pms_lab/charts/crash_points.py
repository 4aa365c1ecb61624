"""A process that dies at each crash point of a push, one row each: what was there then, and how recovery ended it."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

import altair as alt
import polars as pl

from pms_lab.charts.canvas import Canvas, wide
from pms_lab.charts.look import INK, MUTED, WIDTH
from pms_lab.charts.push_timeline import BANDS, HOLDERS, WRITE

HEAD_Y, ROW_HIGH, BOX, BOX_STEP = 46, 21, 12, 15
LEFT: Final = {
    "phase": 6, "step": 80, "moment": 212, "held_then": 318, "state_then": 378,
    "recovery": 490, "held": 622, "state": 680,
}  # fmt: skip
"""Where each column begins, in pixels."""
HEADS: Final = {
    "step": "in which step", "moment": "at which moment", "held_then": "PMS", "state_then": "ledger",
    "recovery": "and did", "held": "PMS", "state": "ledger",
}  # fmt: skip
GROUPS: Final = {
    "step": "Where it died",
    "held_then": "What was there then",
    "recovery": "Recovery found",
    "held": "The end",
}
MOMENTS: Final = {"asked": "after asking", "answered": "before hearing"}

Row = dict[str, Any]


def crash_points(crashes: pl.DataFrame, title: str, look_at: str) -> alt.TopLevelMixin:
    """Draw a table of crash points.

    Args:
        crashes: `phase`, `step`, `moment`, `held_then`, `in_air`, `state_then`, `recovery`, `held`, `state`; the held
            are lists of ``old``, ``new`` and ``foreign``, and `in_air` is whether a write is on its way.
        look_at: what to look at, in a sentence.
    """
    canvas, rows = Canvas(), crashes.to_dicts()
    bottom = HEAD_Y + ROW_HIGH * len(rows)
    _draw_heads(canvas, bottom)
    top = float(HEAD_Y)
    for number, (phase, group) in enumerate(groupby(rows, key=lambda row: str(row["phase"]))):
        points = list(group)
        canvas.box(0, top, WIDTH, top + ROW_HIGH * len(points), BANDS[number % 2])
        canvas.word(phase, LEFT["phase"], top + ROW_HIGH / 2, align="left", is_bold=True)
        for row in points:
            _draw_point(canvas, row, top + ROW_HIGH / 2)
            top += ROW_HIGH
    _draw_legend(canvas, bottom + 18)
    return canvas.chart(WIDTH, bottom + 28, alt.Title(title, subtitle=look_at))


def _draw_heads(canvas: Canvas, bottom: float) -> None:
    for column, text in HEADS.items():
        canvas.word(text, LEFT[column], HEAD_Y - 12, MUTED, align="left")
    for column, text in GROUPS.items():
        canvas.word(text, LEFT[column], HEAD_Y - 30, align="left", is_bold=True)
    canvas.line((0, HEAD_Y), (WIDTH, HEAD_Y), "#cbd2d9")
    canvas.line((0, bottom), (WIDTH, bottom), "#cbd2d9")


def _draw_point(canvas: Canvas, row: Row, y: float) -> None:
    if row["moment"] == "asked":
        canvas.word(row["step"], LEFT["step"], y, align="left")
    canvas.word(MOMENTS[row["moment"]], LEFT["moment"], y, MUTED, align="left")
    _draw_cells(canvas, row["held_then"], LEFT["held_then"], y)
    _draw_state(canvas, row["state_then"], LEFT["state_then"], y)
    if row["in_air"] is not None:
        ledger_x = LEFT["state_then"] + wide(row["state_then"] or "–") + 12
        x = LEFT["held_then"] + BOX_STEP * len(row["held_then"]) + 6 if row["in_air"] == "PMS" else ledger_x
        canvas.sign("triangle", x, y, WRITE.fill, size=50, angle=180, note=f"on its way to the {row['in_air']}")
    canvas.word(row["recovery"], LEFT["recovery"], y, align="left")
    _draw_cells(canvas, row["held"], LEFT["held"], y)
    _draw_state(canvas, row["state"], LEFT["state"], y)


def _draw_cells(canvas: Canvas, held: list[str], left: float, y: float) -> None:
    for number, kind in enumerate(held):
        x = left + BOX_STEP * number
        canvas.box(x, y - BOX / 2, x + BOX, y + BOX / 2, HOLDERS[kind].fill, HOLDERS[kind].name)


def _draw_state(canvas: Canvas, state: str | None, left: float, y: float) -> None:
    canvas.word(state or "–", left, y, INK if state else MUTED, align="left")


def _draw_legend(canvas: Canvas, y: float) -> None:
    x = 0.0
    for kind in ("old", "new"):
        canvas.box(x, y - BOX / 2, x + BOX, y + BOX / 2, HOLDERS[kind].fill)
        canvas.word(HOLDERS[kind].name, x + 16, y, MUTED, align="left")
        x += 84
    canvas.sign("triangle", x + 5, y, WRITE.fill, size=50, angle=180)
    canvas.word("a write is on its way there", x + 16, y, MUTED, align="left")
