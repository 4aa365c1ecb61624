"""What a push reads of the PMS."""

from __future__ import annotations

from datetime import date

from pms_lab.domain.rates import RateCell
from pms_lab.domain.stay import StayDates
from pms_lab.engine.pushing.survey import nights_of


def test_all_nights_from_the_first_to_the_last_are_read_whatever_their_order() -> None:
    nights = [date(2026, 3, 5), date(2026, 3, 1), date(2026, 3, 9), date(2026, 3, 5)]
    cells = [RateCell("INN", "A", night) for night in nights]
    assert nights_of(cells) == StayDates(date(2026, 3, 1), date(2026, 3, 10))


def test_cells_without_a_night_have_nothing_to_read() -> None:
    assert nights_of([RateCell("INN", "A")]) is None
    assert nights_of([]) is None
