"""Orders and room lines into reservations.

An order may hold several rooms; a reservation of ours is one of them. Its id is the order's where the order has one
room line, and ``<order>-<line>`` for each line where it has more. The line's own id would not do: QloApps replaces the
line when a stay is moved. `confirmation` is the order's reference; the rooms of one order share it.

A line tells more than its order: one that was cancelled for want of a room stands in an order that awaits payment.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pms_lab.adapters.qloapps.models import LIVE_ORDERS, Customer, Line, Order
from pms_lab.adapters.qloapps.shop import Filters, Shop, is_one_of
from pms_lab.domain.money import Money
from pms_lab.domain.pms import PmsId, Reservation, ReservationStatus
from pms_lab.domain.property import Property
from pms_lab.domain.stay import StayDates
from pms_lab.errors import BadAnswer, PmsRefused

VENDOR: Final = "qloapps"

STAYS: Final = {
    1: ReservationStatus.CONFIRMED,
    2: ReservationStatus.IN_HOUSE,
    3: ReservationStatus.CHECKED_OUT,
}
"""What `id_status` of a line means that holds a room: allotted, checked in, checked out."""


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation with what is needed to write it.

    Attributes:
        lines: all of its order, by id; `line` is the reservation's own.
        guest: None where the shop's lists do not show the customer.
    """

    order: Order
    line: Line
    lines: tuple[Line, ...]
    guest: Customer | None

    @property
    def status(self) -> ReservationStatus:
        """Where it stands."""
        return status_of(self.order, self.line)


class Desk:
    """The reservations of one property, as they are read."""

    def __init__(self, shop: Shop, place: Property) -> None:
        self._shop = shop
        self._place = place

    async def find(self, reservation: PmsId) -> Held | None:
        """Return a reservation; None where there is none.

        Raises:
            PmsError: no answer can be had, or the id names an order of several rooms and not one of them.
        """
        ids = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", reservation.local, re.ASCII)
        if reservation.vendor != VENDOR or ids is None:
            return None
        held = await self.of_order(ids[1])
        if ids[2] is None and len(held) > 1:
            raise PmsRefused(f"order {ids[1]} holds {len(held)} rooms: name one of them, such as {_id(held[0])}")
        return next((one for one in held if ids[2] in (None, one.line.id)), None)

    async def require(self, reservation: PmsId) -> Held:
        """Return a reservation that is to be written.

        Raises:
            PmsError: as `find`; PmsRefused with status 404 where there is none.
        """
        held = await self.find(reservation)
        if held is None:
            raise PmsRefused(f"no reservation {reservation}", status=404)
        return held

    async def of_order(self, order: str) -> list[Held]:
        """Return the reservations of an order of this property, by line."""
        lines = await self._shop.some(Line, {"id_order": f"[{order}]", "id_hotel": f"[{self._place.code}]"})
        return await self._completed(sorted(lines, key=lambda line: int(line.id)))

    async def all(self, filters: Filters) -> AsyncIterator[Held]:
        """Yield the reservations whose lines fulfil the conditions and hold a room, page by page."""
        async for lines in self._shop.pages(Line, {**filters, "id_hotel": f"[{self._place.code}]"}):
            for held in await self._completed([line for line in lines if not line.is_gone]):
                if held.status is not ReservationStatus.CANCELLED:
                    yield held

    async def orders(self, ids: Iterable[str]) -> dict[str, Order]:
        """Return orders by id.

        Raises:
            BadAnswer: one of them is not there.
        """
        wanted = sorted(set(ids), key=int)
        found = await self._shop.some(Order, {"id": is_one_of(wanted)}) if wanted else []
        by_id = {order.id: order for order in found}
        if missing := [one for one in wanted if one not in by_id]:
            raise BadAnswer(f"the list of orders lacks {', '.join(missing[:5])}, which room lines name")
        return by_id

    def reservation(self, held: Held, notes: tuple[str, ...] = ()) -> Reservation:
        """Return what was read as a reservation. Amounts of an order in a foreign currency are left out."""
        order, line, guest = held.order, held.line, held.guest
        is_ours = order.conversion_rate == 1
        return Reservation(
            id=PmsId(VENDOR, _id(held)),
            confirmation=order.reference,
            status=held.status,
            stay=stay_of(line),
            product=self._place.our_product(line.id_product),
            guest=PmsId(VENDOR, line.id_customer),
            guest_name=f"{guest.firstname} {guest.lastname}" if guest else "",
            room=line.room_num or None,
            adults=line.adults,
            children=line.children,
            total=Money(line.total_price_tax_incl, self._place.currency) if is_ours else None,
            balance=Money(order.to_be_paid, self._place.currency) if is_ours and len(held.lines) == 1 else None,
            notes=notes,
            updated_at=max(order.date_upd, line.date_upd).replace(tzinfo=self._place.zone),
        )

    async def _completed(self, lines: Sequence[Line]) -> list[Held]:
        """Add the orders, the guests, and for orders of several rooms the other lines."""
        if not lines:
            return []
        orders = await self.orders(line.id_order for line in lines)
        several = [order.id for order in orders.values() if len(order.associations.bookings) > 1]
        rest = await self._shop.some(Line, {"id_order": is_one_of(several)}) if several else []
        known = {line.id: line for line in (*rest, *lines)}
        guests = await self._shop.some(Customer, {"id": is_one_of({line.id_customer: 0 for line in lines})})
        by_id = {guest.id: guest for guest in guests}
        return [
            Held(
                orders[line.id_order],
                line,
                tuple(sorted((one for one in known.values() if one.id_order == line.id_order), key=_by_id)),
                by_id.get(line.id_customer),
            )
            for line in lines
        ]


def local_id(order: str, line: str, lines: int) -> str:
    """Return the id of a reservation, from its order, its line, and how many lines the order has."""
    return order if lines == 1 else f"{order}-{line}"


def status_of(order: Order, line: Line) -> ReservationStatus:
    """Tell where a reservation stands.

    Raises:
        BadAnswer: the order or the line has a status that QloApps does not come with.
    """
    if line.is_gone or order.is_cancelled:
        return ReservationStatus.CANCELLED
    if order.current_state not in LIVE_ORDERS or line.id_status not in STAYS:
        raise BadAnswer(
            f"order {order.id} in state {order.current_state}, line {line.id} in status {line.id_status}: not known"
        )
    return STAYS[line.id_status]


def is_lost(held: Held) -> bool:
    """Whether QloApps cancelled the room alone, as it does behind an HTTP 200 when somebody else got it."""
    return held.line.is_gone and not held.order.is_cancelled


def stay_of(line: Line) -> StayDates:
    """Return the nights of a line.

    Raises:
        BadAnswer: it has none.
    """
    if line.date_to <= line.date_from:
        raise BadAnswer(f"room line {line.id} from {line.date_from} to {line.date_to} has no night")
    return StayDates(line.date_from, line.date_to)


def _id(held: Held) -> str:
    return local_id(held.order.id, held.line.id, len(held.lines))


def _by_id(line: Line) -> int:
    return int(line.id)
