"""What is read of OPERA Cloud. Paths and parameters: Oracle's descriptions, version 25.5.0.0."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Hashable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from pms_lab.adapters.opera import guest_models as guests
from pms_lab.adapters.opera import hotel_models as hotel
from pms_lab.adapters.opera import models
from pms_lab.adapters.opera.access import CAPABILITIES as PROMISED
from pms_lab.adapters.opera.access import CONTENT, Access, OperaCredentials, code_of, counted_as, explain
from pms_lab.adapters.opera.nouns import (
    availability_of,
    change_of,
    guest_of,
    listed_guest_of,
    listed_reservation_of,
    money,
    own,
    required,
    reservation_of,
    room_of,
    theirs,
)
from pms_lab.adapters.opera.paging import PAGE, rows_of
from pms_lab.adapters.reading import found, parsed
from pms_lab.adapters.wire import Call, Link, judge_status
from pms_lab.domain.money import Money
from pms_lab.domain.pms import (
    Availability,
    Change,
    Changes,
    Guest,
    GuestQuery,
    Health,
    NightlyRate,
    PmsId,
    Reservation,
    ReservationStatus,
    RoomStatus,
)
from pms_lab.domain.property import Property
from pms_lab.domain.rates import RateCell
from pms_lab.domain.stay import StayDates
from pms_lab.errors import BadAnswer, Effect, PmsError, PmsRefused

M = TypeVar("M", bound=BaseModel)
R = TypeVar("R")
Query = Sequence[tuple[str, str]]

LONGEST_SCHEDULE: Final = 365  # nights that `getRatePlanSchedules` allows at once
LONGEST_INVENTORY: Final = 90  # nights that `getHotelInventory` allows at once
EVENTS_AT_ONCE: Final = 20
MOST_DEQUEUES: Final = 500
QUEUE: Final = "queue"
DERIVED: Final = partial(NightlyRate, is_own=False, is_derived=True)


class OperaReads:
    """The reads of one property."""

    def __init__(self, place: Property, credentials: OperaCredentials, link: Link) -> None:
        self.place = place
        self.credentials = credentials
        self.access = Access(place.code, credentials, link)
        self.wire = link.wire(
            authorization=self.access,
            judge=judge_status(explain, code_of),
            limits=PROMISED.rate_limits,
            counted_as=counted_as(link),
        )
        self.wire.breaker = self.access.breaker  # tokens and answers come from one host

    def path(self, module: str, *parts: str) -> str:
        """Return a path below this hotel, in one of OPERA's modules."""
        return "/".join([f"/{module}/v1/hotels/{quoted(self.place.code)}", *map(quoted, parts)])

    async def connect(self) -> None:
        """Check the credentials, and that the hotel has the rate plan: see `PMSAdapter`."""
        if await self.plan(self.place.rate_plan) is None:
            raise PmsRefused(
                f"OPERA knows no rate plan {self.place.rate_plan} of hotel {self.place.code}: correct the settings"
            )

    async def disconnect(self) -> None:
        """Let go of the token: see `PMSAdapter`."""
        self.access.forget()

    async def health_check(self) -> Health:
        """Do what `connect` does, and tell how it went: see `PMSAdapter`."""
        began_s = self.wire.flow.monotonic_s()
        try:
            await self.connect()
        except PmsError as error:
            return Health(is_up=False, latency_s=self.wire.flow.monotonic_s() - began_s, detail=str(error))
        return Health(is_up=True, latency_s=self.wire.flow.monotonic_s() - began_s, detail="OPERA answers")

    async def get_guest(self, guest: PmsId) -> Guest | None:
        """Return a guest: see `PMSAdapter`."""
        profile = await self.profile(guest)
        return None if profile is None else guest_of(profile, self.place.zone)

    async def profile(self, guest: PmsId) -> guests.Profile | None:
        """Return a guest's profile as OPERA writes it, with the ids of addresses and numbers."""
        wanted = ["Profile", "Communication", "Membership", "Preference", "Comment"]
        query = [("fetchInstructions", one) for one in wanted]
        return await self._one(guests.Profile, f"/crm/v1/profiles/{quoted(theirs(guest))}", query)

    async def search_guests(self, query: GuestQuery) -> AsyncIterator[Guest]:
        """Yield guests: see `PMSAdapter`.

        OPERA shows one e-mail address and one number in a list: who is known by another one is not found.
        """
        contact = [("email", query.email or ""), ("phone", _dialled(query.phone or ""))]
        seen: set[PmsId] = set()
        for name in _splits(query.name):
            asked = [(field, text) for field, text in [*name, *contact] if text]
            if not asked:
                return
            pages = self._pages(
                guests.ProfileList,
                "/crm/v1/profiles",
                [("profileType", "Guest"), ("summaryInfo", "true"), *asked],
                lambda answer: (answer.profile_summaries.profile_info, answer.profile_summaries),
                lambda info: required(info.profile_id_list, "Profile"),
            )
            async for info in pages:
                guest = listed_guest_of(info, self.place.zone)
                if guest.id not in seen and _applies(query, guest):
                    seen.add(guest.id)
                    yield guest

    async def get_reservation(self, reservation: PmsId) -> Reservation | None:
        """Return a reservation: see `PMSAdapter`."""
        answer = await self.reservation(reservation)
        return None if answer is None else reservation_of(answer, self.place)

    async def reservation(self, reservation: PmsId) -> models.Reservation | None:
        """Return a reservation as OPERA writes it, with the ids of comments."""
        wanted = ["Reservation", "Comments", "RevenuesAndBalances"]
        query = [("fetchInstructions", one) for one in wanted]
        answer = await self._one(models.OneReservation, self.path("rsv", "reservations", theirs(reservation)), query)
        return None if answer is None else answer.reservations.reservation[0]

    def get_arrivals(self, day: date) -> AsyncIterator[Reservation]:
        """Yield a day's arrivals: see `PMSAdapter`. Stays for the day only are left out: they have no night."""
        return self._not_cancelled([("arrivalStartDate", day.isoformat()), ("arrivalEndDate", day.isoformat())])

    def get_departures(self, day: date) -> AsyncIterator[Reservation]:
        """Yield a day's departures: see `PMSAdapter`."""
        return self._not_cancelled([("departureStartDate", day.isoformat()), ("departureEndDate", day.isoformat())])

    async def get_in_house(self) -> AsyncIterator[Reservation]:
        """Yield who is checked in: see `PMSAdapter`."""
        async for one in self.reservations([("searchType", "InHouse")]):
            if one.status is ReservationStatus.IN_HOUSE:
                yield one

    async def reservations(self, query: Query) -> AsyncIterator[Reservation]:
        """Yield the reservations of a list, without notes; those that have no night are left out."""
        async for info in self._listed(query):
            one = listed_reservation_of(info, self.place)
            if one is not None:
                yield one

    async def get_balance(self, reservation: PmsId) -> Money | None:
        """Return what is to be paid: see `PMSAdapter`."""
        answer = await self.reservation(reservation)
        if answer is None:
            return None
        balance = money(answer.cashiering.revenues_and_balances.balance)
        if balance is None:
            raise BadAnswer(f"OPERA told no balance of {reservation}: look whether we may read revenues")
        return balance

    async def postings(self, reservation: PmsId) -> AsyncIterator[hotel.Posting]:
        """Yield the lines of all folios of a reservation; none before OPERA has opened one."""
        query = [("fetchInstructions", "Postings")]
        answer = await self._one(hotel.Folios, self.path("csh", "reservations", theirs(reservation), "folios"), query)
        windows = () if answer is None else answer.reservation_folio_information.folio_windows
        if any(window.has_more for window in windows):
            raise BadAnswer(f"the folio of {reservation} is longer than OPERA shows at once: look at it there")
        for window in windows:
            for folio in window.folios:
                for posting in folio.postings:
                    yield posting

    async def get_room_status(self, room: str) -> RoomStatus | None:
        """Return a room: see `PMSAdapter`."""
        async for one in self._rooms([("roomIdText", room)]):
            if one.number == room:
                return one
        return None

    def get_all_room_statuses(self) -> AsyncIterator[RoomStatus]:
        """Yield all rooms: see `PMSAdapter`."""
        return self._rooms([])

    async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
        """Return the rates for the credentials' number of persons, which their cells do not name: see `PMSAdapter`.

        Whatever schedule a night's rate stands in counts as its own, unless OPERA computes it from another plan's.
        """
        plan = await self.plan(self.place.rate_plan)
        rates = await self.rates_of(nights, products, self.place.rate_plan, self.credentials.persons)
        if plan is None or not plan.is_derived:
            return rates
        return {cell: DERIVED(rate.amount) for cell, rate in rates.items()}

    async def plan(self, code: str) -> hotel.RatePlan | None:
        """Return a rate plan; None where the hotel has none of this code."""
        path = self.path("rtp", "ratePlans", code)
        plans = await self._one(hotel.RatePlans, path, [("fetchInstructions", "PrimaryDetails")])
        return next((one for one in plans.rate_plans if one.rate_plan_code == code), None) if plans else None

    async def rates_of(
        self, nights: StayDates, products: Collection[str], plan: str, persons: int
    ) -> Mapping[RateCell, NightlyRate]:
        """Return the rates of a plan for so many adults.

        Raises:
            BadAnswer: two schedules give one cell two rates, as a plan by length of stay does.
        """
        rates: dict[RateCell, NightlyRate] = {}
        async for schedule in self.schedules(nights, products, plan):
            made = DERIVED if schedule.is_derived else NightlyRate
            for cell, amount in self._cells(schedule, nights, products, plan, persons):
                if rates.setdefault(cell, made(amount)).amount != amount:
                    raise BadAnswer(f"{cell} has two rates in OPERA: name a plan without tiers in the settings")
        return rates

    async def get_availability(self, nights: StayDates, products: Collection[str]) -> tuple[Availability, ...]:
        """Return what can be sold: see `PMSAdapter`."""
        rows: list[Availability] = []
        for part in _parts(nights, LONGEST_INVENTORY):
            query = [
                *_range("dateRangeStart", "dateRangeEnd", part),
                ("roomCountRequested", "1"),
                ("dailyInventory", "true"),
                *(("roomTypes", self.place.vendor_product(product)) for product in products),
            ]
            answer = await self._one(hotel.Inventories, self.path("inv", "hotelInventory"), query)
            for inventory in () if answer is None else answer.hotel_inventories:
                for counts in inventory.room_type_inventories:
                    rows += availability_of(counts, part, self.place)
        return tuple(sorted((row for row in rows if row.product in products), key=lambda row: (row.product, row.night)))

    async def changes_since(self, cursor: str | None) -> Changes:
        """Take what waits in our queue of business events.

        OPERA keeps the place, not the cursor: the first call takes all that has waited. What was taken is gone: a
        dequeue is never repeated, and when the answer to one is lost, `is_complete` is False.
        """
        changes: list[Change] = []
        for _ in range(MOST_DEQUEUES):
            try:
                events = await self._dequeued()
            except PmsError as error:
                if error.effect is Effect.NONE and not changes:
                    raise
                return Changes(tuple(changes), QUEUE, is_complete=error.effect is Effect.NONE)
            if not events:
                break
            changes += filter(None, (change_of(event, self.place.zone) for event in events))
        return Changes(tuple(changes), QUEUE)

    async def _dequeued(self) -> Sequence[hotel.EventData]:
        system, code = quoted(self.credentials.external_system), quoted(self.place.code)
        path = f"/int/v1/externalSystem/{system}/hotels/{code}/businessEvents"
        response = await self.wire.tell(Call("GET", path, [("limit", str(EVENTS_AT_ONCE))], CONTENT))
        return () if response.status == 204 else parsed(hotel.Events, response).business_event_data

    async def booked_as(self, key: str) -> PmsId | None:
        """Return the reservation that has a business key as its reference, cancelled or not."""
        query = [("externalReferenceIds", key), ("externalSystemCodes", self.credentials.external_system)]
        async for info in self._listed(query):
            references = [one.id for one in info.external_references]
            if key in references or not references:
                return own(required(info.reservation_id_list, "Reservation"))
        return None

    async def _not_cancelled(self, query: Query) -> AsyncIterator[Reservation]:
        async for one in self.reservations(query):
            if one.status is not ReservationStatus.CANCELLED:
                yield one

    def _listed(self, query: Query) -> AsyncIterator[models.ReservationInfo]:
        return self._pages(
            models.ReservationList,
            self.path("rsv", "reservations"),
            query,
            lambda answer: (answer.reservations.reservation_info, answer.reservations),
            lambda info: required(info.reservation_id_list, "Reservation"),
        )

    async def _rooms(self, query: Query) -> AsyncIterator[RoomStatus]:
        pages = self._pages(
            hotel.RoomList,
            self.path("hsk", "housekeepingOverview"),
            query,
            lambda answer: (answer.housekeeping_room_info.housekeeping_rooms.room, answer.housekeeping_room_info),
            lambda room: room.room_id,
        )
        async for room in pages:
            yield room_of(room, self.place)

    async def schedules(self, nights: StayDates, products: Collection[str], plan: str) -> AsyncIterator[hotel.Schedule]:
        """Yield the schedules that hold on some of the nights; one may come twice."""
        kinds = [("roomType", self.place.vendor_product(product)) for product in products]
        for part in _parts(nights, LONGEST_SCHEDULE):
            pages = self._pages(
                hotel.ScheduleList,
                self.path("rtp", "ratePlans", plan, "schedules"),
                [*_range("startDate", "endDate", part), *kinds],
                lambda answer: (answer.rate_plan_schedule_list.rate_plan_schedule, answer.rate_plan_schedule_list),
                lambda info: info,  # its id is optional
            )
            async for info in pages:
                yield info.rate_plan_schedule_detail

    def _cells(
        self, schedule: hotel.Schedule, nights: StayDates, products: Collection[str], plan: str, persons: int
    ) -> Iterator[tuple[RateCell, Decimal]]:
        amount = schedule.rate_amounts.of(persons)
        occupancy = None if persons == self.credentials.persons else persons
        for product in map(self.place.our_product, schedule.room_type_list):
            if product in products and amount is not None:
                for night in filter(schedule.holds_on, nights):
                    yield self.place.cell(product, night, plan, occupancy), amount

    async def _one(self, model: type[M], path: str, query: Query) -> M | None:
        """Return one thing; OPERA answers 204 or 404 where there is none."""
        response = await found(self.wire.ask(Call("GET", path, query, CONTENT)))
        return None if response is None or response.status == 204 else parsed(model, response)

    def _pages(
        self,
        model: type[M],
        path: str,
        query: Query,
        of: Callable[[M], tuple[Sequence[R], models.Page]],
        id_of: Callable[[R], Hashable],
    ) -> AsyncIterator[R]:
        """Return the rows of a list; OPERA answers 204 where there is none."""

        async def page_at(offset: int) -> tuple[Sequence[R], bool]:
            place = [("limit", str(PAGE)), ("offset", str(offset))]
            response = await self.wire.ask(Call("GET", path, [*query, *place], CONTENT))
            if response.status == 204:
                return (), False
            rows, page = of(parsed(model, response))
            return rows, page.has_more

        return rows_of(page_at, id_of)


