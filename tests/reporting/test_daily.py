from datetime import date, timedelta
from typing import Any

import pytest

from pms_lab.lab import Lab
from pms_lab.reporting.headline import HEADLINE_MIME
from pms_lab.scoring.contract import Kind
from tests.conftest import evidence, set_rate, vote


def figures(lab: Lab, **arguments: Any) -> dict[str, str]:
    bundle = lab.daily_report("DESK", **arguments).headline()._repr_mimebundle_()
    return {tile["name"]: tile["figure"] for tile in bundle[HEADLINE_MIME]["figures"]}


def test_the_headline_has_the_day_and_all_days_so_far(lab: Lab) -> None:
    days = [date(2026, 2, 17), date(2026, 2, 18)]
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50", run_date=day) for day in days])
    rates = [set_rate("manual", "46.50", run_date=days[0]), set_rate("manual", "50.00", run_date=days[1])]
    evidence(lab.home, Kind.RATES, rates)
    assert figures(lab) == {
        "Exact, this run date": "0%",
        "Within, this run date": "0%",
        "Within, all so far": "50.0%",
        "Mean error, all so far": "$1.75",
        "Coverage, all so far": "100.0%",
        "Confidence Avg": "80%",
    }


def test_the_tolerance_is_named_in_the_figures(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    evidence(lab.home, Kind.RATES, [set_rate("manual", "48.00")])
    assert figures(lab, tolerance="5%")["Within, this run date"] == "100%"
    assert figures(lab, tolerance="1.25")["Within, this run date"] == "0%"


def test_a_day_without_manual_rates_has_no_share_rather_than_a_share_of_zero(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    assert figures(lab)["Exact, this run date"] == "–"


@pytest.mark.parametrize(
    ("rates", "verdict"),
    [
        ([], "no manual rate"),
        ([set_rate("manual", "46.50")], "✓ match"),
        ([set_rate("manual", "48.50")], "within tolerance"),
        ([set_rate("manual", "48.60")], "conflict"),
    ],
)
def test_each_cell_of_the_day_has_its_verdict(lab: Lab, rates: list[dict[str, Any]], verdict: str) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    evidence(lab.home, Kind.RATES, rates)
    table = lab.daily_report("DESK").cells_of_the_day()
    assert f">{verdict}</td>" in table.html
    assert table.rows == 1


def test_tables_say_the_same_on_every_run(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50"), vote("supply", "47.50")])
    first, second = (lab.daily_report("DESK") for _ in range(2))
    assert first.agents() == second.agents()
    assert repr(first.agents()) == "Table(name='agents', rows=3)"


def test_more_cells_than_fit_are_counted_and_the_largest_differences_are_shown(lab: Lab) -> None:
    nights = [date(2026, 3, 1) + timedelta(days=night) for night in range(50)]
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50", stay_date=night) for night in nights])
    rates = [set_rate("manual", f"{46 + at}.50", stay_date=night) for at, night in enumerate(nights[:45])]
    evidence(lab.home, Kind.RATES, rates)
    table = lab.daily_report("DESK").cells_of_the_day()
    assert table.rows == 40
    assert "5 more with a manual rate and a smaller difference." in table.html
    assert "5 more on that day without a manual rate to compare." in table.html
    assert "-$44.00" in table.html
    assert "✓ match" not in table.html


def test_what_tells_cells_apart_is_shown(lab: Lab) -> None:
    told: list[dict[str, Any]] = [{"rate_plan": "BAR", "occupancy": 2}, {"rate_plan": "NRF", "occupancy": 2}]
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50", **cell) for cell in told])
    html = lab.daily_report("DESK").cells_of_the_day().html
    for shown in ("Rate plan", "BAR", "NRF", "Persons"):
        assert shown in html
    assert "Stay date" not in html


def test_a_product_that_is_no_longer_sold_keeps_its_code(lab: Lab) -> None:
    days = [date(2026, 2, day) for day in (16, 17, 18)]
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50", product="OLD", run_date=day) for day in days])
    rates = [set_rate("manual", f"{40 + at}.00", product="OLD", run_date=day) for at, day in enumerate(days)]
    evidence(lab.home, Kind.RATES, rates)
    report = lab.daily_report("DESK")
    assert "overprice OLD" in report.analysis().text
    assert "OLD" in report.cells_of_the_day().html
