"""What can be read from Cloudbeds about guests, reservations and rooms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator
from datetime import date, timedelta
from itertools import product as combinations

from pms_lab.adapters.cloudbeds.exchange import Exchange, Value
from pms_lab.adapters.cloudbeds.models import (
    Data,
    GuestData,
    GuestPage,
    Hotel,
    List,
    ListedReservation,
    Note,
    Offer,
    Page,
    ReservationData,
    Room,
    RoomTypeData,
)
from pms_lab.adapters.cloudbeds.nouns import (
    guest_of,
    listed_guest_of,
    listed_reservation_of,
    reservation_of,
    room_of,
    status_of,
    theirs,
)
from pms_lab.adapters.reading import found
from pms_lab.domain.money import Money
from pms_lab.domain.pms import (
    Availability,
    Guest,
    GuestQuery,
    Health,
    PmsId,
    Reservation,
    ReservationStatus,
    RoomStatus,
)
from pms_lab.domain.property import Property
from pms_lab.domain.stay import StayDates
from pms_lab.errors import PmsError, PmsRefused


class CloudbedsReads:
    """The reads of `PMSAdapter`, but for rates and changes.

    Args:
        requests_field: the short code of the reservation's custom field that holds special requests.
    """

    def __init__(self, place: Property, exchange: Exchange, requests_field: str) -> None:
        self.place = place
        self.exchange = exchange
        self.requests_field = requests_field

    async def connect(self) -> None:
        """Check the key, the property and its currency."""
        hotels = self.exchange.rows(
            Page[Hotel], "getHotels", lambda hotel: hotel.property_id, propertyIDs=self.place.code
        )
        async for hotel in hotels:
            if hotel.property_id == self.place.code:
                return self._check_currency(hotel)
        raise PmsRefused(f"the API key does not reach property {self.place.code}: correct either in the settings")

    def _check_currency(self, hotel: Hotel) -> None:
        currencies = {one.currency_code for one in hotel.property_currency}
        if self.place.currency not in currencies:
            raise PmsRefused(
                f"property {self.place.code} sells in {', '.join(sorted(currencies)) or 'no currency'}, "
                f"the settings say {self.place.currency}: correct them"
            )

    async def health_check(self) -> Health:
        """Ask for the property, once."""
        flow = self.exchange.flow
        began_s = flow.monotonic_s()
        try:
            await self.exchange.get_once(Page[Hotel], "getHotels", propertyIDs=self.place.code)
        except PmsError as error:
            return Health(False, flow.monotonic_s() - began_s, str(error))
        return Health(True, flow.monotonic_s() - began_s, "getHotels was answered")

    async def get_guest(self, guest: PmsId) -> Guest | None:
        """Return a guest with its preferences."""
        answer = await found(
            self.exchange.get(Data[GuestData], "getGuest", propertyID=self.place.code, guestID=theirs(guest))
        )
        return None if answer is None else guest_of(guest, answer.data)

    async def search_guests(self, query: GuestQuery) -> AsyncIterator[Guest]:
        """Yield guests; whether Cloudbeds compares whole names is not told, so each way to split one is asked for."""
        seen = set()
        for filters in _filters(query):
            rows = self.exchange.rows(
                GuestPage,
                "getGuestList",
                lambda row: row.guest_id,
                propertyIDs=self.place.code,
                includeGuestInfo=True,
                **filters,
            )
            async for row in rows:
                guest = listed_guest_of(row)
                if guest.id not in seen and _fits(guest, query, (row.guest_phone, row.guest_cell_phone)):
                    seen.add(guest.id)
                    yield guest

    async def get_reservation(self, reservation: PmsId) -> Reservation | None:
        """Return a reservation with its notes."""
        answer = await self.reservation_data(reservation)
        if answer is None:
            return None
        return reservation_of(answer, await self.notes(reservation), self.place, self.requests_field)

    async def reservation_data(self, reservation: PmsId) -> ReservationData | None:
        """Return a reservation as Cloudbeds tells it, without its notes."""
        answer = await found(
            self.exchange.get(
                Data[ReservationData],
                "getReservation",
                propertyID=self.place.code,
                reservationID=theirs(reservation),
            )
        )
        return None if answer is None else answer.data

    async def notes(self, reservation: PmsId) -> list[str]:
        """Return the notes of a reservation, the oldest first."""
        answer = await self.exchange.get(
            Data[List[Note]], "getReservationNotes", propertyID=self.place.code, reservationID=theirs(reservation)
        )
        return [note.reservation_note for note in sorted(answer.data, key=lambda note: note.date_created)]

    def get_arrivals(self, day: date) -> AsyncIterator[Reservation]:
        """Yield who arrives; the range is closed by `checkInTo`."""
        return self.reservations(checkInFrom=day, checkInTo=day)

    def get_departures(self, day: date) -> AsyncIterator[Reservation]:
        """Yield who departs."""
        return self.reservations(checkOutFrom=day, checkOutTo=day)

    def get_in_house(self) -> AsyncIterator[Reservation]:
        """Yield who is checked in."""
        return self.reservations(status="checked_in")

    async def reservations(self, **filters: Value) -> AsyncIterator[Reservation]:
        """Yield the reservations to which the filters of `getReservations` apply, but for cancelled ones.

        One without a room or a night, such as a day use, is left out: it is no stay in a room type, and must not hide
        all the others. `get_reservation` says what is wrong with it.
        """
        async for row in self.rows(**filters):
            if status_of(row.status) is not ReservationStatus.CANCELLED:
                reservation = listed_reservation_of(row, self.place, self.requests_field)
                if reservation is not None:
                    yield reservation

    def rows(self, **filters: Value) -> AsyncIterator[ListedReservation]:
        """Yield the reservations as Cloudbeds lists them."""
        return self.exchange.rows(
            Page[ListedReservation],
            "getReservations",
            lambda row: row.reservation_id,
            propertyID=self.place.code,
            includeAllRooms=True,
            includeCustomFields=True,
            **filters,
        )

    async def get_balance(self, reservation: PmsId) -> Money | None:
        """Return what is still owed."""
        answer = await self.reservation_data(reservation)
        return None if answer is None else Money(answer.balance, self.place.currency)

    async def get_all_room_statuses(self) -> AsyncIterator[RoomStatus]:
        """Yield all rooms, today."""
        rows = self.exchange.rows(
            Page[Room], "getHousekeepingStatus", lambda row: row.room_id, propertyID=self.place.code
        )
        async for row in rows:
            yield room_of(row, self.place)

    async def get_room_status(self, room: str) -> RoomStatus | None:
        """Return one room; Cloudbeds cannot be asked for one, so all are read."""
        async for one in self.get_all_room_statuses():
            if one.number == room:
                return one
        return None

    async def get_availability(self, nights: StayDates, products: Collection[str]) -> tuple[Availability, ...]:
        """Ask for each night alone: for a longer stay, Cloudbeds tells what is free on all its nights.

        A type that is sold out, or that may not be booked for one night, is not listed: it counts as none left. A type
        that the property does not have is left out.
        """
        types = self.exchange.rows(
            Page[RoomTypeData], "getRoomTypes", lambda row: row.room_type_id, propertyIDs=self.place.code
        )
        known = {row.room_type_id async for row in types}
        asked = [one for one in products if self.place.vendor_product(one) in known]
        free = {night: await self._free(night) for night in nights}
        return tuple(
            Availability(one, night, free[night].get(self.place.vendor_product(one), 0))
            for one in asked
            for night in nights
        )

    async def _free(self, night: date) -> dict[str, int]:
        """Return how many rooms of a type can be sold; a type that several plans offer has the same rooms in all."""
        offers = self.exchange.rows(
            Page[Offer],
            "getAvailableRoomTypes",
            lambda offer: offer,  # whether a property's types may stand on several pages is not told
            propertyIDs=self.place.code,
            startDate=night,
            endDate=night + timedelta(days=1),
            rooms=1,
            adults=1,
            children=0,
        )
        free: dict[str, int] = {}
        async for offer in offers:
            for kind in offer.property_rooms if offer.property_id == self.place.code else ():
                free[kind.room_type_id] = max(kind.rooms_available, free.get(kind.room_type_id, kind.rooms_available))
        return free


def _filters(query: GuestQuery) -> Iterator[dict[str, Value]]:
    """Yield the questions that together find everybody: names and phones stand in two fields each.

    A name of blanks and a phone without a digit are nobody's: to ask for nothing would be to ask for everybody.
    """
    names: list[dict[str, Value]] = [{}]
    if query.name:
        words = query.name.split()
        splits = range(len(words) + 1) if words else ()
        names = [
            {"guestFirstName": " ".join(words[:at]) or None, "guestLastName": " ".join(words[at:]) or None}
            for at in splits
        ]
    phones: list[dict[str, Value]] = [{}]
    if query.phone:
        digits = _digits(query.phone)
        number = f"+{digits}" if query.phone.strip().startswith("+") else digits
        phones = [{"guestPhone": number}, {"guestCellPhone": number}] if digits else []
    for name, phone in combinations(names, phones):
        yield {**name, **phone, "guestEmail": query.email}


def _fits(guest: Guest, query: GuestQuery, phones: Collection[str | None]) -> bool:
    """Whether all that was asked for applies, in case Cloudbeds takes parts of names too."""
    name = f"{guest.first_name} {guest.last_name}".casefold()
    return (
        all(word in name for word in (query.name or "").casefold().split())
        and (query.email is None or query.email.casefold() == (guest.email or "").casefold())
        and (query.phone is None or _digits(query.phone) in {_digits(phone or "") for phone in phones})
    )


def _digits(text: str) -> str:
    return "".join(char for char in text if char in "0123456789")
