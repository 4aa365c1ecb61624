"""The two shapes of table that are shipped, and how a frame is brought into them and written.

Amounts are whole cents (Int64) while they are computed with, and the contract's decimals once shipped.
"""

from datetime import time
from pathlib import Path

import polars as pl

from pms_lab.scoring.contract import AMOUNT, Kind, schema_of

DATA = Path(__file__).resolve().parents[1]
RAW = DATA / "raw"

RUN_AT = time(6)  # local time of the daily run
CELL = ("run_date", "location", "product", "stay_date")
RECOMMENDATIONS = pl.Schema(schema_of(Kind.RECOMMENDATIONS))
RATES = pl.Schema(schema_of(Kind.RATES))


def whole_cents(cents: pl.Expr) -> pl.Expr:
    """A positive number of cents (a median may fall between two) rounded half up."""
    return (cents + 0.5).floor().cast(pl.Int64)


def money(cents: pl.Expr) -> pl.Expr:
    """Whole cents as an amount."""
    return (cents.cast(pl.Decimal(18, 2)) / 100).cast(AMOUNT)


def run_instant(zone: str) -> pl.Expr:
    """06:00 local time on the run date, in UTC."""
    return pl.col("run_date").dt.combine(RUN_AT).dt.replace_time_zone(zone).dt.convert_time_zone("UTC")


def shaped(frame: pl.DataFrame, columns: pl.Schema) -> pl.DataFrame:
    """The frame with exactly these columns and types, those it lacks being null, in a fixed order of rows."""
    missing = [pl.lit(None).alias(name) for name in columns if name not in frame.columns]
    typed = frame.with_columns(missing).select(pl.col(name).cast(kind) for name, kind in columns.items())
    return typed.sort(*CELL, "agent" if "agent" in columns else "kind")


def write(frame: pl.DataFrame, folder: str, name: str) -> None:
    """Write `data/<folder>/<name>.parquet` and say so."""
    path = DATA / folder / f"{name}.parquet"
    path.parent.mkdir(exist_ok=True)
    frame.write_parquet(path, compression="zstd", compression_level=19)
    print(f"data/{folder}/{name}.parquet: {frame.height:,} rows")
