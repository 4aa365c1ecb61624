"""A database of ours, on SQLite or PostgreSQL: opened with its tables up to date, and closed.

Nothing here knows what the tables hold. A foreign error leaves as a `StoreError` (see `trouble.py`).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from pms_lab.errors import SettingsError, StoreError
from pms_lab.store.migrating import bring_to_head
from pms_lab.store.trouble import explained

BUSY_S: Final = 10.0
POSTGRES_CONNECTIONS: Final = 4
POSTGRES: Final = {
    "connect_timeout": "5",
    # Without these, a server whose machine is gone is waited for until TCP gives up, after a quarter of an hour.
    "tcp_user_timeout": "10000",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
}
POSTGRES_OPTIONS: Final = {
    "timezone": "UTC",
    "synchronous_commit": "on",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
}
"""Source: https://www.postgresql.org/docs/15/runtime-config-client.html."""


class Database:
    """An open database. Every block below is one transaction on a connection of its own; threads may share it.

    Attributes:
        name: its address, without password.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self.name = name
        self._engine = engine
        self._writer = engine.execution_options(writes=True)
        # SQLite knows no other way to read.
        snapshot = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reader = engine.execution_options(**snapshot)

    def __repr__(self) -> str:
        return f"<Database {self.name}>"

    @property
    def is_sqlite(self) -> bool:
        """Whether it is one file, with one writer at a time."""
        return self._engine.dialect.name == "sqlite"

    def reading(self) -> AbstractContextManager[Connection]:
        """Read in the block, all of it as of one instant.

        Raises:
            StoreError: it cannot be read.
        """
        return self._begun(self._reader)

    def writing(self) -> AbstractContextManager[Connection]:
        """Write in the block; at its end that is durable, and nothing of it happened when it raises.

        On SQLite nobody else writes meanwhile. On PostgreSQL others do: each statement sees what is committed by then.

        Raises:
            StoreError: it cannot be written.
        """
        return self._begun(self._writer)

    @contextmanager
    def trying(self) -> Iterator[Connection]:
        """Write in the block, and take it back at its end.

        Raises:
            StoreError: it could not be written.
        """
        with explained(self.name), self._writer.connect() as connection, connection.begin() as transaction:
            yield connection
            transaction.rollback()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _begun(self, engine: Engine) -> Iterator[Connection]:
        with explained(self.name), engine.begin() as connection:
            yield connection


def open_database(url: str, *, busy_s: float = BUSY_S) -> Database:
    """Open a database, and make or bring up to date its tables. A missing SQLite file or its folder is made.

    Args:
        url: ``sqlite:///path`` (relative; four slashes for an absolute one) or ``postgresql://user:password@host/name``.
        busy_s: how long to wait for others that write.

    Raises:
        SettingsError: the address is not such a one.
        StoreError: the database cannot be reached, read or written, or it is newer than this code.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        _make_folder(Path(parsed.database or ""))
        engine = _sqlite_engine(parsed, busy_s)
    else:
        engine = _postgres_engine(parsed, busy_s)
    database = Database(engine, _name(parsed))
    try:
        bring_to_head(database.reading, database.writing, database.name)
    except BaseException:
        database.close()
        raise
    return database


_FORMS: Final = "give sqlite:///path/to/file.db or postgresql://user:password@host/name"


def _parsed(url: str) -> URL:
    # The address itself is in no message: it may hold a password.
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(f"the database's address cannot be read: {_FORMS}") from None
    if parsed.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise SettingsError(f"{parsed.drivername!r} is no database that can be used: {_FORMS}")
    if parsed.drivername == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise SettingsError(f"a database in memory outlasts nothing: {_FORMS}")
    return parsed


def _name(url: URL) -> str:
    return URL.create(
        url.get_backend_name(), url.username, host=url.host, port=url.port, database=url.database
    ).render_as_string()


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StoreError(f"the folder {path.parent} of the database cannot be made ({exc}): make it") from exc


def _sqlite_engine(url: URL, busy_s: float) -> Engine:
    connecting = {"timeout": busy_s, "isolation_level": None}
    engine = create_engine(url, hide_parameters=True, pool_timeout=busy_s, connect_args=connecting)
    event.listen(engine, "connect", partial(_set_up_sqlite, busy_s))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(busy_s: float, connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    _use_write_ahead_log(cursor, busy_s)
    # In this order: the setting is of the journal in use. With less than FULL a loss of power undoes the last commits.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _use_write_ahead_log(cursor: sqlite3.Cursor, busy_s: float) -> None:
    until_s = time.monotonic() + busy_s
    while cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as exc:
            # SQLite does not wait here by itself for others that open the new file at the same time.
            if exc.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until_s:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins by reading and then writes fails at once when another has written in between.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgres_engine(url: URL, busy_s: float) -> Engine:
    given, limits = url.query, POSTGRES_OPTIONS | {"lock_timeout": f"{busy_s * 1000:.0f}ms"}
    options = " ".join(f"-c {name}={value}" for name, value in limits.items())
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        pool_size=POSTGRES_CONNECTIONS,
        pool_timeout=busy_s,
        pool_pre_ping=True,
        connect_args={name: value for name, value in POSTGRES.items() if name not in given}
        | {"options": f"{options} {given.get('options', '')}".strip()},
    )
