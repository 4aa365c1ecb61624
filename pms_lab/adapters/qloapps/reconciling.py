"""Finding out by reading how a write ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pms_lab.adapters.qloapps.booking import has_tag
from pms_lab.adapters.qloapps.capabilities import CAPABILITIES
from pms_lab.adapters.qloapps.guests import Guests
from pms_lab.adapters.qloapps.models import Booking, Customer, Line, Order
from pms_lab.adapters.qloapps.rates import Rates
from pms_lab.adapters.qloapps.reservations import VENDOR, Desk, Held, is_lost, stay_of
from pms_lab.adapters.qloapps.shop import Shop, is_one_of
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import PmsId, ReservationStatus
from pms_lab.domain.property import Property
from pms_lab.domain.writes import (
    AddNote,
    CancelReservation,
    ClearRates,
    CreateReservation,
    ModifyDates,
    PostCharge,
    SetStatus,
    UpdateGuest,
    UpdateRates,
    Write,
)
from pms_lab.engine.ports import Flow
from pms_lab.errors import BadAnswer, PmsError, Unsupported
from pms_lab.rules.settling import is_settled

CLOCKS: Final = timedelta(hours=2)
"""How far the shop's clock may be from ours, with the hour that comes twice when it is put back."""
NOT_APPLIED: Final = Refused(Why.NOT_APPLIED, "read back: it has not taken effect")
MAY_COME: Final = Unknown("it is not there, and may still come")


class Search:
    """Looks for the effects of writes in one property."""

    def __init__(self, shop: Shop, desk: Desk, guests: Guests, rates: Rates, place: Property, flow: Flow) -> None:
        self._shop = shop
        self._desk = desk
        self._guests = guests
        self._rates = rates
        self._place = place
        self._flow = flow

    async def reconcile(self, write: Write, sent_at: datetime) -> Outcome[PmsId | None]:
        """Tell how a write ended, as the port says."""
        # Before reading: what is not there then, never comes.
        can_come = not is_settled(sent_at, self._flow.now(), CAPABILITIES)
        try:
            found = await self._found(write, sent_at)
        except PmsError as error:
            return Unknown(f"it could not be looked for: {error}")
        if found is not None:
            return found
        return MAY_COME if can_come else NOT_APPLIED

    async def _found(self, write: Write, sent_at: datetime) -> Outcome[PmsId | None] | None:
        match write:
            case CreateReservation():
                return await self._created(write, sent_at)
            case UpdateRates():
                return await self._rates.holds(write.sheet)
            case ClearRates():
                return await self._rates.is_clear(write.cells)
            case UpdateGuest():
                return _applied(await self._guests.holds(write))
            case AddNote() | SetStatus() | ModifyDates() | CancelReservation() | PostCharge():
                held = await self._desk.find(write.reservation)
                return _applied(held is not None and await self._is_done(write, held))
            case _:
                raise Unsupported(f"QloApps has no such write: {type(write).__name__}")

    async def _is_done(
        self, write: AddNote | SetStatus | ModifyDates | CancelReservation | PostCharge, held: Held
    ) -> bool:
        match write:
            case SetStatus():
                return held.status is write.status
            case ModifyDates():
                return _is_moved(held, write)
            case CancelReservation():
                return held.status is ReservationStatus.CANCELLED
        booking = await self._shop.get(Booking, held.order.id)
        if booking is None:
            return False
        if isinstance(write, AddNote):
            return any(has_tag(note, write.key) for note in booking.notes)
        names = [service.name for room in booking.rooms.values() for service in room.services]
        return any(has_tag(name, write.key) for name in names)

    async def _created(self, write: CreateReservation, sent_at: datetime) -> Outcome[PmsId] | None:
        """Look among the orders made since, for the key in the remarks.

        An order whose remarks cannot be read may be it or not: a guest may book the same stay twice. An order that was
        given another guest or other nights at once is found by what has stayed the same.
        """
        unreadable: list[str] = []
        for order in await self._candidates(write, sent_at):
            try:
                booking = await self._shop.get(Booking, order.id)
            except BadAnswer:
                unreadable.append(f"order {order.id}")
                continue
            if booking and any(has_tag(note, write.key) for note in booking.notes):
                return await self._given(order)
        if not unreadable:
            return None
        return Unknown(
            f"the shop cannot show the remarks of {', '.join(unreadable)}: look in the back office whether one of them "
            f"ends in [{write.key}]"
        )

    async def _candidates(self, write: CreateReservation, sent_at: datetime) -> list[Order]:
        """Return the orders made since that have the guest or the stay, the newest first."""
        day = write.stay.check_in
        stays = {
            "date_from": f"[{day} 00:00:00,{day} 23:59:59]",
            "id_product": f"[{self._place.vendor_product(write.product)}]",
            "id_hotel": f"[{self._place.code}]",
        }
        lines = await self._shop.some(Line, stays)
        found = await self._desk.orders(line.id_order for line in lines)
        for guest in await self._guests_of(write):
            found |= {order.id: order for order in await self._shop.some(Order, {"id_customer": f"[{guest.id}]"})}
        since = (sent_at - CLOCKS).astimezone(self._place.zone).replace(tzinfo=None)
        made = [order for order in found.values() if order.date_add >= since and order.source == write.source]
        return sorted(made, key=lambda order: int(order.id), reverse=True)

    async def _guests_of(self, write: CreateReservation) -> list[Customer]:
        if write.guest is not None:
            known = await self._guests.find(write.guest)
            return [known] if known else []
        return await self._shop.some(Customer, {"email": is_one_of([write.email])})

    async def _given(self, order: Order) -> Outcome[PmsId]:
        """Tell whether an order that was made has its room."""
        held = await self._desk.of_order(order.id)
        if held and all(map(is_lost, held)):
            return Refused(Why.REJECTED, f"no room was left: QloApps cancelled the room of order {order.id}")
        return Applied(PmsId(VENDOR, order.id))


def _is_moved(held: Held, write: ModifyDates) -> bool:
    if is_lost(held):
        raise BadAnswer(f"QloApps has cancelled the room of order {held.order.id}: look at it in the back office")
    return stay_of(held.line) == write.stay


def _applied(is_there: bool) -> Applied[None] | None:
    return Applied(None) if is_there else None
