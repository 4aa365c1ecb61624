"""What cells held, and why: the ledger's questions about rates."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from heapq import merge
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    Connection,
    ScalarSelect,
    Select,
    TableValuedAlias,
    Text,
    and_,
    false,
    func,
    literal,
    select,
    true,
)

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import HistoryEntry
from pms_lab.domain.rates import RateCell
from pms_lab.store.records import AnyRow, cell_of, change_of, key_of, old_of
from pms_lab.store.tables import CELLS, PUBLICATIONS, PUSHES, READINGS

FETCHED_AT_ONCE: Final = 200

_LATEST_FIRST: Final = (READINGS.c.at.desc(), READINGS.c.number.desc())
_HELD: Final = (READINGS.c.at, READINGS.c.amount, READINGS.c.is_own, READINGS.c.is_derived)
_OF_CHANGE: Final = and_(CELLS.c.push == PUBLICATIONS.c.push, CELLS.c.position == PUBLICATIONS.c.position)
_READ_BACK: Final = and_(
    PUBLICATIONS.c.cell == READINGS.c.cell,
    PUBLICATIONS.c.at == READINGS.c.at,
    PUBLICATIONS.c.push == READINGS.c.push,
)


def day_base(connection: Connection, cells: Collection[RateCell], midnight: datetime) -> dict[RateCell, Decimal]:
    """Return what each cell held at midnight, else what was read first after it; without those that were never read."""
    if not cells:
        return {}
    by_key = {key_of(cell): cell for cell in cells}
    asked = _table_of(connection, list(by_key))
    mine = select(READINGS.c.amount).where(READINGS.c.cell == asked.c.value)
    at_midnight = mine.where(READINGS.c.at <= midnight).order_by(*_LATEST_FIRST)
    first_after = mine.where(READINGS.c.at > midnight).order_by(READINGS.c.at, READINGS.c.number)
    base = func.coalesce(_top(at_midnight), _top(first_after))
    found = connection.execute(select(asked.c.value, base))
    return {by_key[key]: amount for key, amount in found if amount is not None}


def amounts_at(connection: Connection, location: str, at: datetime) -> dict[RateCell, NightlyRate]:
    """Return what each cell that was published after a time held then, as far as was read."""
    replaced = _replaced_since(connection, location, at)
    amounts = replaced | _read_last(connection, replaced, at)
    return {cell: held for cell, held in amounts.items() if held is not None}


def history(connection: Connection, cell: RateCell, until: datetime | None, limit: int) -> tuple[HistoryEntry, ...]:
    """Return what a cell held, the latest first.

    A reading that finds what was published last names that publication, unless something else was read in between.
    """
    entries: list[HistoryEntry] = []
    unexplained: list[int] = []  # the latest entries that found the same, of which an earlier row may tell why
    found: NightlyRate | None = None
    for row in _timeline(connection, cell, until):
        if len(entries) >= limit and not unexplained:
            break
        held = NightlyRate(row.amount, row.is_own, row.is_derived)
        if held != found:
            found, unexplained = held, []
        change = None if row.id is None else change_of(row)
        if change is not None:
            for at in unexplained:
                entries[at] = replace(entries[at], published=row.id, change=change, asked_by=row.asked_by)
            unexplained = []
        if len(entries) < limit:
            if change is None:
                unexplained.append(len(entries))
            entries.append(HistoryEntry(cell, held.amount, held.is_own, row.at, row.id, change, row.asked_by))
    return tuple(entries)


def _timeline(connection: Connection, cell: RateCell, until: datetime | None) -> Iterator[AnyRow]:
    """Yield readings of a cell, and publications that were not read back, with what was meant; the latest first."""
    key, why = key_of(cell), (PUSHES.c.id, PUSHES.c.asked_by, *CELLS.c)
    read = (
        select(*_HELD, *why)
        .outerjoin_from(READINGS, PUBLICATIONS, _READ_BACK)
        .outerjoin(CELLS, _OF_CHANGE)
        .outerjoin(PUSHES, PUSHES.c.number == PUBLICATIONS.c.push)
        .where(READINGS.c.cell == key)
        .order_by(*_LATEST_FIRST)
    )
    unread = (
        select(PUBLICATIONS.c.at, PUBLICATIONS.c.amount, true().label("is_own"), false().label("is_derived"), *why)
        .join_from(PUBLICATIONS, CELLS, _OF_CHANGE)
        .join(PUSHES, PUSHES.c.number == PUBLICATIONS.c.push)
        .where(PUBLICATIONS.c.cell == key, PUBLICATIONS.c.read_back.is_(None))
        .order_by(PUBLICATIONS.c.at.desc(), PUBLICATIONS.c.push.desc())
    )
    if until is not None:
        read, unread = read.where(READINGS.c.at <= until), unread.where(PUBLICATIONS.c.at <= until)
    # In parts: a reader of the last entries does not wait for years of them.
    in_parts = {"yield_per": FETCHED_AT_ONCE}
    with connection.execute(read, execution_options=in_parts) as rows:
        yield from merge(connection.execute(unread), rows, key=attrgetter("at"), reverse=True)


def _replaced_since(connection: Connection, location: str, at: datetime) -> dict[RateCell, NightlyRate | None]:
    """Return what the first publication after a time replaced in each cell."""
    replaced = (
        select(CELLS.c.cell, CELLS.c.old_amount, CELLS.c.old_is_own, CELLS.c.old_is_derived)
        .join_from(PUBLICATIONS, CELLS, _OF_CHANGE)
        .where(PUBLICATIONS.c.location == location, PUBLICATIONS.c.at > at)
        .order_by(PUBLICATIONS.c.at.desc(), PUBLICATIONS.c.push.desc())
    )
    # The first one comes last, and stays.
    return {cell_of(row.cell): old_of(row) for row in connection.execute(replaced)}


def _read_last(connection: Connection, cells: Collection[RateCell], at: datetime) -> dict[RateCell, NightlyRate]:
    """Return what was read last in each cell, at or before a time."""
    by_key = {key_of(cell): cell for cell in cells}
    asked, earlier = _table_of(connection, list(by_key)), READINGS.alias()
    mine = select(earlier.c.number).where(earlier.c.cell == asked.c.value, earlier.c.at <= at)
    is_last = READINGS.c.number == _top(mine.order_by(earlier.c.at.desc(), earlier.c.number.desc()))
    last = select(READINGS.c.cell, *_HELD).join_from(asked, READINGS, is_last)
    return {by_key[row.cell]: NightlyRate(row.amount, row.is_own, row.is_derived) for row in connection.execute(last)}


def _top(chosen: Select[Any]) -> ScalarSelect[Any]:
    return chosen.limit(1).scalar_subquery()


def _table_of(connection: Connection, texts: list[str]) -> TableValuedAlias:
    """Return a table with the column `value`, out of one parameter: so there may be any number of them."""
    if connection.dialect.name == "sqlite":
        return func.json_each(json.dumps(texts)).table_valued("value")
    return func.unnest(literal(texts, ARRAY(Text))).table_valued("value").render_derived()
