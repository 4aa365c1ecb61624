"""Dead letters in a database, for several workers; on PostgreSQL for workers on several machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from secrets import token_hex
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from pms_lab.domain.dead_letters import DeadLetter, LetterStatus, Queueable, entity_of
from pms_lab.domain.payload import from_record, to_record
from pms_lab.engine.dead_letters import Failure
from pms_lab.engine.ledger import Runner
from pms_lab.errors import InputError, StoreError
from pms_lab.store.database import Database
from pms_lab.store.erasable_tables import DEAD_LETTERS as LETTERS
from pms_lab.store.erasable_tables import LETTER_QUEUES as QUEUES
from pms_lab.store.erasable_tables import overwrite_what_goes
from pms_lab.store.sealing import Place, Seal

OPEN: Final = tuple(status for status in LetterStatus if status.is_open)


class SqlDeadLetters:
    """An implementation of `DeadLetters`, for one location: see there. What guests or staff wrote is sealed.

    Every method raises `StoreError` when the database cannot be read or written, or a letter cannot be opened. `claim`
    passes over such letters as long as there are others; `abandon` and `resolve` need not open one.

    Args:
        now: the clock that claims are measured by; aware. Let those of all machines agree within a small part of a
            lease: one that is ahead lets the claims of others lapse early.
    """

    def __init__(self, database: Database, location: str, seal: Seal, run: Runner, now: Callable[[], datetime]) -> None:
        self._database = database
        self._location = location
        self._seal = seal
        self._run = run
        self._now = now

    async def add(self, write: Queueable, error: str, code: str, *, is_in_doubt: bool = False) -> DeadLetter:
        """Put a write at the end of the queue, once for its key."""
        return await self._run(partial(self._add, write, error, code, is_in_doubt))

    async def find(self, write_key: str) -> DeadLetter | None:
        """Return the letter of a write's key, unless it is given up for sure."""
        return await self._run(partial(self._find, write_key))

    async def claim(self, worker: str, lease_s: float) -> DeadLetter | None:
        """Return the earliest letter that may be tried, and keep it for the worker."""
        return await self._run(partial(self._claim, worker, lease_s))

    async def resolve(self, letter_id: str, by: str, notes: str = "") -> None:
        """Note that the write has taken effect."""
        await self._run(partial(self._resolve, letter_id, by, notes))

    async def fail(self, letter_id: str, worker: str, failure: Failure) -> None:
        """Put a letter back, if the worker's claim still holds."""
        await self._run(partial(self._fail, letter_id, worker, failure))

    async def abandon(self, letter_id: str, reason: str, staff_id: str) -> None:
        """Give a letter up. One whose claim has lapsed is in doubt since then: its worker may have sent it."""
        await self._run(partial(self._abandon, letter_id, reason, staff_id))

    async def retry(self, letter_id: str) -> None:
        """Make a letter due now."""
        await self._run(partial(self._retry, letter_id))

    async def open_letters(self, entity: str | None = None) -> tuple[DeadLetter, ...]:
        """Return the open letters, in order."""
        return await self._run(partial(self._open_letters, entity))

    async def erase_settled(self, before: datetime) -> int:
        """Delete the letters that were resolved or abandoned before a time, and return how many there were.

        A write whose letter is gone is no longer known by its key: choose a time after which nobody asks for it again.
        What stays on the disk, and how long, is as with `SqlPeople.erase`.

        Args:
            before: aware.
        """
        return await self._run(partial(self._erase_settled, before))

    def _add(self, write: Queueable, error: str, code: str, is_in_doubt: bool) -> DeadLetter:
        with self._database.writing() as connection:
            last = self._hold_queue(connection)
            known = self._found(connection, write.key)
            if known is not None:
                return known
            now = self._now()
            letter = DeadLetter(
                id=token_hex(16),
                sequence=last + 1,
                entity=entity_of(write),
                write=write,
                error=error,
                error_code=code,
                first_attempt_at=now,
                last_attempt_at=now,
                due_at=now,
                in_doubt_since=now if is_in_doubt else None,
            )
            connection.execute(update(QUEUES).where(self._is_queue).values(last=letter.sequence))
            connection.execute(insert(LETTERS).values(self._row_of(letter)))
            return letter

    def _find(self, write_key: str) -> DeadLetter | None:
        with self._database.reading() as connection:
            return self._found(connection, write_key)

    def _claim(self, worker: str, lease_s: float) -> DeadLetter | None:
        with self._changing() as connection:
            now = self._now()
            letter = self._first_that_opens(connection, now)
            if letter is None:
                return None
            lapsed_at = letter.claimed_until if letter.status is LetterStatus.RETRYING else None
            claimed: dict[str, Any] = {
                "status": LetterStatus.RETRYING,
                "attempts": letter.attempts + 1,
                "last_attempt_at": now,
                "in_doubt_since": lapsed_at or letter.in_doubt_since,
                "claimed_by": worker,
                "claimed_until": now + timedelta(seconds=lease_s),
            }
            self._put(connection, letter.id, claimed)
            return replace(letter, **claimed)

    def _resolve(self, letter_id: str, by: str, notes: str) -> None:
        with self._changing() as connection:
            if self._row(connection, letter_id).status != LetterStatus.RESOLVED:
                self._put(connection, letter_id, self._settled(letter_id, LetterStatus.RESOLVED, by, notes))

    def _fail(self, letter_id: str, worker: str, failure: Failure) -> None:
        with self._changing() as connection:
            row, now = self._row(connection, letter_id), self._now()
            if row.claimed_by != worker or not _is_claimed(row, now):
                return
            wait_s = failure.next_try_s
            put_back = {
                "status": LetterStatus.PENDING,
                "sealed_error": self._seal.seal(failure.error, self._place(letter_id, "error")),
                "error_code": failure.code,
                "due_at": None if wait_s is None else now + timedelta(seconds=wait_s),
                "in_doubt_since": failure.in_doubt_since,
                "claimed_by": None,
                "claimed_until": None,
            }
            self._put(connection, letter_id, put_back)

    def _abandon(self, letter_id: str, reason: str, staff_id: str) -> None:
        with self._changing() as connection:
            row = self._idle(connection, letter_id)
            doubt = {"in_doubt_since": row.claimed_until or row.in_doubt_since}
            settled = self._settled(letter_id, LetterStatus.ABANDONED, staff_id, reason)
            self._put(connection, letter_id, settled | doubt)

    def _retry(self, letter_id: str) -> None:
        with self._changing() as connection:
            self._idle(connection, letter_id)
            self._put(connection, letter_id, {"due_at": self._now()})

    def _open_letters(self, entity: str | None) -> tuple[DeadLetter, ...]:
        mine = and_(LETTERS.c.location == self._location, _is_open(LETTERS))
        wanted = mine if entity is None else and_(mine, LETTERS.c.entity == entity)
        with self._database.reading() as connection:
            rows = connection.execute(select(LETTERS).where(wanted).order_by(LETTERS.c.sequence))
            return tuple(map(self._letter, rows))

    def _erase_settled(self, before: datetime) -> int:
        old = and_(LETTERS.c.location == self._location, LETTERS.c.resolved_at < before)
        with self._changing() as connection:
            overwrite_what_goes(connection)
            return connection.execute(delete(LETTERS).where(old)).rowcount

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """Change letters in the block, and nobody else those of this location meanwhile."""
        with self._database.writing() as connection:
            self._hold_queue(connection)
            yield connection

    def _hold_queue(self, connection: Connection) -> int:
        """Wait until nobody else changes letters of this location, and return the last one's number."""
        held = select(QUEUES.c.last).where(self._is_queue).with_for_update()
        last = connection.scalar(held)
        if last is None:
            new = sqlite.insert(QUEUES) if self._database.is_sqlite else postgresql.insert(QUEUES)
            connection.execute(new.values(location=self._location, last=0).on_conflict_do_nothing())
            last = connection.scalar(held)
        return last or 0

    @property
    def _is_queue(self) -> ColumnElement[bool]:
        return QUEUES.c.location == self._location

    def _found(self, connection: Connection, write_key: str) -> DeadLetter | None:
        is_void = and_(LETTERS.c.status == LetterStatus.ABANDONED, LETTERS.c.in_doubt_since.is_(None))
        indexes = self._seal.blinds(write_key, self._purpose)
        wanted = and_(LETTERS.c.location == self._location, LETTERS.c.key_index.in_(indexes), ~is_void)
        row = connection.execute(select(LETTERS).where(wanted).order_by(LETTERS.c.sequence)).first()
        return None if row is None else self._letter(row)

    def _first_that_opens(self, connection: Connection, now: datetime) -> DeadLetter | None:
        """Return the earliest letter that may be tried.

        Raises:
            StoreError: there are such letters, and none of them can be opened.
        """
        earlier = LETTERS.alias("earlier")
        is_behind = exists().where(
            earlier.c.location == LETTERS.c.location,
            earlier.c.entity == LETTERS.c.entity,
            earlier.c.sequence < LETTERS.c.sequence,
            _is_open(earlier),
        )
        wanted = and_(LETTERS.c.location == self._location, _is_open(LETTERS), _is_claimable(now), ~is_behind)
        claimable = select(LETTERS).where(wanted).order_by(LETTERS.c.sequence).limit(1)
        unopened: StoreError | None = None
        for passed_over in count():
            row = connection.execute(claimable.offset(passed_over)).first()
            if row is None:
                break
            try:
                return self._letter(row)
            except StoreError as exc:
                unopened = unopened or exc
        if unopened is not None:
            raise unopened
        return None

    def _row(self, connection: Connection, letter_id: str) -> Row[Any]:
        wanted = and_(LETTERS.c.id == letter_id, LETTERS.c.location == self._location)
        row = connection.execute(select(LETTERS).where(wanted)).one_or_none()
        if row is None:
            raise InputError(f"there is no dead letter {letter_id!r}: list the open ones")
        return row

    def _idle(self, connection: Connection, letter_id: str) -> Row[Any]:
        row = self._row(connection, letter_id)
        if not LetterStatus(row.status).is_open:
            raise InputError(f"dead letter {letter_id} is {row.status}: only an open one can change")
        if _is_claimed(row, self._now()):
            raise InputError(f"dead letter {letter_id} is being tried until {row.claimed_until}: wait until then")
        return row

    def _put(self, connection: Connection, letter_id: str, changes: dict[str, Any]) -> None:
        connection.execute(update(LETTERS).where(LETTERS.c.id == letter_id).values(changes))

    def _settled(self, letter_id: str, status: LetterStatus, by: str, notes: str) -> dict[str, Any]:
        return {
            "status": status,
            "resolved_by": by,
            "resolved_at": self._now(),
            "sealed_notes": self._seal.seal(notes, self._place(letter_id, "notes")),
            "claimed_by": None,
            "claimed_until": None,
        }

    def _row_of(self, letter: DeadLetter) -> dict[str, Any]:
        """Return a new letter as a row."""
        return {
            "id": letter.id,
            "location": self._location,
            "sequence": letter.sequence,
            "entity": letter.entity,
            "key_index": self._seal.blind(letter.write.key, self._purpose),
            "sealed_write": self._seal.seal(json.dumps(to_record(letter.write)), self._place(letter.id, "write")),
            "sealed_error": self._seal.seal(letter.error, self._place(letter.id, "error")),
            "error_code": letter.error_code,
            "first_attempt_at": letter.first_attempt_at,
            "last_attempt_at": letter.last_attempt_at,
            "due_at": letter.due_at,
            "attempts": letter.attempts,
            "in_doubt_since": letter.in_doubt_since,
            "status": letter.status,
            "sealed_notes": self._seal.seal(letter.notes, self._place(letter.id, "notes")),
        }

    def _letter(self, row: Row[Any]) -> DeadLetter:
        try:
            write = from_record(json.loads(self._opened(row, "write")))
            error, notes = self._opened(row, "error"), self._opened(row, "notes")
        except StoreError as exc:
            raise StoreError(f"dead letter {row.id} cannot be read, and can only be abandoned: {exc}") from exc
        if not isinstance(write, Queueable):
            raise StoreError(f"dead letter {row.id} holds a write that does not wait: abandon it")
        return DeadLetter(
            id=row.id,
            sequence=row.sequence,
            entity=entity_of(write),
            write=write,
            error=error,
            error_code=row.error_code,
            first_attempt_at=row.first_attempt_at,
            last_attempt_at=row.last_attempt_at,
            due_at=row.due_at,
            attempts=row.attempts,
            in_doubt_since=row.in_doubt_since,
            status=LetterStatus(row.status),
            resolved_by=row.resolved_by,
            resolved_at=row.resolved_at,
            notes=notes,
            claimed_by=row.claimed_by,
            claimed_until=row.claimed_until,
        )

    def _opened(self, row: Row[Any], column: str) -> str:
        return self._seal.open(row._mapping[f"sealed_{column}"], self._place(row.id, column))

    def _place(self, letter_id: str, column: str) -> Place:
        return Place("dead_letters", f"{self._location}/{letter_id}", column)

    @property
    def _purpose(self) -> str:
        return f"dead letters of {self._location}"


def _is_open(letters: FromClause) -> ColumnElement[bool]:
    # Not as a parameter: the index of open letters is used only where it is seen that they are asked for.
    return letters.c.status.in_(bindparam("open", OPEN, expanding=True, literal_execute=True))


def _is_claimable(now: datetime) -> ColumnElement[bool]:
    """`DeadLetter.is_claimable`, as a question to the database."""
    is_due = and_(LETTERS.c.status == LetterStatus.PENDING, LETTERS.c.due_at <= now)
    has_lapsed = and_(LETTERS.c.status == LetterStatus.RETRYING, LETTERS.c.claimed_until <= now)
    return or_(is_due, has_lapsed)


def _is_claimed(row: Row[Any], now: datetime) -> bool:
    return row.claimed_until is not None and now < row.claimed_until
