"""Rates: rules of `feature_prices` for single nights.

An amount is without tax, in the hotel's currency. Of several rules for one night the lowest id wins; a rule holds for
the groups of customers that it names, and for nobody without any. Room types are never written: that has been seen to
destroy their inventory. Source: QloApps 1.6.1.0, measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from pms_lab.adapters.qloapps.models import RANGE, SPECIFIC_DATE, Group, Language, RoomType, Rule
from pms_lab.adapters.qloapps.pricing import CENT, rate_of, to_cents
from pms_lab.adapters.qloapps.push import Push, Rules, Spot, holds
from pms_lab.adapters.qloapps.shop import Shop, is_one_of
from pms_lab.adapters.qloapps.xml import Content, body_of
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.property import Property
from pms_lab.domain.rates import RateCell, RateSheet, TaxBasis
from pms_lab.domain.stay import StayDates
from pms_lab.errors import PmsError

LARGEST: Final = Decimal(10**10)


class Rates:
    """The rates of one property."""

    def __init__(self, shop: Shop, place: Property) -> None:
        self._shop = shop
        self._place = place

    async def read(self, nights: StayDates, products: Collection[str]) -> dict[RateCell, NightlyRate]:
        """Return the rate of each product on each night: its rule's, else what other rules make of the base price."""
        by_id = {self._place.vendor_product(product): product for product in products}
        base = await self._base_prices(by_id)
        if not base:
            return {}
        own = await self._single_nights(base, nights.check_in, nights.check_out - timedelta(days=1))
        ranges = await self._shop.some(Rule, {**_of(base), "date_selection_type": f"[{RANGE}]"})
        of_product = {product: [rule for rule in ranges if rule.id_product == product] for product in base}
        return {
            self._place.cell(by_id[product], night): rate_of(
                price, night, own.get((product, night), ()), of_product[product]
            )
            for product, price in base.items()
            for night in nights
        }

    async def write(self, sheet: RateSheet) -> dict[RateCell, Outcome[None]]:
        """Publish a sheet, and tell how each cell ended."""
        faults = self._faults(sheet)
        outcomes: dict[RateCell, Outcome[None]] = {cell: Refused(Why.REJECTED, fault) for cell, fault in faults.items()}
        if wanted := {cell: to_cents(rate.amount) for cell, rate in sheet.items() if cell not in faults}:
            outcomes |= await self._publish(wanted)
        return {cell: outcomes[cell] for cell in sheet}

    async def holds(self, sheet: RateSheet) -> Outcome[None] | None:
        """Tell whether a sheet is in the PMS: None where nothing of it is, Unknown where a part of it is."""
        faults = self._faults(sheet)
        could_be = {self._spot(cell): to_cents(rate.amount) for cell, rate in sheet.items() if cell not in faults}
        found = await self.rules(could_be)
        there = sum(holds(found.get(spot, ()), amount) for spot, amount in could_be.items())
        if there == len(sheet):
            return Applied(None)
        return (
            Unknown(f"{there} of {len(sheet)} rates of the sheet are in the PMS: publish it again") if there else None
        )

    async def rules(self, spots: Iterable[Spot]) -> Rules:
        """Return the active rules for single nights, at least for these; not those of bookings in progress."""
        wanted = set(spots)
        if not wanted:
            return {}
        nights = [night for _, night in wanted]
        return await self._single_nights({product for product, _ in wanted}, min(nights), max(nights))

    async def send(self, method: str, rules: Sequence[Content]) -> None:
        """Write rules, once."""
        await self._shop.tell_xml(method, "feature_prices", body_of({"feature_price": rules}))

    async def _publish(self, wanted: Mapping[RateCell, Decimal]) -> dict[RateCell, Outcome[None]]:
        spots = {cell: self._spot(cell) for cell in wanted}
        try:
            known = await self._base_prices({product for product, _ in spots.values()})
            before = await self.rules(spot for spot in spots.values() if spot[0] in known)
            groups = frozenset(group.id for group in await self._shop.some(Group, {}))
            languages = [language.id for language in await self._shop.some(Language, {})]
        except PmsError as error:
            return dict.fromkeys(wanted, Refused(Why.NOT_SENT, f"nothing was sent: {error}"))
        push = Push(self, spots, wanted, before, groups, languages)
        outcomes: dict[RateCell, Outcome[None]] = {
            cell: Refused(Why.NOT_FOUND, f"the PMS has no room type {spot[0]}")
            for cell, spot in spots.items()
            if spot[0] not in known
        }
        for cell in wanted:
            if cell not in outcomes and (outcome := push.without_writing(cell)):
                outcomes[cell] = outcome
        return outcomes | await push.write([cell for cell in wanted if cell not in outcomes])

    async def _single_nights(self, products: Collection[str], first: date, last: date) -> Rules:
        filters = {**_of(products), "date_from": f"[{first},{last}]", "date_selection_type": f"[{SPECIFIC_DATE}]"}
        found: dict[Spot, list[Rule]] = {}
        for rule in sorted(await self._shop.some(Rule, filters), key=lambda rule: int(rule.id)):
            if rule.date_from is not None:
                found.setdefault((rule.id_product, rule.date_from), []).append(rule)
        return found

    async def _base_prices(self, products: Iterable[str]) -> dict[str, Decimal]:
        ids = [product for product in products if product.isascii() and product.isdecimal()]
        found = await self._shop.some(RoomType, {"id": is_one_of(ids)}) if ids else []
        return {kind.id: kind.price for kind in found if kind.id in ids}

    def _spot(self, cell: RateCell) -> Spot:
        return self._place.vendor_product(cell.product), cell.stay_date or date.min

    def _faults(self, sheet: RateSheet) -> dict[RateCell, str]:
        """Say of cells why they cannot be published."""
        faults = {cell: fault for cell, rate in sheet.items() if (fault := self._fault(cell, rate, sheet.tax_basis))}
        # A plan may be named or left out, and a product be ours or the vendor's: two cells may mean one rule.
        spots = {cell: self._spot(cell) for cell in sheet if cell not in faults}
        count = Counter(spots.values())
        return faults | {
            cell: f"room type {product} is given {count[product, night]} rates for {night}: keep one"
            for cell, (product, night) in spots.items()
            if count[product, night] > 1
        }

    def _fault(self, cell: RateCell, rate: Money, basis: TaxBasis | None) -> str | None:
        place = self._place
        if cell.location != place.location:
            return f"{cell.location} is not {place.location}, whose PMS this is"
        if rate.currency != place.currency:
            return f"{rate} is not in {place.currency}, in which QloApps keeps rates: convert it before"
        if basis is TaxBasis.GROSS:
            return "QloApps keeps rates without tax: give net ones"
        if cell.stay_date is None:
            return "a rate without a night: expand the sheet over its nights"
        if cell.rate_plan not in (None, place.rate_plan) or cell.occupancy is not None:
            return "QloApps has neither rate plans nor rates by occupancy: leave both out"
        if not CENT / 2 <= rate.amount < LARGEST - CENT:
            return f"{rate} is not within {CENT} and {LARGEST - CENT}, and QloApps itself checks nothing: correct it"
        return None


def _of(products: Iterable[str]) -> dict[str, str]:
    return {"id_product": is_one_of(sorted(products)), "id_cart": "[0]", "active": "[1]"}
