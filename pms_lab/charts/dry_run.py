"""The four charts of a dry run: agreement over time, recommended against manual, bias, and the agents compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import altair as alt
import polars as pl

from pms_lab.charts.look import (
    AGENT_COLOUR,
    CONSENSUS_COLOUR,
    HEIGHT,
    INK,
    MUTED,
    PRODUCT_COLOURS,
    TARGET_COLOUR,
    WIDTH,
    finished,
    for_chart,
)

Layered: TypeAlias = alt.LayerChart | alt.FacetChart
Layer: TypeAlias = alt.Chart | Layered
ROLLING_DAYS: Final = 28
PERCENT: Final = ".0%"


def agreement_over_time(
    by_run_date: pl.DataFrame, target: float, noise_floor: float | None, within: str
) -> alt.TopLevelMixin:
    """Draw the share of cells within tolerance per run date, pooled over 28 days, against the target.

    Args:
        by_run_date: `run_date`, `scored`, `within` (share); days without a scored cell are left out.
        target: share of 0 to 1 that is aimed at.
        noise_floor: how often two people agree; None where it is unknown.
        within: what counts as agreement, in words.
    """
    days = for_chart(by_run_date.filter(pl.col("scored") > 0)).with_columns(pooled=_pooled())
    few = days.height <= 10
    time = alt.X("run_date:T", title="run date", axis=alt.Axis(tickCount="day" if few else alt.Undefined))
    shares = alt.Axis(format=PERCENT, values=[0, 0.2, 0.4, 0.6, 0.8, 1])
    share = alt.Y("within:Q", title="share of cells", scale=alt.Scale(domain=[-0.03, 1.03]), axis=shares)
    tooltip = [
        alt.Tooltip("run_date:T", title="run date"),
        alt.Tooltip("within:Q", title="that day", format=PERCENT),
        alt.Tooltip("scored:Q", title="cells compared"),
        alt.Tooltip("pooled:Q", title=f"last {ROLLING_DAYS} days", format=".1%"),
    ]
    size = alt.Size("scored:Q", title="cells compared", scale=alt.Scale(range=[12, 120]), legend=None)
    base = alt.Chart(days)
    daily = base.mark_circle(color=AGENT_COLOUR, opacity=0.4).encode(time, share, size, tooltip=tooltip)
    pooled = base.mark_line(color=CONSENSUS_COLOUR, strokeWidth=2.5).encode(time, y="pooled:Q", tooltip=tooltip)
    lines = [_level(days, target, f"target {target:.0%}", TARGET_COLOUR)]
    if noise_floor is not None:
        lines.append(_level(days, noise_floor, f"two people agree {noise_floor:.0%}", MUTED))
    title = alt.Title(
        f"Agreement within {within}", subtitle=f"dots: one day, larger with more cells; line: last {ROLLING_DAYS} days"
    )
    return finished(_zoomable([daily, pooled, *lines], title, HEIGHT, ["x"]))


def recommended_against_manual(
    comparison: pl.DataFrame, labels: Mapping[str, str], tolerance: float, is_percent: bool, currency: str
) -> alt.TopLevelMixin:
    """Draw each cell's recommended rate against the manual one, with the band that counts as agreement.

    Args:
        comparison: `product`, `run_date`, `stay_date`, `rate`, `manual`, `current`, `difference`, `within`.
        labels: of the products, by code.
    """
    cells = for_chart(comparison.filter(pl.col("difference").is_not_null())).with_columns(
        label=pl.col("product").replace(labels)
    )
    ends = _ends(cells)
    reach = ends["at"] * tolerance / 100 if is_percent else pl.Series([tolerance] * ends.height)
    band = ends.with_columns(low=ends["at"] - reach.abs(), high=ends["at"] + reach.abs())
    scale = alt.Scale(zero=False, nice=False, padding=4, domain=ends["at"].to_list())
    diagonal = alt.Chart(band).mark_line(color=MUTED, strokeDash=[4, 3]).encode(x="at:Q", y="at:Q")
    agree = alt.Chart(band).mark_area(color=CONSENSUS_COLOUR, opacity=0.15).encode(x="at:Q", y="low:Q", y2="high:Q")
    picked = alt.selection_point(name="picked", fields=["label"], bind="legend")
    points = (
        alt.Chart(cells)
        .mark_circle(size=45)
        .encode(
            x=alt.X("manual:Q", title=f"manual rate ({currency})", scale=scale),
            y=alt.Y("rate:Q", title=f"recommended rate ({currency})", scale=scale),
            color=alt.Color("label:N", title=None, scale=alt.Scale(range=list(PRODUCT_COLOURS))),
            opacity=alt.condition(picked, alt.value(0.8), alt.value(0.08)),
            tooltip=[
                alt.Tooltip("label:N", title="product"),
                alt.Tooltip("run_date:T", title="run date"),
                alt.Tooltip("stay_date:T", title="stay date"),
                alt.Tooltip("rate:Q", title="recommended", format=".2f"),
                alt.Tooltip("manual:Q", title="manual", format=".2f"),
                alt.Tooltip("current:Q", title="current", format=".2f"),
                alt.Tooltip("difference:Q", title="difference", format="+.2f"),
            ],
        )
        .add_params(picked)
    )
    title = alt.Title(
        "Recommended against manual", subtitle="on the dashed line both agree; the band counts as agreement"
    )
    return finished(_zoomable([agree, diagonal, points], title, WIDTH * 0.5, ["x", "y"]))


def bias_by_product(bias: pl.DataFrame, labels: Mapping[str, str], currency: str) -> alt.TopLevelMixin:
    """Draw the consensus's mean signed difference per product, with its 95% interval.

    Args:
        bias: `product`, `scored`, `days`, `mean`, `low`, `high`, `p_holm`; the last three null with a single day.
    """
    rows = for_chart(bias).with_columns(
        label=pl.col("product").replace(labels),
        verdict=pl.when(pl.col("p_holm") < 0.05).then(pl.lit("systematic")).otherwise(pl.lit("may be chance")),
    )
    product = alt.Y("label:N", title=None, sort=rows["label"].to_list())
    tooltip = [
        alt.Tooltip("label:N", title="product"),
        *(alt.Tooltip(f"{end}:Q", title=end, format="+.2f") for end in ("mean", "low", "high")),
        alt.Tooltip("p_holm:Q", title="p (Holm)", format=".3g"),
        alt.Tooltip("scored:Q", title="cells"),
        alt.Tooltip("days:Q", title="days"),
    ]
    colour = alt.Color(
        "verdict:N",
        title=None,
        scale=alt.Scale(domain=["systematic", "may be chance"], range=[TARGET_COLOUR, AGENT_COLOUR]),
    )
    measured = f"recommended − manual ({currency}), mean and 95% interval"
    axis = alt.X("low:Q", title=measured, scale=alt.Scale(padding=12), axis=alt.Axis(tickCount=8))
    interval = (
        alt.Chart(rows).mark_rule(strokeWidth=3).encode(product, axis, x2="high:Q", color=colour, tooltip=tooltip)
    )
    mean = (
        alt.Chart(rows)
        .mark_point(filled=True, size=80, opacity=1)
        .encode(product, x="mean:Q", color=colour, tooltip=tooltip)
    )
    zero = alt.Chart(pl.DataFrame({"zero": [0.0]})).mark_rule(color=INK).encode(x="zero:Q")
    title = alt.Title(
        "Bias per class", subtitle="right of zero the agents are dearer than people; intervals from day to day"
    )
    return finished(_sized([zero, interval, mean], title, _rows_high(rows)))


def agents_compared(
    agreement: pl.DataFrame, by_agent: pl.DataFrame, noise_floor: float | None, within: str
) -> alt.TopLevelMixin:
    """Draw each agent's share within tolerance with its 95% interval, the consensus among them.

    Args:
        agreement: `agent`, `share`, `low`, `high`, `days`.
        by_agent: `agent`, `scored`, `coverage`, `error`, `confidence`, for the tooltips.
    """
    rows = for_chart(agreement.join(by_agent.drop("location", "scored"), on="agent", how="left"))
    rows = rows.with_columns(who=pl.when(agent="consensus").then(pl.lit("consensus")).otherwise(pl.lit("agent")))
    agent = alt.Y("agent:N", title=None, sort=rows.sort("share", "agent", descending=[True, False])["agent"].to_list())
    colour = alt.Color(
        "who:N", legend=None, scale=alt.Scale(domain=["consensus", "agent"], range=[CONSENSUS_COLOUR, AGENT_COLOUR])
    )
    tooltip = [
        alt.Tooltip("agent:N"),
        alt.Tooltip("share:Q", title=f"within {within}", format=".1%"),
        alt.Tooltip("low:Q", title="95% from", format=".1%"),
        alt.Tooltip("high:Q", title="to", format=".1%"),
        alt.Tooltip("error:Q", title="mean error", format=".2f"),
        alt.Tooltip("scored:Q", title="cells compared"),
        alt.Tooltip("confidence:Q", title="mean confidence", format=".0%"),
    ]
    furthest = max([*rows["share"], *rows["high"].drop_nulls(), noise_floor or 0.0], default=1.0)
    share = alt.X(
        "share:Q",
        title=f"share of cells within {within}, with 95% interval",
        axis=alt.Axis(format=PERCENT, tickCount=10),
        scale=alt.Scale(domain=[0, min(1.0, furthest * 1.1)], nice=False),
    )
    bar = alt.Chart(rows).mark_rule(strokeWidth=3).encode(agent, x="low:Q", x2="high:Q", color=colour, tooltip=tooltip)
    dot = (
        alt.Chart(rows).mark_point(filled=True, size=80, opacity=1).encode(agent, share, color=colour, tooltip=tooltip)
    )
    layers: list[Layer] = [bar, dot]
    if noise_floor is not None:
        line = pl.DataFrame({"share": [noise_floor], "text": [f"two people agree {noise_floor:.0%}"]})
        layers.append(alt.Chart(line).mark_rule(color=MUTED, strokeDash=[4, 3]).encode(x="share:Q", tooltip="text:N"))
    subtitle = "the consensus in green" + ("; dashed: how often two people agree" if noise_floor is not None else "")
    return finished(_sized(layers, alt.Title("Agents compared", subtitle=subtitle), _rows_high(rows)))


def _pooled() -> pl.Expr:
    """Pool by run date: the share among all cells of the last 28 calendar days, not the mean of daily shares."""
    agreeing = (pl.col("within") * pl.col("scored")).rolling_sum_by("run_date", window_size=f"{ROLLING_DAYS}d")
    return agreeing / pl.col("scored").rolling_sum_by("run_date", window_size=f"{ROLLING_DAYS}d")


def _level(days: pl.DataFrame, share: float, text: str, colour: str) -> Layered:
    """Draw a horizontal line with its name at the right end."""
    row = pl.DataFrame({"run_date": [days["run_date"].max()], "within": [share], "text": [text]})
    base = alt.Chart(row)
    rule = base.mark_rule(color=colour, strokeDash=[6, 4]).encode(y="within:Q", tooltip="text:N")
    name = base.mark_text(color=colour, align="right", dy=-7, fontSize=11).encode(
        x=alt.value(WIDTH), y="within:Q", text="text:N"
    )
    return alt.layer(rule, name)


def _ends(cells: pl.DataFrame) -> pl.DataFrame:
    both = [*cells["rate"], *cells["manual"]]
    low, high = min(both, default=0.0), max(both, default=1.0)
    margin = max((high - low) * 0.05, 0.5)
    return pl.DataFrame({"at": [low - margin, high + margin]})


def _rows_high(rows: pl.DataFrame) -> float:
    return max(60.0, 24.0 * rows.height)


def _sized(layers: Sequence[Layer], title: alt.Title, height: float) -> Layered:
    return alt.layer(*layers).properties(title=title, width=WIDTH, height=height)


def _zoomable(
    layers: Sequence[Layer], title: alt.Title, height: float, encodings: Sequence[Literal["x", "y"]]
) -> Layered:
    """Let the reader zoom by wheel and pan by dragging; the name keeps the picture the same from run to run."""
    grip = alt.selection_interval(name="grip", bind="scales", encodings=encodings)
    first, *others = layers
    return _sized([first.add_params(grip), *others], title, height)
