"""Cloudbeds' write methods, but for rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pms_lab.domain.pms import Preference
from pms_lab.sim.pms.faces.cloudbeds.reads import stay_of
from pms_lab.sim.pms.faces.cloudbeds.records import REQUESTS, STATUSES, Records
from pms_lab.sim.pms.faces.cloudbeds.wire import Ask, Record, Refusal, amount_of, count_of
from pms_lab.sim.pms.records import Booking
from pms_lab.sim.pms.state import Pms, Wish

GUEST_FIELDS: Final = {
    "guestFirstName": "first_name",
    "guestLastName": "last_name",
    "guestEmail": "email",
    "guestPhone": "phone",
}
NAMES: Final = ("first_name", "last_name")
METHODS: Final = ("cash", "credit", "ebanking", "pay_pal")
BOOKING_FIELDS: Final = (
    "startDate",
    "endDate",
    "guestFirstName",
    "guestLastName",
    "guestCountry",
    "guestZip",
    "guestEmail",
    "paymentMethod",
)
ITEM_FIELDS: Final = ("appItemID", "itemQuantity", "itemPrice", "itemName")
ROOM_FIELDS: Final = ("roomTypeID", "checkinDate", "checkoutDate", "adults", "children")


class Writes:
    """The write methods of one property.

    Attributes:
        custom_fields: the short codes of the guest's custom fields that the property has defined.
    """

    def __init__(self, pms: Pms) -> None:
        self.pms = pms
        self.custom_fields = {"floor", "pillow", "allergy"}
        self._item_names: dict[str, str] = {}

    def put_guest(self, ask: Ask) -> Record:
        """`putGuest`: what is not there stays; an empty text clears, but for names."""
        person = self.pms.guests.get(ask.needed("guestID"))
        if person is None:
            raise Refusal("Guest not found")
        given = {ours: ask.fields[theirs] for theirs, ours in GUEST_FIELDS.items() if theirs in ask.fields}
        if any(not isinstance(value, str) or (name in NAMES and not value) for name, value in given.items()):
            raise Refusal("A name of the guest is not valid")
        changes: dict[str, Any] = {name: value or None for name, value in given.items()}
        custom = dict(_custom(row, self.custom_fields) for row in ask.rows("guestCustomFields"))
        if custom:
            kept = [one for one in person.preferences if one.kind not in custom]
            added = [Preference(name, text) for name, text in custom.items() if text]
            changes["preferences"] = (*kept, *added)
        if not changes:
            raise Refusal("At least one information field is required")
        self.pms.change_guest(person.id, ask.at, **changes)
        return {}

    def put_reservation(self, ask: Ask) -> Record:
        """`putReservation`: status, dates, rooms, and custom fields."""
        booking = self._booking(ask)
        status, end, rooms = ask.text("status"), ask.text("checkoutDate"), ask.rows("rooms")
        custom = dict(_custom(row, {REQUESTS}) for row in ask.rows("customFields"))
        if status is not None:
            known = {code: one for one, code in STATUSES.items() if code != "waitlisted"}
            if status not in known:
                raise Refusal("Parameter status is not valid")
            self.pms.set_status(booking.id, known[status], ask.at)
        if end is not None:
            self.pms.move(booking.id, stay_of(str(booking.stay.check_in), end), ask.at)
        for row in rooms:
            self._change_room(booking, row, ask)
        if custom:
            self.pms.change_booking(booking.id, ask.at, special_requests=custom[REQUESTS] or None)
        return {"data": Records(self.pms, ask.at).reservation(self.pms.booking(booking.id))}

    def post_reservation(self, ask: Ask) -> Record:
        """`postReservation`: one room for a new guest."""
        missing = [name for name in BOOKING_FIELDS if ask.text(name) is None]
        rooms, adults, children = ask.rows("rooms"), ask.rows("adults"), ask.rows("children")
        missing += [name for name in ("rooms", "adults", "children") if not ask.rows(name)]
        if missing:
            raise Refusal(f"Parameter {missing[0]} is required")
        if ask.text("paymentMethod") not in METHODS or len(ask.needed("guestCountry")) != 2:
            raise Refusal("The payment method or the country is not valid")
        if len(rooms) != 1 or count_of(rooms[0].get("quantity"), "quantity") != 1:
            raise Refusal("This front desk books one room at a time")
        kind = str(rooms[0].get("roomTypeID"))
        if kind not in self.pms.room_types or any(row.get("roomTypeID") != kind for row in (*adults, *children)):
            raise Refusal("Room type not found")
        stay = stay_of(ask.text("startDate"), ask.text("endDate"))
        people = [count_of(rows[0].get("quantity"), "quantity") for rows in (adults, children)]
        # Before the guest is made: a refused booking leaves nothing behind.
        self.pms.free_room(kind, stay, ask.at - self.pms.race)
        guest = self.pms.add_guest(
            ask.at,
            first_name=ask.needed("guestFirstName"),
            last_name=ask.needed("guestLastName"),
            email=ask.needed("guestEmail"),
            phone=ask.text("guestPhone"),
        )
        wish = Wish(
            stay,
            kind,
            guest.id,
            adults=people[0],
            children=people[1],
            source=ask.text("sourceID") or "s-1",
            key=ask.text("thirdPartyIdentifier"),
        )
        booking = self.pms.book(wish, ask.at)
        return {
            "reservationID": booking.id,
            "status": "confirmed",
            "guestID": guest.id,
            "guestFirstName": guest.first_name,
            "guestLastName": guest.last_name,
            "guestGender": "N/A",
            "guestEmail": guest.email,
            "startDate": str(stay.check_in),
            "endDate": str(stay.check_out),
            "dateCreated": Records(self.pms, ask.at).local(ask.at),
            "grandTotal": booking.total,
            "unassigned": [],
        }

    def post_note(self, ask: Ask) -> Record:
        """`postReservationNote`."""
        booking = self.pms.add_note(self._booking(ask).id, ask.needed("reservationNote"), ask.at)
        return {"reservationNoteID": f"{booking.id}-{len(booking.notes)}"}

    def post_custom_item(self, ask: Ask) -> Record:
        """`postCustomItem`: a reference that is known adds nothing, and a known item keeps its first name."""
        booking, reference = self._booking(ask), ask.text("referenceID")
        known = next((one for one in self.pms.postings.values() if reference and one.key == reference), None)
        if known:
            data: Record = {"soldProductID": known.id, "transactionID": known.id, "notice": "Nothing was created"}
            return {"data": data}
        items = [_item(row) for row in ask.rows("items")]
        if not items:
            raise Refusal("Parameter items is required")
        posted = [
            self.pms.post(
                booking.id,
                self._item_names.setdefault(row["appItemID"], row["itemName"]),
                amount_of(row["itemPrice"], "itemPrice") * count_of(row["itemQuantity"], "itemQuantity"),
                ask.at,
                code=row["appItemID"],
                key=reference,
            )
            for row in items
        ]
        return {"data": {"soldProductID": posted[0].id, "transactionID": posted[0].id}}

    def _booking(self, ask: Ask) -> Booking:
        booking = self.pms.bookings.get(ask.needed("reservationID"))
        if booking is None:
            raise Refusal("Reservation not found")
        return booking

    def _change_room(self, booking: Booking, row: Mapping[str, Any], ask: Ask) -> None:
        missing = [name for name in ROOM_FIELDS if not row.get(name)]
        if missing:
            raise Refusal(f"Parameter {missing[0]} is required if rooms are sent")
        if row.get("subReservationID", booking.id) != booking.id:
            raise Refusal("Sub reservation not found")
        people = {name: count_of(row[name], name) for name in ("adults", "children")}
        if row["roomTypeID"] != booking.product or people != {"adults": booking.adults, "children": booking.children}:
            raise Refusal("This front desk changes dates only")
        self.pms.move(booking.id, stay_of(row["checkinDate"], row["checkoutDate"]), ask.at)


def _custom(row: Mapping[str, Any], known: set[str]) -> tuple[str, str]:
    name, text = row.get("customFieldName"), row.get("customFieldValue")
    if name not in known or not isinstance(text, str):
        raise Refusal("The custom field is not valid")
    return str(name), text


def _item(row: Mapping[str, Any]) -> Mapping[str, Any]:
    missing = [name for name in ITEM_FIELDS if not row.get(name)]
    if missing:
        raise Refusal(f"Parameter {missing[0]} is required")
    amount_of(row["itemPrice"], "itemPrice")
    if count_of(row["itemQuantity"], "itemQuantity") < 1:
        raise Refusal("Parameter itemQuantity must be at least 1")
    return row
