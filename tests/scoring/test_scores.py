"""The SQL against the same arithmetic done slowly in Python, with decimals."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms_lab.domain.location import Location
from pms_lab.rules.consensus import Method
from pms_lab.rules.tolerance import Tolerance
from pms_lab.scoring.database import database
from pms_lab.scoring.dry_runs import SCHEMA
from pms_lab.scoring.scores import Scores, score

DAY = date(2026, 2, 18)
money = st.decimals(min_value=Decimal("-20"), max_value=200, places=2)
cells = st.tuples(
    st.integers(0, 4),  # day
    st.sampled_from("EF"),
    st.sampled_from(["consensus", "a", "b"]),
    st.none() | money,  # recommended
    st.none() | money,  # manual
    st.integers(0, 100),  # confidence in percent
)


def scored(
    folder: Path,
    desk: Location,
    rows: Sequence[tuple[int, str, str, Decimal | None, Decimal | None, Decimal | int]],
    tolerance: str,
) -> Scores:
    """Score rows of (day, product, agent, rate, manual, confidence in percent) as one file per day."""
    for day in {row[0] for row in rows}:
        told = [
            {"location": "DESK", "product": p, "agent": a, "rate": r, "manual": m, "confidence": Decimal(c) / 100}
            for d, p, a, r, m, c in rows
            if d == day
        ]
        path = folder / f"run_date={DAY + timedelta(days=day)}" / "DESK.parquet"
        path.parent.mkdir(exist_ok=True)
        pl.DataFrame(told, schema=SCHEMA).write_parquet(path)
    with database(folder) as db:
        db.load_dry_runs(sorted(folder.glob("*/*.parquet")))
        return score(db, desk, DAY + timedelta(days=9), Tolerance.parse(tolerance), Method.MEAN)


def agrees(rate: Decimal, manual: Decimal, tolerance: Tolerance) -> bool:
    allowed = abs(manual) * tolerance.amount / 100 if tolerance.is_percent else tolerance.amount
    return abs(rate - manual) <= allowed


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(cells, min_size=1, max_size=30), tolerance=st.sampled_from(["2.00", "0", "5%", "12.5%"]))
def test_every_measure_equals_slow_decimal_arithmetic(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, str, str, Decimal | None, Decimal | None, int]],
    tolerance: str,
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    from pms_lab.catalogue import load_catalogue
    from tests.conftest import LOCATIONS_TOML

    (folder / "locations.toml").write_text(LOCATIONS_TOML)
    scores = scored(folder, load_catalogue(folder / "locations.toml")["DESK"], rows, tolerance)
    limit = Tolerance.parse(tolerance)
    for measured in scores.by_agent.iter_rows(named=True):
        mine = [row for row in rows if row[2] == measured["agent"]]
        both = [(rate, manual) for *_, rate, manual, _ in mine if rate is not None and manual is not None]
        recommended = [row for row in mine if row[3] is not None]
        assert measured["recommended"] == len(recommended)
        assert measured["scored"] == len(both)
        assert measured["coverage"] == (pytest.approx(len(both) / len(recommended)) if recommended else None)
        assert measured["confidence"] == pytest.approx(sum(row[5] for row in mine) / len(mine) / 100, abs=1e-6)
        if not both:
            assert (measured["exact"], measured["within"], measured["error"], measured["bias"]) == (None,) * 4
            continue
        differences = [rate - manual for rate, manual in both]
        assert measured["exact"] == pytest.approx(differences.count(Decimal(0)) / len(both))
        assert measured["within"] == pytest.approx(sum(agrees(r, m, limit) for r, m in both) / len(both))
        assert measured["error"] == pytest.approx(sum(map(abs, differences)) / len(both), abs=Decimal("0.00006"))
        assert measured["bias"] == pytest.approx(sum(differences) / len(both), abs=Decimal("0.00006"))


def test_a_difference_of_exactly_the_tolerance_is_within_and_one_cent_more_is_not(
    tmp_path: Path, desk: Location
) -> None:
    rows = [
        (0, "E", "consensus", Decimal("48.10"), Decimal("46.10"), 50),
        (1, "E", "consensus", Decimal("48.11"), Decimal("46.10"), 50),
        (2, "E", "consensus", Decimal("44.10"), Decimal("46.10"), 50),
    ]
    assert scored(tmp_path, desk, rows, "2.00").by_run_date["within"].to_list() == [1.0, 0.0, 1.0]


def test_percent_tolerance_is_of_the_manual_rate_also_below_zero(tmp_path: Path, desk: Location) -> None:
    rows = [
        (0, "E", "consensus", Decimal("105"), Decimal("100"), 50),
        (1, "E", "consensus", Decimal("100"), Decimal("105.3"), 50),
        (2, "E", "consensus", Decimal("-95"), Decimal("-100"), 50),
    ]
    assert scored(tmp_path, desk, rows, "5%").by_run_date["within"].to_list() == [1.0, 0.0, 1.0]


def test_the_order_in_which_rows_are_added_up_changes_no_figure_to_the_last_digit(
    tmp_path: Path, desk: Location
) -> None:
    confidences = ["34.3454", "52.4101", "63.8728", "46.0527"]  # as binary floats they make 0.491702 or 0.491703
    rows = [(0, "E", "consensus", Decimal(40), Decimal(40), Decimal(confidence)) for confidence in confidences]
    forth, back = tmp_path / "forth", tmp_path / "back"
    forth.mkdir()
    back.mkdir()
    one, other = scored(forth, desk, rows, "2.00"), scored(back, desk, rows[::-1], "2.00")
    assert one.overall.equals(other.overall)


def test_error_and_bias_stay_decimals(tmp_path: Path, desk: Location) -> None:
    scores = scored(tmp_path, desk, [(0, "E", "consensus", Decimal("46.50"), Decimal("46.40"), 50)], "2.00")
    assert scores.by_product.row(0, named=True)["error"] == Decimal("0.1000")
    assert {scores.by_product.schema[name] for name in ("error", "bias")} == {pl.Decimal(14, 4)}
    assert scores.comparison.schema["difference"].is_decimal()


def test_a_missing_manual_rate_is_missing_and_not_disagreement(tmp_path: Path, desk: Location) -> None:
    rows = [(0, "E", "consensus", Decimal(40), Decimal(40), 50), (0, "F", "consensus", Decimal(40), None, 50)]
    overall = scored(tmp_path, desk, rows, "2.00").overall.row(0, named=True)
    assert (overall["scored"], overall["coverage"], overall["within"]) == (1, 0.5, 1.0)


def test_the_database_reads_nothing_outside_its_folder(tmp_path: Path) -> None:
    import duckdb

    with database(tmp_path) as db, pytest.raises(duckdb.PermissionException):
        db.connection.sql("SELECT * FROM read_csv('/etc/hostname')").fetchall()
