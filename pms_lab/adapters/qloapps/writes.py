"""Writes about guests and reservations. Each is sent once.

What must be known for a write is read first. What QloApps would answer with a PHP error is refused before it is sent.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, TypeVar

from pms_lab.adapters.qloapps import booking
from pms_lab.adapters.qloapps.guests import Guests
from pms_lab.adapters.qloapps.models import Booking, Customer, Line
from pms_lab.adapters.qloapps.reservations import STAYS, VENDOR, Desk, Held, stay_of
from pms_lab.adapters.qloapps.shop import Shop, record_of
from pms_lab.adapters.qloapps.xml import body_of, record_in, written_back
from pms_lab.adapters.reading import beforehand, ended
from pms_lab.adapters.writing import Json
from pms_lab.domain.outcome import Outcome, Refused, Why
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
)
from pms_lab.errors import BadAnswer, PmsError, PmsRefused

T = TypeVar("T")

BEFORE: Final = {
    ReservationStatus.IN_HOUSE: ReservationStatus.CONFIRMED,
    ReservationStatus.CHECKED_OUT: ReservationStatus.IN_HOUSE,
}
"""From where a reservation comes to a status. QloApps would take any step, and a cancelled line never returns."""
STATUS_IDS: Final = {status: str(number) for number, status in STAYS.items()}
CANCELLED_ORDER: Final = "4"


class Writes:
    """The writes about one property."""

    def __init__(self, shop: Shop, desk: Desk, guests: Guests, place: Property) -> None:
        self._shop = shop
        self._desk = desk
        self._guests = guests
        self._place = place

    async def update_guest(self, write: UpdateGuest) -> Outcome[None]:
        """Change a guest."""
        if fault := booking.fault_of_update(write):
            return Refused(Why.REJECTED, fault)
        return await ended(self._guests.change(write))

    async def add_note(self, write: AddNote) -> Outcome[None]:
        """Add a remark to an order."""
        return await ended(self._add_note(write))

    async def set_status(self, write: SetStatus) -> Outcome[None]:
        """Check in or out."""
        if write.status not in STATUS_IDS:
            return Refused(Why.REJECTED, f"QloApps checks in and out; it has no way to say {write.status}")
        return await ended(self._set_status(write))

    async def create(self, write: CreateReservation) -> Outcome[PmsId]:
        """Book."""
        if fault := booking.fault_of_creation(write):
            return Refused(Why.REJECTED, fault)
        return await ended(self._create(write))

    async def modify_dates(self, write: ModifyDates) -> Outcome[None]:
        """Move a reservation to other nights."""
        return await ended(self._modify_dates(write))

    async def cancel(self, write: CancelReservation) -> Outcome[None]:
        """Cancel a reservation."""
        return await ended(self._cancel(write))

    async def post_charge(self, write: PostCharge) -> Outcome[None]:
        """Post a charge."""
        if fault := booking.fault_of_charge(write, self._place):
            return Refused(Why.REJECTED, fault)
        return await ended(self._post_charge(write))

    async def _add_note(self, write: AddNote) -> None:
        held = await beforehand(self._desk.require(write.reservation))
        remark = booking.tagged(write.text, write.key)
        body = booking.rewritten(held, await beforehand(self._there(held)), self._place, remark)
        await self._put(held, body)

    async def _set_status(self, write: SetStatus) -> None:
        held = await beforehand(self._desk.require(write.reservation))
        if held.status is write.status:
            return
        if BEFORE.get(write.status) is not held.status:
            raise PmsRefused(f"a reservation that is {held.status} cannot become {write.status}")
        record = record_in(await beforehand(self._shop.whole("room_bookings", held.line.id)), "booking")
        body = written_back(record, {"id_status": STATUS_IDS[write.status]})
        await self._shop.tell_xml("PUT", f"room_bookings/{held.line.id}", body)

    async def _create(self, write: CreateReservation) -> PmsId:
        guest = None if write.guest is None else await beforehand(self._known_guest(write.guest))
        response = await self._shop.tell_json("POST", "bookings", booking.new_booking(write, guest, self._place))
        order = record_of(Booking, response).id
        lines = await _read_after(f"order {order} was made", self._shop.some(Line, {"id_order": f"[{order}]"}))
        if not lines:
            raise BadAnswer(f"order {order} was made and has no room line")
        if any(line.is_gone for line in lines):
            raise PmsRefused(f"no room was left: QloApps cancelled the room of order {order}, which it had confirmed")
        return PmsId(VENDOR, order)

    async def _modify_dates(self, write: ModifyDates) -> None:
        held = await beforehand(self._desk.require(write.reservation))
        _refuse_several(held)
        if held.status is not ReservationStatus.CONFIRMED:
            raise PmsRefused(f"a reservation that is {held.status} cannot be moved")
        if stay_of(held.line) == write.stay:
            return
        await self._put(held, booking.moved(held, await beforehand(self._there(held)), self._place, write.stay))
        order = held.order.id
        lines = await _read_after(f"order {order} was moved", self._shop.some(Line, {"id_order": f"[{order}]"}))
        if not any(stay_of(line) == write.stay and not line.is_gone for line in lines):
            raise BadAnswer(f"order {order} was moved and has no room on these nights: look at it in the back office")

    async def _cancel(self, write: CancelReservation) -> None:
        held = await beforehand(self._desk.require(write.reservation))
        is_gone = held.status is ReservationStatus.CANCELLED
        if held.order.is_cancelled or (is_gone and len(held.lines) > 1):
            return
        _refuse_several(held)
        if not is_gone and held.status is not ReservationStatus.CONFIRMED:
            raise PmsRefused(f"a reservation that is {held.status} cannot be cancelled")
        # Not by a PUT of the booking: that is refused once the guest's e-mail address has been changed.
        state = {"id_order": held.order.id, "id_order_state": CANCELLED_ORDER, "id_employee": "0"}
        await self._shop.tell_xml("POST", "order_histories", body_of({"order_history": state}))

    async def _post_charge(self, write: PostCharge) -> None:
        held = await beforehand(self._desk.require(write.reservation))
        there = await beforehand(self._shop.get(Booking, held.order.id))
        if there is None:
            raise PmsRefused(f"no booking {held.order.id}", status=404)
        await self._put(held, booking.charged(held, there, self._place, write))

    async def _put(self, held: Held, body: Json) -> None:
        response = await self._shop.tell_json("PUT", f"bookings/{held.order.id}", body)
        if record_of(Booking, response).id != held.order.id:
            raise BadAnswer(f"the answer is not about order {held.order.id}")

    async def _there(self, held: Held) -> Booking | None:
        """Return the booking with its services; None where the shop cannot show it and there can be none.

        With stock PHP settings a booking cannot be read; an order that costs what its rooms cost holds no more.
        """
        try:
            return await self._shop.get(Booking, held.order.id)
        except BadAnswer:
            if held.order.total_paid_tax_incl == sum(line.total_price_tax_incl for line in held.lines):
                return None
            raise

    async def _known_guest(self, guest: PmsId) -> Customer:
        found = await self._guests.find(guest)
        if found is None:
            raise PmsRefused(f"no guest {guest}", status=404)
        return found


async def _read_after(done: str, read: Awaitable[T]) -> T:
    """Await a read that follows a write: an error of it does not say that nothing happened.

    Raises:
        PmsError: with unknown effect, whatever the read ended in.
    """
    try:
        return await read
    except PmsError as error:
        raise PmsError(f"{done}, and could not be read back: {error}") from error


def _refuse_several(held: Held) -> None:
    if len(held.lines) > 1:
        raise PmsRefused(
            f"order {held.order.id} holds {len(held.lines)} rooms, and QloApps changes them together: do it at the desk"
        )
