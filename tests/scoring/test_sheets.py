"""Sheets to be pushed: what is read from files and dry runs, and what is refused, with row and value."""

from __future__ import annotations

import hashlib
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pms_lab.domain.location import Location
from pms_lab.domain.money import Money
from pms_lab.domain.push import Origin, Vote
from pms_lab.domain.rates import RateCell, TaxBasis
from pms_lab.domain.stay import StayDates
from pms_lab.errors import (
    CurrencyMismatch,
    DuplicateCell,
    FileRefused,
    InputError,
    NoEvidence,
    PmsLabError,
    RateError,
    StoreError,
)
from pms_lab.lab import Lab
from pms_lab.scoring.contract import Kind
from pms_lab.scoring.dry_runs import DryRunStore
from pms_lab.scoring.sheets import Bounds, Sourced, read_sheet, sheet_of_dry_run
from tests.conftest import evidence, vote

NIGHT = date(2026, 2, 19)
NIGHTS = StayDates.starting(NIGHT, 3)
RUN = date(2026, 2, 18)


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def cell(product: str = "E", night: date | None = NIGHT, plan: str | None = None) -> RateCell:
    return RateCell("DESK", product, night, plan)


def sheet(tmp_path: Path, text: str, place: Location, name: str = "week.csv", **bounds: Any) -> Sourced:
    file = tmp_path / name
    file.write_text(text)
    return read_sheet(file, Bounds(place, **bounds))


def test_a_sheet_is_read_with_exact_decimals_and_the_digest_of_its_file(tmp_path: Path, desk: Location) -> None:
    text = "product,stay_date,rate,currency,tax_basis\nE,2026-02-19,46.5,USD,gross\nF,2026-02-19,0048.20,USD,gross\n"
    read = sheet(tmp_path, text, desk)
    assert dict(read.sheet) == {cell(): usd("46.50"), cell("F"): usd("48.20")}
    assert [str(rate.amount) for rate in read.sheet.values()] == ["46.50", "48.20"]
    assert read.sheet.tax_basis is TaxBasis.GROSS
    assert read.origin == Origin("file", "week.csv", hashlib.sha256(text.encode()).hexdigest())
    assert read.votes == {}


@pytest.mark.parametrize("name", ["week.csv", "week.jsonl", "week.parquet"])
def test_every_format_gives_the_same_sheet(tmp_path: Path, desk: Location, name: str) -> None:
    rows = [{"product": "E", "stay_date": "2026-02-19", "rate": "46.50"}, {"product": "F", "rate": "0.1"}]
    frame = pl.DataFrame(rows, schema={"product": pl.String, "stay_date": pl.String, "rate": pl.String})
    match Path(name).suffix:
        case ".csv":
            frame.write_csv(tmp_path / name)
        case ".jsonl":
            frame.write_ndjson(tmp_path / name)
        case _:
            frame.write_parquet(tmp_path / name)
    read = read_sheet(tmp_path / name, Bounds(desk, horizon=StayDates.starting(NIGHT, 1)))
    assert dict(read.sheet) == {cell(): usd("46.50"), cell("F"): usd("0.10")}


def test_a_number_in_json_keeps_its_digits(tmp_path: Path, desk: Location) -> None:
    read = sheet(tmp_path, '{"product": "E", "stay_date": "2026-02-19", "rate": 46.1}', desk, "week.jsonl")
    assert read.sheet[cell()].amount == Decimal("46.1")


def test_a_binary_float_in_parquet_is_no_rate(tmp_path: Path, desk: Location) -> None:
    file = tmp_path / "week.parquet"
    pl.DataFrame({"product": ["E"], "stay_date": [NIGHT], "rate": [46.5]}).write_parquet(file)
    with pytest.raises(FileRefused, match="double in the column rate: write it as text"):
        read_sheet(file, Bounds(desk))
    exact = pl.DataFrame({"product": ["E"], "stay_date": [NIGHT], "rate": [Decimal("46.5")]})
    exact.write_parquet(file)
    assert read_sheet(file, Bounds(desk)).sheet[cell()] == usd("46.50")


def test_rates_without_a_night_hold_over_those_that_are_named(tmp_path: Path, desk: Location) -> None:
    read = sheet(tmp_path, "product,stay_date,rate\nE,,46.50\nF,2026-03-01,48.20\n", desk, horizon=NIGHTS)
    assert list(read.sheet) == [*(cell(night=night) for night in NIGHTS), cell("F", date(2026, 3, 1))]


