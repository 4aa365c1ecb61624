"""Money: a decimal amount with its currency. Never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from pms_lab.errors import CurrencyMismatch, MoneyError


@lru_cache(maxsize=256)
def is_currency_code(text: str) -> bool:
    """Whether a text has the form of an ISO 4217 code: three capitals."""
    return len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency.

    Attributes:
        amount: finite decimal, in units of the currency (46.50 means 46 dollars 50).
        currency: ISO 4217 code, such as ``USD``.

    Raises:
        MoneyError: the amount is no finite `Decimal`, or the currency no three-letter code.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            kind = type(self.amount).__name__
            raise MoneyError(f"amount {self.amount!r} is a {kind}: give a Decimal, built from text such as '46.50'")
        if not self.amount.is_finite():
            raise MoneyError(f"amount {self.amount} is not finite: money is a number")
        if not is_currency_code(self.currency):
            raise MoneyError(f"currency {self.currency!r} is no ISO 4217 code: give three capitals such as 'USD'")

    @classmethod
    def of(cls, amount: str | int | Decimal, currency: str) -> Money:
        """Build money from text, a whole number or a decimal."""
        if isinstance(amount, float):
            raise MoneyError(f"amount {amount!r} is a float: give text such as '46.50'")
        try:
            return cls(Decimal(amount), currency)
        except ArithmeticError as exc:
            raise MoneyError(f"amount {amount!r} is not a number: give digits such as '46.50'") from exc

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same_currency(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same_currency(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.amount), self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        if not isinstance(factor, Decimal | int):
            raise MoneyError(f"factor {factor!r} is a {type(factor).__name__}: multiply money by a Decimal or an int")
        return Money(self.amount * factor, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same_currency(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same_currency(other)

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same_currency(other)

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same_currency(other)

    def rounded_to(self, step: Decimal) -> Money:
        """Round to the nearest multiple of `step`, which must be positive; halves go away from zero."""
        if not step.is_finite() or step <= 0:
            raise MoneyError(f"price step {step} is not positive: give one such as '0.10'")
        return Money((self.amount / step).to_integral_value(ROUND_HALF_UP) * step, self.currency)

    def _same_currency(self, other: Money) -> Decimal:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self} and {other} differ in currency: convert before, with a rate you can name")
        return other.amount
