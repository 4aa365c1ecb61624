"""What is peculiar to the live driver; tests/engine/test_flow.py has what both drivers promise."""

from __future__ import annotations

import asyncio
import gc
from datetime import UTC, datetime, timedelta

import pytest

from pms_lab.live.flow import LiveChance, LiveFlow


def test_the_clock_is_the_machine_s_in_utc() -> None:
    before, now, after = datetime.now(UTC), LiveFlow().now(), datetime.now(UTC)
    assert before <= now <= after
    assert now.utcoffset() == timedelta(0)


def test_sleep_and_timeout_take_real_time() -> None:
    async def main() -> float:
        flow = LiveFlow()
        started_s = flow.monotonic_s()
        with pytest.raises(TimeoutError):
            async with flow.timeout(0.02):
                await flow.sleep(5)
        return flow.monotonic_s() - started_s

    assert 0.02 <= asyncio.run(main()) < 1


def test_a_failed_fan_out_leaves_nothing_for_asyncio_to_complain_about() -> None:
    complaints = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
        flow = LiveFlow()

        async def failing() -> None:
            await flow.sleep(0.01)
            raise LookupError

        async def failing_to_clean() -> None:
            try:
                await flow.sleep(5)
            finally:
                raise ValueError

        with pytest.raises(LookupError):
            await flow.together(failing(), failing_to_clean())
        gc.collect()
        await flow.sleep(0)

    asyncio.run(main())
    assert complaints == []


def test_a_cancellation_from_outside_stops_the_fan_out_and_passes_on() -> None:
    async def main() -> list[str]:
        flow, ends = LiveFlow(), list[str]()

        async def child(name: str) -> None:
            try:
                await flow.sleep(5)
            finally:
                ends.append(name)

        task = asyncio.ensure_future(flow.together(child("a"), child("b")))
        await flow.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return ends

    assert asyncio.run(main()) == ["a", "b"]


def test_chance_gives_shares_below_one_and_ids_that_differ() -> None:
    chance = LiveChance()
    shares = {chance.share("jitter") for _ in range(1000)}
    ids = {chance.new_id() for _ in range(1000)}
    assert len(shares) == len(ids) == 1000
    assert all(0 <= share < 1 for share in shares)
    assert {len(one) for one in ids} == {32}
    assert all(int(one, 16) >= 0 for one in ids)
