"""How far a recommendation may be from the manual rate and still count as agreement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from pms_lab.errors import SettingsError

WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """A distance that still counts as agreement; a difference of exactly this much is within it.

    Attributes:
        amount: 0 or more: units of the rate's currency, or percent of the manual rate.
        is_percent: which of the two.
    """

    amount: Decimal
    is_percent: bool = False

    @classmethod
    def parse(cls, text: str) -> Tolerance:
        """Read ``2.00`` (units of currency) or ``5%`` (of the manual rate).

        Raises:
            SettingsError: the text is neither.
        """
        match = WRITTEN.fullmatch(str(text))
        if match is None:
            raise SettingsError(f"tolerance {text!r} is neither an amount such as '2.00' nor a percentage such as '5%'")
        return cls(Decimal(match[1]), bool(match[2]))

    def __str__(self) -> str:
        return f"{self.amount}%" if self.is_percent else f"{self.amount}"