def quoted(part: str) -> str:
    """Return a text as one part of a path, whatever it holds."""
    return quote(part, safe="")


def _range(start: str, end: str, nights: StayDates) -> Query:
    """Name the first and the last night: OPERA's ranges include both ends."""
    return [(start, nights.check_in.isoformat()), (end, (nights.check_out - timedelta(days=1)).isoformat())]


def _parts(nights: StayDates, longest: int) -> Iterator[StayDates]:
    for first in range(0, nights.nights, longest):
        yield StayDates.starting(nights.check_in + timedelta(days=first), min(longest, nights.nights - first))


def _splits(name: str | None) -> Iterator[Query]:
    """Yield every way to read a name as given names and family name: OPERA searches for each apart."""
    words = (name or "").split()
    for given in range(len(words) + 1):
        yield [("givenName", " ".join(words[:given])), ("profileName", " ".join(words[given:]))]


def _applies(query: GuestQuery, guest: Guest) -> bool:
    name = f"{guest.first_name} {guest.last_name}".casefold()
    return (
        all(word in name for word in (query.name or "").casefold().split())
        and (query.email is None or query.email.casefold() == (guest.email or "").casefold())
        and (query.phone is None or (_dialled(query.phone) or None) == _dialled(guest.phone or ""))
    )


def _dialled(phone: str) -> str:
    return "".join(one for one in phone if one.isdigit() or one == "+")
