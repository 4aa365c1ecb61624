"""The resource `feature_prices`: rules of prices, one or many at a time.

Measured: nothing but presence is validated, many rules are written one after the other and not as a whole, and a
creation answers what was sent, not what was stored.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from xml.etree.ElementTree import Element

from pms_lab.sim.pms.faces.qloapps.prices import Prices
from pms_lab.sim.pms.faces.qloapps.records import Rule
from pms_lab.sim.pms.faces.qloapps.wire import BAD_GATEWAY, HTML, Ask, Broken, Fault, Row, money, stamp, texts, xml_root
from pms_lab.sim.pms.state import Pms

_NUMBER = re.compile(r"\s*([-+]?\d*\.?\d*(?:[eE][-+]?\d+)?)")
_MOST = Decimal("99999999999999.999999")
_LONGEST_NAME = 128
_REQUIRED = (
    "id_product",
    "date_from",
    "impact_way",
    "is_special_days_exists",
    "impact_type",
    "impact_value",
    "feature_price_name",
)


class FeaturePrices:
    """Writes rules."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices

    def write(self, ask: Ask, killed_at: int | None) -> list[Row]:
        """Create or change the rules of a body, one after the other, and return the records to answer.

        Args:
            killed_at: the server dies when it has written so many. A new rule that it dies at has neither name nor
                groups.

        Raises:
            Fault: a rule is not acceptable, or there is none with its id; those before it are written.
            Broken: the server died.
        """
        items = list(xml_root(ask))
        is_new = ask.method == "POST"
        if not is_new:
            ids = [texts(item).get("id", "") for item in items]
            if len(set(ids)) < len(ids):
                raise Fault(400, (89, "id is duplicate in request"))
        shown: list[Row] = []
        for count, item in enumerate(items, 1):
            before = self._before(item, is_new=is_new)
            rule, sent = self._rule(item, before, ask)
            if count == killed_at:
                self.prices.save(rule if before else _orphan(rule), ask.at)
                raise Broken(502, BAD_GATEWAY, HTML)
            self.prices.save(rule, ask.at)
            shown.append(row_of(rule, self.prices.pms) | {"impact_value": sent})
        return shown

    def delete(self, ids: list[str], at: datetime) -> None:
        """Remove rules; none when one of them is missing."""
        rules = [self.prices.rules.get(int(one)) if one.isdecimal() else None for one in ids]
        if missing := [one for one, rule in zip(ids, rules, strict=True) if rule is None]:
            raise Fault(404, (87, f"Id(s) not exists: {', '.join(missing)}"))
        for rule in filter(None, rules):
            self.prices.remove(rule, at)

    def _before(self, item: Element, *, is_new: bool) -> Rule | None:
        number = texts(item).get("id", "")
        if is_new:
            if number:
                raise Fault(400, (90, "id is forbidden when adding a new resource"))
            return None
        if not number:
            raise Fault(400, (88, "id is required when modifying a resource"))
        before = self.prices.rules.get(int(number)) if number.isdecimal() else None
        if before is None:
            raise Fault(404, (92, "Invalid ID"))
        return before

    def _rule(self, item: Element, before: Rule | None, ask: Ask) -> tuple[Rule, str]:
        sent = texts(item)
        for name in _REQUIRED:
            if not sent.get(name):
                raise Fault(400, (41, f'parameter "{name}" required'))
        name = sent["feature_price_name"]
        if len(name) > _LONGEST_NAME or set(name) & set("<>={};#"):
            fault = "Property HotelRoomTypeFeaturePricing->feature_price_name is not valid"
            raise Fault(400, (84, f'Validation error: "{fault}"'))
        groups = item.find("associations/groups")
        kept = before.groups if before else ()
        whole = {key: int(_amount(sent.get(key, ""))) for key in _WHOLE}
        zone = self.prices.pms.hotel.zone
        rule = Rule(
            id=before.id if before else len(self.prices.rules) + 1,
            product=str(whole["id_product"]),
            cart=whole["id_cart"],
            guest=whole["id_guest"],
            room=whole["id_room"],
            date_from=sent["date_from"][:10],
            date_to=sent.get("date_to", "")[:10] or "0000-00-00",
            way=whole["impact_way"],
            is_special=whole["is_special_days_exists"],
            kind=whole["date_selection_type"],
            special_days=sent.get("special_days", ""),
            unit=whole["impact_type"],
            value=_amount(sent["impact_value"]),
            active=whole["active"],
            added_at=(sent.get("date_add") if before else None) or stamp(ask.at, zone),
            updated_at=ask.at,
            name=name,
            groups=kept if groups is None else tuple(int(one) for one in groups.itertext() if one.strip().isdecimal()),
        )
        return rule, sent["impact_value"]


_WHOLE = (
    "id_product",
    "id_cart",
    "id_guest",
    "id_room",
    "impact_way",
    "is_special_days_exists",
    "date_selection_type",
    "impact_type",
    "active",
)


def row_of(rule: Rule, pms: Pms) -> dict[str, object]:
    """Return the record of a rule, as it is stored."""
    return {
        "id": rule.id,
        "id_product": int(rule.product),
        "id_cart": rule.cart,
        "id_guest": rule.guest,
        "id_room": rule.room,
        "date_from": rule.date_from,
        "date_to": rule.date_to,
        "impact_way": rule.way,
        "is_special_days_exists": rule.is_special,
        "date_selection_type": rule.kind,
        "special_days": rule.special_days,
        "impact_type": rule.unit,
        "impact_value": money(rule.value),
        "active": rule.active,
        "date_add": rule.added_at,
        "date_upd": stamp(rule.updated_at, pms.hotel.zone),
        "feature_price_name": rule.name,
        "associations": {"groups": [{"id": group} for group in rule.groups]},
    }


def _orphan(rule: Rule) -> Rule:
    return replace(rule, name=None, groups=())


def _amount(text: str) -> Decimal:
    """Read a number as PHP does: what stands at its beginning, a comma for a point, else 0; six decimals, clipped."""
    match = _NUMBER.match(text.replace(",", "."))
    try:
        amount = Decimal(match[1] if match else "")
    except InvalidOperation:
        return Decimal(0)
    return min(max(amount, -_MOST), _MOST).quantize(Decimal("0.000001"), ROUND_HALF_UP)