def test_the_plan_of_the_settings_need_not_be_said(tmp_path: Path, desk: Location) -> None:
    text = "product,stay_date,rate,rate_plan\nE,2026-02-19,46.50,BAR\nF,2026-02-19,48.20,CORP\n"
    read = sheet(tmp_path, text, desk, plan="BAR")
    assert list(read.sheet) == [cell(), cell("F", plan="CORP")]


HEAD = "product,stay_date,rate,currency,location,rate_plan,occupancy,tax_basis\n"
GOOD = "E,2026-02-19,46.50,USD,DESK,,,\n"


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        (HEAD + GOOD + GOOD, DuplicateCell, "week.csv, row 2: E 2026-02-19 has a rate already, 46.50 USD ("),
        (HEAD + GOOD + GOOD.replace("46.50", "47.00"), DuplicateCell, "row 2: E 2026-02-19 has a rate already"),
        (HEAD + GOOD.replace("46.50", "NaN"), RateError, "row 1: rate 'NaN' is no number such as 46.50"),
        (HEAD + GOOD.replace("46.50", "inf"), RateError, "row 1: rate 'inf' is no number such as 46.50"),
        (HEAD + GOOD + GOOD.replace("46.50", "about 46"), RateError, "row 2: rate 'about 46' is no number"),
        (HEAD + GOOD.replace("46.50", '"1,046.50"'), RateError, "row 1: rate '1,046.50' is no number"),
        (HEAD + GOOD.replace("46.50", "46.50001"), RateError, "row 1: rate '46.50001' has more than 4 decimals"),
        (HEAD + GOOD.replace("46.50", "1e2"), RateError, "row 1: rate '1e2' is no number"),
        (HEAD + GOOD.replace("46.50", "9" * 11), RateError, "has more than 10 digits before the point"),
        (HEAD + GOOD.replace("46.50", "٤٦"), RateError, "is no number such as 46.50"),
        (HEAD + GOOD.replace("46.50", ""), RateError, "row 1: rate is missing"),
        (HEAD + GOOD.replace("E,", ",", 1), RateError, "row 1: product is missing"),
        (HEAD + GOOD.replace("E,", "../E,"), RateError, "row 1: product '../E' is no name"),
        (HEAD + GOOD.replace("2026-02-19", "19.2.2026"), RateError, "stay_date '19.2.2026' is no date such as"),
        (HEAD + GOOD.replace("2026-02-19", "2026-02-30"), RateError, "stay_date '2026-02-30' is no date"),
        (HEAD + GOOD + "F,2026-02-19,48,EUR,DESK,,,\n", CurrencyMismatch, "row 2 is in EUR, "),
        (HEAD + GOOD.replace("USD", "dollars"), RateError, "row 1: currency 'dollars' is no ISO 4217 code"),
        (HEAD + GOOD.replace("DESK", "INN"), RateError, "row 1: location 'INN' is not DESK"),
        (HEAD + GOOD.replace(",,,", ",,0,"), RateError, "row 1: occupancy 0 is below 1"),
        (HEAD + GOOD.replace(",,,", ",,two,"), RateError, "row 1: occupancy 'two' is no whole number"),
        (HEAD + GOOD.replace(",,,", ",=1+1,,"), RateError, "row 1: rate_plan '=1+1' is no plain text"),
        (HEAD + GOOD.replace(",,,", ",,,brutto"), RateError, "tax_basis 'brutto' is neither 'gross' nor 'net'"),
        (HEAD + GOOD + "F,2026-02-19,48,USD,DESK,,,net\n", RateError, "row 2 says net, "),
        (HEAD + GOOD.replace("2026-02-19", ""), InputError, "row 1 has no stay_date: say over which nights"),
        (HEAD, FileRefused, "no rows"),
        ("", FileRefused, "is empty"),
        ("product,price\nE,46.50\n", FileRefused, "unknown column 'price'"),
        ("product,stay_date\nE,2026-02-19\n", FileRefused, "lacks the column rate"),
        ("product;rate\nE;46.50\n", FileRefused, "separate columns by commas"),
        (HEAD + "E,2026-02-19\n", FileRefused, "row 1: the number of fields is not the header's"),
    ],
)
def test_a_bad_sheet_is_refused_with_its_row_and_value(
    tmp_path: Path, desk: Location, text: str, error: type[PmsLabError], told: str
) -> None:
    with pytest.raises(error) as raised:
        sheet(tmp_path, text, desk)
    assert told in str(raised.value)


