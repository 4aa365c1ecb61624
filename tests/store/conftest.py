"""Databases that the tests of the store share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pms_lab.store.database import Database, open_database
from tests.store.databases import emptied, new_schema


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a file that is not there yet."""
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The address of an empty schema."""
    with new_schema() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables and no rows."""
    path = tmp_path_factory.mktemp("template") / "ledger.db"
    open_database(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[tuple[str, Database]]:
    """A schema with all tables, by its address and opened; whoever writes there empties it."""
    with new_schema() as url, closing(open_database(url)) as database:
        yield url, database


@pytest.fixture
def sqlite_database_url(sqlite_template: Path, sqlite_url: str) -> str:
    """The address of a file with all tables and no rows."""
    shutil.copy(sqlite_template, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


@pytest.fixture
def sqlite_database(sqlite_database_url: str) -> Iterator[Database]:
    """That file, opened."""
    with closing(open_database(sqlite_database_url)) as database:
        yield database


@pytest.fixture
def postgres_database_url(shared_postgres: tuple[str, Database]) -> Iterator[str]:
    """The address of a schema with all tables and no rows."""
    yield shared_postgres[0]
    emptied(shared_postgres[0])


@pytest.fixture
def postgres_database(postgres_database_url: str, shared_postgres: tuple[str, Database]) -> Database:
    """That schema, opened."""
    return shared_postgres[1]


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn."""
    found: str = request.param
    return found


@pytest.fixture
def new_url(request: pytest.FixtureRequest, kind: str) -> str:
    """The address of a database without tables."""
    url: str = request.getfixturevalue(f"{kind}_url")
    return url


@pytest.fixture
def database_url(request: pytest.FixtureRequest, kind: str) -> str:
    """The address of a database with all tables and no rows."""
    url: str = request.getfixturevalue(f"{kind}_database_url")
    return url


@pytest.fixture
def database(request: pytest.FixtureRequest, kind: str) -> Database:
    """A database with all tables and no rows, opened."""
    found: Database = request.getfixturevalue(f"{kind}_database")
    return found
