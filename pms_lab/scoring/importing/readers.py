"""Import files as batches of text: one reader per format, none of which holds the file in memory.

Every cell is read as text, whatever the format, so that one parser gives one reason for one fault.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Final

import polars as pl
import polars.selectors as cs
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from pms_lab.errors import FileRefused, listed
from pms_lab.scoring.contract import Layout
from pms_lab.scoring.importing.batch import Batch, BrokenRow, check_columns, unknown_column
from pms_lab.scoring.importing.utf8 import Utf8File

BLOCK_BYTES: Final = 8 << 20
MISFITS_AT_ONCE: Final = 250_000


def examined(path: Path) -> str:
    """Check that a file can be read by its name, and return its content's SHA-256 in hexadecimal.

    Raises:
        FileRefused: there is no such file, it is empty, or its name says that it is something else.
    """
    if path.suffix.lower() not in _READERS:
        raise FileRefused(f"{path} ends in {path.suffix!r}: it must end in one of {listed(_READERS)}")
    if not path.is_file():
        raise FileRefused(f"{path} is {'a folder' if path.is_dir() else 'no file'}: name the file to read")
    with _refusing(path), path.open("rb") as file:
        if not file.peek():
            raise FileRefused(f"{path} is empty: export it again, with a header and at least one row")
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_batches(layout: Layout, path: Path, rows_per_batch: int) -> Iterator[Batch]:
    """Read an examined file in batches of at most so many rows, and of some ten megabytes.

    Raises:
        FileRefused: the file cannot be read as what its name ends in.
    """
    with _refusing(path):
        yield from _READERS[path.suffix.lower()](layout, path, rows_per_batch)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except pa.ArrowInvalid as exc:
        raise FileRefused(f"{path} cannot be read: {_explained(str(exc))}") from exc
    except (OSError, pa.ArrowException) as exc:
        raise FileRefused(f"{path} cannot be read: {exc}; check the file, or export it again") from exc


def _explained(message: str) -> str:
    if "straddling object" in message:
        return f"a row is longer than {BLOCK_BYTES >> 20} MB; look for a quote that is never closed"
    if "Empty CSV" in message:
        return "it has no rows; export it again, with a header and at least one row"
    if "columns, got" in message:
        return f"{MISFITS_AT_ONCE:,} rows have another number of fields than the header; compare the two"
    return f"{message}; export it again"


def _read_csv(layout: Layout, path: Path, rows_per_batch: int) -> Iterator[Batch]:
    misfits: list[BrokenRow] = []

    def skip(found: csv.InvalidRow) -> str:
        reason = f"the number of fields is not the header's: {found.actual_columns}, not {found.expected_columns}"
        misfits.append((found.number - 1, reason, found.text))
        return "skip" if len(misfits) < MISFITS_AT_ONCE else "error"

    with Utf8File(path) as file:
        blocks = csv.open_csv(
            file,
            # Arrow numbers the rows only while a single thread reads.
            read_options=csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            convert_options=csv.ConvertOptions(column_types=dict.fromkeys(layout.schema, pa.string())),
        )
        check_columns(blocks.schema.names, layout, path)
        last, skipped = 0, pl.Series([], dtype=pl.Int64)
        for block in chain(blocks, [blocks.schema.empty_table()]):
            # Arrow reads ahead and appends meanwhile: take what is there, and only that.
            broken = misfits.copy()
            del misfits[: len(broken)]
            skipped = skipped.filter(skipped > last).extend(pl.Series([row for row, *_ in broken], dtype=pl.Int64))
            rows = _numbers(last + 1, block.num_rows, skipped)
            last = int(rows[-1]) if block.num_rows else last
            columns = pl.DataFrame(block).to_dict()
            yield from _sliced(Batch.of(layout, rows, columns, broken, file.share), rows_per_batch)


def _numbers(first: int, count: int, skipped: pl.Series) -> pl.Series:
    """Number `count` rows from `first` on, without the numbers of those that were skipped."""
    candidates = pl.int_range(first, first + count + len(skipped), eager=True)
    return candidates.filter(~candidates.is_in(skipped.implode())).head(count)


def _sliced(batch: Batch, rows_per_batch: int) -> Iterator[Batch]:
    first, *others = batch.cells.iter_slices(rows_per_batch) if len(batch.cells) else [batch.cells]
    yield Batch(first, batch.broken, batch.share)
    for cells in others:
        yield Batch(cells, batch.broken.clear(), batch.share)


def _read_json_lines(layout: Layout, path: Path, rows_per_batch: int) -> Iterator[Batch]:
    with Utf8File(path) as file:
        numbered = enumerate(_lines(file, path), start=1)
        while lines := _next_lines(numbered, rows_per_batch):
            good: list[tuple[int, Mapping[str, str | None]]] = []
            broken: list[BrokenRow] = []
            for row, line in lines:
                try:
                    good.append((row, _object(line, layout)))
                except ValueError as exc:
                    broken.append((row, str(exc), line))
            rows = pl.Series([row for row, _ in good], dtype=pl.Int64)
            columns = {
                name: pl.Series([cells.get(name) for _, cells in good], dtype=pl.String) for name in layout.schema
            }
            yield Batch.of(layout, rows, columns, broken, file.share)


def _lines(file: Utf8File, path: Path) -> Iterator[str]:
    """Yield the lines that are not blank."""
    lines = io.BufferedReader(file, BLOCK_BYTES)
    while line := lines.readline(BLOCK_BYTES):
        if len(line) == BLOCK_BYTES:
            raise FileRefused(f"{path} has a line longer than {BLOCK_BYTES >> 20} MB: write one object per line")
        text = line.decode().removeprefix("\ufeff").strip()
        if text == "[" or text.startswith("[{"):
            raise FileRefused(f"{path} is a JSON array: write one object per line, without brackets or commas")
        if text:
            yield text


def _next_lines(numbered: Iterator[tuple[int, str]], rows_per_batch: int) -> list[tuple[int, str]]:
    lines: list[tuple[int, str]] = []
    length = 0
    for row, line in numbered:
        lines.append((row, line))
        length += len(line)
        if len(lines) == rows_per_batch or length >= BLOCK_BYTES:
            break
    return lines


def _object(line: str, layout: Layout) -> Mapping[str, str | None]:
    """Read one line; a ValueError says what is wrong with it."""
    try:
        found = _DECODER.decode(line)
    except json.JSONDecodeError as exc:
        raise ValueError(f"the line is no JSON: {exc.msg} at character {exc.pos + 1}") from exc
    except RecursionError as exc:
        raise ValueError("the line is no JSON: nested too deeply") from exc
    if not isinstance(found, dict):
        raise ValueError("the line is no JSON object")
    if unknown := [name for name in found if name not in layout.schema]:
        raise ValueError(f"the line has an unknown column: {unknown_column(unknown[0], layout)}")
    return {name: _text_of(name, value) for name, value in found.items()}


def _text_of(name: str, value: object) -> str | None:
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    if not isinstance(value, str):
        raise ValueError(f"the line holds a list or an object in a column: {name}")
    if any("\ud800" <= character <= "\udfff" for character in value if not value.isascii()):
        raise ValueError(f"the line holds half a character in a column: {name}")
    return value


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("the line names a column twice")
    return found


_DECODER: Final = json.JSONDecoder(
    parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_without_repetition
)


def _read_parquet(layout: Layout, path: Path, rows_per_batch: int) -> Iterator[Batch]:
    # Without a buffer of its own, a column's whole row group would be read at once.
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
        schema, metadata = file.schema_arrow, file.metadata
        check_columns(schema.names, layout, path)
        for field in schema:
            if not _is_plain(field.type) or _is_inexact(field, layout):
                raise FileRefused(f"{path} has {field.type} in the column {field.name}: write it as text")
        read = 0
        for block in file.iter_batches(_rows_of_parquet(metadata, rows_per_batch)):
            block.validate(full=True)
            rows = pl.int_range(read + 1, read + 1 + block.num_rows, eager=True)
            read += block.num_rows
            yield Batch.of(layout, rows, _texts(block, layout), [], read / metadata.num_rows)


def _rows_of_parquet(metadata: pq.FileMetaData, rows_per_batch: int) -> int:
    """Return how many rows make a batch: fewer where they are wide."""
    size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    return max(1, min(rows_per_batch, int(BLOCK_BYTES * metadata.num_rows // max(size, 1))))


def _is_plain(dtype: pa.DataType) -> bool:
    if pa.types.is_dictionary(dtype):
        return _is_plain(dtype.value_type)
    if pa.types.is_decimal(dtype):
        return bool(dtype.bit_width <= 128 and dtype.scale >= 0)
    return any(is_such(dtype) for is_such in _PLAIN)


def _is_inexact(field: pa.Field, layout: Layout) -> bool:
    dtype = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    return layout.schema[field.name].is_decimal() and not layout.takes_floats and bool(pa.types.is_floating(dtype))


_PLAIN: Final = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_date,
    pa.types.is_timestamp,
)


def _texts(block: pa.RecordBatch, layout: Layout) -> Mapping[str, pl.Series]:
    columns = {name: _plain(block.column(name)) for name in block.schema.names}
    frame = pl.DataFrame(pa.table(columns))
    decimals = [name for name, dtype in layout.schema.items() if dtype.is_decimal()]
    # In binary 0.1 + 0.2 is 0.30000000000000004: a float rate means its first four decimals.
    rounded = (cs.by_name(decimals) & cs.float()).round(4)
    return frame.with_columns(rounded).cast(pl.String).to_dict()


def _plain(column: pa.Array) -> pa.Array:
    """Return the values of a dictionary, and dates and times as ISO text, with their offset where they have one."""
    if pa.types.is_dictionary(column.type):
        return _plain(column.dictionary_decode())
    return column.cast(pa.large_string()) if pa.types.is_temporal(column.type) else column


_READERS: Final[Mapping[str, Callable[[Layout, Path, int], Iterator[Batch]]]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
}
