"""What the PMS holds, as Cloudbeds' records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from pms_lab.domain.pms import Condition, ReservationStatus
from pms_lab.sim.pms.faces.cloudbeds.wire import Record, local_text
from pms_lab.sim.pms.records import Booking, Person, Room
from pms_lab.sim.pms.state import Pms

STATUSES: Final = {
    ReservationStatus.REQUESTED: "not_confirmed",
    ReservationStatus.CONFIRMED: "confirmed",
    ReservationStatus.IN_HOUSE: "checked_in",
    ReservationStatus.CHECKED_OUT: "checked_out",
    ReservationStatus.CANCELLED: "canceled",
    ReservationStatus.NO_SHOW: "no_show",
    # No status of Cloudbeds', and none that its description allows: whoever reads it must say so.
    ReservationStatus.WAITLISTED: "waitlisted",
}
ROOM_STATUSES: Final = {
    ReservationStatus.IN_HOUSE: "in_house",
    ReservationStatus.CHECKED_OUT: "checked_out",
    ReservationStatus.CANCELLED: "cancelled",
}
REQUESTS: Final = "special_requests"
"""The reservation's custom field; `getGuest` has special requests too, which the guest made at the time of booking."""

CLEAN: Final = (Condition.CLEAN, Condition.INSPECTED)
BLOCKED: Final = (Condition.OUT_OF_ORDER, Condition.OUT_OF_SERVICE)


