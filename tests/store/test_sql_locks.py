from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, TypeVar

import psycopg
import pytest
from sqlalchemy import Engine, delete, event, func, insert, select

from pms_lab.engine.locks import Locks
from pms_lab.errors import StoreError
from pms_lab.store.database import Database, open_database
from pms_lab.store.sql_locks import SqlLocks
from pms_lab.store.tables import FENCES, LOCKS
from tests.contracts.locks import (
    LONG_S,
    SHORT_S,
    LocksContract,
    Play,
    Story,
    Wait,
    check_two_processes,
    really_wait,
    taken,
)

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """A `Runner` of many threads: what is asked at once happens at once."""
    return await asyncio.to_thread(work)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Locks]:
    with closing(open_database(url)) as database:
        yield SqlLocks(database, in_thread)


@pytest.fixture
def play(database: Database) -> Play:
    def run(story: Story[T]) -> T:
        return asyncio.run(story(SqlLocks(database, in_thread), really_wait))

    return run


class TestSqlLocks(LocksContract):
    pass


def test_two_processes_never_hold_one_lock_at_once(database_url: str) -> None:
    check_two_processes("tests.store.test_sql_locks", database_url)


@pytest.mark.parametrize("seen", [0, 41, 1_771_000_000_000_000])
def test_a_token_is_higher_than_all_that_the_ledger_has_seen(database: Database, play: Play, seen: int) -> None:
    with database.writing() as connection:
        connection.execute(insert(FENCES), [{"location": "INN", "token": seen}, {"location": "DESK", "token": 10**6}])

    async def story(locks: Locks, wait: Wait) -> tuple[int, int]:
        token = await taken(locks, "ada")
        await locks.release("INN", "ada", token)
        return token, await taken(locks, "bob")

    assert play(story) == (seen + 1, seen + 2)


def test_tokens_go_on_where_the_ledger_has_seen_more_or_less_than_the_lock(database: Database, play: Play) -> None:
    async def story(locks: Locks, wait: Wait) -> list[int]:
        tokens = []
        for seen in (None, 10, 5, 100):
            with database.writing() as connection:
                connection.execute(delete(FENCES))
                if seen:
                    connection.execute(insert(FENCES).values(location="INN", token=seen))
            tokens.append(await taken(locks, "ada", SHORT_S))
            await wait(SHORT_S)
        return tokens

    assert play(story) == [1, 11, 12, 101]


def test_the_rows_of_the_locks_may_be_lost_if_the_ledger_is_not(database: Database, play: Play) -> None:
    async def story(locks: Locks, wait: Wait) -> tuple[int, int]:
        for _ in range(3):
            first = await taken(locks, "ada")
            await locks.release("INN", "ada", first)
        with database.writing() as connection:
            connection.execute(insert(FENCES).values(location="INN", token=first))
            connection.execute(delete(LOCKS))
        return first, await taken(locks, "bob")

    assert play(story) == (3, 4)


def test_a_location_has_one_row_however_often_its_lock_is_taken(database: Database, play: Play) -> None:
    async def story(locks: Locks, wait: Wait) -> None:
        for _ in range(5):
            await locks.release("INN", "ada", await taken(locks, "ada"))

    play(story)
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(LOCKS)) == 1


def test_locks_that_cannot_be_read_or_written_are_a_store_error(new_url: str) -> None:
    async def story() -> None:
        async with opened(new_url) as locks:
            with closing(open_database(new_url)) as database, database.writing() as connection:
                LOCKS.drop(connection)
            for asked in (
                locks.acquire("INN", "ada", LONG_S),
                locks.renew("INN", "ada", 1, LONG_S),
                locks.release("INN", "ada", 1),
                locks.holder("INN"),
            ):
                with pytest.raises(StoreError, match="locks"):
                    await asked

    asyncio.run(story())


def test_locations_do_not_wait_for_each_other_on_postgresql(postgres_database_url: str) -> None:
    async def story() -> tuple[float, float]:
        async with opened(postgres_database_url) as locks:
            token = await taken(locks, "ada")
            with psycopg.connect(postgres_database_url) as other:
                other.execute("UPDATE locks SET owner = owner WHERE location = 'INN'")
                renewal = asyncio.create_task(locks.renew("INN", "ada", token, LONG_S))
                began_s = monotonic()
                desk = await locks.acquire("DESK", "bob", LONG_S)
                assert desk
                await locks.release("DESK", "bob", desk)
                free_s = monotonic() - began_s
                await asyncio.sleep(0.3)
                assert not renewal.done()
            assert await renewal
            return free_s, monotonic() - began_s

    free_s, held_s = asyncio.run(story())
    assert free_s < held_s


def test_a_lock_that_lapses_while_its_row_is_waited_for_is_free_on_postgresql(postgres_database_url: str) -> None:
    """So the clock is read after the wait: the time of a transaction or statement is that of its beginning."""

    async def story() -> None:
        async with opened(postgres_database_url) as locks:
            first = await taken(locks, "ada", 0.3)
            with psycopg.connect(postgres_database_url) as other:
                other.execute("SELECT FROM locks WHERE location = 'INN' FOR UPDATE")
                acquired = asyncio.create_task(locks.acquire("INN", "bob", LONG_S))
                await asyncio.sleep(0.4)
                assert not acquired.done()
            assert await acquired == first + 1

    asyncio.run(story())


def test_a_renewal_that_waits_for_whoever_takes_the_lock_is_none_on_postgresql(postgres_database_url: str) -> None:
    async def story() -> None:
        async with opened(postgres_database_url) as locks:
            first = await taken(locks, "ada")
            with psycopg.connect(postgres_database_url) as other:
                other.execute("UPDATE locks SET owner = 'bob', token = token + 1")
                renewed = asyncio.create_task(locks.renew("INN", "ada", first, LONG_S))
                await asyncio.sleep(0.1)
                assert not renewed.done()
            assert not await renewed

    asyncio.run(story())


def test_a_call_is_one_statement_and_the_clock_is_postgresqls_own(play: Play, database: Database) -> None:
    """So nothing happens between looking and changing, and no time of this machine is sent to another."""
    sent: list[tuple[str, Any]] = []

    def note(*told: Any) -> None:
        sent.append((told[2], told[3]))

    async def story(locks: Locks, wait: Wait) -> None:
        token = await taken(locks, "ada")
        await locks.renew("INN", "ada", token, LONG_S)
        await locks.holder("INN")
        await locks.release("INN", "ada", token)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        play(story)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    asked = [(text, values) for text, values in sent if not text.startswith("BEGIN")]
    assert [text.split()[0] for text, _ in asked] == ["INSERT", "UPDATE", "SELECT", "UPDATE"]
    if not database.is_sqlite:
        values = [value for _, given in asked for value in given.values()]
        assert timedelta(seconds=LONG_S) in values
        assert not any(isinstance(value, datetime) for value in values)
