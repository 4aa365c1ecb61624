from __future__ import annotations

import asyncio
import threading
import time
from functools import partial

import pytest

from pms_lab.errors import InputError, StoreError
from pms_lab.store.database import Database
from pms_lab.store.runner import Threaded, at_once


def test_work_is_done_in_a_thread_and_the_loop_goes_on_meanwhile() -> None:
    def work() -> str:
        time.sleep(0.1)
        return threading.current_thread().name

    async def story(run: Threaded) -> tuple[str, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.005)
                ticks += 1

        ticking = asyncio.create_task(tick())
        name = await run(work)
        ticking.cancel()
        return name, ticks

    with Threaded() as run:
        name, ticks = asyncio.run(story(run))
    assert name.startswith("store")
    assert ticks > 3


def test_one_thread_does_one_thing_at_a_time_and_in_order() -> None:
    running, most, order = 0, 0, []

    def work(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.002)
        order.append(number)
        running -= 1
        return number

    async def story(run: Threaded) -> list[int]:
        return await asyncio.gather(*(run(partial(work, number)) for number in range(10)))

    with Threaded() as run:
        assert asyncio.run(story(run)) == list(range(10)) == order
    assert most == 1


def test_several_threads_do_several_things_at_a_time() -> None:
    barrier = threading.Barrier(3)

    async def story(run: Threaded) -> None:
        await asyncio.gather(*(run(lambda: barrier.wait(5)) for _ in range(3)))

    with Threaded(3) as run:
        asyncio.run(story(run))


def test_a_database_gets_as_many_threads_as_it_can_use(database: Database) -> None:
    barrier = threading.Barrier(1 if database.is_sqlite else 2)

    async def story(run: Threaded) -> None:
        await asyncio.gather(*(run(lambda: barrier.wait(5)) for _ in range(2)))

    with Threaded.on(database) as run:
        asyncio.run(story(run))


def test_an_error_of_the_work_is_raised_as_it_is() -> None:
    error = InputError("no such push")

    def work() -> None:
        raise error

    async def story(run: Threaded) -> None:
        with pytest.raises(InputError) as caught:
            await run(work)
        assert caught.value is error
        with pytest.raises(InputError):
            await at_once(work)

    with Threaded() as run:
        asyncio.run(story(run))


@pytest.mark.parametrize("is_queued", [False, True], ids=["under way", "waiting its turn"])
def test_a_timeout_is_told_after_the_work_is_done(is_queued: bool) -> None:
    done: list[str] = []

    def work() -> None:
        time.sleep(0.1)
        done.append("the work")

    async def story(run: Threaded) -> None:
        before = asyncio.create_task(run(lambda: time.sleep(0.05))) if is_queued else None
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await run(work)
        assert done == ["the work"]
        if before:
            await before

    with Threaded() as run:
        asyncio.run(story(run))


def test_however_often_it_is_cancelled_the_work_is_done_once_and_then_the_task_ends() -> None:
    done: list[str] = []

    def work() -> None:
        time.sleep(0.05)
        done.append("once")

    async def story(run: Threaded) -> None:
        task = asyncio.create_task(run(work))
        for _ in range(4):
            await asyncio.sleep(0.005)
            task.cancel()
            assert not task.done()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert done == ["once"]

    with Threaded() as run:
        asyncio.run(story(run))


def test_a_cancellation_goes_before_an_error_of_the_work() -> None:
    def work() -> None:
        time.sleep(0.05)
        raise InputError("no such push")

    async def story(run: Threaded) -> None:
        task = asyncio.create_task(run(work))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert isinstance(caught.value.__cause__, InputError)

    with Threaded() as run:
        asyncio.run(story(run))


def test_closing_waits_for_what_is_under_way_and_then_nothing_more_is_taken() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        time.sleep(0.02)
        done.append(number)

    async def story() -> None:
        run = Threaded()
        tasks = [asyncio.create_task(run(partial(work, number))) for number in range(3)]
        await asyncio.sleep(0)
        run.close()
        assert done == [0, 1, 2]
        await asyncio.gather(*tasks)
        with pytest.raises(StoreError, match="nothing more can be stored"):
            await run(lambda: None)

    asyncio.run(story())


def test_at_once_needs_no_loop() -> None:
    work = at_once(lambda: 7)
    with pytest.raises(StopIteration) as ended:
        work.send(None)
    assert ended.value.value == 7
