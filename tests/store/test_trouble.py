"""What becomes of a database's own errors."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import insert, make_url

from pms_lab.errors import StoreError
from pms_lab.store.database import Database, open_database
from pms_lab.store.tables import INVENTORY_READS
from tests.store.databases import POSTGRES_URL, ROW, add, reads


@contextmanager
def as_nobody() -> Iterator[None]:
    """Have no special rights in the block; for root only, who may write to everything."""
    user = os.geteuid()
    os.seteuid(65534 if user == 0 else user)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may read."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_file_that_may_not_be_written_is_told(sqlite_template: Path, open_folder: Path) -> None:
    path = Path(shutil.copy(sqlite_template, open_folder))
    path.chmod(0o444)
    open_folder.chmod(0o555)
    with as_nobody(), pytest.raises(StoreError, match=r"is read-only .*: let this user write"):
        open_database(f"sqlite:///{path}")
    open_folder.chmod(0o755)


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ada,\n" * 500)
    with pytest.raises(StoreError, match=r"letter.txt is none .*: correct its address"):
        open_database(f"sqlite:///{path}")
    assert path.read_text() == "Dear Ada,\n" * 500


def test_a_database_without_room_is_told_and_goes_on_when_there_is_some(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        with closing(open_database(f"sqlite:///{folder}/ledger.db")) as database:
            (folder / "filler").write_bytes(bytes(100_000))
            with suppress(OSError), (folder / "rest").open("wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass
            check_it_fails_and_goes_on(database, "is full .*: make room", (folder / "filler").unlink)
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_disk_that_fails_is_told(sqlite_database: Database) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def heal() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        check_it_fails_and_goes_on(sqlite_database, "trouble with its disk .*: look at the disk", heal)
    finally:
        heal()


def check_it_fails_and_goes_on(database: Database, told: str, heal: Callable[[], None]) -> None:
    """Write until that fails: then nothing of the last block is there, and after the healing all goes on."""
    written = 0

    def write_on() -> None:
        nonlocal written
        while written < 100_000:
            with database.writing() as connection:
                connection.execute(insert(INVENTORY_READS), [ROW] * 10)
            written += 10

    with pytest.raises(StoreError, match=told):
        write_on()
    assert reads(database) == written
    heal()
    add(database)
    assert reads(database) == written + 1


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(StoreError, match=r"127.0.0.1:1/test does not answer .*: see that it runs"):
        open_database("postgresql://postgres@127.0.0.1:1/test")


def test_a_server_that_says_nothing_is_not_waited_for_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(StoreError, match="does not answer"):
            open_database(f"postgresql://postgres@127.0.0.1:{port}/test?connect_timeout=2")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("://postgres@127.0.0.1:5432/no_such_database", "is not there .*: create it"),
        ("://no_such_user@127.0.0.1:5432/test", "credentials .*: correct the user or the password"),
    ],
)
def test_a_wrong_name_is_told(shared_postgres: object, wrong: str, told: str) -> None:
    address = make_url(f"postgresql{wrong}").set(host=make_url(POSTGRES_URL).host, port=make_url(POSTGRES_URL).port)
    with pytest.raises(StoreError, match=told):
        open_database(address.render_as_string(hide_password=False))


@pytest.fixture
def watched(postgres_database_url: str) -> Iterator[tuple[Database, Callable[[], None]]]:
    """A database, and what ends all its connections."""
    name = f"watched_{uuid4().hex}"

    def end_all() -> None:
        with psycopg.connect(POSTGRES_URL, autocommit=True) as other:
            ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"
            assert other.execute(ended, [name]).fetchall()

    with closing(open_database(f"{postgres_database_url}&application_name={name}")) as database:
        yield database, end_all


@pytest.mark.parametrize("is_early", [True, False], ids=["before the last statement", "before the commit"])
def test_a_connection_that_is_lost_in_a_transaction_is_told_and_replaced(
    watched: tuple[Database, Callable[[], None]], is_early: bool
) -> None:
    database, end_all = watched

    def lose() -> None:
        with database.writing() as connection:
            connection.execute(insert(INVENTORY_READS), ROW)
            end_all()
            if is_early:
                connection.execute(insert(INVENTORY_READS), ROW)

    with pytest.raises(StoreError, match=r"does not answer .*: see that it runs"):
        lose()
    assert reads(database) == 0
    add(database)
    assert reads(database) == 1


def test_a_connection_that_was_lost_while_nobody_used_it_is_not_even_noticed(
    watched: tuple[Database, Callable[[], None]],
) -> None:
    database, end_all = watched
    add(database)
    end_all()
    add(database)
    assert reads(database) == 2


def test_more_at_once_than_there_are_connections_is_told(postgres_database_url: str) -> None:
    def ask_all_at_once(database: Database) -> None:
        with ExitStack() as blocks:
            for _ in range(100):
                blocks.enter_context(database.reading())

    with closing(open_database(postgres_database_url, busy_s=0.1)) as database:
        with pytest.raises(StoreError, match="too much at once"):
            ask_all_at_once(database)
        assert reads(database) == 0
