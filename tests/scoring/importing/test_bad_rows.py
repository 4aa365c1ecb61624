"""A bad row stays out, and its reason names the value and the rule, whatever the format of the file."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pms_lab.scoring.contract import COLUMNS, CONTRACTS, REQUIRED, Kind
from pms_lab.scoring.importing import import_file
from pms_lab.scoring.importing.reasons import RULES
from tests.scoring.importing.import_files import (
    CATALOGUE,
    FORMATS,
    NOW,
    Row,
    columns,
    quarantine_rows,
    quarantined,
    rate,
    vote,
    written,
)

BAD_VOTES: list[tuple[Row, str]] = [
    ({"rate": "NaN"}, "rate 'NaN' is no number such as 46.50"),
    ({"rate": "inf"}, "rate 'inf' is no number such as 46.50"),
    ({"rate": "abc"}, "rate 'abc' is no number such as 46.50"),
    ({"rate": "1,046.50"}, "rate '1,046.50' is no number such as 46.50"),
    ({"rate": "46,50"}, "rate '46,50' is no number such as 46.50"),
    ({"rate": "4.65e1"}, "rate '4.65e1' is no number such as 46.50"),
    ({"rate": "١٢"}, "rate '١٢' is no number such as 46.50"),
    ({"rate": "46.12345"}, "rate '46.12345' has more than 4 decimals"),
    ({"rate": "9" * 30}, f"rate '{'9' * 30}' has more than 10 digits before the point"),
    ({"rate": "-0.01"}, "rate '-0.01' is negative"),
    ({"run_date": "2099-01-01"}, "run_date '2099-01-01' is in the future"),
    ({"rate": None}, "rate is missing"),
    ({"rate": "  "}, "rate is missing"),
    ({"currency": "EUR"}, "currency 'EUR' is not that of its location, USD"),
    ({"currency": "usd"}, "currency 'usd' is no ISO 4217 code such as USD"),
    ({"location": "DESC"}, "location 'DESC' is not in data/locations.toml (did you mean DESK?)"),
    ({"location": "MOON"}, "location 'MOON' is not in data/locations.toml: known are DESK, GRID"),
    ({"location": "../x"}, "location '../x' is no name"),
    ({"location": None}, "location is missing"),
    ({"product": "CABRIOO"}, "product 'CABRIOO' is no product of its location (did you mean CABRIO?)"),
    ({"product": "P"}, "product 'P' is no product of its location: known are CABRIO, E, F"),
    ({"confidence": "1.01"}, "confidence '1.01' is not within 0 to 1"),
    ({"confidence": "-0.1"}, "confidence '-0.1' is not within 0 to 1"),
    ({"confidence": "1e400"}, "confidence '1e400' is not within 0 to 1"),
    ({"confidence": "NaN"}, "confidence 'NaN' is no number such as 0.85"),
    ({"confidence": "85%"}, "confidence '85%' is no number such as 0.85"),
    ({"recommended_at": "2026-02-18T06:00:00"}, "recommended_at '2026-02-18T06:00:00' has no time zone"),
    ({"recommended_at": "2026-02-18 06:00"}, "recommended_at '2026-02-18 06:00' has no time zone"),
    ({"recommended_at": "2026-02-18T25:00:00Z"}, "recommended_at '2026-02-18T25:00:00Z' is no time such as"),
    ({"recommended_at": "2026-02-18T06:00:00+99:00"}, "recommended_at '2026-02-18T06:00:00+99:00' is no time such as"),
    ({"recommended_at": "yesterday"}, "recommended_at 'yesterday' is no time such as"),
    ({"run_date": "18.02.2026"}, "run_date '18.02.2026' is no date such as 2026-02-18"),
    ({"run_date": "0000-01-01"}, "run_date '0000-01-01' is no date such as 2026-02-18"),
    ({"stay_date": "2026-02-30"}, "stay_date '2026-02-30' is no date such as 2026-02-18"),
    ({"stay_date": "2026-02-17"}, "stay_date '2026-02-17' is before the run date, 2026-02-18"),
    ({"occupancy": "0"}, "occupancy '0' is below 1"),
    ({"occupancy": "2.5"}, "occupancy '2.5' is no whole number"),
    ({"occupancy": "99999999999"}, "occupancy '99999999999' is no whole number"),
    ({"tax_basis": "brutto"}, "tax_basis 'brutto' is neither 'gross' nor 'net'"),
    ({"agent": "<script>"}, "agent '<script>' is no name"),
    ({"agent": "Consensus"}, "agent 'Consensus' is reserved"),
    ({"rate_plan": "=HYPERLINK(1)"}, "rate_plan '=HYPERLINK(1)' is no plain text"),
    ({"rate_plan": "two\nlines"}, "rate_plan 'two\nlines' is no plain text"),
    ({"agent_version": "@sum"}, "agent_version '@sum' is no plain text"),
    ({"agent_version": "\x1b[31m"}, "agent_version '\x1b[31m' is no plain text"),
    ({"agent_version": "v" * 201}, f"agent_version '{'v' * 60}' is no plain text"),
]
BAD_RATES: list[tuple[Row, str]] = [
    ({"kind": "guess"}, "kind 'guess' is none of 'current', 'manual' and 'floor'"),
    ({"kind": None}, "kind is missing"),
    ({"set_by": "+name"}, "set_by '+name' is no plain text"),
    ({"set_at": "2026-02-18T06:00:00"}, "set_at '2026-02-18T06:00:00' has no time zone"),
    ({"recommendation_seen_at": "now"}, "recommendation_seen_at 'now' is no time such as"),
]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(("kind", "cases"), [(Kind.RECOMMENDATIONS, BAD_VOTES), (Kind.RATES, BAD_RATES)])
def test_a_bad_value_is_refused_with_its_reason_and_the_row_beside_it_goes_in(
    kind: Kind, cases: list[tuple[Row, str]], suffix: str, tmp_path: Path
) -> None:
    make = vote if kind is Kind.RECOMMENDATIONS else rate
    good = make(product="F")
    path = written(tmp_path / f"in{suffix}", [*(make(**cells) for cells, _ in cases), good])

    outcome = import_file(kind, path, CATALOGUE, tmp_path / "data", now=NOW)

    found = quarantined(outcome.quarantine)
    told = {row: (found.get(row, ""), reason) for row, (_, reason) in enumerate(cases, start=1)}
    assert {row: pair for row, pair in told.items() if not pair[0].startswith(pair[1])} == {}
    assert (outcome.accepted, outcome.refused) == (1, len(cases))
    assert outcome.evidence is not None
    assert pl.read_parquet(outcome.evidence)["product"].to_list() == ["F"]


def test_all_reasons_of_a_row_are_told_and_counted_most_frequent_first(tmp_path: Path) -> None:
    rows = [vote(rate="-1", confidence="2"), vote(rate="-2"), vote()]
    path = written(tmp_path / "in.csv", rows)

    outcome = import_file(Kind.RECOMMENDATIONS, path, CATALOGUE, tmp_path, now=NOW)

    assert quarantined(outcome.quarantine)[1] == "rate '-1' is negative; confidence '2' is not within 0 to 1"
    assert outcome.reasons == (("rate is negative", 2), ("confidence is not within 0 to 1", 1))


def test_a_negative_rate_is_good_where_the_location_allows_it(tmp_path: Path) -> None:
    path = written(tmp_path / "in.csv", [vote(location="GRID", product="P", rate="-12.5")])
    outcome = import_file(Kind.RECOMMENDATIONS, path, CATALOGUE, tmp_path, now=NOW)
    assert (outcome.accepted, outcome.refused, outcome.quarantine) == (1, 0, None)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_without_a_good_row_leaves_no_evidence(suffix: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"in{suffix}", [vote(rate="abc"), vote(agent=None)])
    outcome = import_file(Kind.RECOMMENDATIONS, path, CATALOGUE, tmp_path / "data", now=NOW)
    assert (outcome.accepted, outcome.refused, outcome.evidence) == (0, 2, None)
    assert not (tmp_path / "data" / "recommendations").exists()


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_quarantine_keeps_the_cells_as_they_were_and_none_of_them_runs(suffix: str, tmp_path: Path) -> None:
    cells = {
        "rate_plan": '=cmd|"/c calc"!A1',
        "agent_version": "@x",
        "agent": "+1+1",
        "rate": "-5",
        "tax_basis": "\tx",
        "product": "\u00a0=1",
        "currency": "a\r,b",
        "occupancy": " 2 ",
        "confidence": "+0.5",
    }
    path = written(tmp_path / f"in{suffix}", [vote(**cells)])

    outcome = import_file(Kind.RECOMMENDATIONS, path, CATALOGUE, tmp_path / "data", now=NOW)

    (row,) = quarantine_rows(outcome.quarantine)
    assert tuple(row) == columns(Kind.RECOMMENDATIONS)
    assert row["run_date"] == "2026-02-18"
    for name, cell in cells.items():
        inert = name in {"rate", "currency", "occupancy", "confidence"}
        assert row[name] == (cell if inert else f"'{cell}")


@pytest.mark.parametrize("kind", Kind)
def test_every_rule_of_the_contract_has_its_sentence(kind: Kind) -> None:
    contract = CONTRACTS[kind]
    _, failure = contract.filter(pl.DataFrame(schema={name: c.dtype for name, c in contract.columns().items()}))
    rules = set(failure.details().columns) - set(contract.columns())
    told = {rule for rule, (column, _) in RULES.items() if column in COLUMNS[kind]}
    missing = {f"{column}|nullability" for column in REQUIRED[kind]}
    # `readable` is told by the parser's own sentences, and the importer numbers the rows itself.
    assert rules == told | missing | {"readable", "row|nullability"}
