"""The tables that hold something about people: what is sealed in them can be erased (see `sealing.py`).

The append-only tables name people by their ids only.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Column, Connection, Index, Integer, Table, Text, UniqueConstraint, text

from pms_lab.store.tables import METADATA, Instant, Words

PEOPLE: Final = Table(
    "people",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("sealed_name", Text),
    Column("name_index", Text, unique=True),
)
"""Whom the ids of people mean; an erased person has an id only. `name_index` is a blind index."""

LETTER_QUEUES: Final = Table(
    "letter_queues",
    METADATA,
    Column("location", Words, primary_key=True),
    Column("last", Integer, nullable=False),
)
"""The last sequence number of each location's dead letters. Whoever changes one of them holds this row meanwhile."""

_IS_OPEN: Final = text("status IN ('pending', 'retrying')")
_WHERE_OPEN: Final[dict[str, Any]] = {"sqlite_where": _IS_OPEN, "postgresql_where": _IS_OPEN}

DEAD_LETTERS: Final = Table(
    "dead_letters",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("location", Words, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("entity", Words, nullable=False),
    Column("key_index", Text, nullable=False),
    Column("sealed_write", Text, nullable=False),
    Column("sealed_error", Text, nullable=False),
    Column("error_code", Words, nullable=False),
    Column("first_attempt_at", Instant, nullable=False),
    Column("last_attempt_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("attempts", Integer, nullable=False),
    Column("in_doubt_since", Instant),
    Column("status", Words, nullable=False),
    Column("resolved_by", Words),
    Column("resolved_at", Instant),
    Column("sealed_notes", Text, nullable=False),
    Column("claimed_by", Words),
    Column("claimed_until", Instant),
    UniqueConstraint("location", "sequence", name="letters_in_order"),
    Index("letters_of_key", "location", "key_index"),
    Index("open_letters_of_key", "location", "key_index", unique=True, **_WHERE_OPEN),
    Index("open_letters_of_entity", "location", "entity", "sequence", **_WHERE_OPEN),
    Index("open_letters_in_order", "location", "sequence", **_WHERE_OPEN),
)
"""Writes that wait, or waited, to be sent. `key_index` is the blind index of the write's key."""


def overwrite_what_goes(connection: Connection) -> None:
    """Make SQLite write zeros over what this connection deletes; PostgreSQL does it in time, when it vacuums.

    Source: https://www.sqlite.org/pragma.html#pragma_secure_delete.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
