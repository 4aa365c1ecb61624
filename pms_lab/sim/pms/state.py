"""The state machine of a PMS: rooms, bookings, guests, folios, rates, availability, housekeeping, and what happened.

It is the world, not code under test: synchronous, and atomic in each call. Every call is told what time it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

from pms_lab.domain.pms import Condition, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.sim.pms.records import Booking, Event, Hotel, Person, Posting, RateKey, Room, RoomType
from pms_lab.sim.pms.tables import Table

V = TypeVar("V")

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when the rooms of a PMS are there."""


class Rejected(Exception):
    """The PMS says no; nothing happened.

    Attributes:
        code: ``not_found``, ``no_room``, ``invalid`` or ``state``; a face translates it into its vendor's.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def _numbered(kind: str, number: int) -> str:
    return str(number)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a booking asks for.

    Attributes:
        guest: the id of a known one.
        total: None takes the nights' rates.
        room: a room's id that the caller has chosen and answers for; None takes the first that is free.
    """

    stay: StayDates
    product: str
    guest: str
    adults: int = 1
    children: int = 0
    rate_plan: str | None = None
    total: Decimal | None = None
    source: str = ""
    key: str | None = None
    special_requests: str | None = None
    notes: tuple[str, ...] = ()
    group: str | None = None
    room: str | None = None
    status: ReservationStatus = ReservationStatus.CONFIRMED


