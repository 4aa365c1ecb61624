from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pms_lab.domain.money import Money
from pms_lab.errors import CurrencyMismatch, MoneyError

amounts = st.decimals(min_value=-(10**8), max_value=10**8, places=2, allow_nan=False)
dollars = st.builds(Money, amounts, st.just("USD"))


@pytest.mark.parametrize(
    ("amount", "currency", "named"),
    [
        (46.5, "USD", "46.5 is a float"),
        (46, "USD", "46 is a int"),
        (Decimal("NaN"), "USD", "NaN is not finite"),
        (Decimal("Infinity"), "USD", "Infinity is not finite"),
        (Decimal(1), "usd", "'usd' is no ISO 4217 code"),
        (Decimal(1), "", "'' is no ISO 4217 code"),
    ],
)
def test_what_is_not_money_is_refused_by_name(amount: Decimal, currency: str, named: str) -> None:
    with pytest.raises(MoneyError, match=named):
        Money(amount, currency)


@pytest.mark.parametrize("text", ["abc", "", "1,5", "46.5 USD"])
def test_text_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(MoneyError, match="is not a number"):
        Money.of(text, "USD")


def test_a_float_cannot_be_smuggled_in_by_the_constructor_for_text() -> None:
    with pytest.raises(MoneyError, match="is a float"):
        Money.of(46.5, "USD")  # type: ignore[arg-type]


def test_money_cannot_be_multiplied_by_a_float() -> None:
    with pytest.raises(MoneyError, match="multiply money by a Decimal"):
        Money.of("46.50", "USD") * 1.15  # type: ignore[operator]


@given(dollars, dollars)
def test_adding_and_subtracting_are_inverse(a: Money, b: Money) -> None:
    assert (a + b) - b == a


@given(dollars, dollars)
def test_the_order_of_amounts_is_the_order_of_money(a: Money, b: Money) -> None:
    assert (a < b) == (a.amount < b.amount)
    assert (a <= b) == (not a > b)


@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_two_currencies_never_meet(operation: str) -> None:
    with pytest.raises(CurrencyMismatch, match="differ in currency"):
        getattr(Money.of("1", "USD"), operation)(Money.of("1", "EUR"))


@pytest.mark.parametrize(
    ("amount", "step", "rounded"),
    [
        ("46.449", "0.10", "46.40"),
        ("46.45", "0.10", "46.50"),
        ("-46.45", "0.10", "-46.50"),
        ("46.50", "1", "47"),
        ("1249", "500", "1000"),
        ("1250", "500", "1500"),
    ],
)
def test_rates_are_rounded_to_the_price_step_halves_away_from_zero(amount: str, step: str, rounded: str) -> None:
    assert Money.of(amount, "USD").rounded_to(Decimal(step)) == Money.of(rounded, "USD")


@given(dollars, st.sampled_from(["0.01", "0.05", "0.10", "0.25", "1", "5"]))
def test_rounding_moves_by_half_a_step_at_most_and_only_once(rate: Money, step: str) -> None:
    rounded = rate.rounded_to(Decimal(step))
    assert abs(rounded - rate).amount <= Decimal(step) / 2
    assert rounded.amount % Decimal(step) == 0
    assert rounded.rounded_to(Decimal(step)) == rounded


@pytest.mark.parametrize("step", ["0", "-0.10", "NaN"])
def test_a_price_step_is_positive(step: str) -> None:
    with pytest.raises(MoneyError, match="is not positive"):
        Money.of("46.50", "USD").rounded_to(Decimal(step))
