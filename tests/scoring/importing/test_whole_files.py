"""A file that cannot be read at all is refused with a message, and nothing is written."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from pms_lab.errors import FileRefused
from pms_lab.scoring.contract import Kind
from pms_lab.scoring.importing import import_file
from tests.scoring.importing.import_files import CATALOGUE, FORMATS, NOW, left_behind, vote, written

HEADER = b"run_date,location,product,agent,rate,currency,confidence\n"
ROW = b"2026-02-18,DESK,E,a,46.50,USD,0.8\n"
GOOD = HEADER + ROW


def parquet_bytes(tmp_path: Path) -> bytes:
    """Return a good Parquet file's content."""
    return written(tmp_path / "good.parquet", [vote()] * 1000).read_bytes()


def refusal(path: Path, tmp_path: Path) -> str:
    """Import the file, see that nothing was written, and return what was said."""
    with pytest.raises(FileRefused) as refused:
        import_file(Kind.RECOMMENDATIONS, path, CATALOGUE, tmp_path / "data", now=NOW)
    assert left_behind(tmp_path / "data") == []
    assert str(path) in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("in.csv", b"", "is empty"),
        ("in.csv", b"\xef\xbb\xbf", "no rows"),
        ("in.csv", b"\n\n", "no rows"),
        ("in.csv", HEADER, "no rows"),
        ("in.csv", HEADER.strip(), "no rows"),
        ("in.csv", GOOD.replace(b"46.50", "46€".encode("latin-1", "replace") + b"\xe9"), "not UTF-8"),
        ("in.csv", HEADER + b"\xff,x\n", "not UTF-8"),
        ("in.csv", b"\xe9" + GOOD, "not UTF-8"),
        ("in.csv", GOOD.decode().encode("utf-16"), "not UTF-8"),
        ("in.csv", GOOD.decode().encode("utf-16-le"), "iconv -f UTF-16 -t UTF-8"),
        ("in.csv", GOOD + b"\xc3", "not UTF-8"),
        ("in.csv", GOOD.replace(b",rate,", b",Rate,"), "'Rate' (did you mean rate?)"),
        ("in.csv", GOOD.replace(b",rate,", b",agent,"), "agent twice"),
        ("in.csv", GOOD.replace(b",rate", b"").replace(b",46.50", b""), "lacks the column rate"),
        ("in.csv", GOOD.replace(b",", b";"), "separate columns by commas"),
        ("in.csv", HEADER + b'2026-02-18,"' + b"x" * (20 << 20), "longer than 8 MB"),
        ("in.csv", HEADER + b"1,2\n" * 250_000, "250,000 rows have another number of fields"),
        ("in.jsonl", b"", "is empty"),
        ("in.jsonl", b"\n \n", "no rows"),
        ("in.jsonl", b'[{"rate": 1}]', "one object per line"),
        ("in.jsonl", b'[\n{"rate": 1}\n]', "one object per line"),
        ("in.jsonl", b'{"agent": "\xe9"}\n', "not UTF-8"),
        ("in.jsonl", b'{"agent": 1}\n'.decode().encode("utf-16-be"), "not UTF-8"),
        ("in.jsonl", b'{"agent": "' + b"x" * (9 << 20), "longer than 8 MB"),
        ("in.parquet", b"", "is empty"),
        ("in.parquet", GOOD * 10, "Parquet"),
        ("in.txt", GOOD, "ends in '.txt'"),
        ("in.csv.gz", GOOD, "ends in '.gz'"),
        ("in", GOOD, "ends in ''"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_nothing_is_written(
    name: str, content: bytes, said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert said in refusal(path, tmp_path)


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_a_parquet_file_that_is_cut_off_is_refused(kept: float, tmp_path: Path) -> None:
    whole = parquet_bytes(tmp_path)
    path = tmp_path / "in.parquet"
    path.write_bytes(whole[: int(len(whole) * kept)])
    assert "export it again" in refusal(path, tmp_path)


def test_a_damaged_parquet_page_is_refused_although_rows_before_it_were_good(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    frame = pl.DataFrame([vote(agent=f"a{number}") for number in range(5_000)])
    frame.write_parquet(path, row_group_size=500, compression="zstd")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = os.urandom(200)
    path.write_bytes(content)
    assert "cannot be read" in refusal(path, tmp_path)


def test_a_file_that_is_missing_or_is_a_folder_is_refused(tmp_path: Path) -> None:
    assert "is no file" in refusal(tmp_path / "missing.csv", tmp_path)
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder" in refusal(tmp_path / "folder.csv", tmp_path)


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        ("agent", pl.List(pl.String)),
        ("agent", pl.Struct({"name": pl.String})),
        ("agent", pl.Binary),
        ("rate", pl.Duration),
    ],
)
def test_a_parquet_column_that_holds_no_plain_values_is_refused(
    column: str, dtype: pl.DataType, tmp_path: Path
) -> None:
    path = tmp_path / "in.parquet"
    pl.DataFrame([vote()]).with_columns(pl.lit(None, dtype).alias(column)).write_parquet(path)
    assert f"in the column {column}" in refusal(path, tmp_path)


def test_parquet_without_rows_or_with_another_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pl.DataFrame([vote()]).clear().write_parquet(path)
    assert "no rows" in refusal(path, tmp_path)
    pl.DataFrame([vote(agnet="x")]).write_parquet(path)
    assert "'agnet' (did you mean agent?)" in refusal(path, tmp_path)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_that_changes_while_it_is_read_is_refused(suffix: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"in{suffix}", [vote(agent=f"a{number}") for number in range(3)])

    def another_row_is_appended(share: float) -> None:
        with path.open("ab") as file:
            file.write(b"x")

    with pytest.raises(FileRefused, match="changed while it was read"):
        import_file(Kind.RECOMMENDATIONS, path, CATALOGUE, tmp_path / "data", now=NOW, progress=another_row_is_appended)
    assert left_behind(tmp_path / "data") == []
