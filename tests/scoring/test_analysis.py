from collections.abc import Callable
from datetime import date, timedelta

import pytest

from pms_lab.lab import Lab, open_lab
from pms_lab.scoring.analysis import analysis
from pms_lab.scoring.contract import Kind
from tests.conftest import evidence, set_rate, vote

DAY = date(2026, 2, 2)


@pytest.fixture
def analysed(lab: Lab) -> Callable[[list[float], list[float]], str]:
    """Return the analysis after days on which two agents were off by so much on class E, and both right on class F."""

    def after(high: list[float], low: list[float]) -> str:
        told, rates = [], []
        for at, (up, down) in enumerate(zip(high, low, strict=True)):
            day = DAY + timedelta(days=at)
            told += [
                vote("bold", f"{50 + up:.2f}", 0.5, run_date=day),
                vote("shy", f"{50 + down:.2f}", 0.5, run_date=day),
                vote("bold", "60.00", product="F", run_date=day),
            ]
            rates += [set_rate("manual", "50.00", run_date=day), set_rate("manual", "60.00", product="F", run_date=day)]
        evidence(lab.home, Kind.RECOMMENDATIONS, told)
        evidence(lab.home, Kind.RATES, rates)
        return analysis(open_lab().dry_run("DESK"))

    return after


def test_one_day_allows_no_claim(analysed: Callable[..., str]) -> None:
    assert analysed([9.0], [9.0]) == "one day: no claim about bias"


def test_without_manual_rates_there_is_no_claim(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    assert analysis(lab.dry_run("DESK")) == "no manual rate to compare with: no claim about bias"


def test_a_class_that_is_off_day_after_day_is_named_with_direction_size_and_certainty(
    analysed: Callable[..., str],
) -> None:
    said = analysed([6.0, 6.4, 5.6, 6.2, 5.8, 6.0], [0.0] * 6)
    assert said.startswith("agents overprice E-class by $3.00 (95% interval +$2.")
    assert "6 days, p < 0.001 after Holm)" in said


def test_the_agent_whose_weight_would_have_moved_it_is_named_and_which_way(analysed: Callable[..., str]) -> None:
    assert analysed([6.0, 6.4, 5.6, 6.2, 5.8, 6.0], [0.0] * 6).endswith(
        "10% less weight on bold would have moved E-class by about -$0.15"
    )


def test_an_underpriced_class_wants_more_weight_on_the_dearer_agent(analysed: Callable[..., str]) -> None:
    said = analysed([-1.0] * 6, [-6.0, -6.2, -5.8, -6.4, -5.6, -5.0])
    assert said.startswith("agents underprice E-class by $3.42")
    assert "weight on" in said
    assert said.endswith("would have moved E-class by about +$0.12")


def test_differences_that_come_and_go_may_be_chance(analysed: Callable[..., str]) -> None:
    said = analysed([6.0, -7.0, 5.0, -6.0, 7.0, -4.0], [0.0] * 6)
    assert said.startswith("no class is systematically off; the nearest to it, E-class")
    assert said.endswith("may be chance")


def test_a_median_gives_no_advice_on_weights(analysed: Callable[..., str], home: object) -> None:
    from pathlib import Path

    (Path(str(home)) / "pms_lab.toml").write_text('consensus = "median"\n')
    assert "a median does not move smoothly" in analysed([6.0, 6.4, 5.6, 6.2], [5.0, 5.2, 4.8, 5.4])


def test_an_agent_that_clearly_agrees_more_often_alone_is_named(analysed: Callable[..., str]) -> None:
    said = analysed([30.0, 32.0, 28.0, 31.0, 29.0, 30.0] * 5, [0.0] * 30)
    assert "shy alone agrees within the tolerance in 100.0%, the consensus in" in said


def test_an_agent_whose_lead_may_be_chance_is_not_named(analysed: Callable[..., str]) -> None:
    assert "alone agrees" not in analysed([6.0, 6.4, 5.6], [0.0] * 3)
