"""One push as a timeline: our side above, the hotel's PMS below, and what is on its way between them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final, NamedTuple

import altair as alt
import polars as pl

from pms_lab.charts.canvas import Canvas, wide
from pms_lab.charts.look import CONSENSUS_COLOUR, INK, MUTED, TARGET_COLOUR
from pms_lab.charts.stretched import Room, Stretched, ticks


class Paint(NamedTuple):
    """How a box is painted, what is written on it, and what it is called."""

    fill: str
    ink: str
    name: str


HOLDERS: Final = {
    "old": Paint("#d5dbe1", INK, "old rate"),
    "new": Paint(CONSENSUS_COLOUR, "white", "new rate"),
    "foreign": Paint("#eeb04f", INK, "a colleague's rate"),
}
"""A cell's stripe, by whose amount it holds."""

READ: Final = Paint("#dfe9f5", INK, "reads from the PMS")
WRITE: Final = Paint("#2f5d9b", "white", "writes to the PMS")
FATES: Final = {
    "known": Paint("#d5dbe1", INK, ""),
    "noticed": Paint("#a9c5e6", INK, ""),
    "lost": Paint(TARGET_COLOUR, "white", ""),
    "later": Paint("#d5dbe1", INK, ""),
}
"""What becomes of a colleague's edit at each instant."""

STORE: Final = Paint("#b6c2cf", INK, "asks the ledger or the lock")
WAIT: Final = Paint("white", MUTED, "waits")
TINTS: Final = {"take back": "#fdf1e3", "recovery": "#e9f1fa", "nobody": "#e9e9e9"}
BANDS: Final = ("#f5f7f9", "#ffffff")
QUIET: Final = "#8aa4c4"
COLLEAGUE: Final = "#9a5b00"

WIDTH: Final = 744
"""At least, beside the lanes' names: a page of 900 pixels holds both."""
TITLES_Y, LOCK_Y, LEDGER_Y, TOLD_Y, APP_Y, CELLS_Y = 11, 34, 57, 85, 105, 170
APP_HALF, CELL_HIGH, CELL_STEP = 11, 20, 24
LANES_HIGH: Final = {"colleague": 26, "fate": 58}
"""Of the lanes below the cells, which are there only where anything happens in them."""

CUT_S: Final = 2.0
"""What lasts so long is marked as cut on the axis."""
CUT_PX: Final = 24.0

Row = dict[str, Any]
Point = tuple[float, float]


def timeline(happenings: pl.DataFrame, title: str, look_at: str, *, is_brief: bool = False) -> alt.TopLevelMixin:
    """Draw the course of one push.

    Args:
        happenings: `lane`, `kind`, `label`, `start_s`, `effect_s`, `end_s`, `phase`, `detail`. The lanes are ``phase``,
            ``lock``, ``ledger``, ``app``, ``network``, ``cell``, ``colleague``, and ``fate``: what becomes of an edit
            of a colleague's at each instant, with ``exposed`` for how long the push says that one could be lost. A row
            without an end lasts until its process died.
        look_at: what to look at, in a sentence.
        is_brief: whether to draw the preflight as one bar.
    """
    drawn = _in_brief(happenings) if is_brief else happenings
    return _Timeline(drawn).chart(alt.Title(title, subtitle=look_at))


