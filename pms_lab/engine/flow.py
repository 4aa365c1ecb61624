"""Concurrency that is written once, over the ports: bounded fan-out, and one flight for many who ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Generic, TypeVar

from pms_lab.engine.ports import Flow

A = TypeVar("A")
T = TypeVar("T")


async def each(flow: Flow, work: Callable[[A], Awaitable[T]], items: Collection[A], *, limit: int) -> list[T]:
    """Do one piece of work per item, at most `limit` at a time, and return the results in the order of the items.

    The first error stops the rest, as in `Flow.together`, and is raised as it is.

    Raises:
        ValueError: `limit` is below 1.
    """
    if limit < 1:
        raise ValueError(f"limit {limit}: at least 1 must be at work")
    waiting = iter(enumerate(items))
    results: dict[int, T] = {}

    async def worker() -> None:
        for place, item in waiting:
            results[place] = await work(item)

    await flow.together(*(worker() for _ in range(min(limit, len(items)))))
    return [results[place] for place in range(len(items))]


class SingleFlight(Generic[T]):
    """Lets one of many who want the same thing fetch it, while the others wait for its result."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._flight: _Flight[T] | None = None

    async def do(self, fetch: Callable[[], Awaitable[T]]) -> T:
        """Fetch, or wait for the fetch that is under way, and return its result.

        The one who fetches gets its error or cancellation; the next in line then fetches for the others. A result is
        handed to those who waited for it and is not kept.
        """
        while (flight := self._flight) is not None:
            await flight.over.wait()
            if flight.results:
                return flight.results[0]
        self._flight = flight = _Flight(self._flow)
        try:
            flight.results.append(await fetch())
            return flight.results[0]
        finally:
            self._flight = None
            flight.over.set()


class _Flight(Generic[T]):
    """One fetch: it is over when the flag is set, and without a result if it failed."""

    def __init__(self, flow: Flow) -> None:
        self.over = flow.flag()
        self.results: list[T] = []
