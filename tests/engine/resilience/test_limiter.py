from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms_lab.domain.pms import RateLimit
from pms_lab.engine.resilience.limiter import Limiter, MemoryWindows
from pms_lab.errors import NotSent, SettingsError, StoreError, Throttled
from pms_lab.sim.driver import Sim

FIVE_A_SECOND = RateLimit(5, 1.0, "property")


def most_within(times_s: Sequence[float], window_s: float) -> int:
    """Return the largest number of times in any span of a window's length, both of its ends included."""
    ordered = sorted(times_s)
    return max((bisect_right(ordered, begin + window_s) - at for at, begin in enumerate(ordered)), default=0)


def pass_through(limits: Sequence[RateLimit], arrivals_s: Sequence[float], takers: int = 1) -> list[tuple[int, float]]:
    """Let requests arrive at `takers` limiters of one store; return each one's number and when it passed, in order."""
    passed: list[tuple[int, float]] = []
    with Sim() as sim:
        node = sim.node("client")
        store = MemoryWindows(node.flow.monotonic_s)
        limiters = [Limiter(node.flow, store, "inn", limits) for _ in range(takers)]

        async def request(number: int, arrival_s: float) -> None:
            await node.flow.sleep(arrival_s)
            await limiters[number % takers].take()
            passed.append((number, node.flow.monotonic_s()))

        node.run(node.flow.together(*(request(*one) for one in enumerate(arrivals_s))))
    return passed


@settings(deadline=None)
@given(
    st.lists(
        st.builds(RateLimit, st.integers(1, 6), st.floats(0.01, 5), st.just("token")), min_size=1, max_size=3
    ),
    st.lists(st.floats(0, 6) | st.sampled_from([0.0, 1.0, 2.0]), max_size=25),
    st.integers(1, 3),
)  # fmt: skip
def test_no_window_anywhere_holds_more_than_it_may(
    limits: list[RateLimit], arrivals_s: list[float], takers: int
) -> None:
    passed = pass_through(limits, arrivals_s, takers)
    assert len(passed) == len(arrivals_s)
    times_s = [at_s for _, at_s in passed]
    for limit in limits:
        assert most_within(times_s, limit.window_s) <= limit.requests


def test_what_is_allowed_passes_at_once_and_the_rest_as_soon_as_it_may() -> None:
    passed = pass_through([FIVE_A_SECOND], [0.0] * 12)
    assert [round(at_s, 2) for _, at_s in passed] == [0.0] * 5 + [1.0] * 5 + [2.0] * 2


@pytest.mark.parametrize("seed", range(5))
def test_requests_pass_in_the_order_in_which_they_came_and_one_that_gives_up_holds_nobody(seed: int) -> None:
    passed: list[int] = []
    with Sim(seed, shuffled=True) as sim:
        node = sim.node("client")
        flow = node.flow
        limiter = Limiter(flow, MemoryWindows(flow.monotonic_s), "inn", [RateLimit(2, 1.0, "token")])

        async def request(number: int) -> None:
            await flow.sleep(number / 100)
            await limiter.take()
            passed.append(number)

        async def impatient(number: int) -> None:
            with pytest.raises(TimeoutError):
                async with flow.timeout(0.5):
                    await request(number)

        node.run(flow.together(*((impatient if number in (2, 9, 10, 14) else request)(number) for number in range(20))))
    assert passed == [number for number in range(20) if number not in (2, 9, 10, 14)]


def test_a_pause_holds_everybody_who_shares_the_store() -> None:
    with Sim() as sim:
        node = sim.node("client")
        store = MemoryWindows(node.flow.monotonic_s)
        ours, theirs = (Limiter(node.flow, store, "inn", [FIVE_A_SECOND]) for _ in range(2))

        async def story() -> float:
            await ours.pause(20)
            await theirs.pause(3)
            await theirs.take()
            return node.flow.monotonic_s()

        assert node.run(story()) == 20


def test_a_pause_longer_than_callers_are_held_is_told_to_them() -> None:
    with Sim() as sim:
        node = sim.node("client")
        limiter = Limiter(node.flow, MemoryWindows(node.flow.monotonic_s), "inn", [FIVE_A_SECOND])

        async def story() -> None:
            await limiter.pause(3600)
            with pytest.raises(Throttled) as raised:
                await limiter.take()
            assert raised.value.retry_after_s == 3600
            await node.flow.sleep(3600)
            await limiter.take()

        node.run(story())


def test_keys_do_not_share() -> None:
    with Sim() as sim:
        node = sim.node("client")
        store = MemoryWindows(node.flow.monotonic_s)
        inn, desk = (Limiter(node.flow, store, key, [RateLimit(1, 60.0, "token")]) for key in ("inn", "desk"))

        async def story() -> float:
            await inn.take()
            await desk.take()
            return node.flow.monotonic_s()

        assert node.run(story()) == 0


@pytest.mark.parametrize(
    ("requests", "fraction", "passing"), [(50, 1.0, 50), (50, 0.5, 25), (50, 0.29, 14), (49, 1 / 49, 1)]
)
def test_a_fixed_fraction_takes_its_share(requests: int, fraction: float, passing: int) -> None:
    with Sim() as sim:
        node = sim.node("client")
        store = MemoryWindows(node.flow.monotonic_s)
        limiter = Limiter(node.flow, store, "inn", [RateLimit(requests, 1.0, "token")], fraction=fraction)

        async def story() -> int:
            taken = 0
            while node.flow.monotonic_s() == 0:
                await limiter.take()
                taken += 1
            return taken - 1

        assert node.run(story()) == passing


@pytest.mark.parametrize("fraction", [0.0, 0.1, 1.5])
def test_a_fraction_that_leaves_less_than_one_or_more_than_all_is_refused(fraction: float) -> None:
    with Sim() as sim:
        flow = sim.node("client").flow
        with pytest.raises(SettingsError, match="fraction"):
            Limiter(flow, MemoryWindows(flow.monotonic_s), "inn", [FIVE_A_SECOND], fraction=fraction)


def test_the_spread_of_the_way_to_the_pms_makes_windows_longer() -> None:
    with Sim() as sim:
        node = sim.node("client")
        limiter = Limiter(
            node.flow, MemoryWindows(node.flow.monotonic_s), "inn", [RateLimit(1, 1.0, "token")], spread_s=0.2
        )

        async def story() -> float:
            await limiter.take()
            await limiter.take()
            return node.flow.monotonic_s()

        assert 1.2 < node.run(story()) < 1.21


class Silent:
    """A store that does not answer."""

    async def take(self, key: str, limits: Sequence[RateLimit]) -> float | None:
        raise StoreError("no answer")

    async def pause(self, key: str, wait_s: float) -> None:
        raise StoreError("no answer")


def test_nothing_is_sent_while_the_store_does_not_answer() -> None:
    with Sim() as sim:
        node = sim.node("client")
        limiter = Limiter(node.flow, Silent(), "inn", [FIVE_A_SECOND])

        async def story() -> None:
            with pytest.raises(NotSent, match="inn"):
                await limiter.take()
            with pytest.raises(NotSent, match="inn"):
                await limiter.pause(1)

        node.run(story())


def test_without_a_limit_nobody_waits() -> None:
    assert len(pass_through([], [0.0] * 100)) == 100
