from decimal import Decimal

import pytest

from pms_lab.wording import change, money, percent, signed_money


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("46.5", "USD", "$46.50"),
        ("1.825", "EUR", "€1.83"),
        ("-1.325", "EUR", "-€1.33"),
        ("1234.5", "JPY", "¥1,235"),
        (None, "USD", "–"),
    ],
)
def test_money_has_its_currency_s_sign_and_decimals_and_halves_go_up(
    amount: str | None, currency: str, written: str
) -> None:
    assert money(None if amount is None else Decimal(amount), currency) == written


def test_a_difference_has_a_sign_and_none_at_zero() -> None:
    assert [signed_money(Decimal(amount), "USD") for amount in ("0.2", "0", "-0.2")] == ["+$0.20", "$0.00", "-$0.20"]


@pytest.mark.parametrize(
    ("share", "decimals", "written"), [(1 / 3, 0, "33%"), (0.125, 0, "13%"), (0.0565, 1, "5.7%"), (None, 0, "–")]
)
def test_a_share_is_a_percentage_and_halves_go_up(share: float | None, decimals: int, written: str) -> None:
    assert percent(share, decimals) == written


@pytest.mark.parametrize(
    ("new", "old", "written"), [("46.5", "46", "+1.09%"), ("45", "46", "-2.17%"), ("1", "0", None), ("1", "-1", None)]
)
def test_a_change_from_nothing_has_no_percentage(new: str, old: str, written: str | None) -> None:
    assert change(Decimal(new), Decimal(old)) == written
