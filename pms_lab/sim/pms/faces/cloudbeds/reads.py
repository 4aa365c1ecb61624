"""Cloudbeds' read methods, but for rates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from pms_lab.domain.pms import ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.errors import RateError
from pms_lab.sim.pms.faces.cloudbeds.records import STATUSES, Records, latest_bookings
from pms_lab.sim.pms.faces.cloudbeds.wire import Ask, Record, Refusal, day_of
from pms_lab.sim.pms.records import Booking, Person
from pms_lab.sim.pms.state import Pms

MOST = 100
CODES = {code for status, code in STATUSES.items() if status is not ReservationStatus.WAITLISTED}
EXACT = ("status", "roomTypeID", "roomID", "guestID", "sourceId", "firstName", "lastName")
"""The filters that compare whole texts."""

STAMPED = (ReservationStatus.IN_HOUSE, ReservationStatus.CHECKED_OUT)
"""A guest who checks in or out counts as modified."""


class Reads:
    """The read methods of one property."""

    def __init__(self, pms: Pms) -> None:
        self.pms = pms

    def hotels(self, ask: Ask) -> Record:
        """`getHotels`."""
        hotel = self.pms.hotel
        symbol: Record = {
            "currencyCode": hotel.currency,
            "currencySymbol": hotel.currency,
            "currencyPosition": "before",
        }
        rows: list[Record] = [
            {
                "propertyID": hotel.code,
                "propertyName": hotel.name,
                "propertyTimezone": hotel.zone.key,
                "propertyCurrency": [symbol],
            }
        ]
        wanted = (ask.text("propertyIDs") or hotel.code).split(",")
        return _page(ask, rows if hotel.code in wanted else [], 20)

    def guest(self, ask: Ask) -> Record:
        """`getGuest`, by the guest or by the reservation."""
        number = ask.text("guestID")
        if number is None:
            booking = self.pms.bookings.get(ask.needed("reservationID"), ask.as_of)
            if booking is None:
                raise Refusal("Reservation not found")
            number = booking.guest
        person = self.pms.guests.get(number, ask.as_of)
        if person is None:
            raise Refusal("Guest not found")
        latest = latest_bookings(self.pms.bookings.values(ask.as_of)).get(number)
        return {"data": Records(self.pms, ask.as_of).guest(person, latest)}

    def guests(self, ask: Ask) -> Record:
        """`getGuestList`: a map. Names, addresses and numbers are compared as wholes."""
        latest = latest_bookings(self.pms.bookings.values(ask.as_of))
        records = Records(self.pms, ask.as_of)
        people = [one for one in self.pms.guests.values(ask.as_of) if _is_wanted(one, ask)]
        rows = [records.listed_guest(one, latest.get(one.id), ask.flag("includeGuestInfo")) for one in people]
        page = _cut(ask, rows, MOST, MOST)
        by_id: Record = {str(row["guestID"]): row for row in page}
        return {"data": by_id, "count": len(page), "total": len(rows)}

    def modified_guests(self, ask: Ask) -> Record:
        """`getGuestsModified`: one row for each room of a guest. Without a range, only those of today."""
        records = Records(self.pms, ask.as_of)
        start, end = ask.moment("resultsFrom"), ask.moment("resultsTo")
        if start is None and end is None:
            start = f"{self.pms.business_date(ask.at)} 00:00:00"
        rooms: dict[str, list[Booking]] = {}
        for booking in self.pms.bookings.values(ask.as_of):
            rooms.setdefault(booking.guest, []).append(booking)
        rows = []
        for person in self.pms.guests.values(ask.as_of):
            mine: Sequence[Booking | None] = rooms.get(person.id, [None])
            modified = _modified(person, mine)
            if modified and _is_between(records.local(modified), start, end):
                rows += [records.modified_guest(person, booking, modified) for booking in mine]
        return _page(ask, rows, MOST)

    def reservation(self, ask: Ask) -> Record:
        """`getReservation`."""
        return {"data": Records(self.pms, ask.as_of).reservation(self._booking(ask))}

    def reservations(self, ask: Ask) -> Record:
        """`getReservations`."""
        records = Records(self.pms, ask.as_of)
        status = ask.text("status")
        if status is not None and status not in CODES:
            raise Refusal("Parameter status is not valid")
        found = list(filter(self._filter(ask, records), self.pms.bookings.values(ask.as_of)))
        if ask.flag("sortByRecent"):
            found.sort(key=lambda one: one.updated_at, reverse=True)
        rooms, custom = ask.flag("includeAllRooms"), ask.flag("includeCustomFields")
        guests = ask.flag("includeGuestsDetails")
        rows = [
            records.listed_reservation(one, with_rooms=rooms, with_fields=custom, with_guests=guests) for one in found
        ]
        return _page(ask, rows, MOST)

    def notes(self, ask: Ask) -> Record:
        """`getReservationNotes`: those that came with the booking have its time, the others that of their adding."""
        booking = self._booking(ask)
        added = [
            event.at
            for event in self.pms.events
            if (event.id, event.action) == (booking.id, "noted") and event.at <= ask.as_of
        ]
        times = [booking.created_at] * (len(booking.notes) - len(added)) + added
        records = Records(self.pms, ask.as_of)
        return {
            "data": [
                {
                    "reservationNoteID": f"{booking.id}-{number}",
                    "userName": "API",
                    "dateCreated": records.local(at),
                    "dateModified": records.local(at),
                    "reservationNote": text,
                }
                for number, (text, at) in enumerate(zip(booking.notes, times, strict=True), 1)
            ]
        }

    def housekeeping(self, ask: Ask) -> Record:
        """`getHousekeepingStatus`."""
        records = Records(self.pms, ask.as_of)
        types = set((ask.text("roomTypeIDs") or "").split(",")) - {""}
        rooms = [
            one for one in self.pms.rooms.values(ask.as_of) if one.is_active and (not types or one.product in types)
        ]
        rows = [records.room(one) for one in rooms]
        condition = ask.text("roomCondition")
        return _page(ask, [row for row in rows if condition in (None, row["roomCondition"])], MOST, 5000)

    def room_types(self, ask: Ask) -> Record:
        """`getRoomTypes`: pages without a total."""
        rows: list[Record] = [
            {
                "roomTypeID": kind.code,
                "propertyID": self.pms.hotel.code,
                "roomTypeName": kind.name,
                "maxGuests": kind.adults + kind.children,
                "adultsIncluded": kind.adults,
                "childrenIncluded": kind.children,
            }
            for kind in self.pms.room_types.values()
        ]
        return {"data": _cut(ask, rows, 20, MOST)}

    def available(self, ask: Ask) -> Record:
        """`getAvailableRoomTypes`: what is free on all nights of a stay; what is sold out is not listed."""
        stay = stay_of(ask.needed("startDate"), ask.needed("endDate"))
        rooms, people = ask.count("rooms"), ask.count("adults") + ask.count("children")
        hotel = self.pms.hotel
        kinds: list[Record] = []
        for kind in self.pms.room_types.values():
            free = min(self.pms.available(kind.code, night, ask.as_of) for night in stay)
            if free >= max(rooms, 1) and people <= kind.adults + kind.children:
                price = sum(self.pms.rate(kind.code, night, as_of=ask.as_of) for night in stay)
                kinds.append(
                    {"roomTypeID": kind.code, "roomTypeName": kind.name, "roomRate": price, "roomsAvailable": free}
                )
        offer: Record = {
            "propertyID": hotel.code,
            "propertyCurrency": [
                {"currencyCode": hotel.currency, "currencySymbol": hotel.currency, "currencyPosition": "before"}
            ],
            "propertyRooms": kinds,
        }
        return _page(ask, [offer], 20, MOST) | {"roomCount": len(kinds)}

    def _booking(self, ask: Ask) -> Booking:
        booking = self.pms.bookings.get(ask.needed("reservationID"), ask.as_of)
        if booking is None:
            raise Refusal("Reservation not found")
        return booking

    def _filter(self, ask: Ask, records: Records) -> Callable[[Booking], bool]:
        """Return whether a booking is among those that the filters of a request want."""
        exact = {name: ask.text(name) for name in EXACT}
        times = {name: (ask.moment(f"{name}From"), ask.moment(f"{name}To")) for name in ("results", "modified")}
        days = {name: (ask.day(f"{name}From"), ask.day(f"{name}To")) for name in ("checkIn", "checkOut")}

        def is_wanted(one: Booking) -> bool:
            person = records.person(one.guest)
            known = (
                *(STATUSES[one.status], one.product, one.room, one.guest, one.source),
                *(person.first_name, person.last_name),
            )
            return (
                all(wanted in (None, value) for wanted, value in zip(exact.values(), known, strict=True))
                and _is_between(records.local(one.created_at), *times["results"])
                and _is_between(records.local(one.updated_at), *times["modified"])
                and _is_between(one.stay.check_in, *days["checkIn"])
                and _is_between(one.stay.check_out, *days["checkOut"])
            )

        return is_wanted


def stay_of(start: object, end: object) -> StayDates:
    """Return the stay between two dates of a request."""
    try:
        return StayDates(day_of(start, "startDate"), day_of(end, "endDate"))
    except RateError as exc:
        raise Refusal("The check-out date must be after the check-in date") from exc


def _is_wanted(one: Person, ask: Ask) -> bool:
    known = {
        "guestFirstName": one.first_name,
        "guestLastName": one.last_name,
        "guestEmail": one.email,
        "guestPhone": one.phone,
        "guestCellPhone": None,
    }
    asked = {name: ask.text(name) for name in known}
    return all(text is None or text.casefold() == (known[name] or "").casefold() for name, text in asked.items())


def _modified(person: Person, bookings: Iterable[Booking | None]) -> datetime | None:
    times = [one.updated_at for one in bookings if one and one.status in STAMPED]
    return max([*times, *([person.updated_at] if person.updated_at else [])], default=None)


def _is_between(value: object, start: object, end: object) -> bool:
    return (start is None or start <= value) and (end is None or value <= end)  # type: ignore[operator]


def _page(ask: Ask, rows: Sequence[Record], size: int, most: int = MOST) -> Record:
    page = _cut(ask, rows, size, most)
    return {"data": page, "count": len(page), "total": len(rows)}


def _cut(ask: Ask, rows: Sequence[Record], size: int, most: int) -> Sequence[Record]:
    size = ask.count("pageSize", size, most)
    start = (ask.count("pageNumber", 1, 10**6) - 1) * size
    return rows[start : start + size]
