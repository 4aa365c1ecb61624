"""How amounts and shares are written for people, in English and with the currency's own sign and decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from babel.numbers import format_currency, get_currency_precision

UNKNOWN: Final = "–"


def money(amount: Decimal | float | None, currency: str) -> str:
    """Write an amount, such as ``$46.50`` or ``-€3.10``, halves rounded away from zero; unknown is a dash."""
    if amount is None:
        return UNKNOWN
    smallest = Decimal(1).scaleb(-get_currency_precision(currency))
    exact = Decimal(str(amount)).quantize(smallest, ROUND_HALF_UP)
    return format_currency(exact, currency, locale="en_US")


def signed_money(amount: Decimal | float | None, currency: str) -> str:
    """Write a difference with its sign, such as ``+$0.20``."""
    written = money(amount, currency)
    return f"+{written}" if amount is not None and amount > 0 else written


def change(new: Decimal, old: Decimal) -> str | None:
    """Write a relative change, such as ``+1.09%``; None where the old amount is zero or negative."""
    if old <= 0:
        return None
    return f"{((new / old - 1) * 100).quantize(Decimal('0.01'), ROUND_HALF_UP):+}%"


def percent(share: float | None, decimals: int = 0) -> str:
    """Write a share of 0 to 1 as a percentage, halves rounded up, such as ``33%``; unknown is a dash."""
    if share is None:
        return UNKNOWN
    exact = Decimal(repr(round(share, 9))) * 100
    return f"{exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)}%"
