from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from pms_lab.charts import dry_run as charts

LABELS = {"E": "E-class", "F": "F-class"}
DAY = date(2026, 2, 2)


def drawn(chart: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a chart's specification, checked against Vega-Lite's schema, and all rows that it draws."""
    spec = chart.to_dict(validate=True)
    return spec, [row for rows in spec.get("datasets", {}).values() for row in rows]


def days(*told: tuple[int, int, float | None]) -> pl.DataFrame:
    """Build rows of (days after the first, scored, share within)."""
    rows = [(DAY + timedelta(days=after), scored, within) for after, scored, within in told]
    return pl.DataFrame(rows, schema=["run_date", "scored", "within"], orient="row")


def test_agreement_is_pooled_over_cells_not_averaged_over_days() -> None:
    _, rows = drawn(charts.agreement_over_time(days((0, 9, 1.0), (1, 1, 0.0)), 0.8, None, "$2"))
    assert [row["pooled"] for row in rows if "pooled" in row] == pytest.approx([1.0, 0.9])


def test_the_pool_reaches_back_28_calendar_days_and_no_further() -> None:
    _, rows = drawn(charts.agreement_over_time(days((0, 1, 1.0), (27, 1, 0.0), (28, 1, 0.0)), 0.8, None, "$2"))
    assert [row["pooled"] for row in rows if "pooled" in row] == pytest.approx([1.0, 0.5, 0.0])


def test_a_day_without_a_comparison_is_left_out_and_not_drawn_as_zero() -> None:
    _, rows = drawn(charts.agreement_over_time(days((0, 2, 0.5), (1, 0, None)), 0.8, None, "$2"))
    assert [row["within"] for row in rows if "scored" in row] == [0.5]


def test_target_and_noise_floor_are_drawn_with_their_names() -> None:
    _, rows = drawn(charts.agreement_over_time(days((0, 2, 0.5)), 0.8, 0.45, "$2"))
    assert {row["text"] for row in rows if "text" in row} == {"target 80%", "two people agree 45%"}


def cells(*told: tuple[str, str | None, str | None]) -> pl.DataFrame:
    """Build rows of (product, recommended, manual)."""
    rows = [
        (product, DAY, None, rate and Decimal(rate), manual and Decimal(manual), None) for product, rate, manual in told
    ]
    amount = pl.Decimal(14, 4)
    kinds: dict[str, pl.DataType] = {"product": pl.String(), "run_date": pl.Date(), "stay_date": pl.Date()}
    kinds |= {"rate": amount, "manual": amount, "current": amount}
    frame = pl.DataFrame(rows, schema=kinds, orient="row")
    return frame.with_columns(difference=pl.col("rate") - pl.col("manual"))


def test_only_cells_with_both_rates_are_drawn_under_their_labels() -> None:
    chart = charts.recommended_against_manual(
        cells(("E", "46.5", "46"), ("F", None, "48"), ("F", "48", None)), LABELS, 2.0, False, "USD"
    )
    _, rows = drawn(chart)
    assert [(row["label"], row["rate"], row["manual"]) for row in rows if "label" in row] == [("E-class", 46.5, 46.0)]


@pytest.mark.parametrize(("is_percent", "reach"), [(False, 5.0), (True, 5.0)])
def test_the_band_is_as_wide_as_the_tolerance(is_percent: bool, reach: float) -> None:
    chart = charts.recommended_against_manual(cells(("E", "100", "100")), LABELS, 5.0, is_percent, "USD")
    _, rows = drawn(chart)
    ends = [row for row in rows if "low" in row]
    assert [row["high"] - row["at"] for row in ends] == pytest.approx([reach, reach], rel=0.01)


def test_a_chart_without_cells_is_still_a_chart() -> None:
    spec, _ = drawn(charts.recommended_against_manual(cells(), LABELS, 2.0, False, "USD"))
    assert spec["title"]["text"] == "Recommended against manual"


@pytest.mark.parametrize(("p", "verdict"), [(0.049, "systematic"), (0.051, "may be chance"), (None, "may be chance")])
def test_a_bias_is_called_systematic_only_below_the_adjusted_five_percent(p: float | None, verdict: str) -> None:
    row = {"product": "E", "scored": 9, "days": 3, "mean": 1.0, "low": 0.5, "high": 1.5, "p": p, "p_holm": p}
    kinds = dict.fromkeys(("low", "high", "p", "p_holm"), pl.Float64)
    _, rows = drawn(charts.bias_by_product(pl.DataFrame([row], schema_overrides=kinds), LABELS, "USD"))
    assert [row["verdict"] for row in rows if "verdict" in row] == [verdict]


def test_agents_stand_in_the_order_of_their_agreement_with_the_consensus_among_them() -> None:
    shares = {"a": 0.2, "consensus": 0.5, "b": 0.9}
    agreement = pl.DataFrame(
        [
            {"agent": who, "scored": 9, "days": 3, "share": s, "low": s - 0.1, "high": s + 0.1}
            for who, s in shares.items()
        ]
    )
    by_agent = pl.DataFrame(
        [{"location": "DESK", "agent": who, "scored": 9, "error": Decimal("1.5"), "confidence": 0.5} for who in shares]
    )
    spec, rows = drawn(charts.agents_compared(agreement, by_agent, None, "$2"))
    assert spec["layer"][0]["encoding"]["y"]["sort"] == ["b", "consensus", "a"]
    assert {row["agent"]: row["who"] for row in rows} == {"a": "agent", "consensus": "consensus", "b": "agent"}