class _Timeline:
    def __init__(self, happenings: pl.DataFrame) -> None:
        lanes = happenings.partition_by("lane", maintain_order=True, as_dict=True)
        self._lanes = {str(lane): rows.to_dicts() for (lane,), rows in lanes.items()}
        self._end_s: float = max(row["end_s"] for row in self._lanes["cell"])
        self._died_s = next((row["start_s"] for row in self._rows("app", "crash")), self._end_s)
        self._products = list(dict.fromkeys(row["detail"] for row in self._lanes["cell"]))
        below = sum(high for lane, high in LANES_HIGH.items() if lane in self._lanes)
        self._foot = CELLS_Y + CELL_STEP * len(self._products) + 2 + below
        self._axis = Stretched(_instants(happenings), self._rooms(), WIDTH)
        self._canvas = Canvas()

    def chart(self, title: alt.Title) -> alt.TopLevelMixin:
        """Return the picture."""
        self._draw_phases()
        self._draw_lock()
        self._draw_ledger()
        self._draw_app()
        self._draw_network()
        self._draw_cells()
        self._draw_colleague()
        self._draw_fates()
        self._draw_axis()
        self._draw_legend()
        return self._canvas.chart(self._axis.width, self._foot + 46, title)

    def _rows(self, lane: str, *kinds: str) -> list[Row]:
        return [row for row in self._lanes.get(lane, []) if not kinds or row["kind"] in kinds]

    def _x(self, at_s: float) -> float:
        return self._axis.x(at_s)

    def _span(self, row: Row) -> tuple[float, float]:
        return row["start_s"], self._died_s if row["end_s"] is None else row["end_s"]

    def _ends(self, row: Row) -> tuple[float, float]:
        start_s, end_s = self._span(row)
        return self._x(start_s), self._x(end_s)

    def _rooms(self) -> Iterator[Room]:
        """Yield what the labels need."""
        for row in self._rows("phase"):
            yield Room(*self._span(row), wide(_phase_title(row), is_bold=True) + 8)
        for row in self._rows("app", "call", "wait"):
            start_s, end_s = self._span(row)
            sign_px = 25 if end_s == self._died_s else 0
            yield Room(start_s, end_s, wide(_app_label(row)) + 5 + sign_px)
        for row in self._rows("fate", *FATES):
            yield Room(*self._span(row), wide(row["label"], is_bold=True) + 8)
        yield from self._state_rooms()

    def _state_rooms(self) -> Iterator[Room]:
        states = self._rows("ledger", "state")
        right_px, before_s = 0.0, 0.0
        for row in states:
            px = wide(row["label"]) + 18
            yield Room(before_s, row["start_s"], right_px + (px if _is_left(row, states) else 0.0))
            right_px, before_s = 0.0 if _is_left(row, states) else px, row["start_s"]

    @property
    def _cuts(self) -> list[float]:
        """Where the axis is cut, in pixels: in the middle of what lasts long, once where two such are neighbours."""
        long = [stretch for stretch in self._axis.stretches if stretch[1] - stretch[0] >= CUT_S]
        middles = [(self._x(start_s) + self._x(end_s)) / 2 for start_s, end_s in long]
        return [x for before, x in pairwise([-CUT_PX, *middles]) if x - before >= CUT_PX]

    def _draw_phases(self) -> None:
        for number, row in enumerate(self._rows("phase")):
            left, right = self._ends(row)
            is_nobody = row["kind"] == "nobody"
            bottom = APP_Y + APP_HALF + 8 if is_nobody else self._foot
            self._canvas.box(left, 0, right, bottom, TINTS.get(row["kind"], BANDS[number % 2]))
            self._canvas.word(
                _phase_title(row), (left + right) / 2, TITLES_Y, MUTED if is_nobody else INK, is_bold=True
            )

    def _draw_lock(self) -> None:
        self._name("lock", LOCK_Y)
        for row in self._rows("lock", "held"):
            left, right = self._ends(row)
            self._canvas.box(left, LOCK_Y - 3, right, LOCK_Y + 3, "#9fb3c8", "the location's lock is held")
            if row["detail"]:
                self._canvas.word(row["detail"], right - 2, LOCK_Y + 11, MUTED, align="right")
        for row in self._rows("lock", "renewed"):
            self._canvas.sign("circle", self._x(row["start_s"]), LOCK_Y, INK, size=26, note="the lock is renewed")

    def _draw_ledger(self) -> None:
        self._name("ledger", LEDGER_Y)
        states = self._rows("ledger", "state")
        for row in states:
            x = self._x(row["start_s"])
            self._canvas.line((x, LEDGER_Y), (x, APP_Y - APP_HALF), MUTED, width=1)
            self._canvas.sign("circle", x, LEDGER_Y, INK, size=46, note=f"{row['label']} at {row['start_s']:.3f} s")
            self._write_beside(row["label"], x, LEDGER_Y, INK, is_left=_is_left(row, states))
        for row in self._rows("ledger", "alert"):
            x = self._x(row["start_s"]) - 8
            self._canvas.word(f"alert: {row['label']}", x, LEDGER_Y + 14, TARGET_COLOUR, align="right")

    def _draw_app(self) -> None:
        self._name("our process", APP_Y)
        top, bottom = APP_Y - APP_HALF, APP_Y + APP_HALF
        for row in self._rows("app", "call", "store", "wait"):
            (start_s, end_s), (left, right), paint = self._span(row), self._ends(row), _paint(row)
            edge = "#b6c2cf" if paint is WAIT else "white"
            note = f"{row['label']}: {start_s:.3f} to {end_s:.3f} s {row['detail'] or ''}"
            self._canvas.box(left, top, right, bottom, paint.fill, note, edge)
            if paint is not STORE and right > left:
                self._canvas.word(_app_label(row), (left + right) / 2, APP_Y, paint.ink, note=note)
            if row["detail"]:
                self._canvas.word(row["detail"], (left + right) / 2, TOLD_Y, TARGET_COLOUR)
        for row in self._rows("app", "crash"):
            self._draw_crash(self._x(row["start_s"]))

    def _draw_crash(self, x: float) -> None:
        self._canvas.line((x, LEDGER_Y + 12), (x, APP_Y + APP_HALF + 8), TARGET_COLOUR, width=1.6, dashed=True)
        self._canvas.sign("cross", x, APP_Y, TARGET_COLOUR, size=150, angle=45, note="the process dies")
        self._canvas.word("dies", x + 12, APP_Y, TARGET_COLOUR, align="left", is_bold=True)

    def _draw_network(self) -> None:
        self._name("network", (APP_Y + CELLS_Y) / 2 + 2)
        top, bottom = APP_Y + APP_HALF + 2, CELLS_Y - 3
        for row in self._rows("network"):
            left, right = self._ends(row)
            if row["effect_s"] is None:
                self._draw_lost((left, top), (min(right, left + 40), bottom))
                continue
            colour, width = (WRITE.fill, 1.9) if _is_write(row) else (QUIET, 1.1)
            there = self._x(row["effect_s"])
            self._canvas.arrow((left, top), (there, bottom), colour, width=width)
            match row["kind"]:
                case "well":
                    self._canvas.arrow((there, bottom), (right, top), colour, width=width * 0.7)
                case "refused":
                    self._canvas.arrow((there, bottom), (right, top), TARGET_COLOUR, width=width * 0.7)
                case "not known" if there < right:
                    self._draw_lost((there, bottom), (min(right, there + 40), top))

    def _draw_lost(self, start: Point, end: Point) -> None:
        """Draw what goes only half of its way."""
        half = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        self._canvas.line(start, half, TARGET_COLOUR, dashed=True)
        self._canvas.sign("cross", *half, TARGET_COLOUR, size=70, angle=45, note="lost on its way")

    def _draw_cells(self) -> None:
        for row in self._rows("cell"):
            (left, right), top, paint = self._ends(row), self._cell_y(row["detail"]), HOLDERS[row["kind"]]
            note = f"class {row['detail']}: {paint.name}, {row['label']}"
            self._canvas.box(left, top, right, top + CELL_HIGH, paint.fill, note, "white")
            if right - left > wide(row["label"]) + 8:
                self._canvas.word(row["label"], left + 5, top + CELL_HIGH / 2, paint.ink, align="left", note=note)
        for product in self._products:
            self._name(f"PMS: class {product}", self._cell_y(product) + CELL_HIGH / 2)

    def _draw_colleague(self) -> None:
        for row in self._rows("colleague"):
            x, y = self._x(row["start_s"]), self._foot - 12
            self._name("colleague", y)
            self._canvas.arrow((x, y), (x, self._cell_y(row["detail"]) + CELL_HIGH), COLLEAGUE, width=2)
            said = f"sets class {row['detail']} to {row['label']}"
            self._write_beside(said, x, y, COLLEAGUE, is_left=x > self._axis.width * 0.7)

    def _draw_fates(self) -> None:
        """Draw what becomes of an edit at each instant, and how long the push says that one could have been lost."""
        if "fate" not in self._lanes:
            return
        top = self._foot - 52
        self._name("an edit then is", top + CELL_HIGH / 2)
        self._name("the push says", top + 38)
        for row in self._rows("fate", *FATES):
            (left, right), paint = self._ends(row), FATES[row["kind"]]
            self._canvas.box(left, top, right, top + CELL_HIGH, paint.fill, row["label"], "white")
            is_lost = row["kind"] == "lost"
            self._canvas.word(row["label"], (left + right) / 2, top + CELL_HIGH / 2, paint.ink, is_bold=is_lost)
        for row in self._rows("fate", "exposed"):
            (left, right), y = self._ends(row), top + 38
            self._canvas.line((left, y), (right, y), TARGET_COLOUR, width=1.6)
            for x in (left, right):
                self._canvas.line((x, y - 5), (x, y + 5), TARGET_COLOUR, width=1.6)
            self._canvas.word(row["label"], left - 8, y, TARGET_COLOUR, align="right")

    def _cell_y(self, product: str) -> float:
        return CELLS_Y + CELL_STEP * self._products.index(product)

    def _draw_axis(self) -> None:
        y = self._foot + 4
        self._canvas.line((0, y), (self._axis.width, y), "#cbd2d9")
        for at_s in ticks(self._axis, self._moments(), 54):
            x = self._x(at_s)
            self._canvas.line((x, y), (x, y + 4), MUTED)
            self._canvas.word(_seconds(at_s), x, y + 12, MUTED, size=10.5)
        for x in self._cuts:
            self._draw_cut(x, y)

    def _draw_cut(self, x: float, y: float) -> None:
        self._canvas.box(x - 3, y - 3, x + 3, y + 3, "white")
        for side in (-3, 3):
            self._canvas.line((x + side - 2, y + 5), (x + side + 2, y - 5), MUTED)

    def _draw_legend(self) -> None:
        y, x = self._foot + 36, 0.0
        seen = {_paint(row) for row in self._rows("app", "call", "store")}
        seen |= {HOLDERS[row["kind"]] for row in self._rows("cell")}
        for paint in [paint for paint in (READ, WRITE, STORE, *HOLDERS.values()) if paint in seen]:
            self._canvas.box(x, y - 5, x + 10, y + 5, paint.fill)
            self._canvas.word(paint.name, x + 15, y, MUTED, align="left")
            x += wide(paint.name) + 26
        if self._cuts:
            self._canvas.word("// much time goes by", self._axis.width, y, MUTED, align="right")

    def _moments(self) -> list[float]:
        """Return the instants that are worth a tick, the most worth first."""
        edits = [row["start_s"] for row in self._rows("colleague")]
        effects = [row["effect_s"] for row in self._rows("network") if _is_write(row) and row["effect_s"] is not None]
        phases = [row["start_s"] for row in self._rows("phase")]
        waits = [at_s for row in self._rows("app", "wait") for at_s in self._span(row)]
        by_text = {_seconds(at_s): at_s for at_s in reversed([0.0, self._end_s, *edits, *effects, *phases, *waits])}
        return list(reversed(by_text.values()))

    def _write_beside(self, text: str, x: float, y: float, colour: str, *, is_left: bool) -> None:
        if is_left:
            self._canvas.word(text, x - 8, y, colour, is_bold=True, align="right")
        else:
            self._canvas.word(text, x + 8, y, colour, is_bold=True, align="left")

    def _name(self, name: str, y: float) -> None:
        self._canvas.word(name, -10, y, MUTED, align="right")


