"""Rate limits as sliding windows: no span of a window's length ever holds more requests than the vendor allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import floor, inf
from typing import Final, Protocol

from pms_lab.domain.pms import RateLimit
from pms_lab.engine.ports import Flag, Flow
from pms_lab.errors import NotSent, SettingsError, StoreError, Throttled

SHORTEST_WAIT_S: Final = 0.001
"""A shorter wait might not move a clock of floats at all."""


class WindowStore(Protocol):
    """Where the requests of the last windows are counted, by key: in one process, or for several."""

    async def take(self, key: str, limits: Sequence[RateLimit]) -> float | None:
        """Take one place in all windows at once, or in none.

        Returns:
            None when the place is taken; else in how many seconds one may be free.

        Raises:
            StoreError: the store does not answer.
        """

    async def pause(self, key: str, wait_s: float) -> None:
        """Give no place away for so many seconds; a longer pause that runs already stays.

        Raises:
            StoreError: the store does not answer.
        """


@dataclass(slots=True)
class _Taken:
    """When the last places were taken, oldest first, and until when none is given away."""

    times_s: deque[float] = field(default_factory=deque)
    paused_until_s: float = -inf


class MemoryWindows:
    """Windows in memory, for all who share this object.

    Args:
        clock_s: seconds that never go back, such as `Flow.monotonic_s`.
    """

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._taken: dict[str, _Taken] = {}

    async def take(self, key: str, limits: Sequence[RateLimit]) -> float | None:
        """Take one place in all windows at once, or in none: see `WindowStore`."""
        now_s = self._clock_s()
        taken = self._taken.setdefault(key, _Taken())
        free_s = max(_free_s(taken.times_s, limit) for limit in limits)
        if now_s <= free_s or now_s < taken.paused_until_s:
            return max(free_s, taken.paused_until_s) - now_s
        taken.times_s.append(now_s)
        while len(taken.times_s) > max(limit.requests for limit in limits):
            taken.times_s.popleft()
        return None

    async def pause(self, key: str, wait_s: float) -> None:
        """Give no place away for so many seconds: see `WindowStore`."""
        taken = self._taken.setdefault(key, _Taken())
        taken.paused_until_s = max(taken.paused_until_s, self._clock_s() + wait_s)


def _free_s(times_s: deque[float], limit: RateLimit) -> float:
    """Return when a place falls free: a window after the request that is as many back as the window may hold."""
    if len(times_s) < limit.requests:
        return -inf
    return times_s[-limit.requests] + limit.window_s


class Limiter:
    """Lets requests pass first come, first served, within this process; keep one for each key.

    Args:
        key: what the vendor counts by, such as ``mews/token/LAS_AIRPORT``; no secret.
        limits: all that hold for the key.
        fraction: this process's fixed share, where several cannot share a store.
        spread_s: by how much one request may take longer to the PMS than another. The vendor counts arrivals, we count
            departures; windows that are longer by the spread hold for both.
        longest_pause_s: when the PMS asked for a longer pause, callers are told instead of held.

    Raises:
        SettingsError: the fraction leaves less than one request in a window.
    """

    def __init__(
        self,
        flow: Flow,
        store: WindowStore,
        key: str,
        limits: Sequence[RateLimit],
        *,
        fraction: float = 1.0,
        spread_s: float = 0.0,
        longest_pause_s: float = 60.0,
    ) -> None:
        self._flow = flow
        self._store = store
        self._key = key
        self._limits = [_share_of(limit, fraction, spread_s) for limit in limits]
        self._longest_wait_s = max([longest_pause_s, *(limit.window_s for limit in self._limits)])
        self._queue: deque[Flag] = deque()

    async def take(self) -> None:
        """Wait until one more request is allowed, and count it.

        Raises:
            Throttled: the PMS asked for a pause that is longer than callers are held; `retry_after_s` says how long.
            NotSent: the store that counts does not answer.
        """
        if not self._limits:
            return
        turn = self._flow.flag()
        self._queue.append(turn)
        try:
            if self._queue[0] is not turn:
                await turn.wait()
            await self._wait_for_place()
        finally:
            self._queue.remove(turn)
            if self._queue:
                self._queue[0].set()

    async def pause(self, retry_after_s: float) -> None:
        """Hold everybody for as long as the PMS asked for with a 429.

        Raises:
            NotSent: the store that counts does not answer.
        """
        try:
            await self._store.pause(self._key, retry_after_s)
        except StoreError as exc:
            raise NotSent(f"the rate limit of {self._key} cannot be paused: {exc}") from exc

    async def _wait_for_place(self) -> None:
        while (wait_s := await self._ask_store()) is not None:
            if wait_s > self._longest_wait_s:
                message = f"{self._key} is to be left alone for {wait_s:.0f} s, as the PMS asked: try then"
                raise Throttled(message, retry_after_s=wait_s)
            await self._flow.sleep(max(wait_s, SHORTEST_WAIT_S))

    async def _ask_store(self) -> float | None:
        try:
            return await self._store.take(self._key, self._limits)
        except StoreError as exc:
            raise NotSent(f"the rate limit of {self._key} cannot be counted: {exc}") from exc


def _share_of(limit: RateLimit, fraction: float, spread_s: float) -> RateLimit:
    requests = floor(limit.requests * fraction + 1e-9)
    if not 1 <= requests <= limit.requests:
        raise SettingsError(
            f"fraction {fraction:g} of {limit.requests} requests in {limit.window_s:g} s is not between one and all: "
            "let fewer processes share, or count in a common store"
        )
    return replace(limit, requests=requests, window_s=limit.window_s + spread_s)
