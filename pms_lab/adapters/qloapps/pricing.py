"""What a night costs under rules, as QloApps reckons.

A rule for the single night comes before one for weekdays, and that before one for a range; of several of a kind the
lowest id wins, as measured. Source: its ``HotelRoomTypeFeaturePricing.php``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from pms_lab.adapters.qloapps.models import Rule
from pms_lab.domain.pms import NightlyRate

CENT: Final = Decimal("0.01")

DECREASE, INCREASE = 1, 2
PERCENT: Final = 1
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def rate_of(base: Decimal, night: date, own: Sequence[Rule], ranges: Iterable[Rule]) -> NightlyRate:
    """Return the rate of a night.

    Args:
        own: the active rules for just this night, the lowest id first.
        ranges: the other active rules of the room type.
    """
    if winner := _winner(own):
        return NightlyRate(to_cents(_price(winner, base)), is_own=winner.is_fixed_amount)
    others = [rule for rule in ranges if _covers(rule, night)]
    if not others:
        return NightlyRate(to_cents(base), is_own=False)
    rule = min(others, key=lambda rule: (not rule.is_special_days_exists, int(rule.id)))
    return NightlyRate(to_cents(_price(rule, base)), is_own=False)


def has_own(own: Sequence[Rule]) -> bool:
    """Whether a night has an amount of its own: see `rate_of`."""
    winner = _winner(own)
    return winner is not None and winner.is_fixed_amount


def to_cents(amount: Decimal) -> Decimal:
    """Round half up to the cent, as QloApps does for a quote."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def _winner(own: Sequence[Rule]) -> Rule | None:
    return next((rule for rule in own if rule.groups), None)


def _price(rule: Rule, base: Decimal) -> Decimal:
    change = base * rule.impact_value / 100 if rule.impact_type == PERCENT else rule.impact_value
    prices = {DECREASE: base - change, INCREASE: base + change}
    return max(prices.get(rule.impact_way, change), Decimal(0))


def _covers(rule: Rule, night: date) -> bool:
    if not (rule.groups and rule.date_from and rule.date_to):
        return False
    if not rule.date_from <= night <= rule.date_to:
        return False
    return not rule.is_special_days_exists or WEEKDAYS[night.weekday()] in rule.special_days
