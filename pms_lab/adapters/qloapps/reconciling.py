"""Finding out by reading how a write ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pms_lab.adapters.qloapps.booking import has_tag
from pms_lab.adapters.qloapps.capabilities import CAPABILITIES
from pms_lab.adapters.qloapps.guests import Guests
from pms_lab.adapters.qloapps.models import Booking, Customer, Line, Order
from pms_lab.adapters.qloapps.rates import Rates
from pms_lab.adapters.qloapps.reservations import VENDOR, Desk, Held, stay_of
from pms_lab.adapters.qloapps.shop import Shop, is_one_of
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import PmsId, ReservationStatus
from pms_lab.domain.property import Property
from pms_lab.domain.writes import (
    AddNote,
    CancelReservation,
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

CLOCKS: Final = timedelta(hours=2)
"""How far the shop's clock may be from ours, with the hour that comes twice when it is put back."""
SETTLED: Final = timedelta(seconds=CAPABILITIES.in_flight_s + CAPABILITIES.read_lag_s)
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
        is_settled = self._flow.now() > sent_at + SETTLED  # before reading: what is not there then, never comes
        try:
            found = await self._found(write, sent_at)
        except PmsError as error:
            return Unknown(f"it could not be looked for: {error}")
        if found is not None:
            return found
        return NOT_APPLIED if is_settled else MAY_COME

    async def _found(self, write: Write, sent_at: datetime) -> Outcome[PmsId | None] | None:
        match write:
            case CreateReservation():
                return await self._created(write, sent_at)
            case UpdateRates():
                return await self._rates.holds(write.sheet)
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
                return stay_of(held.line) == write.stay
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
        """Look among the orders made since: by the key in the remarks, and where these cannot be read, by the contents.

        Orders with the same contents cannot be told apart without remarks. An order that was given another guest or
        other nights at once is found by what has stayed the same.
        """
        unreadable: list[Order] = []
        for order in await self._candidates(write, sent_at):
            try:
                booking = await self._shop.get(Booking, order.id)
            except BadAnswer:
                unreadable.append(order)
                continue
            if booking and any(has_tag(note, write.key) for note in booking.notes):
                return await self._given(order)
        alike = [order for order in unreadable if await self._is_alike(order, write)]
        if len(alike) > 1:
            orders = ", ".join(order.id for order in alike)
            return Unknown(f"orders {orders} are alike, and the shop cannot show their remarks: one of them may be it")
        return await self._given(alike[0]) if alike else None

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

    async def _is_alike(self, order: Order, write: CreateReservation) -> bool:
        guests = {guest.id for guest in await self._guests_of(write)}
        lines = await self._shop.some(Line, {"id_order": f"[{order.id}]"})
        product = self._place.vendor_product(write.product)
        return order.id_customer in guests and any(
            line.id_product == product and stay_of(line) == write.stay for line in lines
        )

    async def _given(self, order: Order) -> Outcome[PmsId]:
        """Tell whether an order that was made has its room."""
        held = await self._desk.of_order(order.id)
        if held and all(one.line.is_gone for one in held) and not order.is_cancelled:
            return Refused(Why.REJECTED, f"no room was left: QloApps cancelled the room of order {order.id}")
        return Applied(PmsId(VENDOR, order.id))


def _applied(is_there: bool) -> Applied[None] | None:
    return Applied(None) if is_there else None
