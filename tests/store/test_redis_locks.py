from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from redis import Redis as SyncRedis
from redis.crc import key_slot
from redis.exceptions import RedisError

from pms_lab.engine.locks import Locks
from pms_lab.errors import StoreError
from pms_lab.store.redis_locks import RedisLocks
from pms_lab.store.redis_windows import open_redis
from tests.conftest import required
from tests.contracts.locks import (
    LONG_S,
    SHORT_S,
    LocksContract,
    Play,
    Story,
    T,
    Wait,
    check_two_processes,
    really_wait,
    taken,
)

URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379")


@asynccontextmanager
async def opened(prefix: str) -> AsyncIterator[Locks]:
    async with open_redis(URL) as redis:
        yield RedisLocks(redis, prefix)


@pytest.fixture
def redis() -> Iterator[SyncRedis]:
    """A client of the tests' own."""
    with SyncRedis.from_url(URL, socket_timeout=2, decode_responses=True) as client:
        required("Redis", is_up(client), f"start it, or name one in TEST_REDIS_URL; tried {URL}")
        yield client


@pytest.fixture
def prefix(redis: SyncRedis) -> Iterator[str]:
    """The beginning of this test's own keys, which are deleted afterwards."""
    own = f"pms_lab:test:{uuid4().hex}:"
    yield own
    for key in redis.scan_iter(f"{own}*"):
        redis.delete(key)


@pytest.fixture
def play(prefix: str) -> Play:
    def run(story: Story[T]) -> T:
        async def main() -> T:
            async with opened(prefix) as locks:
                return await story(locks, really_wait)

        return asyncio.run(main())

    return run


def is_up(redis: SyncRedis) -> bool:
    try:
        return bool(redis.ping())
    except RedisError:
        return False


class TestRedisLocks(LocksContract):
    pass


def test_two_processes_never_hold_one_lock_at_once(prefix: str) -> None:
    check_two_processes("tests.store.test_redis_locks", prefix)


def test_a_call_is_one_command_so_that_nothing_happens_between_looking_and_changing(prefix: str) -> None:
    sent: list[str] = []

    async def use(locks: Locks) -> None:
        token = await taken(locks, "ada")
        await locks.renew("INN", "ada", token, LONG_S)
        await locks.holder("INN")
        await locks.release("INN", "ada", token)

    async def story() -> None:
        async with open_redis(URL) as client:
            really_send: Any = client.execute_command

            async def send(name: str, *args: Any, **options: Any) -> Any:
                sent.append(name)
                return await really_send(name, *args, **options)

            client.execute_command = send  # type: ignore[method-assign]
            await use(RedisLocks(client, prefix))
            sent.clear()
            await use(RedisLocks(client, prefix))

    asyncio.run(story())
    assert sent == ["EVALSHA"] * 4


@pytest.mark.parametrize("lost", ["everything", "the counter", "the counter's clock"])
def test_a_token_is_higher_even_after_redis_lost_its_data_or_its_clock_was_set_back(
    redis: SyncRedis, prefix: str, play: Play, lost: str
) -> None:
    """A counter that is ahead of the clock looks as if the clock had been set back."""

    async def story(locks: Locks, wait: Wait) -> tuple[int, int]:
        first = await taken(locks, "ada")
        await locks.release("INN", "ada", first)
        if lost == "everything":
            redis.delete(*redis.scan_iter(f"{prefix}*"))
        elif lost == "the counter":
            redis.delete(f"{prefix}{{INN}}:token")
        else:
            first += 3_600_000_000
            redis.set(f"{prefix}{{INN}}:token", first)
        return first, await taken(locks, "bob")

    first, second = play(story)
    assert second == first + 1 if lost == "the counter's clock" else second > first


def test_a_lock_is_lost_when_redis_loses_its_data(redis: SyncRedis, prefix: str, play: Play) -> None:
    async def story(locks: Locks, wait: Wait) -> None:
        token = await taken(locks, "ada")
        redis.delete(*redis.scan_iter(f"{prefix}*"))
        assert not await locks.renew("INN", "ada", token, LONG_S)
        assert await locks.holder("INN") is None

    play(story)


def test_a_lapsed_lock_leaves_only_its_last_token_and_both_keys_lie_on_one_node(
    redis: SyncRedis, prefix: str, play: Play
) -> None:
    async def story(locks: Locks, wait: Wait) -> tuple[set[str], set[str]]:
        await taken(locks, "ada", SHORT_S)
        while_held = set(redis.scan_iter(f"{prefix}*"))
        await wait(SHORT_S)
        return while_held, set(redis.scan_iter(f"{prefix}*"))

    while_held, afterwards = play(story)
    assert afterwards == {f"{prefix}{{INN}}:token"}
    keys = {f"{prefix}{{INN}}:held", f"{prefix}{{INN}}:token"}
    assert while_held <= keys
    assert len({key_slot(key.encode()) for key in keys}) == 1


def test_a_connection_that_redis_has_closed_meanwhile_is_opened_again(redis: SyncRedis, prefix: str) -> None:
    async def story() -> None:
        async with open_redis(URL) as client:
            locks = RedisLocks(client, prefix)
            token = await taken(locks, "ada")
            redis.client_kill_filter(_id=str(await client.client_id()))
            await asyncio.sleep(0.01)
            assert await locks.renew("INN", "ada", token, LONG_S)

    asyncio.run(story())


def test_a_redis_that_does_not_answer_is_a_store_error_without_its_password() -> None:
    async def story() -> list[StoreError]:
        async with open_redis("redis://ada:s3cret@127.0.0.1:1") as client:
            locks = RedisLocks(client)
            asked = [
                locks.acquire("INN", "ada", LONG_S),
                locks.renew("INN", "ada", 1, LONG_S),
                locks.release("INN", "ada", 1),
                locks.holder("INN"),
            ]
            return [await refused(one) for one in asked]

    for error in asyncio.run(story()):
        assert "start it" in str(error)
        assert "s3cret" not in f"{error!r} {error.__cause__!r}"


def test_a_redis_that_refuses_us_is_a_store_error_without_its_password(prefix: str) -> None:
    parts = urlsplit(URL)

    async def story() -> StoreError:
        async with open_redis(f"redis://nobody:s3cret@{parts.hostname}:{parts.port or 6379}") as client:
            return await refused(RedisLocks(client, prefix).holder("INN"))

    error = asyncio.run(story())
    assert "s3cret" not in f"{error!r} {error.__cause__!r}"


async def refused(asked: Awaitable[object]) -> StoreError:
    with pytest.raises(StoreError) as caught:
        await asked
    return caught.value
