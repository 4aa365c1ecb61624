from __future__ import annotations

import sqlite3
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier, Timer

import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import upgrade
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, insert, select, text

from pms_lab.domain.push import Decision, PushState
from pms_lab.errors import SettingsError, StoreError
from pms_lab.store.database import Database, open_database
from pms_lab.store.erasable_tables import DEAD_LETTERS, LETTER_QUEUES, PEOPLE
from pms_lab.store.ledger import SqlBook
from pms_lab.store.migrating import MIGRATIONS, revisions
from pms_lab.store.tables import FENCES, INVENTORY_READS, LOCKS, METADATA, OPEN_PUSHES
from tests.contracts.book import NOON, E, F, a_push, an_alert, change, published
from tests.store.databases import ROW, add, in_processes, reads

SECRET = "open-sesame"


# Addresses


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://ada:open-sesame@host/name", "'mysql' is no database"),
        ("postgresql+asyncpg://ada:open-sesame@host/name", "no database that can be used"),
        ("postgresql://ada:open-sesame@host:port/name", "cannot be read"),
        ("open-sesame", "cannot be read"),
        ("sqlite://", "outlasts nothing"),
        ("sqlite:///:memory:", "outlasts nothing"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_with_the_forms_that_can(url: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        open_database(url)
    shown = "".join(traceback.format_exception(caught.value))
    assert "sqlite:///path" in shown
    assert SECRET not in shown


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    with closing(open_database(f"sqlite:///{tmp_path}/new/folder/ledger.db")) as database:
        add(database)
    assert (tmp_path / "new" / "folder" / "ledger.db").stat().st_size > 0


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(StoreError, match=r"taken of the database cannot be made"):
        open_database(f"sqlite:///{tmp_path}/taken/ledger.db")


def test_a_password_is_shown_nowhere() -> None:
    for url in (
        f"postgresql://postgres:{SECRET}@127.0.0.1:1/test",
        f"postgresql://postgres:{SECRET}@no.host.invalid/test",
        f"postgresql://postgres:{SECRET}@127.0.0.1:1/test?no_such_option={SECRET}",
    ):
        with pytest.raises(StoreError, match="postgresql://postgres@") as caught:
            open_database(url)
        assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_database_shows_its_name_and_no_password(shared_postgres: tuple[str, Database]) -> None:
    url, _ = shared_postgres
    with_password = url.replace("postgres@", f"postgres:{SECRET}@")
    with closing(open_database(with_password)) as database:
        assert "postgresql://" in repr(database)
        assert SECRET not in f"{database!r}{database.name}{database.__dict__}"


# Transactions


def test_what_is_written_is_there_when_the_block_ends(database: Database, database_url: str) -> None:
    add(database)
    with closing(open_database(database_url)) as other:
        assert reads(other) == 1


def test_nothing_is_left_of_a_block_that_raises_and_of_one_that_only_tries(database: Database) -> None:
    def raising() -> None:
        with database.writing() as connection:
            connection.execute(insert(INVENTORY_READS), ROW)
            raise KeyError

    with pytest.raises(KeyError):
        raising()
    with database.trying() as connection:
        connection.execute(insert(INVENTORY_READS), ROW)
    assert reads(database) == 0


def test_a_reader_sees_one_instant(database: Database, database_url: str) -> None:
    with closing(open_database(database_url)) as other, database.reading() as connection:
        before = connection.execute(select(INVENTORY_READS)).all()
        add(other)
        assert connection.execute(select(INVENTORY_READS)).all() == before == []
    assert reads(database) == 1


def test_a_writer_that_waits_too_long_for_another_says_so(database: Database, database_url: str) -> None:
    with closing(open_database(database_url, busy_s=0.1)) as other:
        with database.writing() as connection:
            connection.execute(insert(FENCES), {"location": "DESK", "token": 1})
            with pytest.raises(StoreError, match="held by another process"), other.writing() as blocked:
                blocked.execute(insert(FENCES), {"location": "DESK", "token": 2})
        add(other)


def test_commits_on_sqlite_survive_a_loss_of_power(sqlite_database: Database) -> None:
    settings = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
    with sqlite_database.reading() as connection:
        assert {name: connection.scalar(text(f"PRAGMA {name}")) for name in settings} == settings


def test_commits_on_postgres_are_durable_and_nothing_waits_for_ever(postgres_database: Database) -> None:
    settings = {"synchronous_commit": "on", "statement_timeout": "30s", "lock_timeout": "10s", "TimeZone": "UTC"}
    with postgres_database.writing() as connection:
        assert {name: connection.scalar(text(f"SHOW {name}")) for name in settings} == settings


# Migrations


def test_migrations_make_the_tables_that_the_code_uses(database: Database) -> None:

    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_migrations_follow_one_another_and_are_named_after_their_files() -> None:
    scripts = ScriptDirectory(MIGRATIONS)
    assert [script.revision for script in scripts.walk_revisions()][::-1] == revisions()
    assert [Path(script.path).stem for script in scripts.walk_revisions()][::-1] == revisions()


@pytest.mark.parametrize("revision", revisions())
def test_a_database_of_any_version_is_brought_up_to_date_with_its_rows(new_url: str, revision: str) -> None:
    engine = create_engine(new_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS))
        upgrade(config, revision)
        connection.execute(insert(INVENTORY_READS), ROW)
    engine.dispose()
    with closing(open_database(new_url)) as database:
        assert version(database) == revisions()[-1]
        assert reads(database) == 1


def version(database: Database) -> str:
    with database.reading() as connection:
        found: str = connection.scalars(text("SELECT version_num FROM alembic_version")).one()
        return found


OPENING = """
import sys
from pms_lab.store.database import open_database
print("ready", flush=True)
sys.stdin.readline()
open_database(sys.argv[1]).close()
print("alembic" in sys.modules)
"""


def test_several_processes_may_open_a_new_database_at_once_and_later_alembic_is_not_needed(new_url: str) -> None:
    assert "True" in in_processes(2, OPENING, new_url)
    with closing(open_database(new_url)) as database:
        assert version(database) == revisions()[-1]
    assert in_processes(1, OPENING, new_url) == ["False"]


@pytest.mark.parametrize("_", range(3))
def test_several_threads_may_open_a_new_database_at_once(new_url: str, _: int) -> None:
    barrier = Barrier(4)

    def open_with_others(_: int) -> str:
        barrier.wait()
        with closing(open_database(new_url)) as database:
            return version(database)

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(open_with_others, range(4))) == {revisions()[-1]}


