"""A time axis on which milliseconds and minutes are both readable: in order, but not to scale.

Every stretch between two instants gets the room that its labels need; what is left is shared out by the logarithm of
the stretch's duration. So a long wait is drawn wider than a short one, and never fills the picture.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable
from itertools import accumulate, pairwise
from math import log1p
from typing import Final, NamedTuple

LEAST_PX: Final = 2.5
"""Two instants are never drawn closer."""

UNIT_S: Final = 0.02
"""Below about this, durations are drawn alike."""


class Room(NamedTuple):
    """What the time between two instants must be wide at least, in pixels."""

    start_s: float
    end_s: float
    px: float


class Stretched:
    """A map from seconds to pixels.

    Attributes:
        width: what all takes; more than was asked for where the rooms need more.
    """

    def __init__(self, instants_s: Iterable[float], rooms: Iterable[Room], width: float) -> None:
        """Lay instants out.

        Args:
            instants_s: at least two different ones; every room begins and ends at one of them.
            width: to be filled, in pixels.
        """
        self._times = sorted(set(instants_s))
        self._weights = [log1p((end_s - start_s) / UNIT_S) for start_s, end_s in pairwise(self._times)]
        least = self._least(rooms)
        spare = max(0.0, width - sum(least)) / sum(self._weights)
        widths = [px + weight * spare for px, weight in zip(least, self._weights, strict=True)]
        self._places = [0.0, *accumulate(widths)]
        self.width = self._places[-1]

    @property
    def stretches(self) -> list[tuple[float, float]]:
        """The times between two neighbouring instants."""
        return list(pairwise(self._times))

    def x(self, at_s: float) -> float:
        """Return where an instant is drawn; between two known ones, in proportion."""
        times, places = self._times, self._places
        right = min(max(bisect_right(times, at_s), 1), len(times) - 1)
        start_s, end_s = times[right - 1], times[right]
        share = (at_s - start_s) / (end_s - start_s)
        return places[right - 1] + share * (places[right] - places[right - 1])

    def _least(self, rooms: Iterable[Room]) -> list[float]:
        """Return what each stretch needs, so that every room is there; the narrow rooms are made first."""
        widths = [LEAST_PX] * (len(self._times) - 1)
        spans = sorted((slice(self._index(room.start_s), self._index(room.end_s)), room.px) for room in rooms)
        for span, px in sorted(spans, key=lambda one: one[0].stop - one[0].start):
            lacking, weights = px - sum(widths[span]), self._weights[span]
            if lacking > 0 and weights:
                widths[span] = [
                    width + lacking * weight / sum(weights) for width, weight in zip(widths[span], weights, strict=True)
                ]
        return widths

    def _index(self, at_s: float) -> int:
        return bisect_left(self._times, at_s)


def ticks(axis: Stretched, instants_s: Collection[float], apart_px: float) -> list[float]:
    """Choose instants to be written at the axis, the first ones first, so that no two are closer than `apart_px`."""
    chosen: list[float] = []
    for at_s in instants_s:
        if all(abs(axis.x(at_s) - axis.x(other)) >= apart_px for other in chosen):
            chosen.append(at_s)
    return sorted(chosen)
