import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pms_lab.errors import NoEvidence, SettingsError, StoreError
from pms_lab.lab import Lab, open_lab
from pms_lab.scoring.contract import Kind
from pms_lab.scoring.dry_runs import SCHEMA, DryRunStore
from pms_lab.scoring.scores import Scores
from tests.conftest import evidence, set_rate, vote

DAY = date(2026, 2, 18)


def stored(lab: Lab, day: date = DAY) -> pl.DataFrame:
    return pl.read_parquet(DryRunStore(lab.data / "dry_runs").path("DESK", day), hive_partitioning=False)


def only(scores: Scores) -> dict[str, object]:
    return scores.today.row(0, named=True)


def test_a_dry_run_keeps_the_votes_beside_their_consensus(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.80", 0.9), vote("supply", "46.00", 0.3)])
    lab.dry_run("DESK", DAY)
    rows = stored(lab)
    assert dict(rows.schema) == dict(SCHEMA)
    assert rows.select("agent", "rate", "confidence", "share", "consensus").rows() == [
        ("consensus", Decimal("46.6000"), Decimal("0.6"), None, Decimal("46.6000")),
        ("demand", Decimal("46.8000"), Decimal("0.9"), 0.75, Decimal("46.6000")),
        ("supply", Decimal("46.0000"), Decimal("0.3"), 0.25, Decimal("46.6000")),
    ]


def test_weights_change_the_shares_and_an_agent_of_another_location_s_weights_is_not_confused(lab: Lab) -> None:
    (lab.home / "pms_lab.toml").write_text("[weights.DESK]\nsupply = 2\n[weights.INN]\ndemand = 9\n")
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.80", 0.5), vote("supply", "46.00", 0.25)])
    open_lab().dry_run("DESK", DAY)
    assert stored(lab).select("agent", "rate", "weight", "share").rows() == [
        ("consensus", Decimal("46.4000"), None, None),
        ("demand", Decimal("46.8000"), 1.0, 0.5),
        ("supply", Decimal("46.0000"), 2.0, 0.5),
    ]


def test_votes_without_any_confidence_are_kept_and_give_no_consensus(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.80", 0.0)])
    lab.dry_run("DESK", DAY)
    assert stored(lab).select("agent", "rate", "confidence", "share").rows() == [
        ("consensus", None, 0.0, None),
        ("demand", Decimal("46.8000"), 0.0, 0.0),
    ]


def test_the_same_evidence_gives_the_same_file_byte_for_byte(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.80"), vote("supply", "46.00")])
    path = DryRunStore(lab.data / "dry_runs").path("DESK", DAY)
    lab.dry_run("DESK", DAY)
    first = path.read_bytes()
    lab.dry_run("DESK", DAY)
    assert path.read_bytes() == first
    assert [file.name for file in path.parent.iterdir()] == ["DESK.parquet"]


def test_what_came_in_last_holds(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "40.00")], "zz_shipped")
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "42.00")], "import-20260218T060000Z-aa")
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "41.00")], "import-20260217T060000Z-bb")
    assert only(lab.dry_run("DESK", DAY))["rate"] == Decimal("42.0000")


def test_a_rate_that_comes_in_later_is_compared_by_the_next_run_of_any_later_day(lab: Lab) -> None:
    days = [DAY, DAY + timedelta(days=1)]
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50", run_date=day) for day in days])
    assert lab.dry_run("DESK", days[1]).days_scored == 0
    evidence(lab.home, Kind.RATES, [set_rate("manual", "46.50")], "import-20260218T180000Z-aa")
    assert lab.dry_run("DESK", days[1]).days_scored == 1


def test_a_change_of_weights_rewrites_no_day_unless_it_is_made_again(lab: Lab) -> None:
    days = [DAY, DAY + timedelta(days=1)]
    told = [vote(agent, rate, run_date=day) for day in days for agent, rate in [("a", "40.00"), ("b", "50.00")]]
    evidence(lab.home, Kind.RECOMMENDATIONS, told)
    lab.dry_run("DESK", days[1])
    (lab.home / "pms_lab.toml").write_text("[weights.DESK]\nb = 3\n")
    kept = open_lab().dry_run("DESK", days[1]).comparison["rate"].to_list()
    again = open_lab().dry_run("DESK", days[1], again=True).comparison["rate"].to_list()
    assert kept == [Decimal("45.0000"), Decimal("45.0000")]
    assert again == [Decimal("45.0000"), Decimal("47.5000")]


