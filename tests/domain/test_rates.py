from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pms_lab.domain.money import Money
from pms_lab.domain.rates import RateCell, RateSheet, Recommendation
from pms_lab.domain.stay import StayDates
from pms_lab.errors import CurrencyMismatch, DuplicateCell, RateError

E, F = RateCell("DESK", "E"), RateCell("DESK", "F")
FORTY = Money.of("40.00", "USD")


def test_a_sheet_knows_its_location_and_currency() -> None:
    sheet = RateSheet({E: FORTY, F: FORTY})
    assert (sheet.location, sheet.currency, len(sheet)) == ("DESK", "USD", 2)


@pytest.mark.parametrize(
    ("rates", "error"),
    [
        ({}, RateError),
        ({E: FORTY, RateCell("INN", "A"): FORTY}, RateError),
        ({E: FORTY, F: Money.of("40.00", "EUR")}, CurrencyMismatch),
    ],
)
def test_a_sheet_is_of_one_location_in_one_currency(rates: dict[RateCell, Money], error: type[Exception]) -> None:
    with pytest.raises(error):
        RateSheet(rates)


def test_a_cell_comes_once_even_at_the_same_rate() -> None:
    with pytest.raises(DuplicateCell, match="has two rates"):
        RateSheet.of([(E, FORTY), (E, FORTY)])


def test_a_sheet_does_not_change_with_the_mapping_it_was_made_from() -> None:
    rates = {E: FORTY}
    sheet = RateSheet(rates)
    rates[F] = FORTY
    assert list(sheet) == [E]


def test_a_sheet_without_dates_is_expanded_over_every_night_of_a_horizon() -> None:
    horizon = StayDates.starting(date(2026, 2, 27), 3)
    sheet = RateSheet({E: FORTY, RateCell("DESK", "F", date(2026, 5, 1)): FORTY}).over(horizon)
    assert [(cell.product, cell.stay_date) for cell in sheet] == [
        ("E", date(2026, 2, 27)),
        ("E", date(2026, 2, 28)),
        ("E", date(2026, 3, 1)),
        ("F", date(2026, 5, 1)),
    ]


def test_a_night_with_a_rate_of_its_own_is_not_overwritten_by_the_expansion() -> None:
    sheet = RateSheet({E: FORTY, RateCell("DESK", "E", date(2026, 2, 28)): FORTY})
    with pytest.raises(DuplicateCell):
        sheet.over(StayDates.starting(date(2026, 2, 27), 3))


@pytest.mark.parametrize("confidence", ["-0.01", "1.01"])
def test_a_confidence_is_within_zero_to_one(confidence: str) -> None:
    with pytest.raises(RateError, match="not within 0 to 1"):
        Recommendation(E, "demand", FORTY, Decimal(confidence))


def test_a_recommendation_has_an_aware_time() -> None:
    at = datetime(2026, 2, 18, 14, tzinfo=UTC)
    assert Recommendation(E, "demand", FORTY, Decimal(1), recommended_at=at).recommended_at == at
    with pytest.raises(RateError, match="is naive"):
        Recommendation(E, "demand", FORTY, Decimal(1), recommended_at=at.replace(tzinfo=None))
