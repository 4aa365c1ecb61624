"""Locks in memory: for the simulation, and for one process whose ledger ends with it."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import NamedTuple

from pms_lab.engine.locks import Holder


class _Last(NamedTuple):
    """Who had a lock last, and until when; it stays when the lock is free, for its token."""

    owner: str
    token: int
    until_s: float


class MemoryLocks:
    """An implementation of `Locks`: see there.

    Its tokens begin at 1 with each object: a ledger that has seen higher ones refuses them.

    Args:
        now_s: seconds that never go back, such as `Flow.monotonic_s`.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._last: dict[str, _Last] = {}

    async def acquire(self, location: str, owner: str, ttl_s: float) -> int | None:
        """Take the lock if nobody holds it, and return its token."""
        if self._held(location):
            return None
        last = self._last.get(location)
        token = last.token + 1 if last else 1
        self._last[location] = _Last(owner, token, self._now_s() + ttl_s)
        return token

    async def renew(self, location: str, owner: str, token: int, ttl_s: float) -> bool:
        """Keep the lock for `ttl_s` from now; whether it was still the owner's."""
        return self._end(location, owner, token, self._now_s() + ttl_s)

    async def release(self, location: str, owner: str, token: int) -> None:
        """Give the lock back; without effect when it is no longer the owner's."""
        self._end(location, owner, token, -inf)

    async def holder(self, location: str) -> Holder | None:
        """Return who holds the lock; None where nobody does."""
        held = self._held(location)
        return Holder(held.owner, held.token, held.until_s - self._now_s()) if held else None

    def _held(self, location: str) -> _Last | None:
        last = self._last.get(location)
        return last if last and self._now_s() < last.until_s else None

    def _end(self, location: str, owner: str, token: int, until_s: float) -> bool:
        held = self._held(location)
        if held is None or (held.owner, held.token) != (owner, token):
            return False
        self._last[location] = _Last(owner, token, until_s)
        return True
