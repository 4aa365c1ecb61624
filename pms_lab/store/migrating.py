"""Tables up to date: on opening, by the migrations in `migrations/versions`, each a file named after its revision."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Lock
from typing import Final

from sqlalchemy import Connection, column, func, inspect, select, table

from pms_lab.errors import StoreError

MIGRATIONS: Final = Path(__file__).parent / "migrations"
ADVISORY_KEY: Final = int.from_bytes(b"pms_lab", "big")
_VERSIONS: Final = table("alembic_version", column("version_num"))

# Alembic keeps what it works on in a module.
_ONE_AT_A_TIME: Final = Lock()

Begin = Callable[[], AbstractContextManager[Connection]]


def revisions() -> list[str]:
    """Return all revisions, in order."""
    return sorted(path.stem for path in (MIGRATIONS / "versions").glob("*.py"))


def bring_to_head(reading: Begin, writing: Begin, name: str) -> None:
    """Make the tables, or bring them up to date; several processes may do it at the same time.

    Raises:
        StoreError: the tables are newer than this code, or cannot be made.
    """
    known = revisions()
    with reading() as connection:
        if _version(connection, known, name) == known[-1]:
            return
    with writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(ADVISORY_KEY)))
        if _version(connection, known, name) != known[-1]:
            _upgrade(connection)


def _version(connection: Connection, known: list[str], name: str) -> str | None:
    if not inspect(connection).has_table(_VERSIONS.name):
        return None
    version: str | None = connection.scalar(select(_VERSIONS.c.version_num))
    if version is not None and version not in known:
        raise StoreError(f"database {name} is newer than this pms-lab (its tables are {version!r}): update pms-lab")
    return version


def _upgrade(connection: Connection) -> None:
    from alembic.command import upgrade
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with _ONE_AT_A_TIME:
        upgrade(config, "head")
