"""What can be read from Mews."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from pms_lab.adapters.mews.api import MewsApi
from pms_lab.adapters.mews.capabilities import CAPABILITIES
from pms_lab.adapters.mews.credentials import MewsCredentials
from pms_lab.adapters.mews.models import (
    AccountNotes,
    Assignments,
    Categories,
    Configuration,
    CustomerRow,
    Customers,
    OrderItem,
    OrderItems,
    OrderNotes,
    Orders,
    Payments,
    Pricing,
    RateRows,
    ReservationRow,
    Reservations,
    Resources,
    ServiceAvailability,
    Services,
    State,
)
from pms_lab.adapters.mews.reading import (
    applies,
    by_day,
    days_of,
    guest_of,
    money_of,
    reservation_of,
    room_of,
    spellings,
    theirs,
)
from pms_lab.adapters.mews.times import interval, start_of, utc_text
from pms_lab.adapters.wire import Link
from pms_lab.adapters.writing import Json
from pms_lab.domain.money import Money
from pms_lab.domain.pms import Availability, Guest, GuestQuery, Health, NightlyRate, PmsId, Reservation, RoomStatus
from pms_lab.domain.property import Property
from pms_lab.domain.rates import RateCell
from pms_lab.domain.stay import StayDates
from pms_lab.errors import AuthRefused, PmsError, SettingsError, Unsupported

T = TypeVar("T")

MOST_IDS: Final = 1000
MOST_UNITS: Final = 367
NOT_CANCELED: Final = tuple(state for state in State if state is not State.CANCELED)
ACTIVE: Final = ("Active",)
EVER: Final = ("Active", "Deleted")
DAY: Final = timedelta(days=1)
RATES_ONLY: Final = {"Rates": True, "AvailabilityBlockAssignments": False}
GUESTS_ONLY: Final = {"Customers": True, "Addresses": False}
NOTE_TYPES: Final = ("General", "ChannelManager", "SpecialRequest")


class MewsReads:
    """The reading half of `PMSAdapter` on Mews."""

    def __init__(self, place: Property, credentials: MewsCredentials, link: Link) -> None:
        self._place = place
        self._credentials = credentials
        self._flow = link.flow
        self._api = MewsApi(credentials, link)

    async def connect(self) -> None:
        """Check the tokens, and that their enterprise is the one of the settings.

        Raises:
            PmsError: Mews does not answer, or refuses the tokens; `AuthRefused` also if they are another enterprise's.
            SettingsError: the enterprise has another zone, currency or pricing than the settings say.
        """
        enterprise = (await self._configuration()).enterprise
        place = self._place
        if enterprise.id != place.code:
            raise AuthRefused(f"the access token is for enterprise {enterprise.id}, the settings name {place.code}")
        held = {
            "zone": (place.zone.key, enterprise.time_zone_identifier),
            "pricing": (self._credentials.pricing, enterprise.pricing.lower()),
            "currency": (place.currency, next((one.currency for one in enterprise.currencies if one.is_default), "")),
        }
        for setting, (here, there) in held.items():
            if here != there:
                raise SettingsError(f"{setting} of {place.location} is {there} in Mews, {here} here: correct it")

    async def disconnect(self) -> None:
        """Let go of nothing: Mews has no sessions."""

    async def health_check(self) -> Health:
        """Ask for the configuration, once."""
        began_s = self._flow.monotonic_s()
        try:
            await self._api.tell("configuration/get", Configuration, {})
        except PmsError as error:
            return Health(is_up=False, latency_s=self._flow.monotonic_s() - began_s, detail=str(error))
        return Health(is_up=True, latency_s=self._flow.monotonic_s() - began_s, detail="its configuration was read")

    async def get_guest(self, guest: PmsId) -> Guest | None:
        """Return a guest; None where there is none, or none any more."""
        found = await self._api.rows(Customers, guests_where({"CustomerIds": [theirs(guest)]}))
        return next(iter(await self._with_notes(found)), None)

    async def search_guests(self, query: GuestQuery) -> AsyncIterator[Guest]:
        """Yield the guests with a name (first, last or both), an e-mail address, or both; a phone narrows them.

        `customers/search` is not used: it knows only guests who are in the house (customers, search).

        Raises:
            Unsupported: only a phone number is given.
        """
        seen = set()
        for filters in _filters(query):
            async for page in self._api.pages(Customers, guests_where(filters)):
                for guest in await self._with_notes([row for row in page if applies(query, row)]):
                    if guest.id not in seen:
                        seen.add(guest.id)
                        yield guest

    async def get_reservation(self, reservation: PmsId) -> Reservation | None:
        """Return a reservation, or None where there is none.

        Raises:
            BadAnswer: it is for the day only: it has no night.
        """
        row = await self._row(reservation)
        return (await self._completed([row]))[0] if row else None

    async def get_arrivals(self, day: date) -> AsyncIterator[Reservation]:
        """Yield the reservations that arrive on a local day, without those cancelled or for the day: see `_stays`."""
        within = self._within("ScheduledStartUtc", day)
        async for one in self._stays(NOT_CANCELED, within, lambda arrives, departs: arrives == day):
            yield one

    async def get_departures(self, day: date) -> AsyncIterator[Reservation]:
        """Yield the reservations that depart on a local day, without those cancelled or for the day: see `_stays`."""
        within = self._within("ScheduledEndUtc", day)
        async for one in self._stays(NOT_CANCELED, within, lambda arrives, departs: departs == day):
            yield one

    async def get_in_house(self) -> AsyncIterator[Reservation]:
        """Yield the reservations whose guests are checked in, without those for the day: see `_stays`."""
        async for one in self._stays([State.STARTED], {}, lambda arrives, departs: True):
            yield one

    async def get_balance(self, reservation: PmsId) -> Money | None:
        """Return the open items of a reservation and of the orders linked to it, less what was paid for it.

        Mews keeps payments as negative amounts, and tells no balance. Source: order items, payments.
        """
        if await self._row(reservation) is None:
            return None
        balance = Money(Decimal(0), self._place.currency)
        async for item in self._order_items(reservation, {"AccountingStates": ["Open"]}):
            balance += money_of(item.amount, self._place, self._credentials)
        paid = {"ReservationIds": [theirs(reservation)], "AccountingStates": ["Open"], "States": ["Charged"]}
        async for page in self._api.pages(Payments, {**paid, "Currency": self._place.currency}):
            for payment in page:
                balance += money_of(payment.amount, self._place, self._credentials)
        return balance

    async def get_room_status(self, room: str) -> RoomStatus | None:
        """Return one room by its number; None where there is none."""
        named = await self._api.rows(Resources, {"Names": [room], "Extent": {"Resources": True}})
        categories = await self._categories_of([one.id for one in named]) if named else {}
        return next((room_of(one, categories[one.id], self._place) for one in named if one.id in categories), None)

    async def get_all_room_statuses(self) -> AsyncIterator[RoomStatus]:
        """Yield all rooms of the bookable service; Mews's other resources, such as parking spots, are left out."""
        categories = await self._categories_of()
        async for page in self._api.pages(Resources, {"Extent": {"Resources": True}}):
            for one in page:
                if one.id in categories:
                    yield room_of(one, categories[one.id], self._place)

    async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
        """Return the rate of each product on each night, in the enterprise's tax basis.

        Mews does not tell whether a price was set for the night or follows from the rate's base price: it counts as the
        night's own, unless the rate has a base rate.
        """
        rates = await self._rates(self._place.rate_plan, nights, products)
        if not await self._is_derived(self._place.rate_plan):
            return rates
        return {cell: replace(rate, is_own=False, is_derived=True) for cell, rate in rates.items()}

    async def get_availability(self, nights: StayDates, products: Collection[str]) -> tuple[Availability, ...]:
        """Return how many rooms of each product can be sold on each night.

        Of Mews's two operations this is the one that counts itself; the other gives parts, without their sum.
        """
        wanted = {self._place.vendor_product(product): product for product in products}
        found = [
            Availability(wanted[one.category_id], night, count)
            async for told in self._availability(nights)
            for one in told.category_availabilities
            for night, count in by_day(told.time_unit_starts_utc, one.availabilities, self._place)
            if one.category_id in wanted and night in nights
        ]
        return tuple(sorted(found, key=lambda one: (one.product, one.night)))

    async def _configuration(self) -> Configuration:
        return await self._api.ask("configuration/get", Configuration, {})

    async def _with_notes(self, rows: Sequence[CustomerRow]) -> list[Guest]:
        """Look up the account notes of guests: preferences are kept there."""
        if not rows:
            return []
        about: Mapping[str, Json] = {"AccountIds": [row.id for row in rows], "ActivityStates": ACTIVE}
        notes = await self._api.rows(AccountNotes, about)
        return [guest_of(row, notes) for row in rows]

    async def _row(self, reservation: PmsId) -> ReservationRow | None:
        rows = await self._api.rows(Reservations, {"ReservationIds": [theirs(reservation)]})
        return next(iter(rows), None)

    async def _stays(
        self, states: Sequence[State], filters: Mapping[str, Json], is_wanted: Callable[[date, date], bool]
    ) -> AsyncIterator[Reservation]:
        """Yield the reservations in some states whose days of arrival and departure are wanted.

        Those without a night are left out: a `Reservation` has one at least, and Mews also sells stays for the day.
        Rows are picked before they are read, so that one that is not wanted cannot spoil the list.
        """
        asked: Mapping[str, Json] = {"ServiceIds": [self._credentials.service], "States": states, **filters}
        async for page in self._api.pages(Reservations, asked):
            days = [days_of(row, self._place) for row in page]
            picked = [
                row
                for row, (arrives, departs) in zip(page, days, strict=True)
                if row.state in states and arrives < departs and is_wanted(arrives, departs)
            ]
            for one in await self._completed(picked):
                yield one

    async def _completed(self, rows: Sequence[ReservationRow]) -> list[Reservation]:
        """Look up what Mews's reservations only refer to: rooms, guests and notes."""
        if not rows:
            return []
        rooms = {one.assigned_resource_id for one in rows if one.assigned_resource_id}
        everywhere = {"Resources": True, "Inactive": True}
        known: Mapping[str, Json] = {"ResourceIds": sorted(rooms), "Extent": everywhere}
        numbers = {one.id: one.name for one in await self._api.rows(Resources, known)} if rooms else {}
        names = await self._names({one.account_id for one in rows if one.account_type == "Customer"})
        about: Mapping[str, Json] = {"ServiceOrderIds": [one.id for one in rows], "Types": NOTE_TYPES}
        notes = await self._api.rows(OrderNotes, about)
        return [
            reservation_of(one, self._place, self._credentials, rooms=numbers, names=names, notes=notes) for one in rows
        ]

    async def _names(self, guests: Collection[str]) -> Mapping[str, str]:
        if not guests:
            return {}
        rows = await self._api.rows(Customers, guests_where({"CustomerIds": sorted(guests)}, EVER))
        return {row.id: f"{row.first_name or ''} {row.last_name}".strip() for row in rows}

    def _within(self, moment: str, day: date) -> Mapping[str, Json]:
        """Return the filter of the stays that begin or end on a local day; the answers need another look."""
        zone = self._place.zone
        return {moment: interval(start_of(day, zone), start_of(day + DAY, zone))}

    async def _order_items(self, reservation: PmsId, filters: Mapping[str, Json]) -> AsyncIterator[OrderItem]:
        stay = theirs(reservation)
        services = [one.id for one in await self._api.rows(Services, {})]
        linked: Mapping[str, Json] = {"ServiceIds": services, "LinkedReservationIds": [stay]}
        orders = [stay, *(one.id for one in await self._api.rows(Orders, linked))]
        for some in chunks(orders, MOST_IDS):
            asked: Mapping[str, Json] = {"ServiceOrderIds": some, "Currency": self._place.currency, **filters}
            async for page in self._api.pages(OrderItems, asked):
                for item in page:
                    yield item

    async def _categories_of(self, resources: Sequence[str] = ()) -> Mapping[str, str]:
        """Return the category of each resource of the bookable service, or of some of them."""
        about: Mapping[str, Json] = {"ServiceIds": [self._credentials.service], "ActivityStates": ACTIVE}
        categories = [one.id for one in await self._api.rows(Categories, about)]
        if not categories:
            return {}
        only: Mapping[str, Json] = {"ResourceIds": resources} if resources else {}
        wanted: Mapping[str, Json] = {"ResourceCategoryIds": categories, "ActivityStates": ACTIVE, **only}
        return {one.resource_id: one.category_id for one in await self._api.rows(Assignments, wanted)}

    async def _availability(self, nights: StayDates) -> AsyncIterator[ServiceAvailability]:
        for part in parts_of(nights):
            yield await self._api.ask("services/getAvailability", ServiceAvailability, self._service_units(part))

    async def _is_derived(self, plan: str) -> bool:
        """Whether a rate has a base rate, from which Mews computes it."""
        about: Mapping[str, Json] = {"RateIds": [plan], "ServiceIds": [self._credentials.service]}
        wanted = {**about, "Extent": RATES_ONLY}
        return any(row.id == plan and row.base_rate_id for row in await self._api.rows(RateRows, wanted))

    async def _rates(self, plan: str, nights: StayDates, products: Collection[str]) -> dict[RateCell, NightlyRate]:
        place = self._place
        wanted = {place.vendor_product(product): product for product in products}
        found = {}
        for part in parts_of(nights):
            told = await self._api.ask("rates/getPricing", Pricing, {"RateId": plan, **self._units(part)})
            for one in told.category_prices:
                for night, amount in by_day(told.time_unit_starts_utc, one.amount_prices, place):
                    if one.category_id in wanted and night in part:
                        cell = place.cell(wanted[one.category_id], night, plan)
                        found[cell] = NightlyRate(money_of(amount, place, self._credentials).amount)
        return found

    def _service_units(self, nights: StayDates) -> Mapping[str, Json]:
        return {"ServiceId": self._credentials.service, **self._units(nights)}

    def _units(self, nights: StayDates) -> Mapping[str, str]:
        first, last = (start_of(night, self._place.zone) for night in (nights.check_in, nights.check_out - DAY))
        return {"FirstTimeUnitStartUtc": utc_text(first), "LastTimeUnitStartUtc": utc_text(last)}


def guests_where(filters: Mapping[str, Json], states: Sequence[str] = ACTIVE) -> Mapping[str, Json]:
    """Return the filters of customers/getAll, which wants an extent always."""
    return {**filters, "Extent": GUESTS_ONLY, "ActivityStates": states}


def _filters(query: GuestQuery) -> Iterator[Mapping[str, Json]]:
    if query.email:
        yield {"Emails": spellings(query.email)}
    elif words := (query.name or "").split():
        yield {"LastNames": spellings(*(" ".join(words[at:]) for at in range(len(words))))}
        yield {"FirstNames": spellings(" ".join(words))}
    else:
        raise Unsupported(CAPABILITIES.unsupported["search_guests_by_phone"])


def parts_of(nights: StayDates) -> Iterator[StayDates]:
    """Yield the nights in runs that one request may ask for."""
    for start in range(0, nights.nights, MOST_UNITS):
        first = nights.check_in + timedelta(days=start)
        yield StayDates(first, min(first + timedelta(days=MOST_UNITS), nights.check_out))


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in runs of at most so many."""
    return (items[at : at + size] for at in range(0, len(items), size))