def test_evidence_that_is_deleted_no_longer_counts(lab: Lab) -> None:
    days = [DAY, DAY + timedelta(days=1)]
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("a", "40.00", run_date=days[1])])
    wrong = evidence(lab.home, Kind.RECOMMENDATIONS, [vote("a", "500.00")], "import-20260218T060000.000000Z-aa")
    assert lab.dry_run("DESK", days[1]).comparison.height == 2
    wrong.unlink()
    assert lab.dry_run("DESK", days[1]).comparison["run_date"].to_list() == [days[1]]


def test_evidence_in_another_currency_than_the_location_s_is_not_relabelled(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("a", "40.00", currency="EUR")])
    with pytest.raises(StoreError, match=r"is in EUR, data/locations.toml says USD"):
        lab.dry_run("DESK", DAY)


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ("[weights.DSEK]\na = 2\n", r"unknown location 'DSEK'.*did you mean DESK"),
        ("[weights.DESK]\ndemnd = 2\n", r"weights.DESK.demnd: no such agent.*did you mean demand"),
    ],
)
def test_a_weight_for_nobody_is_refused_by_name(lab: Lab, toml: str, named: str) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "40.00")])
    (lab.home / "pms_lab.toml").write_text(toml)
    with pytest.raises(SettingsError, match=named):
        open_lab().dry_run("DESK", DAY)


def test_a_dry_run_never_looks_past_its_day(lab: Lab) -> None:
    days = [DAY, DAY + timedelta(days=1)]
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50", run_date=day) for day in days])
    scores = lab.dry_run("DESK", DAY)
    assert scores.comparison["run_date"].to_list() == [DAY]
    assert not DryRunStore(lab.data / "dry_runs").path("DESK", days[1]).exists()


def test_without_a_date_the_last_one_in_the_evidence_is_taken(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("a", "46.50"), vote("a", "46.50", run_date=date(2026, 2, 20))])
    assert lab.dry_run("DESK").run_date == date(2026, 2, 20)


