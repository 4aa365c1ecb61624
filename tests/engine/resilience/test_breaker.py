from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest

from pms_lab.engine.resilience.breaker import Breaker, BreakerPolicy, BreakerState
from pms_lab.errors import (
    AuthRefused,
    BadAnswer,
    BreakerOpen,
    HostRefused,
    NotSent,
    PmsError,
    PmsFailed,
    PmsRefused,
    Throttled,
    Unanswered,
)
from pms_lab.sim.driver import Sim

DOWN = Unanswered("timeout")


class Bench:
    """A breaker, its flow, what it reported, and how many calls passed it."""

    def __init__(self, sim: Sim, policy: BreakerPolicy | None = None) -> None:
        self.node = sim.node("client")
        self.flow = self.node.flow
        self.changes: list[tuple[float, str, str, str]] = []
        self.passed = 0
        self.breaker = Breaker(self.flow, "opera/INN", policy or BreakerPolicy(), self.note)

    def note(self, old: BreakerState, new: BreakerState, why: str) -> None:
        self.changes.append((self.flow.monotonic_s(), old, new, why))

    async def call(self, error: Exception | None = None, takes_s: float = 0.0) -> str:
        """Make one call, and return how it ended."""

        async def go() -> None:
            self.passed += 1
            await self.flow.sleep(takes_s)
            if error is not None:
                raise error

        try:
            await self.breaker.run(go)
        except PmsError as raised:
            return type(raised).__name__
        return "well"

    async def fail(self, times: int) -> None:
        for _ in range(times):
            await self.call(DOWN)

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        self.node.run(story)


@pytest.fixture
def bench() -> Any:
    with Sim() as sim:
        yield Bench(sim)


def test_five_failures_in_a_row_open_it_for_thirty_seconds_and_one_success_closes_it(bench: Bench) -> None:
    async def story() -> None:
        await bench.fail(4)
        assert bench.breaker.state is BreakerState.CLOSED
        await bench.fail(1)
        await bench.flow.sleep(29)
        assert await bench.call() == "BreakerOpen"
        await bench.flow.sleep(1)
        assert await bench.call() == "well"

    bench.run(story())
    assert bench.passed == 6
    assert bench.changes == [
        (0, "closed", "open", "5 failures in a row"),
        (30, "open", "half_open", "30 s have passed"),
        (30, "half_open", "closed", "the probe was answered"),
    ]
    assert [BreakerState(new).gauge for _, _, new, _ in bench.changes] == [1, 2, 0]


def test_a_failed_probe_opens_it_for_another_thirty_seconds(bench: Bench) -> None:
    async def story() -> None:
        await bench.fail(5)
        await bench.flow.sleep(30)
        await bench.call(DOWN, takes_s=10)
        await bench.flow.sleep(29)
        assert await bench.call() == "BreakerOpen"
        await bench.flow.sleep(1)
        assert await bench.call() == "well"

    bench.run(story())
    assert [(at, new) for at, _, new, _ in bench.changes][2:] == [(40, "open"), (70, "half_open"), (70, "closed")]


def test_an_open_breaker_says_how_long(bench: Bench) -> None:
    async def story() -> None:
        await bench.fail(5)
        await bench.flow.sleep(10)
        with pytest.raises(BreakerOpen, match="opera/INN") as raised:
            await bench.breaker.run(bench.call)
        assert raised.value.retry_after_s == 20

    bench.run(story())


def test_exactly_one_of_fifty_probes_passes(bench: Bench) -> None:
    async def story() -> None:
        await bench.fail(5)
        await bench.flow.sleep(30)
        bench.passed = 0
        ends = await bench.flow.together(*(bench.call(takes_s=1) for _ in range(50)))
        assert sorted(ends) == ["BreakerOpen"] * 49 + ["well"]

    bench.run(story())
    assert bench.passed == 1


def test_a_cancelled_probe_lets_the_next_one_pass(bench: Bench) -> None:
    async def story() -> None:
        await bench.fail(5)
        await bench.flow.sleep(30)
        with pytest.raises(TimeoutError):
            async with bench.flow.timeout(1):
                await bench.call(takes_s=5)
        assert bench.breaker.state is BreakerState.HALF_OPEN
        assert await bench.call() == "well"

    bench.run(story())
    assert bench.breaker.state is BreakerState.CLOSED


