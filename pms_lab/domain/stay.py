"""Stay dates: the nights that a guest or a rate is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from pms_lab.errors import RateError


@dataclass(frozen=True, slots=True, order=True)
class StayDates:
    """A run of nights: `check_in` is the first night, `check_out` the morning after the last.

    Raises:
        RateError: there is no night between the two.
    """

    check_in: date
    check_out: date

    def __post_init__(self) -> None:
        if self.check_out <= self.check_in:
            raise RateError(f"stay {self.check_in} to {self.check_out} has no night: check-out comes after check-in")

    @classmethod
    def starting(cls, check_in: date, nights: int) -> StayDates:
        """Return the stay of so many nights from `check_in` on.

        Raises:
            RateError: there is no such night in the calendar.
        """
        try:
            return cls(check_in, check_in + timedelta(days=nights))
        except OverflowError as exc:
            raise RateError(f"{nights} nights from {check_in} on end after the calendar: give an earlier day") from exc

    @property
    def nights(self) -> int:
        """How many nights the stay has; at least 1."""
        return (self.check_out - self.check_in).days

    def __iter__(self) -> Iterator[date]:
        return map(date.fromordinal, range(self.check_in.toordinal(), self.check_out.toordinal()))

    def __contains__(self, night: date) -> bool:
        return self.check_in <= night < self.check_out

    def overlaps(self, other: StayDates) -> bool:
        """Whether the two share a night; one may begin on the day the other ends."""
        return self.check_in < other.check_out and other.check_in < self.check_out
