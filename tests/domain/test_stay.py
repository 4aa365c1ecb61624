from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pms_lab.domain.stay import StayDates
from pms_lab.errors import RateError

stays = st.builds(
    StayDates.starting, st.dates(min_value=date(2016, 1, 1), max_value=date(2016, 3, 1)), st.integers(1, 30)
)


@pytest.mark.parametrize("nights", [0, -1])
def test_a_stay_has_a_night(nights: int) -> None:
    with pytest.raises(RateError, match="has no night"):
        StayDates.starting(date(2026, 2, 18), nights)


@given(stays)
def test_a_stay_is_its_nights_and_the_morning_of_departure_is_none(stay: StayDates) -> None:
    nights = list(stay)
    assert len(nights) == stay.nights
    assert nights[0] == stay.check_in
    assert nights[-1] == stay.check_out - timedelta(days=1)
    assert all(night in stay for night in nights)
    assert stay.check_out not in stay


@given(stays, stays)
def test_stays_overlap_when_they_share_a_night(one: StayDates, other: StayDates) -> None:
    assert one.overlaps(other) == bool(set(one) & set(other)) == other.overlaps(one)
