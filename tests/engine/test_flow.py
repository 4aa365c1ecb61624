"""What flow, fan-out and single flight promise, on every driver."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pms_lab.engine.flow import SingleFlight, each
from pms_lab.engine.ports import Flow
from tests.drivers import DRIVERS, Scenario, on_asyncio, on_simpy

Drive = Callable[[Scenario[Any]], Any]


async def times_out(flow: Flow, limit_s: float, work: Coroutine[Any, Any, object]) -> bool:
    """Do some work within a limit, and tell whether it passed."""
    try:
        async with flow.timeout(limit_s):
            await work
    except TimeoutError:
        return True
    return False


async def slow_to_stop(flow: Flow, cleaning_s: float, cleaned: list[float]) -> None:
    """Sleep for long, and take a while to clean up."""
    try:
        await flow.sleep(10)
    finally:
        await flow.sleep(cleaning_s)
        cleaned.append(flow.monotonic_s())


on_every_driver = pytest.mark.parametrize("drive", DRIVERS)


@on_every_driver
def test_a_body_in_time_is_left_alone(drive: Drive) -> None:
    async def scenario(flow: Flow) -> float:
        async with flow.timeout(2):
            await flow.sleep(1)
        await flow.sleep(3)
        return flow.monotonic_s()

    assert drive(scenario) == 4


@on_every_driver
@pytest.mark.parametrize(("inner_s", "outer_s", "told"), [(1, 2, ["inner"]), (2, 1, ["outer"])])
def test_of_nested_timeouts_the_one_that_passed_is_raised(
    drive: Drive, inner_s: float, outer_s: float, told: list[str]
) -> None:
    async def scenario(flow: Flow) -> tuple[list[str], float]:
        passed = []
        try:
            async with flow.timeout(outer_s):
                try:
                    async with flow.timeout(inner_s):
                        await flow.sleep(10)
                except TimeoutError:
                    passed.append("inner")
        except TimeoutError:
            passed.append("outer")
        return passed, flow.monotonic_s()

    assert drive(scenario) == (told, 1)


@on_every_driver
def test_cleaning_up_after_a_timeout_may_take_its_time(drive: Drive) -> None:
    async def scenario(flow: Flow) -> tuple[list[float], float]:
        cleaned: list[float] = []
        assert await times_out(flow, 1, slow_to_stop(flow, 3, cleaned))
        return cleaned, flow.monotonic_s()

    assert drive(scenario) == ([4], 4)


@pytest.mark.parametrize("drive", [on_asyncio, on_simpy])
def test_two_timeouts_at_one_instant_do_not_break_into_the_cleaning_up(drive: Drive) -> None:
    async def scenario(flow: Flow) -> list[float]:
        cleaned: list[float] = []
        outer = await times_out(flow, 1, times_out(flow, 1, slow_to_stop(flow, 3, cleaned)))
        assert outer, "the inner one leaves the cancellation to the outer one"
        await flow.sleep(1)
        return cleaned

    assert drive(scenario) == [4]


@on_every_driver
def test_an_error_of_the_body_passes_a_timeout_as_it_is(drive: Drive) -> None:
    error = LookupError("mine")

    async def scenario(flow: Flow) -> None:
        async with flow.timeout(1):
            raise error

    with pytest.raises(LookupError) as raised:
        drive(scenario)
    assert raised.value is error


@on_every_driver
def test_a_flag_lets_all_go_who_wait_and_all_who_come_later(drive: Drive) -> None:
    async def scenario(flow: Flow) -> list[float]:
        flag = flow.flag()

        async def waiting() -> float:
            await flag.wait()
            return flow.monotonic_s()

        async def setting() -> float:
            await flow.sleep(2)
            flag.set()
            flag.set()
            return await waiting()

        return await flow.together(waiting(), setting(), waiting())

    assert drive(scenario) == [2, 2, 2]


@on_every_driver
def test_sleeping_for_no_time_lets_others_go_first(drive: Drive) -> None:
    async def scenario(flow: Flow) -> tuple[str, float]:
        went: set[str] = set()

        async def polite() -> str:
            for _ in range(100):
                await flow.sleep(0)
                await flow.sleep(-1)
            return " ".join(went)

        async def other() -> str:
            went.add("other")
            return ""

        return (await flow.together(polite(), other()))[0], flow.monotonic_s()

    assert drive(scenario) == ("other", 0)


@on_every_driver
def test_together_returns_results_in_order_however_they_come(drive: Drive) -> None:
    async def scenario(flow: Flow) -> tuple[list[float], list[float], float]:
        async def after(wait_s: float) -> float:
            await flow.sleep(wait_s)
            return wait_s

        return await flow.together(), await flow.together(after(3), after(1), after(2)), flow.monotonic_s()

    assert drive(scenario) == ([], [3, 1, 2], 3)


@on_every_driver
def test_the_first_error_stops_the_rest_once_waits_for_them_and_is_raised_as_it_is(drive: Drive) -> None:
    first = LookupError("first")

    async def scenario(flow: Flow) -> tuple[list[float], float]:
        cleaned: list[float] = []

        async def failing(wait_s: float, error: Exception) -> None:
            await flow.sleep(wait_s)
            raise error

        async def failing_to_clean() -> None:
            try:
                await flow.sleep(10)
            finally:
                await failing(1, ValueError("while cleaning up"))

        with pytest.raises(LookupError) as raised:
            await flow.together(
                slow_to_stop(flow, 3, cleaned), failing(1, first), failing_to_clean(), failing(2, OSError("late"))
            )
        assert raised.value is first
        return cleaned, flow.monotonic_s()

    assert drive(scenario) == ([4], 4)


@on_every_driver
def test_a_timeout_around_a_fan_out_stops_it_all_and_waits(drive: Drive) -> None:
    async def scenario(flow: Flow) -> tuple[list[float], float]:
        cleaned: list[float] = []
        work = flow.together(*(slow_to_stop(flow, cleaning_s, cleaned) for cleaning_s in (3, 1, 6)))
        assert await times_out(flow, 5, times_out(flow, 1, work))
        return cleaned, flow.monotonic_s()

    # The outer limit passes while the last is cleaning up: it is asked to stop once, and not again.
    assert drive(scenario) == ([2, 4, 7], 7)


@on_every_driver
def test_a_fan_out_that_failed_leaves_no_cancellation_behind(drive: Drive) -> None:
    async def scenario(flow: Flow) -> float:
        async def failing() -> None:
            await flow.sleep(0.25)
            raise LookupError

        async def work() -> None:
            with pytest.raises(LookupError):
                await flow.together(failing(), slow_to_stop(flow, 1, []))

        assert await times_out(flow, 0.5, work())
        await flow.sleep(1)
        return flow.monotonic_s()

    assert drive(scenario) == 2.25


@on_every_driver
def test_each_keeps_to_its_limit_and_to_the_order(drive: Drive) -> None:
    async def scenario(flow: Flow) -> tuple[list[int], int]:
        at_work: list[int] = []
        peak = 0

        async def square(number: int) -> int:
            nonlocal peak
            at_work.append(number)
            peak = max(peak, len(at_work))
            await flow.sleep(1 + (number * 7) % 5)
            at_work.remove(number)
            return number**2

        return await each(flow, square, range(50), limit=8), peak

    assert drive(scenario) == ([number**2 for number in range(50)], 8)


@on_every_driver
def test_each_stops_at_the_first_error(drive: Drive) -> None:
    async def scenario(flow: Flow) -> tuple[list[int], float]:
        done = []

        async def work(number: int) -> None:
            await flow.sleep(1)
            if number == 10:
                raise LookupError
            done.append(number)

        with pytest.raises(LookupError):
            await each(flow, work, range(50), limit=4)
        await flow.sleep(100)
        return sorted(done)[:8], len(done) < 12

    assert drive(scenario) == ([0, 1, 2, 3, 4, 5, 6, 7], True)


@on_every_driver
def test_each_of_nothing_is_nothing_and_a_limit_below_one_is_refused(drive: Drive) -> None:
    async def scenario(flow: Flow) -> list[None]:
        with pytest.raises(ValueError, match="limit 0"):
            await each(flow, flow.sleep, [1, 2], limit=0)
        return await each(flow, flow.sleep, [], limit=3)

    assert drive(scenario) == []


@on_every_driver
def test_fifty_who_ask_at_once_share_one_fetch(drive: Drive) -> None:
    async def scenario(flow: Flow) -> tuple[list[int], int]:
        flight: SingleFlight[int] = SingleFlight(flow)
        fetches = 0

        async def fetch() -> int:
            nonlocal fetches
            fetches += 1
            await flow.sleep(1)
            return fetches

        first = await flow.together(*(flight.do(fetch) for _ in range(50)))
        return first, await flight.do(fetch)

    assert drive(scenario) == ([1] * 50, 2)


@on_every_driver
def test_when_the_one_who_fetches_is_stopped_the_next_fetches_for_the_rest(drive: Drive) -> None:
    async def scenario(flow: Flow) -> tuple[int, int, float]:
        flight: SingleFlight[str] = SingleFlight(flow)
        fetches = 0

        async def fetch() -> str:
            nonlocal fetches
            fetches += 1
            await flow.sleep(2)
            return "token"

        async def impatient() -> str:
            try:
                async with flow.timeout(1):
                    return await flight.do(fetch)
            except TimeoutError:
                return "none"

        async def patient() -> str:
            await flow.sleep(0.5)
            return await flight.do(fetch)

        got = await flow.together(impatient(), *(patient() for _ in range(49)))
        return got.count("token"), fetches, flow.monotonic_s()

    assert drive(scenario) == (49, 2, 3)


@on_every_driver
def test_a_failed_fetch_is_the_error_of_one_and_the_next_tries(drive: Drive) -> None:
    async def scenario(flow: Flow) -> tuple[int, int]:
        flight: SingleFlight[str] = SingleFlight(flow)
        fetches = 0

        async def fetch() -> str:
            nonlocal fetches
            fetches += 1
            await flow.sleep(1)
            if fetches == 1:
                raise LookupError
            return "token"

        async def ask() -> str:
            try:
                return await flight.do(fetch)
            except LookupError:
                return "none"

        got = await flow.together(*(ask() for _ in range(50)))
        return got.count("token"), fetches

    assert drive(scenario) == (49, 2)


@on_every_driver
def test_one_who_waits_and_gives_up_disturbs_nobody(drive: Drive) -> None:
    async def scenario(flow: Flow) -> list[str]:
        flight: SingleFlight[str] = SingleFlight(flow)

        async def fetch() -> str:
            await flow.sleep(2)
            return "token"

        async def give_up() -> str:
            await flow.sleep(0.5)
            with pytest.raises(TimeoutError):
                async with flow.timeout(1):
                    await flight.do(fetch)
            return "none"

        return await flow.together(flight.do(fetch), give_up())

    assert drive(scenario) == ["token", "none"]
