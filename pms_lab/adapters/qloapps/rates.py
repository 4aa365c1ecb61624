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
from pms_lab.adapters.qloapps.pricing import CENT, has_own, rate_of, to_cents
from pms_lab.adapters.qloapps.push import NOT_SENT, Push, Rules, Spot, are_doubles, foreign, holds
from pms_lab.adapters.qloapps.removal import Removal
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
        outcomes: dict[RateCell, Outcome[None]] = {**self._faults(sheet)}
        if wanted := {cell: to_cents(rate.amount) for cell, rate in sheet.items() if cell not in outcomes}:
            outcomes |= await self._publish(wanted)
        return {cell: outcomes[cell] for cell in sheet}

    async def clear(self, cells: Collection[RateCell]) -> dict[RateCell, Outcome[None]]:
        """Take the rules of cells away, and tell how each ended; one without a rule of its own is as it should be."""
        faults = {cell: fault for cell in cells if (fault := self._misplaced(cell))}
        spots = {cell: self._spot(cell) for cell in cells if cell not in faults}
        ended = await self._take_away(sorted(set(spots.values()))) if spots else {}
        return {cell: ended[spots[cell]] if cell in spots else Refused(Why.REJECTED, faults[cell]) for cell in cells}

    async def holds(self, sheet: RateSheet) -> Outcome[None] | None:
        """Tell whether a sheet is in the PMS: None where nothing of it is, Unknown where a part of it is."""
        faults = self._faults(sheet)
        could_be = {self._spot(cell): to_cents(rate.amount) for cell, rate in sheet.items() if cell not in faults}
        found = await self.rules(could_be)
        there = sum(holds(found.get(spot, ()), amount) for spot, amount in could_be.items())
        return _told(there, len(sheet), "rates of the sheet are in the PMS: publish it again")

    async def is_clear(self, cells: Collection[RateCell]) -> Outcome[None] | None:
        """Tell whether no cell has a rate of its own: None where all have one, Unknown where some have."""
        fit = [cell for cell in cells if not self._misplaced(cell)]
        found = await self.rules(map(self._spot, fit))
        clear = sum(not has_own(found.get(self._spot(cell), ())) for cell in fit)
        return _told(clear, len(cells), "cells have no rate of their own: clear them again")

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

    async def remove(self, ids: Sequence[str]) -> None:
        """Remove rules, once."""
        await self._shop.delete("feature_prices", ids)

    async def _publish(self, wanted: Mapping[RateCell, Decimal]) -> dict[RateCell, Outcome[None]]:
        spots = {cell: self._spot(cell) for cell in wanted}
        try:
            known = await self._base_prices({product for product, _ in spots.values()})
            places = [spot for spot in spots.values() if spot[0] in known]
            before, groups = await self.rules(places), await self._groups()
            languages = [language.id for language in await self._shop.some(Language, {})]
            mended = await self._mend(places, before, groups)
            before = await self.rules(places) if mended else before
        except PmsError as error:
            return dict.fromkeys(wanted, Refused(Why.NOT_SENT, f"no rate was sent: {error}"))
        push = Push(self, spots, wanted, before, groups, languages)
        failed = {spot: outcome for spot, outcome in mended.items() if not isinstance(outcome, Applied)}
        outcomes: dict[RateCell, Outcome[None]] = {}
        for cell, spot in spots.items():
            outcome = failed.get(spot) or push.without_writing(cell) if spot[0] in known else _unknown(spot)
            if outcome is not None:
                outcomes[cell] = outcome
        left = [cell for cell in wanted if cell not in outcomes]
        is_in_doubt = any(isinstance(outcome, Unknown) for outcome in failed.values())
        return outcomes | (dict.fromkeys(left, NOT_SENT) if is_in_doubt else await push.write(left))

    async def _mend(self, places: Iterable[Spot], before: Rules, groups: frozenset[str]) -> dict[Spot, Outcome[None]]:
        """Remove our doubles, which a late creation leaves behind; the lowest id wins, so that no price changes."""
        doubles = {spot: there[1:] for spot in places if are_doubles(there := before.get(spot, ()), groups)}
        return await Removal(self, before, doubles).carry_out()

    async def _take_away(self, places: Sequence[Spot]) -> dict[Spot, Outcome[None]]:
        try:
            known = await self._base_prices({product for product, _ in places})
            before, groups = await self.rules(spot for spot in places if spot[0] in known), await self._groups()
        except PmsError as error:
            return dict.fromkeys(places, Refused(Why.NOT_SENT, f"nothing was sent: {error}"))
        outcomes: dict[Spot, Outcome[None]] = {spot: _unknown(spot) for spot in places if spot[0] not in known}
        doomed: dict[Spot, Sequence[Rule]] = {}
        for spot in places:
            holding = [rule for rule in before.get(spot, ()) if rule.groups]
            if spot in outcomes:
                continue
            if not holding:
                outcomes[spot] = Applied(None)
            elif (fault := foreign(holding, groups)) and not are_doubles(holding, groups):
                outcomes[spot] = Refused(Why.REJECTED, f"{fault}: settle it in the back office")
            else:
                doomed[spot] = holding
        return outcomes | await Removal(self, before, doomed).carry_out()

    async def _groups(self) -> frozenset[str]:
        return frozenset(group.id for group in await self._shop.some(Group, {}))

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

    def _faults(self, sheet: RateSheet) -> dict[RateCell, Refused]:
        """Say of cells why they cannot be published."""
        faults = {cell: fault for cell, rate in sheet.items() if (fault := self._fault(cell, rate, sheet.tax_basis))}
        # A plan may be named or left out, and a product be ours or the vendor's: two cells may mean one rule.
        spots = {cell: self._spot(cell) for cell in sheet if cell not in faults}
        count = Counter(spots.values())
        return faults | {
            cell: _rejected(f"room type {product} is given {count[product, night]} rates for {night}: keep one")
            for cell, (product, night) in spots.items()
            if count[product, night] > 1
        }

    def _fault(self, cell: RateCell, rate: Money, basis: TaxBasis | None) -> Refused | None:
        if fault := self._misplaced(cell):
            return _rejected(fault)
        if rate.currency != self._place.currency:
            return _rejected(
                f"{rate} is not in {self._place.currency}, in which QloApps keeps rates: convert it before"
            )
        if basis is TaxBasis.GROSS:
            return _rejected("QloApps keeps rates without tax: give net ones")
        if not CENT / 2 <= rate.amount < LARGEST - CENT:
            rule = f"{rate} is not within {CENT} and {LARGEST - CENT}, and QloApps itself checks nothing: correct it"
            return Refused(Why.OUT_OF_RANGE, rule)
        return None

    def _misplaced(self, cell: RateCell) -> str | None:
        """Say why QloApps has no place for a cell."""
        place = self._place
        if cell.location != place.location:
            return f"{cell.location} is not {place.location}, whose PMS this is"
        if cell.stay_date is None:
            return "a rate without a night: expand the sheet over its nights"
        if cell.rate_plan not in (None, place.rate_plan) or cell.occupancy is not None:
            return "QloApps has neither rate plans nor rates by occupancy: leave both out"
        return None


def _of(products: Iterable[str]) -> dict[str, str]:
    return {"id_product": is_one_of(sorted(products)), "id_cart": "[0]", "active": "[1]"}


def _rejected(why: str) -> Refused:
    return Refused(Why.REJECTED, why)


def _unknown(spot: Spot) -> Refused:
    return Refused(Why.NOT_FOUND, f"the PMS has no room type {spot[0]}")


def _told(count: int, wanted: int, what: str) -> Outcome[None] | None:
    if count == wanted:
        return Applied(None)
    return Unknown(f"{count} of {wanted} {what}") if count else None