def _in_brief(happenings: pl.DataFrame) -> pl.DataFrame:
    """Return the table with the preflight as one bar."""
    is_preflight = pl.col("phase") == "preflight"
    steps = happenings.filter(is_preflight & (pl.col("lane") == "app"))
    whole = steps.head(1).with_columns(
        kind=pl.lit("call"), label=pl.lit("3 reads"), end_s=steps["end_s"].max(), detail=pl.lit("")
    )
    return pl.concat([whole, happenings.filter(is_preflight.not_() | pl.col("phase").is_null())])


def _instants(happenings: pl.DataFrame) -> list[float]:
    times = happenings.select(pl.concat_list("start_s", "effect_s", "end_s").explode().drop_nulls())
    return times.to_series().to_list()


def _is_left(row: Row, states: list[Row]) -> bool:
    """Whether a state's name stands before its sign: those of the first and the last do."""
    return row in (states[0], states[-1])


def _is_write(row: Row) -> bool:
    return str(row["label"]).startswith(("write", "restore"))


def _paint(row: Row) -> Paint:
    if row["kind"] == "call":
        return WRITE if _is_write(row) else READ
    return WAIT if row["kind"] == "wait" else STORE


def _phase_title(row: Row) -> str:
    return f"nobody for {_lasting(row)}" if row["kind"] == "nobody" else str(row["label"])


def _app_label(row: Row) -> str:
    return _lasting(row) if row["kind"] == "wait" else str(row["label"])


def _lasting(row: Row) -> str:
    return f"{row['end_s'] - row['start_s']:.0f} s"


def _seconds(at_s: float) -> str:
    return f"{at_s:.2f} s" if at_s < 10 else f"{at_s:.1f} s" if at_s < 100 else f"{at_s:.0f} s"
