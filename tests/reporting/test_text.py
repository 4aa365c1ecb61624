from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pms_lab.lab import Lab, open_lab
from pms_lab.reporting.text import as_record, text_report
from pms_lab.scoring.contract import Kind
from tests.conftest import evidence, set_rate, vote

SIX = time(6)

# The sample report of the design document 'PMS integration hardening', section 3, through 'Confidence Avg'.
SAMPLE = """\
DRY RUN: 2026-02-18 6:00 AM
Location: LAS_AIRPORT

Agent Recommendations (NOT PUBLISHED):
  E-class: $46.50 (current: $46.00, +1.09%)
  F-class: $48.20 (current: $48.00, +0.42%)
  S-class: $51.80 (current: $51.00, +1.57%)

Manual Rates (Human decision):
  E-class: $46.50 (✓ match)
  F-class: $48.00 (conflict: agent $48.20 vs manual $48.00)
  S-class: $52.00 (conflict: agent $51.80 vs manual $52.00)

Accuracy: 1/3 classes (33%)
Confidence Avg: 78%
"""


def test_the_sample_comes_out_byte_for_byte_and_then_both_readings_of_accuracy(shipped_home: Path) -> None:
    lab = open_lab(shipped_home)
    report = text_report(lab.dry_run("LAS_AIRPORT"), lab.settings.run_at, compare=True)
    assert report.startswith(SAMPLE)
    assert report.removeprefix(SAMPLE).splitlines() == [
        "Agreement within $2: 3/3 classes (100%)",
        "",
        "Analysis: one day: no claim about bias",
    ]


def test_without_comparison_no_manual_rate_is_told(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50", 0.75)])
    evidence(lab.home, Kind.RATES, [set_rate("manual", "47.00")])
    report = text_report(lab.dry_run("DESK"), SIX, compare=False)
    assert "47.00" not in report
    assert report.endswith("Confidence Avg: 75%")


@pytest.mark.parametrize(
    ("rates", "line"),
    [
        ([], "  E-class: $46.50 (no current rate)"),
        ([set_rate("current", "46.00")], "  E-class: $46.50 (current: $46.00, +1.09%)"),
        ([set_rate("current", "50.00")], "  E-class: $46.50 (current: $50.00, -7.00%)"),
        ([set_rate("current", "0.00")], "  E-class: $46.50 (current: $0.00)"),
        ([set_rate("manual", "46.50")], "  E-class: $46.50 (✓ match)"),
        ([set_rate("manual", "50.00")], "  E-class: $50.00 (conflict: agent $46.50 vs manual $50.00)"),
        ([set_rate("manual", "50.00", product="F")], "  F-class: $50.00 (no recommendation)"),
        ([set_rate("manual", "50.00", product="F")], "Accuracy: 0/0 classes (–)"),
        ([], "  none on this day"),
    ],
)
def test_each_cell_says_what_is_known_of_it(lab: Lab, rates: list[dict[str, object]], line: str) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    evidence(lab.home, Kind.RATES, rates)
    assert line in text_report(lab.dry_run("DESK"), SIX, compare=True).splitlines()


def test_occupancy_and_tax_basis_tell_cells_apart(lab: Lab) -> None:
    cell: dict[str, Any] = {"stay_date": date(2026, 3, 1), "rate_plan": "BAR", "occupancy": 2, "tax_basis": "net"}
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50", **cell)])
    assert "  E-class 2026-03-01 BAR 2 persons net: $46.50" in text_report(
        lab.dry_run("DESK"), SIX, compare=False, every_cell=True
    )


def test_dated_cells_without_a_manual_rate_are_counted_unless_all_are_wanted(lab: Lab) -> None:
    nights = [date(2026, 3, day) for day in (1, 2, 3)]
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50", stay_date=night) for night in nights])
    evidence(lab.home, Kind.RATES, [set_rate("manual", "46.50", stay_date=nights[1])])
    scores = lab.dry_run("DESK")
    short, long = (text_report(scores, SIX, compare=True, every_cell=every) for every in (False, True))
    assert "  … and 2 dated cells without a manual rate (--all shows them)" in short
    assert "  E-class 2026-03-02: $46.50 (no current rate)" in short
    assert [f"  E-class {night}: $46.50 (no current rate)" in long for night in nights] == [True] * 3
    assert "Accuracy: 1/1 cells (100%)" in short


def test_confidence_is_averaged_over_products_not_over_votes(lab: Lab) -> None:
    votes = [vote("a", "46", 0.9), vote("b", "46", 0.7), vote("a", "46", 0.2, product="F")]
    evidence(lab.home, Kind.RECOMMENDATIONS, votes)
    assert "Confidence Avg: 50%" in text_report(lab.dry_run("DESK"), SIX, compare=True)


@pytest.mark.parametrize(
    ("run_at", "clock"), [(time(0, 5), "12:05 AM"), (time(12), "12:00 PM"), (time(18, 30), "6:30 PM")]
)
def test_the_heading_has_the_time_of_the_run(lab: Lab, run_at: time, clock: str) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    assert text_report(lab.dry_run("DESK"), run_at, compare=False).startswith(f"DRY RUN: 2026-02-18 {clock}\n")


def test_the_record_for_scripts_keeps_decimals(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    evidence(lab.home, Kind.RATES, [set_rate("manual", "46.40")])
    record = as_record(lab.dry_run("DESK", tolerance="0.05"))
    assert record["cells"][0]["difference"] == Decimal("0.1000")
    assert (record["scored"], record["exact"], record["within"]) == (1, 0, 0)
