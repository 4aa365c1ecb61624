"""An adapter around an adapter, which passes everything on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from datetime import date, datetime
from typing import TypeVar

from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Outcome
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
    RoomStatus,
)
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
from pms_lab.engine.pms import PMSAdapter

T = TypeVar("T")
W = TypeVar("W", bound=Write)


class PassingOn:
    """Implements `PMSAdapter` by another adapter. Subclasses change what they need.

    Every write but those of rates goes through `_write`.
    """

    def __init__(self, inner: PMSAdapter) -> None:
        self._inner = inner

    async def _write(self, write: W, send: Callable[[W], Awaitable[Outcome[T]]]) -> Outcome[T]:
        return await send(write)

    def capabilities(self) -> Capabilities:
        """Pass on."""
        return self._inner.capabilities()

    async def connect(self) -> None:
        """Pass on."""
        await self._inner.connect()

    async def disconnect(self) -> None:
        """Pass on."""
        await self._inner.disconnect()

    async def health_check(self) -> Health:
        """Pass on."""
        return await self._inner.health_check()

    async def get_guest(self, guest: PmsId) -> Guest | None:
        """Pass on."""
        return await self._inner.get_guest(guest)

    def search_guests(self, query: GuestQuery) -> AsyncIterator[Guest]:
        """Pass on."""
        return self._inner.search_guests(query)

    async def get_reservation(self, reservation: PmsId) -> Reservation | None:
        """Pass on."""
        return await self._inner.get_reservation(reservation)

    def get_arrivals(self, day: date) -> AsyncIterator[Reservation]:
        """Pass on."""
        return self._inner.get_arrivals(day)

    def get_departures(self, day: date) -> AsyncIterator[Reservation]:
        """Pass on."""
        return self._inner.get_departures(day)

    def get_in_house(self) -> AsyncIterator[Reservation]:
        """Pass on."""
        return self._inner.get_in_house()

    async def get_balance(self, reservation: PmsId) -> Money | None:
        """Pass on."""
        return await self._inner.get_balance(reservation)

    async def get_room_status(self, room: str) -> RoomStatus | None:
        """Pass on."""
        return await self._inner.get_room_status(room)

    def get_all_room_statuses(self) -> AsyncIterator[RoomStatus]:
        """Pass on."""
        return self._inner.get_all_room_statuses()

    async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
        """Pass on."""
        return await self._inner.get_rates(nights, products)

    async def get_availability(self, nights: StayDates, products: Collection[str]) -> tuple[Availability, ...]:
        """Pass on."""
        return await self._inner.get_availability(nights, products)

    async def changes_since(self, cursor: str | None) -> Changes:
        """Pass on."""
        return await self._inner.changes_since(cursor)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Change, ...]:
        """Pass on."""
        return self._inner.parse_webhook(headers, body)

    async def update_guest(self, write: UpdateGuest) -> Outcome[None]:
        """Write."""
        return await self._write(write, self._inner.update_guest)

    async def update_guest_preferences(self, write: AddPreferences) -> Outcome[None]:
        """Write."""
        return await self._write(write, self._inner.update_guest_preferences)

    async def add_reservation_note(self, write: AddNote) -> Outcome[None]:
        """Write."""
        return await self._write(write, self._inner.add_reservation_note)

    async def set_special_requests(self, write: SetSpecialRequests) -> Outcome[None]:
        """Write."""
        return await self._write(write, self._inner.set_special_requests)

    async def set_reservation_status(self, write: SetStatus) -> Outcome[None]:
        """Write."""
        return await self._write(write, self._inner.set_reservation_status)

    async def update_checkout_time(self, write: UpdateCheckoutTime) -> Outcome[None]:
        """Write."""
        return await self._write(write, self._inner.update_checkout_time)

    async def create_reservation(self, write: CreateReservation) -> Outcome[PmsId]:
        """Write."""
        return await self._write(write, self._inner.create_reservation)

    async def modify_dates(self, write: ModifyDates) -> Outcome[None]:
        """Write."""
        return await self._write(write, self._inner.modify_dates)

    async def cancel_reservation(self, write: CancelReservation) -> Outcome[None]:
        """Write."""
        return await self._write(write, self._inner.cancel_reservation)

    async def post_charge(self, write: PostCharge) -> Outcome[None]:
        """Write."""
        return await self._write(write, self._inner.post_charge)

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        """Pass on."""
        return await self._inner.update_rates(write)

    async def clear_rates(self, write: ClearRates) -> Mapping[RateCell, Outcome[None]]:
        """Pass on."""
        return await self._inner.clear_rates(write)

    async def set_availability(self, write: SetAvailability) -> Outcome[None]:
        """Write."""
        return await self._write(write, self._inner.set_availability)

    async def reconcile(self, write: Write, sent_at: datetime) -> Outcome[PmsId | None]:
        """Pass on."""
        return await self._inner.reconcile(write, sent_at)
