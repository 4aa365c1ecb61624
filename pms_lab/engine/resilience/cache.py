"""A cache that knows the age of what it holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable
from dataclasses import dataclass
from math import inf
from typing import Generic, TypeVar

from pms_lab.engine.ports import Flow
from pms_lab.errors import BreakerOpen, PmsError
from pms_lab.rules.retrying import is_worth_repeating

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cached(Generic[T]):
    """A value and how old it is.

    Attributes:
        age_s: since its fetch began.
        is_stale: whether it is older than it should be, and given because the PMS did not answer.
    """

    value: T
    age_s: float
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    value: T
    fetched_s: float
    about: frozenset[Hashable]


class TtlCache(Generic[T]):
    """Values by key, with a time to live.

    What is found to be None is not kept: it is asked for again. The longest unused goes first when the cache is full.

    Args:
        ttl_s: how long a value is fresh. Older ones are kept for when the PMS does not answer.
        about: tells which entities a value speaks of, for `invalidate`.
        size: how many values it holds.
    """

    def __init__(
        self, flow: Flow, ttl_s: float, about: Callable[[T], Collection[Hashable]], size: int = 10_000
    ) -> None:
        self._flow = flow
        self._ttl_s = ttl_s
        self._about = about
        self._size = size
        self._distrusts_all_until_s = -inf
        self._entries: dict[Hashable, _Entry[T]] = {}
        self._distrusted_until_s: dict[Hashable, float] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> Cached[T] | None:
        """Return what is held for a key, however old; None when nothing is."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return None
        self._entries[key] = entry
        age_s = self._flow.monotonic_s() - entry.fetched_s
        return Cached(entry.value, age_s, is_stale=age_s > self._ttl_s)

    async def fresh(self, key: Hashable, fetch: Callable[[], Awaitable[T | None]]) -> Cached[T | None]:
        """Return what is held while it is young enough, else what `fetch` brings.

        Raises:
            PmsError: from `fetch`.
        """
        held = self.get(key)
        if held is not None and not held.is_stale:
            return Cached(held.value, held.age_s)
        began_s = self._flow.monotonic_s()
        value = await fetch()
        self._keep(key, value, began_s)
        return Cached(value, self._flow.monotonic_s() - began_s)

    async def fresh_or_stale(self, key: Hashable, fetch: Callable[[], Awaitable[T | None]]) -> Cached[T | None]:
        """Do as `fresh`, but when the PMS does not answer, return what is held, flagged as stale.

        Raises:
            PmsError: from `fetch`, when nothing is held or the PMS did answer.
        """
        try:
            return await self.fresh(key, fetch)
        except PmsError as error:
            held = self.get(key)
            if held is None or not (isinstance(error, BreakerOpen) or is_worth_repeating(error)):
                raise
            return Cached(held.value, held.age_s, is_stale=held.is_stale)

    def drop(self, key: Hashable) -> None:
        """Forget what is held for one key."""
        self._entries.pop(key, None)

    def invalidate(self, entity: Hashable, distrust_s: float = 0.0) -> None:
        """Forget all that is about an entity, and keep nothing of it that is fetched before `distrust_s` are over.

        A fetch that is under way may bring what was true before; so may one that begins while the write is in flight,
        or while the vendor's reads lag behind.
        """
        self._entries = {key: entry for key, entry in self._entries.items() if entity not in entry.about}
        self._distrusted_until_s.pop(entity, None)
        self._distrusted_until_s[entity] = self._flow.monotonic_s() + distrust_s
        _trim(self._distrusted_until_s, self._size)

    def clear(self, distrust_s: float = 0.0) -> None:
        """Forget everything, and keep nothing that is fetched before `distrust_s` are over."""
        self._entries.clear()
        self._distrusts_all_until_s = self._flow.monotonic_s() + distrust_s

    def _keep(self, key: Hashable, value: T | None, began_s: float) -> None:
        held = self._entries.get(key)
        if held is not None and held.fetched_s > began_s:
            return
        self.drop(key)
        if value is None:
            return
        about = frozenset(self._about(value))
        distrusted_until_s = [self._distrusts_all_until_s, *(self._distrusted_until_s.get(one, -inf) for one in about)]
        if began_s > max(distrusted_until_s):
            self._entries[key] = _Entry(value, began_s, about)
            _trim(self._entries, self._size)


def _trim(oldest_first: dict[Hashable, T], size: int) -> None:
    while len(oldest_first) > size:
        del oldest_first[next(iter(oldest_first))]
