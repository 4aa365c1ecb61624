"""Rate sheets to be pushed: read from a file, or taken from a dry run that was made before.

All of a sheet is taken or none of it: where an import puts bad rows aside, one bad row refuses the sheet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import polars as pl

from pms_lab.domain.location import NAME, Location
from pms_lab.domain.money import Money, is_currency_code
from pms_lab.domain.push import Origin, Vote
from pms_lab.domain.rates import RateCell, RateSheet, TaxBasis
from pms_lab.domain.stay import StayDates
from pms_lab.errors import CurrencyMismatch, DuplicateCell, FileRefused, InputError, NoEvidence, RateError, hint
from pms_lab.rules.preflight import named
from pms_lab.scoring.contract import AMOUNT, CONSENSUS, TEXT, Layout
from pms_lab.scoring.dry_runs import DryRunStore
from pms_lab.scoring.importing.batch import SHOWN, Batch
from pms_lab.scoring.importing.parsing import faults, parsed, stripped
from pms_lab.scoring.importing.readers import examined, read_batches

SHEETS: Final = Layout(
    "sheets",
    {
        "location": pl.String(),
        "product": pl.String(),
        "stay_date": pl.Date(),
        "rate_plan": pl.String(),
        "occupancy": pl.Int32(),
        "rate": AMOUNT,
        "currency": pl.String(),
        "tax_basis": pl.String(),
    },
    ("product", "rate"),
    takes_floats=False,
)
BASES: Final = (None, *TaxBasis)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a sheet is read for.

    Attributes:
        plan: the vendor's id of the plan whose rates are published; a cell of that plan needs none.
        horizon: the nights over which a rate without one is expanded.
        max_cells: so many cells are read at most.
    """

    place: Location
    plan: str = ""
    horizon: StayDates | None = None
    max_cells: int = 20_000


