"""What a night costs: base prices, the rules of `feature_prices`, and the services that are added by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from pms_lab.domain.stay import StayDates
from pms_lab.sim.pms.faces.qloapps.records import Rule, cents
from pms_lab.sim.pms.records import Event
from pms_lab.sim.pms.state import Pms
from pms_lab.sim.pms.tables import Table

VISITOR_GROUP: Final = 1
"""The group for whom `hotel_ari` quotes."""
BOOKING_GROUP: Final = 3
"""The group for whom the web service books."""
GROUPS: Final = (1, 2, 3)

LONGEST_RANGE: Final = timedelta(days=731)


class Prices:
    """The rules, and the prices that follow from them.

    What a booking pays on a night with a rule is also that night's rate in the state machine.

    Attributes:
        services: the hotel's own, by id.
        ruined: room types whose prices of services are gone.
    """

    def __init__(self, pms: Pms, services: Iterable[Mapping[str, Any]]) -> None:
        self.pms = pms
        self.rules: Table[int, Rule] = Table()
        self.services = {service["id"]: service for service in services}
        self.ruined: set[str] = set()

    def night(self, product: str, night: date, group: int, as_of: datetime | None = None) -> Decimal:
        """Return what a night costs a group of customers, without tax."""
        base = self.pms.room_types[product].base_rate
        rule = self._rule(product, night, group, as_of)
        return base if rule is None else rule.price(base)

    def stay(self, product: str, stay: StayDates, group: int, as_of: datetime | None = None) -> Decimal:
        """Return what a stay costs, rounded half up to the cent as a whole."""
        return cents(sum((self.night(product, night, group, as_of) for night in stay), Decimal(0)))

    def service(self, product: str, service: Mapping[str, Any]) -> Decimal:
        """Return the price of a service for a room type."""
        return Decimal(0) if product in self.ruined else Decimal(service["price"])

    def added(self, product: str) -> Decimal:
        """Return what services add to each night of a room type by themselves, as part of the room's price."""
        return sum(
            (
                self.service(product, service)
                for service in self.services.values()
                if service["auto_add_to_cart"] and service["price_addition_type"] == 1
            ),
            Decimal(0),
        )

    def save(self, rule: Rule, at: datetime) -> None:
        """Put a rule in the place of the one with its id, if there is one."""
        before = self.rules.get(rule.id)
        self.rules.put(rule.id, rule, at)
        self._publish([rule] if before is None else [before, rule], at)

    def remove(self, rule: Rule, at: datetime) -> None:
        """Remove a rule."""
        self.rules.put(rule.id, None, at)
        self._publish([rule], at)

    def set_base(self, product: str, amount: Decimal, at: datetime) -> None:
        """Give a room type another base price."""
        self.pms.set_base_rate(product, amount, at)
        self._publish([rule for rule in self.rules.values() if rule.product == product], at)

    def take_in(self, event: Event) -> None:
        """Turn a rate that was set otherwise than through the web service into a rule for its night, or none."""
        product, _, night = event.id.split("/")
        mine = [
            rule
            for rule in self.rules.values()
            if (rule.product, rule.kind, rule.date_from, rule.cart) == (product, 2, night, 0)
        ]
        if event.detail == "None":
            for rule in mine:
                self.rules.put(rule.id, None, event.at)
            return
        number = min((rule.id for rule in mine), default=len(self.rules) + 1)
        at = f"{event.at:%Y-%m-%d %H:%M:%S}"
        amount = Decimal(event.detail)
        rule = Rule(
            number, product, 0, 0, 0, night, night, 3, 0, 2, "false", 2, amount, 1, at, event.at, "Back office", GROUPS
        )
        self.rules.put(number, rule, event.at)

    def _rule(self, product: str, night: date, group: int, as_of: datetime | None = None) -> Rule | None:
        holding = (
            rule
            for rule in self.rules.values(as_of)
            if rule.product == product and rule.active and not rule.cart and group in rule.groups and rule.covers(night)
        )
        return min(holding, key=lambda rule: rule.rank, default=None)

    def _publish(self, rules: Iterable[Rule], at: datetime) -> None:
        """Make the rates of the state machine follow the rules on the nights that some of them are about."""
        for product, night in sorted({(rule.product, night) for rule in rules for night in _nights(rule)}):
            if product not in self.pms.room_types:
                continue
            plan = self.pms.hotel.rate_plan
            rule = self._rule(product, night, BOOKING_GROUP)
            own = None if rule is None else rule.price(self.pms.room_types[product].base_rate)
            if self.pms.rates.get((product, plan, night)) != own:
                self.pms.set_rate(product, plan, night, own, at)


def _nights(rule: Rule) -> Iterable[date]:
    try:
        first = date.fromisoformat(rule.date_from)
        last = first if rule.kind == 2 else min(date.fromisoformat(rule.date_to), first + LONGEST_RANGE)
    except (ValueError, OverflowError):
        return []
    return [first + timedelta(days=away) for away in range((last - first).days + 1)]