def test_a_rate_of_its_own_beside_one_for_all_nights_is_one_too_many(tmp_path: Path, desk: Location) -> None:
    text = "product,stay_date,rate\nE,,46.50\nE,2026-02-20,47.00\n"
    with pytest.raises(DuplicateCell, match=r"row 2: E 2026-02-20 has a rate already, 46.50 USD \(.*row 1\)"):
        sheet(tmp_path, text, desk, horizon=NIGHTS)


def test_nights_that_no_rate_needs_are_refused_since_something_else_was_meant(tmp_path: Path, desk: Location) -> None:
    with pytest.raises(InputError, match="leave --from and --nights out"):
        sheet(tmp_path, HEAD + GOOD, desk, horizon=NIGHTS)


@pytest.mark.parametrize("name", ["week.txt", "missing.csv", "folder.csv"])
def test_what_is_no_sheet_is_refused(tmp_path: Path, desk: Location, name: str) -> None:
    (tmp_path / "week.txt").write_text(HEAD + GOOD)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FileRefused, match=name):
        read_sheet(tmp_path / name, Bounds(desk))


@pytest.mark.parametrize(
    ("rows", "horizon"), [(100_000, None), (1, StayDates.starting(NIGHT, 1_000_000)), (20_000, NIGHTS)]
)
def test_a_sheet_that_is_too_large_is_refused_in_a_moment(
    tmp_path: Path, desk: Location, rows: int, horizon: StayDates | None
) -> None:
    night = "" if horizon else "2026-02-19"
    text = "product,stay_date,rate\n" + "".join(f"P{row},{night},46.50\n" for row in range(rows))
    began_s = time.monotonic()
    with pytest.raises(RateError, match=r"has too many cells, at least .* the setting max_cells of DESK allows 20,000"):
        sheet(tmp_path, text, desk, horizon=horizon)
    assert time.monotonic() - began_s < 5


def test_the_largest_sheet_is_read_in_seconds(tmp_path: Path, desk: Location) -> None:
    text = "product,stay_date,rate\n" + "".join(f"P{row},2026-02-19,46.50\n" for row in range(100_000))
    began_s = time.monotonic()
    assert len(sheet(tmp_path, text, desk, max_cells=100_000).sheet) == 100_000
    assert time.monotonic() - began_s < 20


def made(lab: Lab, rows: list[dict[str, Any]]) -> DryRunStore:
    """Make DESK's dry run of those votes."""
    evidence(lab.home, Kind.RECOMMENDATIONS, rows)
    lab.dry_run("DESK", RUN)
    return DryRunStore(lab.data / "dry_runs")


def test_a_dry_run_gives_its_consensus_with_the_votes_behind_it(lab: Lab, desk: Location) -> None:
    rows = [vote("demand", "46.00", 0.75, agent_version="v2"), vote("pace", "47.00", 0.25)]
    store = made(lab, [*rows, vote("demand", "48.00", product="F", stay_date=NIGHT)])
    read = sheet_of_dry_run(store, RUN, Bounds(desk, horizon=NIGHTS))
    assert dict(read.sheet) == {cell("F"): usd("48.00")} | {cell(night=night): usd("46.30") for night in NIGHTS}
    assert read.origin == Origin("dry run", "2026-02-18")
    votes = {
        Vote("demand", Decimal("46.00"), Decimal("0.75"), version="v2"),
        Vote("pace", Decimal("47.00"), Decimal("0.25")),
    }
    assert all(set(read.votes[cell(night=night)]) == votes for night in NIGHTS)


def test_a_dry_run_that_was_not_made_is_not_made_now(lab: Lab, desk: Location) -> None:
    evidence(lab.home, Kind.RECOMMENDATIONS, [vote("demand", "46.00")])
    store = DryRunStore(lab.data / "dry_runs")
    with pytest.raises(NoEvidence, match="`pms-lab dry-run --location DESK --date 2026-02-18` makes it"):
        sheet_of_dry_run(store, RUN, Bounds(desk))
    assert not store.folder.exists()


def test_a_dry_run_in_which_nobody_is_sure_recommends_nothing(lab: Lab, desk: Location) -> None:
    store = made(lab, [vote("demand", "46.00", 0.0, stay_date=NIGHT)])
    with pytest.raises(NoEvidence, match="recommends nothing"):
        sheet_of_dry_run(store, RUN, Bounds(desk))


def test_a_damaged_dry_run_is_named(lab: Lab, desk: Location) -> None:
    store = made(lab, [vote("demand", "46.00", stay_date=NIGHT)])
    store.path("DESK", RUN).write_bytes(b"PAR1 and nothing more")
    with pytest.raises(StoreError, match=r"dry run .*DESK\.parquet cannot be read"):
        sheet_of_dry_run(store, RUN, Bounds(desk))
