"""Tables that remember: every value an entity ever had, so that a reader may be shown the past."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterator
from datetime import datetime
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Table(Generic[K, V]):
    """Values by key, with their history; a key keeps its place in the order in which it first came."""

    def __init__(self) -> None:
        self._times: dict[K, list[datetime]] = {}
        self._values: dict[K, list[V | None]] = {}

    def __len__(self) -> int:
        """Count the keys that ever had a value."""
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        """Whether a key ever had a value."""
        return key in self._values

    def put(self, key: K, value: V | None, at: datetime) -> None:
        """Give a key a new value; None removes it."""
        self._times.setdefault(key, []).append(at)
        self._values.setdefault(key, []).append(value)

    def get(self, key: K, as_of: datetime | None = None) -> V | None:
        """Return the value of a key, now or as it was; None where there is or was none."""
        if key not in self._values:
            return None
        if as_of is None:
            return self._values[key][-1]
        index = bisect_right(self._times[key], as_of)
        return self._values[key][index - 1] if index else None

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
        for key in self._values:
            value = self.get(key, as_of)
            if value is not None:
                yield key, value

    def values(self, as_of: datetime | None = None) -> Iterator[V]:
        """Yield values, now or as they were."""
        return (value for _, value in self.items(as_of))