@dataclass(frozen=True, slots=True)
class Sourced:
    """A sheet, and where it comes from.

    Attributes:
        votes: of the agents, by cell, where the rates are their consensus.
    """

    sheet: RateSheet
    origin: Origin
    votes: Mapping[RateCell, tuple[Vote, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Row:
    """One rate as it was written.

    Attributes:
        where: for people: ``week.csv, row 3``.
    """

    where: str
    cell: RateCell
    rate: Money
    tax_basis: TaxBasis | None
    votes: tuple[Vote, ...] = ()


def read_sheet(file: Path, bounds: Bounds) -> Sourced:
    """Read a sheet from CSV, JSON lines or Parquet, with the columns of `SHEETS`.

    Rows are counted from 1, without the header and blank lines.

    Raises:
        FileRefused: the file cannot be read, has other columns or no rows, or changed while it was read.
        RateError: a value breaks the rules of rates, or the sheet is too large; `DuplicateCell` for a rate given twice.
        CurrencyMismatch: two rows differ in currency.
        InputError: rows without a stay date have no nights to be expanded over, or nights are given for none.
    """
    digest = examined(file)
    rows: list[_Row] = []
    for batch in read_batches(SHEETS, file, bounds.max_cells + 1):
        rows.extend(_rows_of(batch, file, bounds))
        _check_size(len(rows), str(file), bounds)
    if not rows:
        raise FileRefused(f"{file} has no rows: give it at least one rate")
    if examined(file) != digest:
        raise FileRefused(f"{file} changed while it was read: push it when it is complete")
    return _sourced(rows, str(file), Origin("file", file.name, digest), bounds)


def sheet_of_dry_run(store: DryRunStore, run_date: date, bounds: Bounds) -> Sourced:
    """Take the consensus of a dry run as it was made then, with the votes; nothing is made anew.

    Raises:
        NoEvidence: there is no dry run of that day, or it recommended nothing.
        RateError, InputError: as for `read_sheet`.
        StoreError: its file is damaged.
    """
    code = bounds.place.code
    frame = store.read(code, run_date)
    if frame is None:
        made = f"`pms-lab dry-run --location {code} --date {run_date}` makes it"
        raise NoEvidence(f"no dry run of {code} on {run_date} has been made: {made}")
    where = f"dry run of {run_date}"
    rows = list(_rows_of_dry_run(frame, where, bounds))
    if not rows:
        raise NoEvidence(f"the {where} of {code} recommends nothing: there is nothing to push")
    return _sourced(rows, where, Origin("dry run", run_date.isoformat()), bounds)


def _rows_of(batch: Batch, file: Path, bounds: Bounds) -> Iterator[_Row]:
    if len(batch.broken):
        row, reason, _ = batch.broken.row(0)
        raise FileRefused(f"{file}, row {row}: {reason}")
    text = stripped(batch.cells)
    _check_readable(text, file)
    for values in parsed(text, SHEETS).iter_rows(named=True):
        where = f"{file}, row {values['row']}"
        _check_values(values, where, bounds.place)
        rate = Money(_written(values["rate"], bounds.place), values["currency"] or bounds.place.currency)
        yield _Row(where, _cell_of(values, bounds), rate, _basis(values["tax_basis"]))


def _check_readable(text: pl.DataFrame, file: Path) -> None:
    """Refuse the first value that is missing or is not of its column's type."""
    for column in SHEETS.required:
        if len(missing := text.filter(pl.col(column).is_null())):
            raise RateError(f"{file}, row {missing['row'][0]}: {column} is missing")
    for fault in faults(SHEETS):
        if len(found := text.filter(fault.found)):
            row, value = found.select("row", fault.column).row(0)
            raise RateError(f"{file}, row {row}: {fault.column} {value[:SHOWN]!r} {fault.complaint}")


def _check_values(values: Mapping[str, Any], where: str, place: Location) -> None:
    for complaint in _complaints(values, place):
        raise RateError(f"{where}: {complaint}")


def _complaints(values: Mapping[str, Any], place: Location) -> Iterator[str]:
    asked, product, plan = values["location"], values["product"], values["rate_plan"]
    currency, occupancy, basis = values["currency"], values["occupancy"], values["tax_basis"]
    if asked not in (None, place.code):
        yield f"location {_shown(asked)} is not {place.code}: push one location at a time"
    if not re.match(NAME, product):
        yield f"product {_shown(product)} is no name{hint(product[:SHOWN], place.products)}"
    if plan is not None and not re.match(TEXT, plan):
        yield f"rate_plan {_shown(plan)} is no plain text"
    if occupancy is not None and occupancy < 1:
        yield f"occupancy {occupancy} is below 1"
    if currency is not None and not is_currency_code(currency):
        yield f"currency {_shown(currency)} is no ISO 4217 code such as USD"
    if basis not in BASES:
        yield f"tax_basis {_shown(basis)} is neither 'gross' nor 'net'"


def _shown(value: str) -> str:
    return repr(value[:SHOWN])


def _cell_of(values: Mapping[str, Any], bounds: Bounds) -> RateCell:
    plan = values["rate_plan"]
    plan = None if plan == bounds.plan else plan
    return RateCell(bounds.place.code, values["product"], values["stay_date"], plan, values["occupancy"])


def _basis(written: str | None) -> TaxBasis | None:
    return None if written is None else TaxBasis(written)


def _written(amount: Decimal, place: Location) -> Decimal:
    """Return an amount with the decimals of the price step, or its own: the type it is read as adds zeros."""
    exponents = (place.price_step.as_tuple().exponent, amount.normalize().as_tuple().exponent, 0)
    return amount.quantize(Decimal(1).scaleb(min(int(exponent) for exponent in exponents)))


def _short(number: Decimal) -> Decimal:
    """Return a number without zeros at its end, and without an exponent."""
    return number.normalize() + 0


def _rows_of_dry_run(frame: pl.DataFrame, where: str, bounds: Bounds) -> Iterator[_Row]:
    votes: dict[tuple[RateCell, str | None], list[Vote]] = {}
    agents = pl.col("agent") != CONSENSUS
    for values in frame.filter(agents).iter_rows(named=True):
        weight = _short(Decimal(repr(values["weight"])))
        told = _written(values["rate"], bounds.place)
        vote = Vote(values["agent"], told, _short(values["confidence"]), weight, values["agent_version"])
        votes.setdefault((_cell_of(values, bounds), values["tax_basis"]), []).append(vote)
    for values in frame.filter(~agents, pl.col("rate").is_not_null()).iter_rows(named=True):
        cell, rate = _cell_of(values, bounds), Money(_written(values["rate"], bounds.place), values["currency"])
        theirs = tuple(votes.get((cell, values["tax_basis"]), ()))
        yield _Row(where, cell, rate, _basis(values["tax_basis"]), theirs)


def _sourced(rows: Sequence[_Row], what: str, origin: Origin, bounds: Bounds) -> Sourced:
    undated = sum(row.cell.stay_date is None for row in rows)
    _check_nights(undated, rows, bounds)
    nights = bounds.horizon.nights if bounds.horizon else 1
    _check_size(len(rows) - undated + undated * nights, what, bounds)
    _check_alike(rows)
    of: dict[RateCell, _Row] = {}
    for row in rows:
        for cell in _expanded(row.cell, bounds.horizon):
            if known := of.get(cell):
                raise DuplicateCell(f"{row.where}: {named(cell)} has a rate already, {known.rate} ({known.where})")
            of[cell] = row
    sheet = RateSheet({cell: row.rate for cell, row in of.items()}, rows[0].tax_basis)
    return Sourced(sheet, origin, {cell: row.votes for cell, row in of.items() if row.votes})


def _expanded(cell: RateCell, horizon: StayDates | None) -> Iterable[RateCell]:
    if cell.stay_date or horizon is None:
        return (cell,)
    return (RateCell(cell.location, cell.product, night, cell.rate_plan, cell.occupancy) for night in horizon)


def _check_nights(undated: int, rows: Sequence[_Row], bounds: Bounds) -> None:
    if undated and bounds.horizon is None:
        first = next(row for row in rows if row.cell.stay_date is None)
        raise InputError(f"{first.where} has no stay_date: say over which nights it holds with --from and --nights")
    if bounds.horizon and not undated:
        raise InputError(f"every rate has its stay_date ({rows[0].where}, …): leave --from and --nights out")


def _check_size(cells: int, what: str, bounds: Bounds) -> None:
    if cells > bounds.max_cells:
        limit = f"the setting max_cells of {bounds.place.code} allows {bounds.max_cells:,}"
        raise RateError(f"{what} has too many cells, at least {cells:,}: {limit}; split it")


def _check_alike(rows: Sequence[_Row]) -> None:
    first = rows[0]
    for row in rows:
        if row.rate.currency != first.rate.currency:
            told = f"{row.where} is in {row.rate.currency}, {first.where} in {first.rate.currency}"
            raise CurrencyMismatch(f"{told}: a sheet has one currency")
        if row.tax_basis is not first.tax_basis:
            told = f"{row.where} says {row.tax_basis or 'nothing'}, {first.where} {first.tax_basis or 'nothing'}"
            raise RateError(f"{told}: a sheet has one tax_basis")
