"""A chart that is placed by the pixel: boxes, lines, signs and words, for pictures that no grid of axes can draw."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import atan2, degrees
from typing import Any, Final, Literal, TypeAlias

import altair as alt
import polars as pl

from pms_lab.charts.look import INK, finished

Align: TypeAlias = Literal["left", "center", "right"]

SIZE: Final = 11.0
"""Of most words, in pixels."""

CHARACTER_SHARE: Final = 0.54
BOLD_SHARE: Final = 0.66
"""How wide a character is, as a share of the font's size: a little more than with most fonts of a browser."""


def wide(text: str, *, is_bold: bool = False) -> float:
    """Return how many pixels a text takes, about; capitals and bold ones take more."""
    share = BOLD_SHARE if is_bold or text.isupper() else CHARACTER_SHARE
    return len(text) * SIZE * share


@dataclass
class Canvas:
    """What is drawn, in layers: boxes lie under lines, lines under signs, and words on top. (0, 0) is top left."""

    _boxes: list[dict[str, Any]] = field(default_factory=list)
    _lines: dict[bool, list[dict[str, Any]]] = field(default_factory=dict)
    _signs: list[dict[str, Any]] = field(default_factory=list)
    _words: dict[tuple[Align, bool, float], list[dict[str, Any]]] = field(default_factory=dict)

    def box(
        self, left: float, top: float, right: float, bottom: float, colour: str, note: str = "", edge: str = ""
    ) -> None:
        """Fill a rectangle; `note` is shown where the pointer rests on it."""
        sides = _rounded(x=left, y=top, x2=right, y2=bottom)
        self._boxes.append({**sides, "colour": colour, "edge": edge or colour, "note": note})

    def line(
        self, start: tuple[float, float], end: tuple[float, float], colour: str, *, width: float = 1.2,
        dashed: bool = False,
    ) -> None:  # fmt: skip
        """Draw a straight line."""
        ends = _rounded(x=start[0], y=start[1], x2=end[0], y2=end[1], width=width)
        self._lines.setdefault(dashed, []).append({**ends, "colour": colour})

    def arrow(self, start: tuple[float, float], end: tuple[float, float], colour: str, *, width: float = 1.2) -> None:
        """Draw a line with a head at its end."""
        self.line(start, end, colour, width=width)
        angle = degrees(atan2(end[0] - start[0], start[1] - end[1]))
        self.sign("triangle", *end, colour, size=22 + 14 * width, angle=angle)

    def sign(
        self, shape: str, x: float, y: float, colour: str, *, size: float = 60.0, angle: float = 0.0, note: str = ""
    ) -> None:
        """Draw a sign of one of Vega's shapes; `size` is its area in square pixels."""
        numbers = _rounded(x=x, y=y, size=size, angle=angle)
        self._signs.append({**numbers, "shape": shape, "colour": colour, "note": note})

    def word(
        self, text: str, x: float, y: float, colour: str = INK, *, align: Align = "center", size: float = SIZE,
        is_bold: bool = False, note: str = "",
    ) -> None:  # fmt: skip
        """Write a line of text, centred on `y`."""
        self._words.setdefault((align, is_bold, size), []).append(
            {**_rounded(x=x, y=y), "text": text, "colour": colour, "note": note or text}
        )

    def chart(self, width: float, height: float, title: alt.Title) -> alt.TopLevelMixin:
        """Return the picture."""
        width = round(width, 1)
        layers = [*self._box_layer(), *self._line_layers(), *self._sign_layer(), *self._word_layers()]
        return finished(
            alt.layer(*[layer.encode(**_places(layer, width, height)) for layer in layers]).properties(
                title=title, width=width, height=height
            )
        )

    def _box_layer(self) -> list[alt.Chart]:
        if not self._boxes:
            return []
        base = alt.Chart(pl.DataFrame(self._boxes)).mark_rect(cornerRadius=2, strokeWidth=1)
        return [base.encode(fill=_as_is("colour", alt.Fill), stroke=_as_is("edge", alt.Stroke), tooltip=NOTE)]

    def _line_layers(self) -> list[alt.Chart]:
        return [
            alt.Chart(pl.DataFrame(rows))
            .mark_rule(strokeDash=[4, 3] if dashed else [])
            .encode(stroke=_as_is("colour", alt.Stroke), strokeWidth=_as_is("width", alt.StrokeWidth))
            for dashed, rows in sorted(self._lines.items())
        ]

    def _sign_layer(self) -> list[alt.Chart]:
        if not self._signs:
            return []
        base = alt.Chart(pl.DataFrame(self._signs)).mark_point(filled=True, opacity=1, strokeWidth=1)
        return [
            base.encode(
                shape=_as_is("shape", alt.Shape),
                size=_as_is("size", alt.Size),
                angle=_as_is("angle", alt.Angle),
                fill=_as_is("colour", alt.Fill),
                stroke=_as_is("colour", alt.Stroke),
                tooltip=NOTE,
            )
        ]

    def _word_layers(self) -> list[alt.Chart]:
        return [
            alt.Chart(pl.DataFrame(rows))
            .mark_text(align=align, baseline="middle", fontSize=size, fontWeight="bold" if is_bold else "normal")
            .encode(text="text:N", color=_as_is("colour", alt.Color), tooltip=NOTE)
            for (align, is_bold, size), rows in sorted(self._words.items())
        ]


NOTE: Final = alt.Tooltip("note:N")


def _rounded(**numbers: float) -> dict[str, float]:
    """Round to what can be seen, so that a picture is the same on every machine."""
    return {name: round(number, 1) for name, number in numbers.items()}


def _as_is(column: str, channel: Any) -> Any:
    """Use a column's values themselves: a colour is a colour, a size a size."""
    return channel(column, type="nominal", scale=None, legend=None)


def _places(layer: alt.Chart, width: float, height: float) -> dict[str, Any]:
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, width], nice=False, zero=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[height, 0], nice=False, zero=False))
    ends = {"x2": "x2:Q", "y2": "y2:Q"} if "x2" in layer.data.columns else {}
    return {"x": x, "y": y, **ends}