def test_a_probe_that_meets_a_bug_lets_the_next_one_pass(bench: Bench) -> None:
    async def story() -> None:
        await bench.fail(5)
        await bench.flow.sleep(30)
        with pytest.raises(KeyError):
            await bench.call(KeyError("a bug"))
        assert await bench.call() == "well"

    bench.run(story())


@pytest.mark.parametrize(
    ("error", "state_after_five", "failures_left_after_one"),
    [
        (Unanswered("timeout"), "open", 0),
        (NotSent("refused connection"), "open", 0),
        (PmsFailed("500", status=500), "open", 0),
        (PmsFailed("501", status=501), "open", 0),
        (PmsFailed("408", status=408), "closed", 1),
        (PmsRefused("404", status=404), "closed", 5),
        (AuthRefused("401", status=401), "closed", 5),
        (Throttled("429", status=429), "closed", 1),
        (BadAnswer("garbage"), "closed", 1),
        (HostRefused("not listed"), "closed", 1),
        (None, "closed", 5),
    ],
)
def test_the_kind_of_an_end_decides_what_it_counts(
    bench: Bench, error: Exception | None, state_after_five: str, failures_left_after_one: int
) -> None:
    async def story() -> None:
        for _ in range(5):
            await bench.call(error)
        assert bench.breaker.state == state_after_five
        bench.breaker.reset("by the test")
        await bench.fail(4)
        await bench.call(error)
        needed = 0
        while bench.breaker.state is BreakerState.CLOSED:
            await bench.fail(1)
            needed += 1
        assert needed == failures_left_after_one

    bench.run(story())


@pytest.mark.parametrize(("error", "state"), [(PmsRefused("404"), "closed"), (Throttled("429"), "half_open")])
def test_a_refused_probe_closes_it_and_a_throttled_one_settles_nothing(
    bench: Bench, error: PmsError, state: str
) -> None:
    async def story() -> None:
        await bench.fail(5)
        await bench.flow.sleep(30)
        await bench.call(error)

    bench.run(story())
    assert bench.breaker.state == state


@pytest.mark.parametrize(("error", "ends_s"), [(None, 20), (DOWN, 20), (None, 32), (DOWN, 32)])
def test_an_old_call_that_ends_late_neither_opens_nor_closes_it(
    bench: Bench, error: Exception | None, ends_s: float
) -> None:
    async def late() -> None:
        await bench.call(error, ends_s)

    async def story() -> None:
        await bench.fail(5)
        await bench.flow.sleep(30)
        await bench.call(takes_s=5)

    async def both() -> None:
        await bench.flow.together(late(), story())

    bench.run(both())
    assert [(at, new) for at, _, new, _ in bench.changes] == [(0, "open"), (30, "half_open"), (35, "closed")]


def test_failures_from_before_an_outage_do_not_count_after_it(bench: Bench) -> None:
    async def late() -> None:
        await bench.call(DOWN, 40)

    async def story() -> None:
        await bench.fail(5)
        await bench.flow.sleep(30)
        await bench.call()

    async def all_of_them() -> None:
        await bench.flow.together(*(late() for _ in range(9)), story())

    bench.run(all_of_them())
    assert bench.breaker.state is BreakerState.CLOSED


def test_a_reset_closes_it_and_is_reported(bench: Bench) -> None:
    async def story() -> None:
        await bench.fail(5)
        bench.breaker.reset("by ada")
        bench.breaker.reset("by ada again")
        await bench.fail(4)

    bench.run(story())
    assert bench.breaker.state is BreakerState.CLOSED
    assert bench.changes[1:] == [(0, "open", "closed", "by ada")]


def test_the_numbers_come_from_the_policy() -> None:
    with Sim() as sim:
        bench = Bench(sim, BreakerPolicy(failures=2, recovery_s=5))

        async def story() -> None:
            await bench.fail(2)
            await bench.flow.sleep(5)
            await bench.call()

        bench.run(story())
        assert [at for at, *_ in bench.changes] == [0, 5, 5]
