"""What somebody reads who has the bytes of a database and not its keys."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql


def raw(url: str) -> bytes:
    """Return the files of an SQLite database, its log among them, or all rows of a PostgreSQL schema as texts."""
    kind, _, place = url.partition(":///")
    if kind == "sqlite":
        return b"".join(path.read_bytes() for path in sorted(Path(place).parent.iterdir()))
    with psycopg.connect(url) as connection:
        named = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        tables = [sql.Identifier(name) for (name,) in connection.execute(named).fetchall()]
        whole = sql.SQL("SELECT whole::text FROM {} AS whole")
        rows = [row for table in tables for row in connection.execute(whole.format(table)).fetchall()]
    return "\n".join(text for (text,) in rows).encode()
