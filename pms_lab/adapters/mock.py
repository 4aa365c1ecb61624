"""A PMS in memory, for demonstrations and outages: it answers reads, marked as not real, and confirms no write.

Every id that it gives out is ``mock:…``, so nothing read from it can be taken for a real guest or reservation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Outcome, Refused, Why
from pms_lab.domain.pms import (
    Availability,
    Capabilities,
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
from pms_lab.domain.writes import (
    AddNote,
    AddPreferences,
    CancelReservation,
    ClearRates,
    CreateReservation,
    ModifyDates,
    PostCharge,
    SetAvailability,
    SetSpecialRequests,
    SetStatus,
    UpdateCheckoutTime,
    UpdateGuest,
    UpdateRates,
    Write,
)
from pms_lab.errors import Unsupported

VENDOR = "mock"
NO_WRITES = "the mock confirms no write: it is no PMS"
NO_CHANGES = "nothing ever changes in the mock"
CAPABILITIES = Capabilities(
    vendor=VENDOR,
    unsupported={"changes_since": NO_CHANGES, "parse_webhook": NO_CHANGES},
    repeatable=frozenset(),
    reconcilable=frozenset(),
    conditional_write=False,
    atomic_create=True,
    atomic_rates=True,
    rate_batch=1000,
    rate_limits=(),
    read_lag_s=0,
    in_flight_s=0,
    shows_deletions=False,
    webhooks=False,
)
REFUSED = Refused(Why.REJECTED, NO_WRITES)
GONE = (ReservationStatus.CANCELLED, ReservationStatus.NO_SHOW)


@dataclass(frozen=True)
class MockData:
    """What the mock answers with; every id in it is ``mock:…``.

    Attributes:
        rates: by product, for every night.
        rooms_to_sell: by product, for every night.
    """

    guests: tuple[Guest, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    rooms: tuple[RoomStatus, ...] = ()
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    rooms_to_sell: Mapping[str, int] = field(default_factory=dict)


class MockPms:
    """`PMSAdapter` over `MockData`."""

    def __init__(self, place: Property, data: MockData) -> None:
        self._place = place
        self._data = data

    def capabilities(self) -> Capabilities:
        """Return what a mock can promise: nothing that matters."""
        return CAPABILITIES

    async def connect(self) -> None:
        """Do nothing."""

    async def disconnect(self) -> None:
        """Do nothing."""

    async def health_check(self) -> Health:
        """Say that it is a mock."""
        return Health(is_up=True, latency_s=0, detail="a mock, not a PMS")

    async def get_guest(self, guest: PmsId) -> Guest | None:
        """Return a made-up guest."""
        return next((one for one in self._data.guests if one.id == guest), None)

    async def search_guests(self, query: GuestQuery) -> AsyncIterator[Guest]:
        """Yield the made-up guests to whom the query applies."""
        for one in self._data.guests:
            name = f"{one.first_name} {one.last_name}"
            asked = ((query.name, name), (query.email, one.email), (query.phone, one.phone))
            if all(wanted is None or wanted.casefold() in (has or "").casefold() for wanted, has in asked):
                yield one

    async def get_reservation(self, reservation: PmsId) -> Reservation | None:
        """Return a made-up reservation."""
        return next((one for one in self._data.reservations if one.id == reservation), None)

    async def get_arrivals(self, day: date) -> AsyncIterator[Reservation]:
        """Yield the made-up arrivals."""
        for one in self._data.reservations:
            if one.stay.check_in == day and one.status not in GONE:
                yield one

    async def get_departures(self, day: date) -> AsyncIterator[Reservation]:
        """Yield the made-up departures."""
        for one in self._data.reservations:
            if one.stay.check_out == day and one.status not in GONE:
                yield one

    async def get_in_house(self) -> AsyncIterator[Reservation]:
        """Yield the made-up guests in house."""
        for one in self._data.reservations:
            if one.status is ReservationStatus.IN_HOUSE:
                yield one

    async def get_balance(self, reservation: PmsId) -> Money | None:
        """Return a made-up balance."""
        known = await self.get_reservation(reservation)
        return known.balance if known else None

    async def get_room_status(self, room: str) -> RoomStatus | None:
        """Return a made-up room."""
        return next((one for one in self._data.rooms if one.number == room), None)

    async def get_all_room_statuses(self) -> AsyncIterator[RoomStatus]:
        """Yield the made-up rooms."""
        for one in self._data.rooms:
            yield one

    async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
        """Return made-up rates."""
        place, rates = self._place, self._data.rates
        return {
            place.cell(product, night): NightlyRate(rates[product], is_own=False)
            for product in products
            if product in rates
            for night in nights
        }

    async def get_availability(self, nights: StayDates, products: Collection[str]) -> tuple[Availability, ...]:
        """Return made-up availability."""
        rooms = self._data.rooms_to_sell
        return tuple(
            Availability(product, night, rooms[product])
            for product in sorted(products)
            if product in rooms
            for night in nights
        )

    async def changes_since(self, cursor: str | None) -> Changes:
        """Say that nothing ever changes."""
        raise Unsupported(NO_CHANGES)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Change, ...]:
        """Say that nothing ever changes."""
        raise Unsupported(NO_CHANGES)

    async def update_guest(self, write: UpdateGuest) -> Outcome[None]:
        """Refuse."""
        return REFUSED

    async def update_guest_preferences(self, write: AddPreferences) -> Outcome[None]:
        """Refuse."""
        return REFUSED

    async def add_reservation_note(self, write: AddNote) -> Outcome[None]:
        """Refuse."""
        return REFUSED

    async def set_special_requests(self, write: SetSpecialRequests) -> Outcome[None]:
        """Refuse."""
        return REFUSED

    async def set_reservation_status(self, write: SetStatus) -> Outcome[None]:
        """Refuse."""
        return REFUSED

    async def update_checkout_time(self, write: UpdateCheckoutTime) -> Outcome[None]:
        """Refuse."""
        return REFUSED

    async def create_reservation(self, write: CreateReservation) -> Outcome[PmsId]:
        """Refuse: a reservation that no PMS knows must not be confirmed."""
        return REFUSED

    async def modify_dates(self, write: ModifyDates) -> Outcome[None]:
        """Refuse."""
        return REFUSED

    async def cancel_reservation(self, write: CancelReservation) -> Outcome[None]:
        """Refuse."""
        return REFUSED

    async def post_charge(self, write: PostCharge) -> Outcome[None]:
        """Refuse."""
        return REFUSED

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        """Refuse each cell."""
        return dict.fromkeys(write.sheet, REFUSED)

    async def clear_rates(self, write: ClearRates) -> Mapping[RateCell, Outcome[None]]:
        """Refuse each cell."""
        return dict.fromkeys(write.cells, REFUSED)

    async def set_availability(self, write: SetAvailability) -> Outcome[None]:
        """Refuse."""
        return REFUSED

    async def reconcile(self, write: Write, sent_at: datetime) -> Outcome[PmsId | None]:
        """Say that nothing was written."""
        return REFUSED
