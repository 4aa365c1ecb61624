from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from redis import Redis as SyncRedis
from redis.exceptions import RedisError

from pms_lab.domain.pms import RateLimit
from pms_lab.engine.resilience.limiter import WindowStore
from pms_lab.errors import StoreError
from pms_lab.store.redis_windows import RedisWindows, open_redis
from tests.conftest import ROOT, required
from tests.engine.resilience.test_limiter import most_within

T = TypeVar("T")

URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379")

# It asks without waiting in between. The last limit never binds: it makes the store keep the time of every request.
HAMMER = """
import asyncio, sys
from pms_lab.domain.pms import RateLimit
from pms_lab.store.redis_windows import RedisWindows, open_redis

async def main(url, prefix):
    async with open_redis(url) as redis:
        limits = [RateLimit(10, 0.2, "token"), RateLimit(25, 1.0, "token"), RateLimit(10_000, 60, "token")]
        store = RedisWindows(redis, prefix)
        for _ in range(15):
            while await store.take("inn", limits) is not None:
                pass

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def prefix() -> Iterator[str]:
    """The beginning of this test's own keys, which are deleted afterwards."""
    with SyncRedis.from_url(URL, socket_timeout=2, decode_responses=True) as redis:
        required("Redis", is_up(redis), f"start it, or name one in TEST_REDIS_URL; tried {URL}")
        own = f"pms_lab:test:{uuid4().hex}:"
        yield own
        for key in redis.scan_iter(f"{own}*"):
            redis.delete(key)


def is_up(redis: SyncRedis) -> bool:
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def with_store(prefix: str, story: Callable[[WindowStore], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        async with open_redis(URL) as redis:
            return await story(RedisWindows(redis, prefix))

    return asyncio.run(run())


def test_several_processes_never_exceed_one_window(prefix: str) -> None:
    command = [sys.executable, "-c", HAMMER, URL, prefix]
    processes = [subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}) for _ in range(4)]
    assert [process.wait(timeout=60) for process in processes] == [0] * 4
    with SyncRedis.from_url(URL, decode_responses=True) as redis:
        times_s = [int(time_us) / 1e6 for time_us in redis.lrange(f"{prefix}{{inn}}:taken", 0, -1)]
    assert len(times_s) == 60
    assert most_within(times_s, 0.2) == 10
    assert most_within(times_s, 1.0) == 25


def test_a_place_is_taken_in_all_windows_or_in_none(prefix: str) -> None:
    wide, narrow = RateLimit(2, 60.0, "token"), RateLimit(1, 0.05, "token")

    async def story(store: WindowStore) -> list[float | None]:
        waits = [await store.take("inn", [wide, narrow]) for _ in range(3)]
        await asyncio.sleep(0.06)
        return [*waits, await store.take("inn", [wide, narrow]), await store.take("inn", [wide, narrow])]

    first, second, third, fourth, fifth = with_store(prefix, story)
    assert (first, fourth) == (None, None)
    assert second is not None
    assert third is not None
    assert 0 < third <= second <= 0.05
    assert fifth is not None
    assert 59 < fifth <= 60


def test_a_pause_holds_one_key_and_is_not_shortened(prefix: str) -> None:
    limits = [RateLimit(5, 1.0, "token")]

    async def story(store: WindowStore) -> tuple[float | None, float | None]:
        await store.pause("inn", 20)
        await store.pause("inn", 3)
        return await store.take("inn", limits), await store.take("desk", limits)

    held_s, other_s = with_store(prefix, story)
    assert held_s is not None
    assert 19 < held_s <= 20
    assert other_s is None


def test_keys_expire_when_nobody_asks_any_more(prefix: str) -> None:
    async def story(store: WindowStore) -> None:
        await store.take("inn", [RateLimit(5, 30.0, "token")])
        await store.pause("inn", 60)

    with_store(prefix, story)
    with SyncRedis.from_url(URL, decode_responses=True) as redis:
        left_s = sorted(redis.pttl(key) / 1000 for key in redis.scan_iter(f"{prefix}*"))
    assert left_s == pytest.approx([31, 61], abs=1)


def test_a_redis_that_does_not_answer_is_a_store_error() -> None:
    async def story() -> None:
        async with open_redis("redis://127.0.0.1:1") as redis:
            store = RedisWindows(redis)
            with pytest.raises(StoreError, match="start it"):
                await store.take("inn", [RateLimit(5, 1.0, "token")])
            with pytest.raises(StoreError, match="start it"):
                await store.pause("inn", 1)

    asyncio.run(story())
