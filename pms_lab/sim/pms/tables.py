"""Tables that remember: every value an entity ever had, so that a reader may be shown the past."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterator
from datetime import datetime
from operator import itemgetter
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_AT: Final = itemgetter(0)


class Table(Generic[K, V]):
    """Values by key, with their history; a key keeps its place in the order in which it first came."""

    def __init__(self) -> None:
        self._held: dict[K, list[tuple[datetime, V | None]]] = {}

    def __len__(self) -> int:
        """Count the keys that ever had a value."""
        return len(self._held)

    def __contains__(self, key: object) -> bool:
        """Whether a key ever had a value."""
        return key in self._held

    def put(self, key: K, value: V | None, at: datetime) -> None:
        """Give a key a new value; None removes it."""
        self._held.setdefault(key, []).append((at, value))

    def get(self, key: K, as_of: datetime | None = None) -> V | None:
        """Return the value of a key, now or as it was; None where there is or was none."""
        held = self._held.get(key)
        if held is None:
            return None
        if as_of is None:
            return held[-1][1]
        index = bisect_right(held, as_of, key=_AT)
        return held[index - 1][1] if index else None

    def known(self, key: K) -> V:
        """Return the value of a key that is there now.

        Raises:
            KeyError: it is not.
        """
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def items(self, as_of: datetime | None = None) -> Iterator[tuple[K, V]]:
        """Yield keys and values, now or as they were."""
        for key in self._held:
            value = self.get(key, as_of)
            if value is not None:
                yield key, value

    def values(self, as_of: datetime | None = None) -> Iterator[V]:
        """Yield values, now or as they were."""
        return iter([value for key in self._held if (value := self.get(key, as_of)) is not None])
