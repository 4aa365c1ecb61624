"""What the simulated hotel holds, as OPERA shows it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Final

from pms_lab.adapters.writing import Json
from pms_lab.domain.pms import Condition, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.sim.pms.records import Booking, Event, Person, Posting, Room
from pms_lab.sim.pms.state import Pms

Row = dict[str, Json]

USUAL: Final = frozenset({"onePersonRate"})
"""The names of the rates that a schedule of the simulated hotel has."""

SPECIAL_REQUESTS: Final = "Special requests"
STATUSES: Final[Mapping[ReservationStatus, str]] = {
    ReservationStatus.REQUESTED: "Requested",
    ReservationStatus.WAITLISTED: "Waitlisted",
    ReservationStatus.CONFIRMED: "Reserved",
    ReservationStatus.IN_HOUSE: "InHouse",
    ReservationStatus.CHECKED_OUT: "CheckedOut",
    ReservationStatus.CANCELLED: "Cancelled",
    ReservationStatus.NO_SHOW: "NoShow",
}
CONDITIONS: Final[Mapping[Condition, str]] = {
    Condition.CLEAN: "Clean",
    Condition.DIRTY: "Dirty",
    Condition.PICKUP: "Pickup",
    Condition.INSPECTED: "Inspected",
    Condition.OUT_OF_ORDER: "OutOfOrder",
    Condition.OUT_OF_SERVICE: "OutOfService",
}
MODULES: Final[Mapping[str, str]] = {
    "booking": "Reservation",
    "guest": "Profile",
    "room": "Housekeeping",
    "rate": "Rate",
    "limit": "Availability",
    "folio": "Cashiering",
}
ACTIONS: Final[Mapping[tuple[str, str], str]] = {
    ("booking", "created"): "NEW RESERVATION",
    ("booking", "became cancelled"): "CANCEL RESERVATION",
    ("booking", "became in_house"): "CHECK IN",
    ("booking", "became checked_out"): "CHECK OUT",
    ("guest", "created"): "NEW PROFILE",
    ("room", "condition"): "UPDATE ROOM STATUS",
}


class Shown:
    """The hotel as it was at a time.

    Args:
        titles: of comments, by their id.
        external_system: whose references the business keys are.
        priced: see `Desk`.
    """

    def __init__(
        self,
        pms: Pms,
        as_of: datetime,
        titles: Mapping[str, str],
        external_system: str,
        priced: Mapping[tuple[str, date], Collection[str]],
    ) -> None:
        self._pms = pms
        self._as_of = as_of
        self._titles = titles
        self._system = external_system
        self._priced = priced

    def profile(self, person: Person, parts: Collection[str]) -> Row:
        """Return a whole profile, with the parts that are to be fetched."""
        details: Row = {"profileType": "Guest", "statusCode": "Active"}
        if "Profile" in parts:
            name: Json = {"givenName": person.first_name, "surname": person.last_name, "nameType": "Primary"}
            details["customer"] = given(personName=[name], language=person.language)
            details |= given(lastModifyDateTime=self.time(person.updated_at))
        if "Communication" in parts and person.email:
            details["emails"] = {"emailInfo": [self._email(person, person.email)], "count": 1}
        if "Communication" in parts and person.phone:
            details["telephones"] = {"telephoneInfo": [self._phone(person, person.phone)], "count": 1}
        if "Membership" in parts and person.loyalty_number:
            membership: Json = {"membershipId": person.loyalty_number, "primaryMembership": True}
            details["profileMemberships"] = {"profileMembership": [membership]}
        if "Preference" in parts and person.preferences:
            details["preferenceCollection"] = {"preferenceType": _preferences(person)}
        if "Comment" in parts and person.notes:
            comment: Json = {"text": {"value": person.notes}, "type": "GEN"}
            details["comments"] = {"commentInfo": [{"comment": comment, "id": f"C{person.id}", "type": "Comment"}]}
        return {"profileIdList": _ids(Profile=person.id), "profileDetails": details}

    def profile_row(self, person: Person) -> Row:
        """Return a profile as it stands in a list."""
        name = given(name=person.last_name, givenName=person.first_name, language=person.language)
        row: Row = {"formerName": name, "profileType": "Guest", "statusCode": "Active"}
        if person.email:
            row["emailInfo"] = self._email(person, person.email)
        if person.phone:
            row["telephoneInfo"] = self._phone(person, person.phone)
        row |= given(lastModifyDateTime=self.time(person.updated_at))
        return {"profileIdList": _ids(Profile=person.id), "profile": row}

    def reservation(self, booking: Booking, parts: Collection[str]) -> Row:
        """Return a whole reservation, with the parts that are to be fetched."""
        person = self._person(booking)
        name: Json = {"givenName": person.first_name, "surname": person.last_name, "nameType": "Primary"}
        last = booking.stay.check_out - timedelta(days=1)
        counts: Json = {"adults": booking.adults, "children": booking.children}
        rate = given(
            roomType=booking.product,
            ratePlanCode=booking.rate_plan,
            roomId=self._room(booking),
            start=booking.stay.check_in.isoformat(),
            end=last.isoformat(),
            guestCounts=counts,
            numberOfUnits=1,
        )
        total: Json = {
            "amountBeforeTax": booking.total,
            "amountAfterTax": booking.total,
            "currencyCode": self._pms.hotel.currency,
        }
        stay: Row = {
            "arrivalDate": booking.stay.check_in.isoformat(),
            "departureDate": booking.stay.check_out.isoformat(),
            "currentRoomInfo": given(roomType=booking.product, roomId=self._room(booking)),
            "roomRates": [rate],
            "guestCounts": counts,
            "total": total,
            **self._leaving(booking),
        }
        profile: Json = {"profileIdList": _ids(Profile=booking.guest), "profile": {"customer": {"personName": [name]}}}
        row: Row = {
            **self._common(booking),
            "roomStay": stay,
            "reservationGuests": [{"profileInfo": profile, "primary": True}],
            "roomStayReservation": True,
        }
        if "Comments" in parts:
            row["comments"] = [self._comment(number, text) for number, text in comments_of(booking).items()]
        if "RevenuesAndBalances" in parts:
            balance = self._amount(self._pms.balance(booking.id, self._as_of))
            row["cashiering"] = {"revenuesAndBalances": {"balance": balance}}
        return row

    def reservation_row(self, booking: Booking) -> Row:
        """Return a reservation as it stands in a list."""
        person = self._person(booking)
        stay: Row = {
            "arrivalDate": booking.stay.check_in.isoformat(),
            "departureDate": booking.stay.check_out.isoformat(),
            "adultCount": booking.adults,
            "childCount": booking.children,
            "roomType": booking.product,
            "ratePlanCode": booking.rate_plan,
            "numberOfRooms": 1,
            "totalAmount": self._amount(booking.total),
            **given(roomId=self._room(booking)),
            **self._leaving(booking),
        }
        guest: Row = {"givenName": person.first_name, "surname": person.last_name, "id": person.id, "type": "Profile"}
        return {**self._common(booking), "roomStay": stay, "reservationGuest": guest}

    def posting(self, posting: Posting) -> Row:
        """Return a line of a folio."""
        local = posting.at.astimezone(self._pms.hotel.zone)
        return given(
            transactionNo=int("".join(filter(str.isdigit, posting.id))),
            transactionCode=posting.code,
            remark=posting.description,
            reference=posting.key,
            quantity=1,
            postedAmount=self._amount(posting.amount),
            transactionDate=local.date().isoformat(),
        )

    def folio(self, booking: Booking) -> Row:
        """Return the bill of a reservation: one window."""
        lines: list[Json] = [
            self.posting(one) for one in self._pms.postings.values(self._as_of) if one.booking == booking.id
        ]
        window: Json = {
            "folioWindowNo": 1,
            "balance": self._amount(self._pms.balance(booking.id, self._as_of)),
            "folios": [{"postings": lines}],
            "hasMore": False,
        }
        info: Json = {"reservationIdList": _ids(Reservation=booking.id), "hotelId": self._pms.hotel.code}
        return {"reservationFolioInformation": {"reservationInfo": info, "folioWindows": [window]}}

    def room(self, room: Room) -> Row:
        """Return a room; OPERA's id of it is its number."""
        is_used = any(
            one.room == room.id and one.status is ReservationStatus.IN_HOUSE
            for one in self._pms.bookings.values(self._as_of)
        )
        state: Json = {
            "housekeepingRoomStatus": CONDITIONS[room.condition],
            "frontOfficeStatus": "Occupied" if is_used else "Vacant",
        }
        return {
            "roomId": room.number,
            "roomType": {"roomType": room.product},
            "housekeeping": {"housekeepingRoomStatus": state},
        }

    def schedules(self, product: str, nights: StayDates) -> Iterator[Row]:
        """Yield the rates of a room type, one row for each run of nights of equal rates."""
        for amounts, run in groupby(nights, lambda night: self._amounts(product, night)):
            first, *rest = run
            detail: Row = {
                "start": first.isoformat(),
                "end": [first, *rest][-1].isoformat(),
                "roomTypeList": [product],
                "rateAmounts": amounts,
            }
            number: Json = {"id": f"{product}-{first:%Y%m%d}", "type": "RatePlanScheduleId"}
            if amounts:
                yield {"ratePlanScheduleId": number, "ratePlanScheduleDetail": detail}

    def inventory(self, product: str, nights: StayDates, is_daily: bool) -> Row:
        """Return what can be sold of a room type: night by night, or the least of all."""
        counts = [(night, night, self._pms.available(product, night, self._as_of)) for night in nights]
        if not is_daily:
            counts = [(nights.check_in, counts[-1][1], min(count for _, _, count in counts))]
        return {"code": product, "inventoryCounts": [_count(*one) for one in counts]}

    def event(self, event: Event) -> Row:
        """Return a business event."""
        is_room = event.kind == "room"
        header: Row = {
            "moduleName": MODULES[event.kind],
            "actionType": ACTIONS.get((event.kind, event.action), f"UPDATE {MODULES[event.kind].upper()}"),
            "actionId": event.sequence,
            "primaryKey": self._pms.room(event.id).number if is_room else event.id,
            **given(createdDateTime=self.time(event.at)),
            "hotelId": self._pms.hotel.code,
        }
        number: Json = {"id": str(2130000 + event.sequence)}
        return {"businessEvent": {"header": header}, "businessEventId": number}

    def time(self, at: datetime | None) -> str | None:
        """Return a time by the hotel's clock, as OPERA writes it."""
        return None if at is None else f"{at.astimezone(self._pms.hotel.zone):%Y-%m-%d %H:%M:%S}.0"

    def _amounts(self, product: str, night: date) -> Row:
        """Return the rates of a night; one that has an amount of its own has some, whoever gave it."""
        plan = self._pms.hotel.rate_plan
        own = self._pms.rates.get((product, plan, night), self._as_of)
        names = self._priced.get((product, night), USUAL) or (() if own is None else USUAL)
        amount = self._pms.rate(product, night, as_of=self._as_of)
        return dict.fromkeys(sorted(names), amount)

    def _common(self, booking: Booking) -> Row:
        row: Row = {
            "reservationIdList": _ids(Reservation=booking.id, Confirmation=booking.confirmation),
            "hotelId": self._pms.hotel.code,
            "reservationStatus": STATUSES[booking.status],
            "computedReservationStatus": self._computed(booking),
            **given(
                createDateTime=self.time(booking.created_at),
                lastModifyDateTime=self.time(booking.updated_at),
            ),
        }
        if booking.key:
            row["externalReferences"] = [{"id": booking.key, "idContext": self._system}]
        return row

    def _computed(self, booking: Booking) -> str:
        today = self._pms.business_date(self._as_of)
        if booking.status is ReservationStatus.CONFIRMED and booking.stay.check_in == today:
            return "DueIn"
        if booking.status is ReservationStatus.IN_HOUSE and booking.stay.check_out == today:
            return "DueOut"
        return STATUSES[booking.status]

    def _comment(self, number: str, text: str) -> Row:
        comment: Row = {"text": {"value": text}, "type": "RESERVATION", "internal": True}
        title = SPECIAL_REQUESTS if number.endswith("-0") else self._titles.get(number)
        return {"comment": {**comment, **given(commentTitle=title)}, "id": number, "type": "Comment"}

    def _leaving(self, booking: Booking) -> Row:
        at = self.time(booking.checkout_at)
        return {} if at is None else {"expectedTimes": {"reservationExpectedDepartureTime": at}}

    def _amount(self, amount: Decimal) -> Row:
        return {"amount": amount, "currencyCode": self._pms.hotel.currency}

    def _email(self, person: Person, address: str) -> Row:
        email: Json = {"emailAddress": address, "type": "EMAIL", "primaryInd": True}
        return {"email": email, "id": f"E{person.id}", "type": "Communication"}

    def _phone(self, person: Person, number: str) -> Row:
        telephone: Json = {"phoneTechType": "PHONE", "phoneNumber": number, "primaryInd": True}
        return {"telephone": telephone, "id": f"P{person.id}", "type": "Communication"}

    def _person(self, booking: Booking) -> Person:
        return self._pms.guests.get(booking.guest, self._as_of) or self._pms.guest(booking.guest)

    def _room(self, booking: Booking) -> str | None:
        return None if booking.room is None else self._pms.room(booking.room).number


