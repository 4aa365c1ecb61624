"""The locks of the locations as rows of a database, for several processes; on PostgreSQL for several machines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import (
    TIMESTAMP,
    ColumnElement,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from pms_lab.engine.ledger import Runner
from pms_lab.engine.locks import Holder
from pms_lab.store.database import Database
from pms_lab.store.tables import FENCES, LOCKS, Instant


class SqlLocks:
    """An implementation of `Locks`: see there. Each call is one statement, in a transaction of its own.

    The clock is PostgreSQL's own, read after any wait; with SQLite it is the machine's. Set ahead, it lets locks lapse
    early: let it be slewed, not stepped. A token is also higher than all that the ledger has seen, so it rises even
    when the locks were kept elsewhere before.
    Source: https://www.postgresql.org/docs/15/sql-insert.html, ON CONFLICT, and functions-datetime.html.
    """

    def __init__(self, database: Database, run: Runner) -> None:
        self._database = database
        self._run = run

    async def acquire(self, location: str, owner: str, ttl_s: float) -> int | None:
        """Take the lock if nobody holds it, and return its token."""
        return await self._run(partial(self._acquire, location, owner, ttl_s))

    async def renew(self, location: str, owner: str, token: int, ttl_s: float) -> bool:
        """Keep the lock for `ttl_s` from now; whether it was still the owner's."""
        return await self._run(partial(self._end, location, owner, token, ttl_s))

    async def release(self, location: str, owner: str, token: int) -> None:
        """Give the lock back; without effect when it is no longer the owner's."""
        await self._run(partial(self._end, location, owner, token, None))

    async def holder(self, location: str) -> Holder | None:
        """Return who holds the lock; None where nobody does."""
        return await self._run(partial(self._holder, location))

    def _acquire(self, location: str, owner: str, ttl_s: float) -> int | None:
        insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        seen = func.coalesce(select(FENCES.c.token).where(FENCES.c.location == location).scalar_subquery(), 0)
        last = case((LOCKS.c.token > seen, LOCKS.c.token), else_=seen)
        with self._database.writing() as connection:
            now, until = self._clock(), self._clock(ttl_s)
            held = {"owner": owner, "expires_at": until}
            taken = (
                insert(LOCKS)
                .values(location=location, token=seen + 1, **held)
                .on_conflict_do_update(
                    index_elements=[LOCKS.c.location],
                    set_={"token": last + 1, **held},
                    where=or_(LOCKS.c.expires_at.is_(None), LOCKS.c.expires_at <= now),
                )
                .returning(LOCKS.c.token)
            )
            token: int | None = connection.scalar(taken)
            return token

    def _end(self, location: str, owner: str, token: int, ttl_s: float | None) -> bool:
        """Let a lock that is the owner's end in `ttl_s`, or at once."""
        with self._database.writing() as connection:
            is_theirs = and_(LOCKS.c.location == location, LOCKS.c.owner == owner, LOCKS.c.token == token)
            is_held = LOCKS.c.expires_at > self._clock()
            until = None if ttl_s is None else self._clock(ttl_s)
            return connection.execute(update(LOCKS).where(is_theirs, is_held).values(expires_at=until)).rowcount == 1

    def _holder(self, location: str) -> Holder | None:
        with self._database.reading() as connection:
            now = self._clock().label("now")
            row = connection.execute(select(LOCKS, now).where(LOCKS.c.location == location)).one_or_none()
        if row is None or row.expires_at is None or row.expires_at <= row.now:
            return None
        return Holder(row.owner, row.token, (row.expires_at - row.now).total_seconds())

    def _clock(self, ahead_s: float = 0.0) -> ColumnElement[datetime]:
        """Return the time that it will be in so many seconds, by the clock of the locks."""
        ahead = timedelta(seconds=ahead_s)
        if self._database.is_sqlite:
            return literal(datetime.now(UTC) + ahead, Instant)
        return type_coerce(func.clock_timestamp(type_=TIMESTAMP(timezone=True)) + ahead, Instant)
