"""The same rows give the same evidence, whatever the format and however it was written."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms_lab.errors import FileRefused
from pms_lab.scoring.contract import COLUMNS, KEYS, Kind, schema_of
from pms_lab.scoring.importing import ImportOutcome, import_file
from tests.scoring.importing.import_files import (
    CATALOGUE,
    FORMATS,
    NOW,
    Row,
    left_behind,
    quarantine_rows,
    quarantined,
    vote,
    written,
)

HEADER = "run_date,location,product,agent,rate,currency,confidence,rate_plan\n"


def imported(path: Path, **options: Any) -> ImportOutcome:
    """Import recommendations into a folder beside the file."""
    return import_file(Kind.RECOMMENDATIONS, path, CATALOGUE, path.parent / "data", now=NOW, **options)


def evidence_of(outcome: ImportOutcome) -> pl.DataFrame:
    """Read what was accepted."""
    assert outcome.evidence is not None
    return pl.read_parquet(outcome.evidence)


def many_votes() -> pl.DataFrame:
    """Return good rows with values in every column, unsorted."""
    rows = [
        {
            "run_date": date(2026, 2, 18 - number % 3),
            "location": "DESK",
            "product": "EF"[number % 2],
            "stay_date": date(2026, 3, 1) + timedelta(days=number * 7 % 30) if number % 5 else None,
            "rate_plan": 'Früh, "bird"' if number % 4 else None,
            "occupancy": number % 3 or None,
            "tax_basis": "gross",
            "agent": f"agent.{number}",
            "agent_version": "2026-01 β",
            "rate": Decimal(number) / 16,
            "currency": "USD",
            "confidence": 1 / (number + 1),
            "recommended_at": datetime(2026, 2, 18, 6, 0, number % 60, 123456, tzinfo=UTC),
        }
        for number in range(200)
    ]
    return pl.DataFrame(rows, schema=schema_of(Kind.RECOMMENDATIONS))


def store(frame: pl.DataFrame, path: Path) -> None:
    """Write a typed frame as people do."""
    if path.suffix == ".csv":
        frame.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%.6f%:z")
    elif path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        path.write_text("\n".join(json.dumps(row, default=_plain) for row in frame.iter_rows(named=True)))


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value.isoformat() if isinstance(value, date) else None


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("rows_per_batch", [7, 100_000])
def test_what_was_written_is_what_is_read_as_evidence(suffix: str, rows_per_batch: int, tmp_path: Path) -> None:
    store(many_votes(), tmp_path / f"in{suffix}")
    found = evidence_of(imported(tmp_path / f"in{suffix}", rows_per_batch=rows_per_batch))
    assert found.schema == pl.Schema(schema_of(Kind.RECOMMENDATIONS))
    order = ["location", "run_date", "product", "stay_date", "rate_plan", "occupancy", "agent"]
    assert found.equals(many_votes().sort(order, nulls_last=True))


@pytest.mark.parametrize("suffix", FORMATS)
def test_columns_may_come_in_any_order_and_blanks_around_values_do_not_count(suffix: str, tmp_path: Path) -> None:
    row: Row = {name: f" {cell}\t" for name, cell in reversed(vote(occupancy="2.0", stay_date="").items())}
    found = evidence_of(imported(written(tmp_path / f"in{suffix}", [row]))).row(0, named=True)
    assert (found["rate"], found["agent"], found["occupancy"], found["stay_date"]) == (
        Decimal("46.5"),
        "rate_agent",
        2,
        None,
    )


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-18T06:00:00Z",
        "2026-02-18T06:00Z",
        "2026-02-18 06:00:00+00",
        "2026-02-18 07:00:00.000000+01:00",
        "2026-02-17T22:00:00-0800",
        "2026-02-18T11:30:00.000000000+05:30",
    ],
)
def test_a_time_may_be_written_with_any_offset(text: str, tmp_path: Path) -> None:
    found = evidence_of(imported(written(tmp_path / "in.csv", [vote(recommended_at=text)])))
    assert found["recommended_at"].to_list() == [datetime(2026, 2, 18, 6, tzinfo=UTC)]


@pytest.mark.parametrize("text", ["46.5", "+46.50", "046.5000", "46.500000000", "0046.5"])
def test_a_rate_may_be_written_with_a_sign_and_zeros(text: str, tmp_path: Path) -> None:
    found = evidence_of(imported(written(tmp_path / "in.csv", [vote(rate=text)])))
    assert found["rate"].to_list() == [Decimal("46.5000")]


def test_csv_may_have_a_byte_order_mark_crlf_blank_lines_and_quoted_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    row = '2026-02-18,DESK,E,a,46.50,USD,0.8,"{}"'
    text = HEADER + "\n\n".join([row.format("a, b"), row.format("two\nlines"), row.format("")])
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    outcome = imported(path)
    assert outcome.accepted == 2
    assert quarantined(outcome.quarantine)[2].startswith("rate_plan 'two\r\nlines' is no plain text")


def test_csv_rows_with_another_number_of_fields_are_refused_and_the_numbers_of_the_others_hold(tmp_path: Path) -> None:
    good = "2026-02-18,DESK,E,a{},46.50,USD,0.8,\n"
    lines = [good.format(number) for number in range(1, 120_001)]
    for row in (2, 60_000, 119_999, 120_000):
        lines[row - 1] = "=too,few\n"
    lines[99_999] = good.format("!").replace("\n", ",too,many\n")
    lines[118_000] = good.format("!")
    long = "v" * 150  # so that the file is several of the reader's blocks
    path = tmp_path / "in.csv"
    path.write_text(
        HEADER.replace(",rate_plan", ",rate_plan,agent_version") + "".join(lines).replace(",\n", f",,{long}\n")
    )

    outcome = imported(path, rows_per_batch=50_000)

    assert (outcome.accepted, outcome.refused) == (119_994, 6)
    assert sorted(quarantined(outcome.quarantine)) == [2, 60_000, 100_000, 118_001, 119_999, 120_000]
    assert quarantine_rows(outcome.quarantine)[0]["line"] == "'=too,few"
    assert outcome.reasons == (("the number of fields is not the header's", 5), ("agent is no name", 1))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"rate": 1', "the line is no JSON: "),
        ("nonsense", "the line is no JSON: "),
        ("[" * 100_000, "the line is no JSON: nested too deeply"),
        ("[1]", "the line is no JSON object"),
        ("null", "the line is no JSON object"),
        ('{"rate": [1]}', "the line holds a list or an object in a column: rate"),
        ('{"rate": {"a": 1}}', "the line holds a list or an object in a column: rate"),
        ('{"rate": 1, "rate": 2}', "the line names a column twice"),
        ('{"rat": 1}', "the line has an unknown column: 'rat' (did you mean rate?)"),
        ('{"agent": "\\ud800"}', "the line holds half a character in a column: agent"),
        ("{}", "run_date is missing; location is missing"),
        (json.dumps(vote()).replace('"46.50"', "NaN"), "rate 'NaN' is no number"),
        (json.dumps(vote()).replace('"46.50"', "-Infinity"), "rate '-Infinity' is no number"),
        (json.dumps(vote()).replace('"46.50"', "46.500000000000001"), "rate '46.500000000000001' has more than 4"),
        (json.dumps(vote()).replace('"46.50"', "true"), "rate 'true' is no number"),
    ],
)
def test_a_bad_json_line_is_a_refused_row(line: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text("\ufeff" + json.dumps(vote()) + "\r\n\n" + line)
    outcome = imported(path)
    assert outcome.accepted == 1
    assert quarantined(outcome.quarantine)[2].startswith(reason)


def test_parquet_may_hold_binary_floats_dictionaries_and_local_times(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    local = datetime(2026, 2, 17, 22, tzinfo=timezone(timedelta(hours=-8)))
    columns = {
        "run_date": pa.array([date(2026, 2, 18)] * 2, pa.date64()),
        "location": pa.array(["DESK"] * 2).dictionary_encode(),
        "product": pa.array(["E", "F"], pa.large_string()),
        "agent": pa.array(["a"] * 2, pa.string_view()),
        "rate": pa.array([0.1 + 0.2, 0.0]),
        "currency": ["USD"] * 2,
        "confidence": pa.array([0.1 + 0.2, 1]),
        "occupancy": pa.array([2.0, None]),
        "recommended_at": pa.array([local] * 2, pa.timestamp("ns", "America/Los_Angeles")),
    }
    pq.write_table(pa.table(columns), path)
    found = evidence_of(imported(path))
    assert found["rate"].to_list() == [Decimal("0.3000"), Decimal(0)]
    assert found["confidence"].to_list() == [0.1 + 0.2, 1]
    assert found["occupancy"].to_list() == [2, None]
    assert found["recommended_at"].to_list() == [datetime(2026, 2, 18, 6, tzinfo=UTC)] * 2


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("recommended_at", pa.array([datetime(2026, 2, 18, 6)]), "has no time zone"),  # noqa: DTZ001
        ("recommended_at", pa.array([2**62], pa.timestamp("us", "UTC")), "is no time"),
        ("run_date", pa.array([2**31 - 1], pa.int32()).cast(pa.date32()), "is no date"),
        ("rate", pa.array([float("nan")]), "rate 'NaN' is no number"),
        ("rate", pa.array([float("-inf")]), "rate '-inf' is no number"),
        ("rate", pa.array([1e300]), "is no number"),
        ("rate", pa.array([Decimal("0.00001")]), "has more than 4 decimals"),
        ("agent", pa.array([b"\xff"]).view(pa.string()), None),
    ],
)
def test_odd_parquet_values_are_refused(column: str, values: Any, reason: str | None, tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({**{name: [cell] for name, cell in vote().items()}, column: values}), path)
    if reason is None:
        with pytest.raises(FileRefused, match="UTF"):
            imported(path)
    else:
        assert reason in quarantined(imported(path).quarantine)[1]


def test_evidence_is_in_row_groups_that_a_reader_of_one_day_can_skip(tmp_path: Path) -> None:
    days = pl.DataFrame({"day": range(300)}).join(pl.DataFrame({"cell": range(1000)}), how="cross")
    date_of = pl.date(2025, 1, 1) + pl.duration(days="day")
    rows = days.select(
        run_date=date_of, location=pl.lit("DESK"), product=pl.lit("E"), agent=pl.format("a{}", "cell"),
        rate=pl.lit("46.50"), currency=pl.lit("USD"), confidence=pl.lit(0.5),
    )  # fmt: skip
    rows.sample(fraction=1, shuffle=True, seed=1).write_csv(tmp_path / "in.csv")
    outcome = imported(tmp_path / "in.csv")
    with pq.ParquetFile(outcome.evidence) as file:
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    days_of = [(group.column(0).statistics.min, group.column(0).statistics.max) for group in groups]
    assert sum(group.num_rows for group in groups) == 300_000
    assert max(group.num_rows for group in groups) <= 130_000
    assert days_of == sorted(days_of)
    assert all(before[1] <= after[0] for before, after in pairwise(days_of))
    assert groups[0].column(0).compression == "ZSTD"


def test_progress_is_told_as_a_rising_share_of_the_file(tmp_path: Path) -> None:
    for suffix in FORMATS:
        shares: list[float] = []
        path = written(tmp_path / f"in{suffix}", [vote(agent=f"a{number}") for number in range(50)])
        imported(path, rows_per_batch=10, progress=shares.append)
        assert shares == sorted(shares)
        assert shares[-1] == 1.0


cell_texts = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.from_regex(r"[0-9+\-.eE:TZ ]{1,25}", fullmatch=True),
    st.sampled_from([*vote().values(), "2026-02-18T06:00:00Z", "-1", "9" * 40, "1e400", "2026-02-29"]),
)
any_rows = st.lists(
    st.dictionaries(st.sampled_from(COLUMNS[Kind.RECOMMENDATIONS]), cell_texts).map(lambda cells: vote() | cells),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("suffix", FORMATS)
@settings(deadline=None, max_examples=20)
@given(rows=any_rows)
def test_whatever_text_the_cells_hold_every_row_is_accepted_or_refused(suffix: str, rows: list[Row]) -> None:
    with TemporaryDirectory() as folder:
        path = written(Path(folder) / f"in{suffix}", rows)
        try:
            outcome = imported(path, rows_per_batch=3)
        except FileRefused:
            assert any("\0" in (cell or "") for row in rows for cell in row.values())
            assert left_behind(Path(folder) / "data") == []
            return
        assert outcome.accepted + outcome.refused == len(rows)
        assert len(quarantine_rows(outcome.quarantine)) == outcome.refused
        if outcome.evidence:
            found = pl.read_parquet(outcome.evidence)
            assert len(found) == outcome.accepted
            assert found.select(KEYS[Kind.RECOMMENDATIONS]).is_unique().all()


@pytest.mark.parametrize("suffix", FORMATS)
@settings(deadline=None, max_examples=40)
@given(content=st.one_of(st.binary(max_size=200), st.text('abc",\n\r{}[]:;=', max_size=60).map(str.encode)))
def test_whatever_bytes_a_file_holds_it_is_refused_or_its_rows_are(suffix: str, content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"in{suffix}"
        path.write_bytes(HEADER.encode() * (suffix == ".csv") + content)
        try:
            outcome = imported(path)
        except FileRefused:
            assert left_behind(Path(folder) / "data") == []
        else:
            assert (outcome.accepted, outcome.refused > 0) == (0, True)