def comments_of(booking: Booking) -> dict[str, str]:
    """Return the comments of a booking by their ids; the special requests have the id that ends with 0."""
    requests = {f"{booking.id}-0": booking.special_requests} if booking.special_requests else {}
    return requests | {f"{booking.id}-{place}": text for place, text in enumerate(booking.notes, 1)}


def given(**fields: Json) -> Row:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def page(name: str, rows: Sequence[Json], limit: int, offset: int) -> Row:
    """Return one page of a list."""
    shown = rows[offset : offset + limit]
    return {
        name: shown,
        "limit": limit,
        "offset": offset,
        "count": len(shown),
        "totalResults": len(rows),
        "totalPages": -(-len(rows) // limit),
        "hasMore": offset + limit < len(rows),
    }


def _ids(**ids: str) -> list[Json]:
    return [{"id": number, "type": kind} for kind, number in ids.items()]


def _count(first: date, last: date, count: int) -> Row:
    return {
        "startDate": first.isoformat(),
        "endDate": last.isoformat(),
        "availableCount": count,
        "available": count > 0,
    }


def _preferences(person: Person) -> list[Json]:
    kinds: dict[str, list[Json]] = {}
    for one in person.preferences:
        kinds.setdefault(one.kind, []).append({"preferenceValue": one.value})
    return [{"preferenceType": kind, "preference": values} for kind, values in kinds.items()]