def test_a_new_file_that_another_is_making_is_waited_for(sqlite_url: str) -> None:
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    ending = Timer(0.2, other.rollback)
    ending.start()
    with closing(other), closing(open_database(sqlite_url)) as database:
        assert version(database) == revisions()[-1]
        ending.join()


def test_a_database_that_is_newer_than_the_code_is_left_alone(database: Database, database_url: str) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'v9999_later'"))
    try:
        with pytest.raises(StoreError, match=r"newer than this pms-lab.*v9999_later.*update"):
            open_database(database_url)
    finally:
        with database.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revisions()[-1]})


# Append-only tables

CHANGING = {table.name for table in (FENCES, LOCKS, OPEN_PUSHES, PEOPLE, LETTER_QUEUES, DEAD_LETTERS)}
APPEND_ONLY = {
    "pushes", "push_cells", "transitions", "readings", "publications", "decisions", "alerts", "inventory_reads",
}  # fmt: skip


def test_every_table_is_append_only_or_one_of_the_few_that_change() -> None:
    assert set(METADATA.tables) == APPEND_ONLY | CHANGING


CHANGES = [
    "UPDATE {table} SET {column} = {column}",
    "UPDATE {table} SET {column} = {column} WHERE {column} = (SELECT max({column}) FROM {table})",
    "DELETE FROM {table}",
]
SQLITE_CHANGES = [
    "REPLACE INTO {table} SELECT * FROM {table}",
    "UPDATE OR REPLACE {table} SET {column} = {column}",
]
POSTGRES_CHANGES = [
    "TRUNCATE {table} CASCADE",
    "INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ({key}) DO UPDATE SET {column} = 1",
]


@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
def test_the_database_itself_refuses_to_change_or_remove_a_row(database: Database, table: str) -> None:
    write_in_every_table(SqlBook(database))
    columns = METADATA.tables[table].primary_key.columns
    names = {"table": table, "column": columns[0].name, "key": ", ".join(column.name for column in columns)}
    before = rows_of(database, table)
    assert before
    for statement in CHANGES + (SQLITE_CHANGES if database.is_sqlite else POSTGRES_CHANGES):
        with pytest.raises(StoreError, match="append-only"), database.writing() as connection:
            connection.execute(text(statement.format(**names)))
        assert rows_of(database, table) == before


def rows_of(database: Database, table: str) -> Sequence[object]:
    with database.reading() as connection:
        return connection.execute(select(METADATA.tables[table])).all()


def write_in_every_table(book: SqlBook) -> None:
    published(book, "p1", change(E, "100", "110"), at=NOON)
    review = a_push("p2", change(F, "100", "200"), state=PushState.PENDING_MANUAL_REVIEW)
    book.open(review, None, [an_alert()], NOON)
    book.decide(Decision("p2", True, "bob", NOON))