def test_a_day_without_recommendations_is_named_with_the_last_one_that_has(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    with pytest.raises(
        NoEvidence, match="no recommendation for DESK on 2026-02-19: its run dates lie between 2026-02-18 and"
    ):
        lab.dry_run("DESK", DAY + timedelta(days=1))
    with pytest.raises(NoEvidence, match="no recommendation for INN"):
        lab.dry_run("INN")


@pytest.mark.parametrize(
    ("set_at", "seen_at", "counts"),
    [
        (None, None, True),
        (datetime(2026, 2, 18, 15, tzinfo=UTC), None, True),
        (datetime(2026, 2, 18, 15, tzinfo=UTC), datetime(2026, 2, 18, 16, tzinfo=UTC), True),
        (datetime(2026, 2, 18, 15, tzinfo=UTC), datetime(2026, 2, 18, 15, tzinfo=UTC), False),
        (datetime(2026, 2, 18, 15, tzinfo=UTC), datetime(2026, 2, 18, 14, tzinfo=UTC), False),
        (None, datetime(2026, 2, 18, 14, tzinfo=UTC), False),
    ],
)
def test_a_manual_rate_counts_unless_its_author_had_or_may_have_seen_the_recommendation(
    lab: Lab, set_at: datetime | None, seen_at: datetime | None, counts: bool
) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    evidence(lab.home, Kind.RATES, [set_rate("manual", "46.50", set_at=set_at, recommendation_seen_at=seen_at)])
    row = only(lab.dry_run("DESK", DAY))
    assert (row["manual"] is not None, row["manual_seen"] is not None) == (counts, not counts)


@pytest.mark.parametrize(
    ("recommended", "manual", "compared"),
    [(None, None, True), ("gross", None, True), (None, "net", True), ("net", "net", True), ("gross", "net", False)],
)
def test_a_gross_rate_is_never_compared_with_a_net_one(
    lab: Lab, recommended: str | None, manual: str | None, compared: bool
) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50", tax_basis=recommended)])
    evidence(lab.home, Kind.RATES, [set_rate("manual", "46.50", tax_basis=manual)])
    assert (only(lab.dry_run("DESK", DAY))["difference"] is not None) is compared


def test_a_cell_that_only_people_priced_is_kept_as_a_gap_in_the_recommendations(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    evidence(lab.home, Kind.RATES, [set_rate("manual", "48.00", product="F")])
    rows = lab.dry_run("DESK", DAY).today.select("product", "rate", "manual", "difference").rows()
    assert rows == [("E", Decimal("46.5000"), None, None), ("F", None, Decimal("48.0000"), None)]


def test_rate_plan_occupancy_and_stay_date_are_part_of_the_cell(lab: Lab) -> None:
    places: list[dict[str, Any]] = [{}, {"rate_plan": "BAR"}, {"occupancy": 2}, {"stay_date": date(2026, 3, 1)}]
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", f"{40 + at}", **p) for at, p in enumerate(places)])
    evidence(lab.home, Kind.RATES, [set_rate("manual", f"{40 + at}", **p) for at, p in enumerate(places)])
    scores = lab.dry_run("DESK", DAY)
    assert scores.today.height == 4
    assert scores.today["exact"].all()


def test_a_damaged_dry_run_is_a_clear_error(lab: Lab) -> None:
    days = [DAY, DAY + timedelta(days=1)]
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50", run_date=day) for day in days])
    lab.dry_run("DESK", days[1])
    DryRunStore(lab.data / "dry_runs").path("DESK", DAY).write_bytes(b"PAR1 torn")
    with pytest.raises(StoreError, match=r"DESK.parquet.*move the file named away"):
        lab.dry_run("DESK", days[1])


def test_a_store_that_cannot_be_written_is_a_clear_error(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    (lab.data / "dry_runs").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="cannot be written"):
        lab.dry_run("DESK", DAY)


WRITER = """
import sys
from pms_lab.lab import open_lab
lab = open_lab()
for _ in range(int(sys.argv[1])):
    scores = lab.dry_run("DESK")
    assert scores.days_scored == 20, scores.days_scored
    assert scores.overall["scored"].item() == 20
print("done")
"""


def test_several_processes_make_and_read_the_same_dry_runs_at_once(lab: Lab, home: Path) -> None:
    days = [DAY + timedelta(days=day) for day in range(20)]
    evidence(home, Kind.RECOMMENDATIONS, [vote(f"a{n}", "46.50", run_date=day) for day in days for n in range(5)])
    evidence(home, Kind.RATES, [set_rate("manual", "46.50", run_date=day) for day in days])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, "15"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert out.strip() == "done", err
    assert sorted(path.name for path in (lab.data / "dry_runs").glob("*/*")) == ["DESK.parquet"] * 20


def test_an_earlier_day_is_scored_without_the_later_ones_that_are_already_made(lab: Lab) -> None:
    days = [DAY + timedelta(days=day) for day in range(3)]
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50", run_date=day) for day in days])
    evidence(lab.home, Kind.RATES, [set_rate("manual", "46.50", run_date=day) for day in days])
    assert lab.dry_run("DESK", days[2]).days_scored == 3
    assert lab.dry_run("DESK", days[0]).days_scored == 1


def test_the_last_rate_that_came_in_holds_too(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    evidence(lab.home, Kind.RATES, [set_rate("manual", "40.00")])
    evidence(lab.home, Kind.RATES, [set_rate("manual", "41.00")], "import-20260218T060000.000000Z-aa")
    assert only(lab.dry_run("DESK", DAY))["manual"] == Decimal("41.0000")


def test_a_floor_is_no_cell_and_no_manual_rate(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    evidence(lab.home, Kind.RATES, [set_rate("floor", "30.00", product="F")])
    assert lab.dry_run("DESK", DAY).today["product"].to_list() == ["E"]


def test_votes_of_known_and_unknown_tax_basis_make_one_cell_and_gross_and_net_make_no_consensus(lab: Lab) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("a", "46.00", tax_basis="gross"), vote("b", "47.00")])
    assert only(lab.dry_run("DESK", DAY))["rate"] == Decimal("46.5000")
    mixed = [vote("a", "46.00", tax_basis="gross"), vote("b", "47.00", tax_basis="net")]
    evidence(lab.home, Kind.RECOMMENDATIONS, mixed, "import-20260218T060000.000000Z-aa")
    scores = lab.dry_run("DESK", DAY)
    assert scores.today["rate"].to_list() == [None]
