"""The tables of the push ledger. Rows are added and never changed: the database itself refuses it (see the migrations).

The exceptions are `fences`, which holds the highest token seen, and `locks`, which is no part of the ledger. Where a
push stands is the state of its last transition, and is stored nowhere else.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

METADATA: Final = MetaData()

_DENSE: Final = json.JSONEncoder(separators=(",", ":"))

_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")


class Instant(TypeDecorator[datetime]):
    """An aware time, exact to the microsecond, in UTC; on SQLite a text of one width, which sorts as time passes."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Make what is stored."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"time {value} is naive: give it a zone")
        utc = value.astimezone(UTC)
        return utc.isoformat(timespec="microseconds") if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Read what is stored."""
        if value is None:
            return None
        return (value if isinstance(value, datetime) else datetime.fromisoformat(value)).astimezone(UTC)


class Exact(TypeDecorator[Decimal]):
    """A decimal amount with all its digits; on SQLite, which has no decimals, a text."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | str | None:
        """Make what is stored."""
        return f"{value:f}" if dialect.name == "sqlite" and value is not None else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Read what is stored."""
        return None if value is None else Decimal(value)


class Words(TypeDecorator[str]):
    """A text. PostgreSQL holds no zero bytes and no half characters, as some vendors' messages do: they become �."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Make what is stored."""
        return None if value is None else _NO_TEXT.sub("\ufffd", value)


class Jotted(TypeDecorator[Any]):
    """Lists and mappings of texts, as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Make what is stored."""
        return _DENSE.encode(value) if value else None

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Read what is stored."""
        return json.loads(value) if value else []


def _number() -> Column[int]:
    return Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _push(**options: Any) -> Column[int]:
    return Column("push", ForeignKey("pushes.number"), **options)


PUSHES: Final = Table(
    "pushes",
    METADATA,
    _number(),
    Column("id", Words, nullable=False, unique=True),
    Column("location", Words, nullable=False),
    Column("currency", Words, nullable=False),
    Column("tax_basis", Words),
    Column("asked_by", Words, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("read_at", Instant),
    Column("origin_kind", Words, nullable=False),
    Column("origin_name", Words, nullable=False),
    Column("origin_digest", Words),
    Column("checks", Jotted),
    Column("follows", Words),
    Index("pushes_of_location", "location", "number"),
)
"""`number` counts them in the order in which they came; other tables name a push by it."""

CELLS: Final = Table(
    "push_cells",
    METADATA,
    _push(primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("cell", Words, nullable=False),
    Column("old_amount", Exact),
    Column("old_is_own", Boolean),
    Column("old_is_derived", Boolean),
    Column("new_amount", Exact, nullable=False),
    Column("binding_rule", Words),
    Column("binding_limit", Exact),
    Column("votes", Jotted),
)
"""What each push meant. A `cell` is a text, here and elsewhere: see `records.key_of`."""

TRANSITIONS: Final = Table(
    "transitions",
    METADATA,
    _number(),
    _push(nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("location", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Words, nullable=False),
    Column("why", Words, nullable=False),
    Column("exposed_s", Float),
    UniqueConstraint("push", "sequence", name="transitions_of_push"),
    Index("transitions_of_location", "location", "number"),
    Index("transitions_to_state", "state", "push"),
    Index("transitions_to_state_of_location", "state", "location", "push"),
)

OPEN_PUSHES: Final = Table("open_pushes", METADATA, _push(primary_key=True))
"""An index of the pushes that are not final, which a trigger on `transitions` keeps: there are few among very many."""

READINGS: Final = Table(
    "readings",
    METADATA,
    _number(),
    Column("cell", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("amount", Exact, nullable=False),
    Column("is_own", Boolean, nullable=False),
    Column("is_derived", Boolean, nullable=False),
    _push(nullable=False),
    Index("readings_of_cell", "cell", "at", "number"),
)
"""What cells held when pushes read them."""

PUBLICATIONS: Final = Table(
    "publications",
    METADATA,
    _push(primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("location", Words, nullable=False),
    Column("cell", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("amount", Exact, nullable=False),
    Column("previous", Exact),
    Column("read_back", Exact),
    Index("publications_of_location", "location", "at"),
    Index("publications_of_cell", "cell", "at"),
)
"""The rate history: what was published, what it replaced, and what was then read back; null where nothing was."""

DECISIONS: Final = Table(
    "decisions",
    METADATA,
    _push(primary_key=True),
    Column("approved", Boolean, nullable=False),
    Column("by", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("why", Words, nullable=False),
)

ALERTS: Final = Table(
    "alerts",
    METADATA,
    _number(),
    Column("kind", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("is_raised", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    Column("severity", Words),
    Column("location", Words),
    Column("message", Words),
    Column("next_step", Words),
    Column("push_id", Words),
    UniqueConstraint("kind", "subject", "sequence", name="alerts_of_subject"),
    Index("alerts_of_location", "location", "number"),
)
"""Alerts, raised and cleared in turn: the last one of a kind and subject tells. One that clears has no more columns."""

INVENTORY_READS: Final = Table(
    "inventory_reads",
    METADATA,
    _number(),
    Column("location", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Index("inventory_reads_of_location", "location", "at"),
)

FENCES: Final = Table(
    "fences",
    METADATA,
    Column("location", Words, primary_key=True),
    Column("token", BigInteger, nullable=False),
)
"""The highest token seen of each location's lock."""

LOCKS: Final = Table(
    "locks",
    METADATA,
    Column("location", Words, primary_key=True),
    Column("owner", Words, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires_at", Instant),
)
"""Who took each location's lock last, and until when; null once it was given back. The row stays, for its token."""


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Begin an INSERT that may have an ON CONFLICT, which both databases write alike."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