class Records:
    """Writes the records of one property as of one time."""

    def __init__(self, pms: Pms, as_of: datetime) -> None:
        self.pms = pms
        self.as_of = as_of

    def local(self, at: datetime) -> str:
        """Write a time as Cloudbeds does."""
        return local_text(at, self.pms.hotel.zone)

    def person(self, guest: str) -> Person:
        """Return a guest as it was."""
        return self.pms.guests.get(guest, self.as_of) or self.pms.guest(guest)

    def guest(self, person: Person, latest: Booking | None) -> Record:
        """Of `getGuest`, which does not repeat the id."""
        return {
            "firstName": person.first_name,
            "lastName": person.last_name,
            "gender": "N/A",
            "email": person.email or "",
            "phone": person.phone or "",
            "cellPhone": "",
            "customFields": custom_fields(person),
            "specialRequests": (latest and latest.special_requests) or "",
            "isAnonymized": False,
            "guestOptIn": False,
            "isMerged": False,
            "newGuestID": "",
        }

    def listed_guest(self, person: Person, latest: Booking | None, is_full: bool) -> Record:
        """Of `getGuestList`."""
        record: Record = {
            "reservationID": latest.id if latest else "",
            "guestName": f"{person.first_name} {person.last_name}",
            "guestEmail": person.email or "",
            "guestID": person.id,
            "isMainGuest": True,
            "isAnonymized": False,
        }
        if latest:
            record |= {"dateCreated": self.local(latest.created_at), "dateModified": self.local(latest.updated_at)}
        if is_full:
            record |= {
                "guestFirstName": person.first_name,
                "guestLastName": person.last_name,
                "guestPhone": person.phone,
                "guestCellPhone": None,
            }
        return record

    def modified_guest(self, person: Person, booking: Booking | None, modified: datetime) -> Record:
        """Of `getGuestsModified`."""
        record: Record = {
            "guestID": person.id,
            "guestFirstName": person.first_name,
            "guestLastName": person.last_name,
            "guestEmail": person.email or "",
            "guestPhone": person.phone or "",
            "customFields": custom_fields(person),
            "dateModified": self.local(modified),
            "isAnonymized": False,
            "isMerged": False,
        }
        if booking:
            record |= {
                "reservationID": booking.id,
                "roomTypeID": booking.product,
                "startDate": f"{booking.stay.check_in} 00:00:00",
                "endDate": f"{booking.stay.check_out} 00:00:00",
            }
            if booking.room:
                record |= {"roomID": booking.room, "roomName": self.pms.room(booking.room).number}
        return record

    def reservation(self, booking: Booking) -> Record:
        """Of `getReservation`: amounts are numbers here, and texts in `roomTotal`."""
        person = self.person(booking.guest)
        balance = self.pms.balance(booking.id, self.as_of)
        items = [one.amount for one in self.pms.postings.values(self.as_of) if one.booking == booking.id]
        paid = -sum((one for one in items if one < 0), Decimal(0))
        room = self._booked_room(booking)
        return {
            "propertyID": self.pms.hotel.code,
            "guestName": f"{person.first_name} {person.last_name}",
            "guestEmail": person.email or "",
            "isAnonymized": False,
            "guestList": {person.id: self._companion(person, booking)},
            "reservationID": booking.id,
            "dateCreated": self.local(booking.created_at),
            "dateModified": self.local(booking.updated_at),
            "estimatedArrivalTime": None,
            "source": "Default Corporate Client",
            "sourceID": booking.source,
            "thirdPartyIdentifier": booking.key or "",
            "status": STATUSES[booking.status],
            "total": booking.total,
            "balance": balance,
            "balanceDetailed": {
                "suggestedDeposit": "0.00",
                "subTotal": booking.total,
                "additionalItems": balance + paid - booking.total,
                "taxesFees": Decimal(0),
                "grandTotal": balance + paid,
                "paid": paid,
            },
            "assigned": [room] if booking.room else [],
            "unassigned": [] if booking.room else [room],
            "cardsOnFile": [],
            "customFields": self.reservation_fields(booking),
            "startDate": str(booking.stay.check_in),
            "endDate": str(booking.stay.check_out),
            "origin": "API",
        }

    def listed_reservation(self, booking: Booking, *, with_rooms: bool, with_fields: bool, with_guests: bool) -> Record:
        """Of `getReservations`."""
        person = self.person(booking.guest)
        record: Record = {
            "propertyID": self.pms.hotel.code,
            "reservationID": booking.id,
            "dateCreated": self.local(booking.created_at),
            "dateModified": self.local(booking.updated_at),
            "status": STATUSES[booking.status],
            "guestID": booking.guest,
            "guestName": f"{person.first_name} {person.last_name}",
            "startDate": str(booking.stay.check_in),
            "endDate": str(booking.stay.check_out),
            "adults": str(booking.adults),
            "children": str(booking.children),
            "balance": self.pms.balance(booking.id, self.as_of),
            "sourceName": "Default Corporate Client",
            "sourceID": booking.source,
            "thirdPartyIdentifier": booking.key or "",
        }
        if with_rooms:
            record["rooms"] = [self._listed_room(booking, person)]
        if with_fields:
            record["customFields"] = self.reservation_fields(booking)
        if with_guests:
            record["guestList"] = {person.id: {"guestID": person.id, "guestEmail": person.email, "isMainGuest": True}}
        return record

    def reservation_fields(self, booking: Booking) -> list[Record]:
        """Return the custom fields of a reservation: those that have a value."""
        if not booking.special_requests:
            return []
        return [
            {
                "customFieldID": "11",
                "shortcode": REQUESTS,
                "isActive": True,
                "customFieldName": "Special requests",
                "customFieldValue": booking.special_requests,
            }
        ]

    def room(self, room: Room) -> Record:
        """Of `getHousekeepingStatus`, whose enumeration has two conditions; the others stand in flags."""
        today = self.pms.business_date(self.as_of)
        mine = [one for one in self.pms.holding(self.as_of) if one.room == room.id]
        arrives = any(one.stay.check_in == today for one in mine)
        departs = any(one.stay.check_out == today for one in mine)
        stays = any(today in one.stay and one.stay.check_in != today for one in mine)
        front_desk = {(True, True): "turnover", (True, False): "check-in", (False, True): "check-out"}
        return {
            "date": str(today),
            "roomTypeID": room.product,
            "roomTypeName": self.pms.room_types[room.product].name,
            "roomID": room.id,
            "roomName": room.number,
            "roomCondition": "clean" if room.condition in CLEAN else "dirty",
            "roomOccupied": any(one.status is ReservationStatus.IN_HOUSE for one in mine),
            "roomBlocked": room.condition in BLOCKED,
            "frontdeskStatus": front_desk.get((arrives, departs), "stayover" if stays else "unused"),
            "doNotDisturb": False,
            "refusedService": False,
            "vacantPickup": room.condition is Condition.PICKUP,
            "roomComments": "",
        }

    def _booked_room(self, booking: Booking) -> Record:
        kind = self.pms.room_types[booking.product]
        record: Record = {
            "reservationRoomID": booking.id,
            "roomTypeName": kind.name,
            "roomTypeIsVirtual": False,
            "roomTypeID": kind.code,
            "subReservationID": booking.id,
            "isRoomLocked": False,
            "startDate": str(booking.stay.check_in),
            "endDate": str(booking.stay.check_out),
            "adults": str(booking.adults),
            "children": str(booking.children),
            "dailyRates": [
                {"date": str(night), "rate": self.pms.rate(kind.code, night, booking.rate_plan, self.as_of)}
                for night in booking.stay
            ],
            "roomTotal": f"{booking.total:f}",
        }
        if booking.room:
            record |= {"roomName": self.pms.room(booking.room).number, "roomID": booking.room}
        return record

    def _listed_room(self, booking: Booking, person: Person) -> Record:
        kind = self.pms.room_types[booking.product]
        record: Record = {
            "roomTypeID": kind.code,
            "roomTypeName": kind.name,
            "roomTypeIsVirtual": False,
            "subReservationID": booking.id,
            "isRoomLocked": False,
            "guestID": person.id,
            "guestName": f"{person.first_name} {person.last_name}",
            "adults": str(booking.adults),
            "children": str(booking.children),
            "reservationRoomID": booking.id,
            "roomCheckIn": str(booking.stay.check_in),
            "roomCheckOut": str(booking.stay.check_out),
            "roomStatus": ROOM_STATUSES.get(booking.status, "not_checked_in"),
        }
        if booking.room:
            record |= {"roomID": booking.room, "roomName": self.pms.room(booking.room).number}
        return record

    def _companion(self, person: Person, booking: Booking) -> Record:
        return {
            "guestID": person.id,
            "guestFirstName": person.first_name,
            "guestLastName": person.last_name,
            "guestEmail": person.email or "",
            "guestPhone": person.phone or "",
            "assignedRoom": booking.room is not None,
            "isAnonymized": False,
            "isMainGuest": True,
        }


def custom_fields(person: Person) -> list[Record]:
    """Return the custom fields of a guest: one text for each name."""
    texts: dict[str, list[str]] = {}
    for one in person.preferences:
        texts.setdefault(one.kind, []).append(one.value)
    return [{"customFieldName": kind, "customFieldValue": "; ".join(values)} for kind, values in texts.items()]


def latest_bookings(bookings: Iterable[Booking]) -> Mapping[str, Booking]:
    """Return each guest's booking that was made last."""
    return {one.guest: one for one in bookings}
