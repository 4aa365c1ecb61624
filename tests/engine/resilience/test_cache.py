from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pms_lab.engine.resilience.cache import Cached, TtlCache
from pms_lab.errors import AuthRefused, BreakerOpen, PmsError, Unanswered
from pms_lab.sim.driver import Sim

Value = tuple[str, int]


class Pantry:
    """A cache of values for 60 s, in front of a source whose value and mood the test sets; a fetch takes a second."""

    def __init__(self, sim: Sim, size: int = 100) -> None:
        self.node = sim.node("client")
        self.flow = self.node.flow
        self.cache: TtlCache[Value] = TtlCache(self.flow, 60, about=lambda value: (value[0],), size=size)
        self.value = 1
        self.error: PmsError | None = None
        self.fetches = 0

    def fetch(self, entity: str) -> Callable[[], Coroutine[Any, Any, Value | None]]:
        async def fetch() -> Value | None:
            self.fetches += 1
            read = self.value
            await self.flow.sleep(1)
            if self.error:
                raise self.error
            return (entity, read) if read else None

        return fetch

    async def fresh(self, key: str) -> int | None:
        found = await self.cache.fresh(key, self.fetch(key))
        return found.value[1] if found.value else None

    async def fresh_or_stale(self, key: str) -> Cached[Value | None]:
        return await self.cache.fresh_or_stale(key, self.fetch(key))

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        self.node.run(story)


@pytest.fixture
def pantry() -> Any:
    with Sim() as sim:
        yield Pantry(sim)


def test_a_value_is_kept_for_its_time_from_when_its_fetch_began(pantry: Pantry) -> None:
    async def story() -> None:
        assert await pantry.fresh("a") == 1
        pantry.value = 2
        await pantry.flow.sleep(59)
        assert await pantry.fresh("a") == 1
        await pantry.flow.sleep(0.001)
        assert await pantry.fresh("a") == 2

    pantry.run(story())


def test_what_is_not_there_is_asked_again(pantry: Pantry) -> None:
    async def story() -> None:
        pantry.value = 0
        assert await pantry.fresh("a") is None
        pantry.value = 2
        assert await pantry.fresh("a") == 2

    pantry.run(story())


@pytest.mark.parametrize("error", [BreakerOpen("open"), Unanswered("timeout")])
def test_a_stale_value_is_given_with_its_age_only_when_the_pms_does_not_answer(pantry: Pantry, error: PmsError) -> None:
    async def story() -> None:
        assert await pantry.fresh_or_stale("a") == Cached(("a", 1), 1)
        await pantry.flow.sleep(99)
        pantry.error = error
        assert await pantry.fresh_or_stale("a") == Cached(("a", 1), 101, is_stale=True)
        with pytest.raises(type(error)):
            await pantry.fresh("a")
        with pytest.raises(type(error)):
            await pantry.fresh_or_stale("b")
        pantry.error = AuthRefused("401")
        with pytest.raises(AuthRefused):
            await pantry.fresh_or_stale("a")

    pantry.run(story())


def test_a_write_forgets_its_entity_and_no_other(pantry: Pantry) -> None:
    async def story() -> None:
        await pantry.fresh("a")
        await pantry.fresh("b")
        pantry.value = 2
        pantry.cache.invalidate("a")
        assert (await pantry.fresh("a"), await pantry.fresh("b")) == (2, 1)

    pantry.run(story())


def test_a_fetch_that_a_write_overtakes_is_not_kept(pantry: Pantry) -> None:
    async def write() -> None:
        await pantry.flow.sleep(0.5)
        pantry.value = 2
        pantry.cache.invalidate("a")

    async def read() -> None:
        assert await pantry.fresh("a") == 1

    async def story() -> None:
        await pantry.flow.together(read(), write())
        assert await pantry.fresh("a") == 2

    pantry.run(story())


def test_nothing_is_kept_while_reads_may_lag_behind_a_write(pantry: Pantry) -> None:
    async def story() -> None:
        pantry.cache.invalidate("a", distrust_s=10)
        await pantry.flow.sleep(1)
        await pantry.fresh("a")
        pantry.value = 2
        assert await pantry.fresh("a") == 2
        await pantry.flow.sleep(8)
        assert await pantry.fresh("a") == 2
        pantry.value = 3
        assert await pantry.fresh("a") == 2

    pantry.run(story())


def test_an_older_fetch_does_not_replace_a_newer_one(pantry: Pantry) -> None:
    async def slow() -> Value:
        await pantry.flow.sleep(5)
        return ("a", 1)

    async def read_slowly() -> None:
        await pantry.cache.fresh("a", slow)

    async def read_later() -> None:
        await pantry.flow.sleep(1)
        pantry.value = 2
        await pantry.fresh("a")

    async def story() -> None:
        await pantry.flow.together(read_slowly(), read_later())
        assert await pantry.fresh("a") == 2

    pantry.run(story())


def test_a_full_cache_lets_the_longest_unused_go() -> None:
    with Sim() as sim:
        pantry = Pantry(sim, size=2)

        async def story() -> None:
            await pantry.fresh("a")
            await pantry.fresh("b")
            await pantry.fresh("a")
            await pantry.fresh("c")
            assert len(pantry.cache) == 2
            assert pantry.fetches == 3
            await pantry.fresh("a")
            assert pantry.fetches == 3
            await pantry.fresh("b")
            assert pantry.fetches == 4

        pantry.run(story())


def test_one_key_can_be_dropped(pantry: Pantry) -> None:
    async def story() -> None:
        await pantry.fresh("a")
        pantry.cache.drop("a")
        assert pantry.cache.get("a") is None

    pantry.run(story())
