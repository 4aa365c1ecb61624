from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy import stats

from pms_lab.scoring.intervals import clustered_mean, clustered_share, with_holm

SEED = 20260218


def daily(*days: tuple[float, int], who: str = "a") -> pl.DataFrame:
    """Build daily sums from (total, scored)."""
    first = date(2026, 2, 2)
    return pl.DataFrame(
        [(who, first + timedelta(days=at), scored, float(total)) for at, (total, scored) in enumerate(days)],
        schema={"who": pl.String, "run_date": pl.Date, "scored": pl.Int64, "total": pl.Float64},
        orient="row",
    )


def test_with_one_cell_a_day_the_interval_is_the_usual_t_interval() -> None:
    values = [1.0, 2.5, -0.5, 3.0, 0.25]
    found = clustered_mean(daily(*((value, 1) for value in values)), by="who", total="total").row(0, named=True)
    usual = stats.ttest_1samp(values, 0)
    low, high = usual.confidence_interval(0.95)
    assert (found["mean"], found["low"], found["high"], found["p"]) == pytest.approx((1.25, low, high, usual.pvalue))


def test_a_single_day_has_a_mean_but_no_interval() -> None:
    found = clustered_mean(daily((3.0, 3)), by="who", total="total").row(0, named=True)
    assert (found["mean"], found["low"], found["high"], found["p"]) == (1.0, None, None, None)
    share = clustered_share(daily((3, 3)), by="who", total="total").row(0, named=True)
    assert (share["share"], share["low"], share["high"]) == (1.0, None, None)


def test_cells_that_only_repeat_their_day_add_no_certainty() -> None:
    days = [(1.0, 1), (3.0, 1), (-1.0, 1), (2.0, 1)]
    once = clustered_mean(daily(*days), by="who", total="total").row(0, named=True)
    often = clustered_mean(daily(*((total * 50, 50) for total, _ in days)), by="who", total="total").row(0, named=True)
    assert (often["low"], often["high"]) == pytest.approx((once["low"], once["high"]))


def test_the_interval_covers_the_truth_in_95_of_100_worlds_where_days_have_weather() -> None:
    random = np.random.default_rng(SEED)
    truth, worlds, days = 1.5, 2000, 30
    cells = random.integers(1, 8, (worlds, days))
    totals = (truth + random.normal(0, 2, (worlds, days))) * cells + random.normal(0, 1, (worlds, days)) * np.sqrt(
        cells
    )
    rows = pl.concat(
        daily(*zip(totals[world], cells[world].tolist(), strict=True), who=str(world)) for world in range(worlds)
    )
    found = clustered_mean(rows, by="who", total="total")
    covered = ((found["low"] <= truth) & (truth <= found["high"])).mean()
    assert covered == pytest.approx(0.95, abs=0.02)


def test_a_share_never_leaves_zero_to_one_and_is_unsure_even_when_all_agree() -> None:
    found = clustered_share(daily(*((3, 3) for _ in range(5))), by="who", total="total").row(0, named=True)
    assert found["share"] == found["high"] == 1.0
    assert 0.3 < found["low"] < 0.9


def test_the_share_s_interval_covers_the_truth() -> None:
    random = np.random.default_rng(SEED)
    truth, worlds, days = 0.85, 1000, 60
    chance = random.beta(truth * 5, (1 - truth) * 5, (worlds, days))
    cells = random.integers(1, 8, (worlds, days))
    agree = random.binomial(cells, chance)
    rows = pl.concat(
        daily(*zip(agree[world].tolist(), cells[world].tolist(), strict=True), who=str(world))
        for world in range(worlds)
    )
    found = clustered_share(rows, by="who", total="total")
    assert ((found["low"] <= truth) & (truth <= found["high"])).mean() == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.2], [0.2]),
        ([0.9, 0.8], [1.0, 1.0]),
        ([0.01, None, 0.02], [0.02, None, 0.02]),
    ],
)
def test_holm_multiplies_the_smallest_by_all_and_keeps_the_order(
    p: list[float | None], adjusted: list[float | None]
) -> None:
    found = with_holm(pl.DataFrame({"p": p}))["p_holm"].to_list()
    assert found == [want if want is None else pytest.approx(want) for want in adjusted]


def test_days_that_are_all_off_by_the_same_give_no_certainty_and_days_never_off_no_doubt() -> None:
    same = clustered_mean(daily((0.2, 1), (0.2, 1)), by="who", total="total").row(0, named=True)
    never = clustered_mean(daily((0.0, 1), (0.0, 1)), by="who", total="total").row(0, named=True)
    assert (same["mean"], same["low"], same["high"], same["p"]) == (0.2, None, None, None)
    assert (never["mean"], never["low"], never["high"], never["p"]) == (0.0, 0.0, 0.0, 1.0)