class Pms:
    """One hotel's PMS.

    Attributes:
        events: every applied write, in order: the truth that checkers compare with.
        listeners: told of each event as it happens.
        lag: how far behind a replica is; `shown_at` says what a reader sees.
        frees_at_checkout: whether the nights that are left are free again when a guest has checked out.
        race: how far behind the view is from which a booking takes its room. Zero books atomically; above zero, two
            bookings within that time may take the same room, as measured on QloApps.
    """

    def __init__(
        self,
        hotel: Hotel,
        room_types: Iterable[RoomType],
        rooms: Iterable[Room],
        *,
        new_id: Callable[[str, int], str] = _numbered,
        lag: timedelta = timedelta(0),
        race: timedelta = timedelta(0),
        frees_at_checkout: bool = False,
    ) -> None:
        self.hotel = hotel
        self.frees_at_checkout = frees_at_checkout
        self.lag = lag
        self.race = race
        self.room_types: dict[str, RoomType] = {kind.code: kind for kind in room_types}
        self.rooms: Table[str, Room] = Table()
        self.guests: Table[str, Person] = Table()
        self.bookings: Table[str, Booking] = Table()
        self.postings: Table[str, Posting] = Table()
        self.rates: Table[RateKey, Decimal] = Table()
        self.limits: Table[tuple[str, date], int] = Table()
        self.events: list[Event] = []
        self.listeners: list[Callable[[Event], None]] = []
        self._new_id = new_id
        self._numbers: dict[str, int] = {}
        for room in rooms:
            self.rooms.put(room.id, room, BEGINNING)

    def id_of(self, kind: str) -> str:
        """Return the next id of a kind."""
        number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
        return self._new_id(kind, number)

    def shown_at(self, at: datetime) -> datetime:
        """Return the time as of which a reader is shown the state."""
        return at - self.lag

    def business_date(self, at: datetime) -> date:
        """Return the hotel's own date."""
        return at.astimezone(self.hotel.zone).date()

    def add_guest(self, at: datetime, **fields: Any) -> Person:
        """Add a guest; `fields` are those of `Person` but the id."""
        person = Person(self.id_of("guest"), updated_at=at, **fields)
        return self._save_guest(person, at, "created")

    def change_guest(self, guest: str, at: datetime, **fields: Any) -> Person:
        """Change some fields of a guest."""
        return self._save_guest(replace(self.guest(guest), updated_at=at, **fields), at, "changed")

    def guest(self, guest: str) -> Person:
        """Return a guest as it is now."""
        return _known(self.guests.get(guest), "guest", guest)

    def booking(self, booking: str) -> Booking:
        """Return a booking as it is now."""
        return _known(self.bookings.get(booking), "booking", booking)

    def room(self, room: str) -> Room:
        """Return a room by its id."""
        return _known(self.rooms.get(room), "room", room)

    def book(self, wish: Wish, at: datetime) -> Booking:
        """Take a room for the nights wished.

        Raises:
            Rejected: no such guest or room type, or no room is free.
        """
        self.guest(wish.guest)
        kind = _known(self.room_types.get(wish.product), "room type", wish.product)
        room = wish.room or self.free_room(kind.code, wish.stay, at - self.race)
        number = self.id_of("booking")
        booking = Booking(
            id=number,
            confirmation=self._new_id("confirmation", self._numbers["booking"]),
            group=wish.group or number,
            status=wish.status,
            stay=wish.stay,
            product=kind.code,
            room=room,
            guest=wish.guest,
            rate_plan=wish.rate_plan or self.hotel.rate_plan,
            adults=wish.adults,
            children=wish.children,
            total=self.price(kind.code, wish.stay, wish.rate_plan) if wish.total is None else wish.total,
            created_at=at,
            updated_at=at,
            notes=wish.notes,
            special_requests=wish.special_requests,
            source=wish.source,
            key=wish.key,
        )
        return self._save_booking(booking, at, "created")

    def change_booking(self, booking: str, at: datetime, action: str = "changed", **fields: Any) -> Booking:
        """Change some fields of a booking, whatever they are; `action` names it in the events."""
        return self._save_booking(replace(self.booking(booking), updated_at=at, **fields), at, action)

    def move(self, booking: str, stay: StayDates, at: datetime, **fields: Any) -> Booking:
        """Move a booking to other nights: in its own room if that is free, else in another; priced anew.

        Other fields may change with it.
        """
        old = self.booking(booking)
        room = self.free_room(old.product, stay, at, besides=booking, rather=old.room)
        total = self.price(old.product, stay, old.rate_plan)
        return self.change_booking(booking, at, "moved", stay=stay, room=room, total=total, **fields)

    def set_status(self, booking: str, status: ReservationStatus, at: datetime) -> Booking:
        """Give a booking another status.

        Raises:
            Rejected: the step is none that a front desk can take, such as checking in a cancelled booking.
        """
        old = self.booking(booking)
        if status is not old.status and status not in STEPS[old.status]:
            raise Rejected("state", f"a booking that is {old.status} cannot become {status}")
        return self.change_booking(booking, at, f"became {status}", status=status)

    def add_note(self, booking: str, text: str, at: datetime) -> Booking:
        """Add a note to a booking."""
        return self.change_booking(booking, at, "noted", notes=(*self.booking(booking).notes, text))

    def post(self, booking: str, description: str, amount: Decimal, at: datetime, **fields: Any) -> Posting:
        """Post a charge, or with a negative amount a payment."""
        self.booking(booking)
        posting = Posting(self.id_of("posting"), booking, description, amount, at, **fields)
        self.postings.put(posting.id, posting, at)
        self._happened(at, "folio", booking, "posted", f"{amount} {description}")
        return posting

    def unpost(self, posting: str, at: datetime) -> None:
        """Take a posting off its folio."""
        gone = _known(self.postings.get(posting), "posting", posting)
        self.postings.put(posting, None, at)
        self._happened(at, "folio", gone.booking, "unposted", f"{gone.amount} {gone.description}")

    def balance(self, booking: str, as_of: datetime | None = None) -> Decimal:
        """Return what is still to be paid: the stay, and what is posted."""
        known = _known(self.bookings.get(booking, as_of), "booking", booking)
        posted = (one.amount for one in self.postings.values(as_of) if one.booking == booking)
        return sum(posted, known.total)

    def set_rate(self, product: str, plan: str, night: date, amount: Decimal | None, at: datetime) -> None:
        """Give a night a rate of its own; None removes it."""
        _known(self.room_types.get(product), "room type", product)
        self.rates.put((product, plan, night), amount, at)
        self._happened(at, "rate", f"{product}/{plan}/{night}", "set", str(amount))

    def rate(self, product: str, night: date, plan: str | None = None, as_of: datetime | None = None) -> Decimal:
        """Return the rate of a night: its own, else the room type's."""
        own = self.rates.get((product, plan or self.hotel.rate_plan, night), as_of)
        return self.room_types[product].base_rate if own is None else own

    def price(self, product: str, stay: StayDates, plan: str | None = None) -> Decimal:
        """Return what a stay costs now."""
        return sum((self.rate(product, night, plan) for night in stay), Decimal(0))

    def set_base_rate(self, product: str, amount: Decimal, at: datetime) -> None:
        """Give a room type another base rate, for all nights without a rate of their own."""
        kind = _known(self.room_types.get(product), "room type", product)
        self.room_types[product] = replace(kind, base_rate=amount)
        self._happened(at, "rate", product, "base set", str(amount))

    def set_limit(self, product: str, night: date, rooms: int | None, at: datetime) -> None:
        """Limit how many rooms of a type may be sold for a night; None lifts the limit."""
        _known(self.room_types.get(product), "room type", product)
        self.limits.put((product, night), rooms, at)
        self._happened(at, "limit", f"{product}/{night}", "set", str(rooms))

    def set_condition(self, room: str, condition: Condition, at: datetime) -> Room:
        """Say what housekeeping found."""
        changed = replace(self.room(room), condition=condition)
        self.rooms.put(room, changed, at)
        self._happened(at, "room", room, "condition", condition)
        return changed

    def change_room(self, room: str, at: datetime, **fields: Any) -> Room:
        """Change some fields of a room, such as whether it can be sold."""
        changed = replace(self.room(room), **fields)
        self.rooms.put(room, changed, at)
        self._happened(at, "room", room, "changed")
        return changed

    def rooms_of(self, product: str, as_of: datetime | None = None) -> list[Room]:
        """Return the active rooms of a type."""
        return [room for room in self.rooms.values(as_of) if room.product == product and room.is_active]

    def sold(self, product: str, night: date, as_of: datetime | None = None) -> int:
        """Count the rooms of a type that are taken for a night."""
        return len([one for one in self.holding(as_of) if one.product == product and night in one.stay])

    def available(self, product: str, night: date, as_of: datetime | None = None) -> int:
        """Count the rooms of a type that can still be sold for a night; below zero when overbooked."""
        rooms = len(self.rooms_of(product, as_of))
        limit = self.limits.get((product, night), as_of)
        return (rooms if limit is None else min(rooms, limit)) - self.sold(product, night, as_of)

    def holding(self, as_of: datetime | None = None) -> list[Booking]:
        """Return the bookings that hold a room."""
        return [one for one in self.bookings.values(as_of) if self.holds(one)]

    def holds(self, booking: Booking) -> bool:
        """Whether a booking holds a room on its nights."""
        is_out = self.frees_at_checkout and booking.status is ReservationStatus.CHECKED_OUT
        return booking.holds_a_room and not is_out

    def free_room(
        self, product: str, stay: StayDates, as_of: datetime, *, besides: str | None = None, rather: str | None = None
    ) -> str:
        """Return a room of a type that is free for all nights, the lowest unless `rather` is free.

        Args:
            besides: a booking that does not count, since it is the one that is moved.

        Raises:
            Rejected: none is free, or the limit of a night is reached.
        """
        free = self.free_rooms(product, stay, as_of, besides=besides)
        if not free:
            raise Rejected("no_room", f"no {product} is free from {stay.check_in} to {stay.check_out}")
        return rather if rather in free else free[0]

    def free_rooms(self, product: str, stay: StayDates, as_of: datetime, *, besides: str | None = None) -> list[str]:
        """Return the rooms of a type that are free for all nights.

        Raises:
            Rejected: the limit of a night is reached.
        """
        taken = [one for one in self.holding(as_of) if one.id != besides and one.stay.overlaps(stay)]
        for night in stay:
            limit = self.limits.get((product, night), as_of)
            if limit is not None and sum(one.product == product and night in one.stay for one in taken) >= limit:
                raise Rejected("no_room", f"no {product} may be sold for {night}")
        used = {one.room for one in taken}
        return [room.id for room in self.rooms_of(product, as_of) if room.id not in used]

    def double_booked(self) -> list[tuple[Booking, Booking]]:
        """Return the pairs of bookings that hold the same room for the same night."""
        held = [one for one in self.holding() if one.room is not None]
        return [
            (one, other)
            for index, one in enumerate(held)
            for other in held[index + 1 :]
            if one.room == other.room and one.stay.overlaps(other.stay)
        ]

    def _save_guest(self, person: Person, at: datetime, action: str) -> Person:
        self.guests.put(person.id, person, at)
        self._happened(at, "guest", person.id, action)
        return person

    def _save_booking(self, booking: Booking, at: datetime, action: str) -> Booking:
        self.bookings.put(booking.id, booking, at)
        self._happened(at, "booking", booking.id, action)
        return booking

    def _happened(self, at: datetime, kind: str, key: str, action: str, detail: str = "") -> None:
        event = Event(len(self.events) + 1, at, kind, key, action, detail)
        self.events.append(event)
        for listener in self.listeners:
            listener(event)


STEPS: Mapping[ReservationStatus, frozenset[ReservationStatus]] = {
    ReservationStatus.REQUESTED: frozenset({ReservationStatus.CONFIRMED, ReservationStatus.CANCELLED}),
    ReservationStatus.WAITLISTED: frozenset({ReservationStatus.CONFIRMED, ReservationStatus.CANCELLED}),
    ReservationStatus.CONFIRMED: frozenset(
        {ReservationStatus.IN_HOUSE, ReservationStatus.CANCELLED, ReservationStatus.NO_SHOW}
    ),
    ReservationStatus.IN_HOUSE: frozenset({ReservationStatus.CHECKED_OUT}),
    ReservationStatus.CHECKED_OUT: frozenset(),
    ReservationStatus.CANCELLED: frozenset({ReservationStatus.CONFIRMED}),
    ReservationStatus.NO_SHOW: frozenset({ReservationStatus.CONFIRMED}),
}
"""The steps that a front desk can take."""


def _known(value: V | None, what: str, key: str) -> V:
    if value is None:
        raise Rejected("not_found", f"no {what} {key}")
    return value
