"""Cloudbeds' records into our nouns.

A time of Cloudbeds is one of the property's clock, by our reading: its description names no zone. In the hour that
comes twice when the clocks go back, it is taken as the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from pms_lab.adapters.cloudbeds.models import (
    Amount,
    BookedRoom,
    CustomField,
    GuestData,
    ListedGuest,
    ListedReservation,
    ReservationData,
    Room,
)
from pms_lab.domain.money import Money
from pms_lab.domain.pms import Condition, Guest, PmsId, Preference, Reservation, ReservationStatus, RoomStatus
from pms_lab.domain.property import Property
from pms_lab.domain.stay import StayDates
from pms_lab.errors import BadAnswer, InputError

VENDOR: Final = "cloudbeds"

STATUSES: Final = {
    "not_confirmed": ReservationStatus.REQUESTED,
    "confirmed": ReservationStatus.CONFIRMED,
    "checked_in": ReservationStatus.IN_HOUSE,
    "checked_out": ReservationStatus.CHECKED_OUT,
    "canceled": ReservationStatus.CANCELLED,
    "no_show": ReservationStatus.NO_SHOW,
}
CODES: Final = {ours: theirs for theirs, ours in STATUSES.items()}

CONDITIONS: Final = {"clean": Condition.CLEAN, "dirty": Condition.DIRTY, "inspected": Condition.INSPECTED}
"""The enumeration of the answer has no ``inspected``, the text beside it has."""

BETWEEN: Final = "; "
"""Between several preferences of one kind: a custom field holds one text."""


def ours(local: str) -> PmsId:
    """Return an id of Cloudbeds as one of ours."""
    return PmsId(VENDOR, local)


def theirs(known: PmsId) -> str:
    """Return the id as Cloudbeds gave it out.

    Raises:
        InputError: another vendor gave it out.
    """
    if known.vendor != VENDOR:
        raise InputError(f"{known} is no id of {VENDOR}: ask the adapter of {known.vendor}")
    return known.local


def status_of(code: str) -> ReservationStatus:
    """Read a reservation's status.

    Raises:
        BadAnswer: there is none of this name.
    """
    if code not in STATUSES:
        raise BadAnswer(f"reservation status {code[:40]!r} is none of {', '.join(sorted(STATUSES))}")
    return STATUSES[code]


def in_utc(local: datetime, place: Property) -> datetime:
    """Return a time of the property's clock in UTC."""
    return local.replace(tzinfo=place.zone).astimezone(UTC)


def in_local(at: datetime, place: Property) -> datetime:
    """Return what the property's clock shows at a time, without a zone and to the second."""
    return at.astimezone(place.zone).replace(tzinfo=None, microsecond=0)


def money_of(amount: Amount | None, place: Property) -> Money | None:
    """Return an amount in the property's currency."""
    return None if amount is None else Money(amount, place.currency)


def guest_of(guest: PmsId, record: GuestData) -> Guest:
    """Return a guest as `getGuest` tells it; its custom fields are the preferences."""
    return Guest(
        guest,
        record.first_name or "",
        record.last_name or "",
        email=record.email or None,
        phone=record.phone or record.cell_phone or None,
        preferences=tuple(preferences_of(record.custom_fields)),
    )


def preferences_of(custom: Iterable[CustomField]) -> Iterable[Preference]:
    """Yield what custom fields say: the name is the kind, and several of a kind stand in one text."""
    for one in custom:
        kind = one.shortcode or one.custom_field_name
        for value in (one.custom_field_value or "").split(BETWEEN):
            if kind and value:
                yield Preference(kind, value)


def listed_guest_of(record: ListedGuest) -> Guest:
    """Return a guest as `getGuestList` tells it, which is without preferences."""
    return Guest(
        ours(record.guest_id),
        record.guest_first_name or "",
        record.guest_last_name or "",
        email=record.guest_email or None,
        phone=record.guest_phone or record.guest_cell_phone or None,
    )


