"""The one look of all charts, and a renderer that draws them without a network."""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import polars as pl

VEGALITE_MIME: Final = "application/vnd.vegalite.v5+json"
WIDTH: Final = 780
HEIGHT: Final = 280
INK: Final = "#1f2933"
MUTED: Final = "#7b8794"
CONSENSUS_COLOUR: Final = "#0b6e4f"
AGENT_COLOUR: Final = "#9aa5b1"
TARGET_COLOUR: Final = "#c2410c"
PRODUCT_COLOURS: Final = ("#0b6e4f", "#3b6fb6", "#c2410c", "#8e5ea2", "#b58900", "#00798c", "#b23a48", "#5b5f97")

CONFIG: Final[dict[str, Any]] = {
    "background": "white",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": MUTED,
        "titleFontWeight": "normal",
        "gridColor": "#e9edf1",
        "domainColor": "#cbd2d9",
        "tickColor": "#cbd2d9",
    },
    "axisY": {"labelLimit": 150},
    "legend": {"orient": "top", "columns": 8, "labelColor": INK, "titleColor": MUTED, "titleFontWeight": "normal"},
    "title": {"anchor": "start", "color": INK, "fontSize": 14, "subtitleColor": MUTED, "subtitleFontSize": 12},
}


def finished(chart: alt.LayerChart | alt.FacetChart | alt.Chart) -> alt.TopLevelMixin:
    """Put the look on a finished chart."""
    dressed: alt.TopLevelMixin = chart.configure(**CONFIG)
    return dressed


def for_chart(table: pl.DataFrame) -> pl.DataFrame:
    """Turn decimals into floats: a chart draws, it does not add up."""
    return table.with_columns(pl.col(pl.Decimal).cast(pl.Float64))


def use_offline_renderer() -> None:
    """Show charts as Vega-Lite data, which JupyterLab draws by itself; Altair's default fetches scripts from a CDN."""
    alt.renderers.register("pms_lab", _as_vegalite)
    alt.renderers.enable("pms_lab")


def _as_vegalite(spec: dict[str, Any], **_: Any) -> dict[str, Any]:
    return {VEGALITE_MIME: spec, "text/plain": f"<chart: {_title(spec)}>"}


def _title(spec: dict[str, Any]) -> str:
    title = spec.get("title", "untitled")
    return str(title["text"] if isinstance(title, dict) else title)