def reservation_of(record: ReservationData, notes: Sequence[str], place: Property, requests_field: str) -> Reservation:
    """Return a reservation as `getReservation` and `getReservationNotes` tell it."""
    rooms = (*record.assigned, *record.unassigned)
    companions = sorted(record.guest_list.values(), key=lambda one: not one.is_main_guest)
    first = _first(rooms, record.reservation_id)
    return Reservation(
        ours(record.reservation_id),
        confirmation=record.reservation_id,
        status=status_of(record.status),
        stay=_stay(record),
        product=place.our_product(first.room_type_id),
        guest=ours(companions[0].guest_id) if companions else None,
        guest_name=record.guest_name or "",
        room=first.room_name or None,
        adults=sum(room.adults for room in rooms),
        children=sum(room.children for room in rooms),
        total=money_of(record.total, place),
        balance=money_of(record.balance, place),
        special_requests=requests_of(record.custom_fields, requests_field),
        notes=tuple(notes),
        updated_at=record.date_modified and in_utc(record.date_modified, place),
    )


def listed_reservation_of(record: ListedReservation, place: Property, requests_field: str) -> Reservation | None:
    """Return a reservation as `getReservations` tells it, which is without its total and its notes.

    None where it has no room or no night.
    """
    if not record.rooms or record.end_date <= record.start_date:
        return None
    first = record.rooms[0]
    return Reservation(
        ours(record.reservation_id),
        confirmation=record.reservation_id,
        status=status_of(record.status),
        stay=StayDates(record.start_date, record.end_date),
        product=place.our_product(first.room_type_id),
        guest=ours(record.guest_id) if record.guest_id else None,
        guest_name=record.guest_name or "",
        room=first.room_name or None,
        adults=sum(room.adults for room in record.rooms),
        children=sum(room.children for room in record.rooms),
        balance=money_of(record.balance, place),
        special_requests=requests_of(record.custom_fields, requests_field),
        updated_at=record.date_modified and in_utc(record.date_modified, place),
    )


def requests_of(custom: Iterable[CustomField], requests_field: str) -> str | None:
    """Return the special requests, which stand in a custom field of this name."""
    values = (one.custom_field_value for one in custom if requests_field in (one.shortcode, one.custom_field_name))
    return next(values, None) or None


def room_of(record: Room, place: Property) -> RoomStatus:
    """Return a room as housekeeping sees it; a blocked one is out of order, as Cloudbeds' own page shows it.

    Raises:
        BadAnswer: a condition that the description does not know.
    """
    if record.room_condition not in CONDITIONS:
        raise BadAnswer(f"room condition {record.room_condition[:40]!r} is none of {', '.join(sorted(CONDITIONS))}")
    condition = CONDITIONS[record.room_condition]
    if record.room_blocked:
        condition = Condition.OUT_OF_ORDER
    elif record.vacant_pickup:
        condition = Condition.PICKUP
    return RoomStatus(
        ours(record.room_id), record.room_name, place.our_product(record.room_type_id), condition, record.room_occupied
    )


def tagged(text: str, key: str) -> str:
    """Return a note's text with its business key, as ``text [key]``: Cloudbeds keeps no reference with a note."""
    return f"{text} {_tag(key)}"


def has_tag(text: str, key: str) -> bool:
    """Whether a note carries a business key, wherever: the front desk may have written on."""
    return _tag(key) in text


def _tag(key: str) -> str:
    return f"[{key}]"


def _first(rooms: Sequence[BookedRoom], reservation: str) -> BookedRoom:
    if not rooms:
        raise BadAnswer(f"reservation {reservation} has no room: what was booked is not told")
    return rooms[0]


def _stay(record: ReservationData) -> StayDates:
    if record.end_date <= record.start_date:
        raise BadAnswer(
            f"reservation {record.reservation_id} from {record.start_date} to {record.end_date} is without a night"
        )
    return StayDates(record.start_date, record.end_date)
