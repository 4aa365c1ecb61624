"""The books of the demo hotel: orders, room lines, services, customers, over the common state machine.

What happens to the hotel otherwise than through the web service, such as a booking that a person enters at the front
desk, is taken into the books before the next request is answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from pms_lab.domain.pms import ReservationStatus
from pms_lab.sim.pms.faces.qloapps.records import (
    AWAITING,
    CANCELLED,
    PAID,
    PARTLY_PAID,
    STATUS_IDS,
    Customer,
    Inventory,
    Line,
    Order,
    RoomNotes,
    Service,
    cents,
)
from pms_lab.sim.pms.records import Booking, Event, Posting
from pms_lab.sim.pms.state import Pms
from pms_lab.sim.pms.tables import Table

FIRST_OWN_SERVICE = 11
"""The products below are the demo hotel's four room types and six services."""


class Books:
    """The vendor's own tables, and the sums it draws from them."""

    def __init__(self, pms: Pms, tax_percent: Decimal, beginning: datetime) -> None:
        self.pms = pms
        self.tax_percent = tax_percent
        self.orders: Table[int, Order] = Table()
        self.lines: Table[int, Line] = Table()
        self.services: Table[str, Service] = Table()
        self.customers: Table[str, Customer] = Table()
        self.inventory: Table[int, Inventory] = Table()
        self.room_notes: Table[str, RoomNotes] = Table()
        self.line_of: dict[str, int] = {}
        self._lines_of: dict[int, list[int]] = {}
        self._services_of: dict[int, list[str]] = {}
        self._payments: set[str] = set()
        self._numbers: dict[str, int] = {"service": FIRST_OWN_SERVICE - 1}
        self._seen = 0
        for number, kind in enumerate(pms.room_types.values(), 1):
            row = Inventory(number, kind.code, 1, kind.adults, kind.children, 2, 2, 4, beginning)
            self.inventory.put(number, row, datetime.min.replace(tzinfo=beginning.tzinfo))
        for room in pms.rooms.values():
            self.room_notes.put(
                room.id, RoomNotes("First", "", beginning), datetime.min.replace(tzinfo=beginning.tzinfo)
            )

    def next_number(self, kind: str) -> int:
        """Return the next number of a kind, such as ``cart``."""
        self._numbers[kind] = self._numbers.get(kind, 0) + 1
        return self._numbers[kind]

    def last_number(self, kind: str) -> int:
        """Return the number of a kind that was given out last."""
        return self._numbers.get(kind, 0)

    def tax_of(self, amount: Decimal) -> Decimal:
        """Return the tax on an amount, rounded half up to the cent."""
        return cents(amount * self.tax_percent / 100)

    def lines_of(self, order: int, as_of: datetime | None = None) -> list[Line]:
        """Return the room lines of an order."""
        return [line for number in self._lines_of.get(order, ()) if (line := self.lines.get(number, as_of))]

    def services_of(self, line: int, as_of: datetime | None = None) -> list[Service]:
        """Return the services of a room line."""
        return [one for posting in self._services_of.get(line, ()) if (one := self.services.get(posting, as_of))]

    def booking_of(self, line: Line, as_of: datetime | None = None) -> Booking:
        """Return the booking behind a room line."""
        booking = self.pms.bookings.get(line.booking, as_of)
        return self.pms.booking(line.booking) if booking is None else booking

    def totals(self, order: int, as_of: datetime | None = None) -> tuple[Decimal, Decimal]:
        """Return what an order comes to without tax, and its tax."""
        total, tax = Decimal(0), Decimal(0)
        for line in self.lines_of(order, as_of):
            services = self.services_of(line.id, as_of)
            total += self.booking_of(line, as_of).total + sum(service.total for service in services)
            tax += line.tax + sum(service.tax for service in services)
        return total, tax

    def save_order(self, order: Order, at: datetime, **fields: Any) -> Order:
        """Change some fields of an order."""
        changed = replace(order, **fields)
        self.orders.put(order.id, changed, at)
        return changed

    def save_line(self, line: Line, at: datetime, **fields: Any) -> Line:
        """Change some fields of a room line."""
        changed = replace(line, **fields)
        self.lines.put(line.id, changed, at)
        return changed

    def open_order(self, guest: str, source: str, at: datetime, number: int | None = None) -> Order:
        """Begin an order, in a cart of its own."""
        order = Order(
            id=number or 1 + max((known.id for known in self.orders.values()), default=0),
            cart=self.next_number("cart"),
            guest=guest,
            source=source,
            reference="",
            added_at=at,
            updated_at=at,
        )
        self.next_number("history")
        return self.save_order(order, at, reference=_reference(order.id))

    def add_line(self, order: Order, booking: Booking, at: datetime, *, cart: int, **fields: Any) -> Line:
        """Give a booking its room line, and add its price to what the order's products come to."""
        line = Line(
            id=self.next_number("line"),
            order=order.id,
            booking=booking.id,
            cart=cart,
            detail=self.next_number("detail"),
            tax=fields.pop("tax", None) or self.tax_of(booking.total),
            paid=Decimal(0),
            added_at=at,
            updated_at=at,
            id_status=STATUS_IDS.get(booking.status, 0 if booking.holds_a_room else 1),
            **fields,
        )
        self.line_of[booking.id] = line.id
        self._lines_of.setdefault(order.id, []).append(line.id)
        self.add_to_products(order.id, booking.total, line.tax, at)
        return self.save_line(line, at, paid=booking.total + line.tax)

    def drop_line(self, line: Line, at: datetime) -> None:
        """Take a room line and its services away."""
        self.add_to_products(line.order, -self.booking_of(line).total, -line.tax, at)
        for service in self.services_of(line.id):
            self.add_to_products(line.order, -service.total, -service.tax, at)
            self.drop_service(service, at)
        self.lines.put(line.id, None, at)

    def add_service(self, service: Service, booking: str, at: datetime) -> Service:
        """Add a service to a room line: a posting on the folio."""
        posting = self.pms.post(booking, service.name, service.total, at)
        self.next_number("detail")
        return self._keep(replace(service, posting=posting.id), at)

    def _keep(self, service: Service, at: datetime) -> Service:
        self.services.put(service.posting, service, at)
        self._services_of.setdefault(service.line, []).append(service.posting)
        self.add_to_products(self.lines.known(service.line).order, service.total, service.tax, at)
        return service

    def drop_service(self, service: Service, at: datetime) -> None:
        """Take a service away. The order's products keep its amount, as they do at the vendor's."""
        self.services.put(service.posting, None, at)
        self.pms.unpost(service.posting, at)

    def add_to_products(self, order: int, amount: Decimal, tax: Decimal, at: datetime) -> None:
        """Add to the running sums of an order."""
        if known := self.orders.get(order):
            sums = {
                "products": known.products + amount,
                "products_with_tax": known.products_with_tax + amount + tax,
            }
            self.save_order(known, at, **sums)

    def pay(self, order: int, amount: Decimal, at: datetime, posting: str | None = None) -> None:
        """Take a payment for an order, which gives it an invoice.

        Args:
            posting: the payment on a folio; None puts it on the first room's.
        """
        if posting is None:
            posting = self.pms.post(self.lines_of(order)[0].booking, "Payment", -amount, at).id
        self._payments.add(posting)
        known = self.orders.known(order)
        state = PAID if known.paid + amount >= sum(self.totals(order)) else PARTLY_PAID
        if state == PAID:
            self.next_number("history")
        self.save_order(
            known,
            at,
            paid=known.paid + amount,
            state=state,
            invoice=self.next_number("invoice"),
            invoiced_at=at,
            is_valid=True,
        )

    def cancel(self, order: int, at: datetime, state: int = CANCELLED, *, hides: bool = True) -> None:
        """Cancel the bookings of an order; `hides` leaves the times of its room lines as they are."""
        for line in self.lines_of(order):
            if self.booking_of(line).status is not ReservationStatus.CANCELLED:
                self.pms.change_booking(line.booking, at, "became cancelled", status=ReservationStatus.CANCELLED)
            if not hides:
                self.save_line(line, at, updated_at=at)
        self.next_number("history")
        self.save_order(self.orders.known(order), at, state=state, is_valid=False, updated_at=at)

    def reopen(self, order: int, at: datetime) -> None:
        """Set the state of a cancelled order by what is paid. Its room lines stay cancelled, as measured."""
        known = self.orders.known(order)
        if known.state in (CANCELLED, 5):
            paid = known.paid >= sum(self.totals(order))
            state = AWAITING if not known.paid else PAID if paid else PARTLY_PAID
            self.next_number("history")
            self.save_order(known, at, state=state, is_valid=bool(known.paid), updated_at=at)

    def catch_up(self) -> None:
        """Take in what happened to the hotel since the last request, otherwise than through the web service."""
        for event in self.pms.events[self._seen :]:
            self._take_in(event)
        if len(self.pms.bookings) > len(self.line_of):
            for booking in self.pms.bookings.values():
                self._adopt(booking)
        self.mark()

    def mark(self) -> None:
        """Hold everything that happened so far for known."""
        self._seen = len(self.pms.events)

    def foreign_rates(self) -> Iterator[Event]:
        """Yield the changes of rates since the last request that are not the web service's own."""
        return (event for event in self.pms.events[self._seen :] if event.kind == "rate" and "/" in event.id)

    def _take_in(self, event: Event) -> None:
        if event.kind == "booking":
            self._take_in_booking(self.pms.booking(event.id), event)
        elif event.kind == "guest":
            if event.id not in self.customers:
                self.customers.put(event.id, Customer(event.at), event.at)
        elif event.kind == "folio":
            for posting in self.pms.postings.values():
                if posting.booking == event.id:
                    self._take_in_posting(posting)

    def _take_in_booking(self, booking: Booking, event: Event) -> None:
        self._adopt(booking)
        line = self.lines.known(self.line_of[booking.id])
        if booking.status is ReservationStatus.CANCELLED:
            if self.orders.known(line.order).state != CANCELLED and not any(
                self.booking_of(one).holds_a_room for one in self.lines_of(line.order)
            ):
                self.save_order(
                    self.orders.known(line.order), event.at, state=CANCELLED, is_valid=False, updated_at=event.at
                )
            return
        id_status = STATUS_IDS.get(booking.status, 0)
        if id_status == line.id_status:
            self.save_order(self.orders.known(line.order), event.at, updated_at=event.at)
        self.save_line(line, event.at, id_status=id_status, tax=self.tax_of(booking.total), updated_at=event.at)

    def _adopt(self, booking: Booking) -> None:
        if booking.id in self.line_of:
            return
        at = booking.created_at
        number = int(booking.group)
        order = self.orders.get(number) or self.open_order(booking.guest, booking.source, at, number)
        self.add_line(order, booking, at, cart=order.cart)
        self.save_order(
            self.orders.known(number), at, advance=sum(self.totals(number)), remark_times=(at,) * len(booking.notes)
        )

    def _take_in_posting(self, posting: Posting) -> None:
        line = self.lines.get(self.line_of[posting.booking])
        if line is None or posting.id in self.services or posting.id in self._payments:
            return
        if posting.amount < 0:
            self.pay(line.order, -posting.amount, posting.at, posting.id)
            return
        number = self.next_number("service")
        service = Service(posting.id, line.id, number, posting.description, 1, posting.amount, Decimal(0), 0, 0)
        self._keep(service, posting.at)


def _reference(order: int) -> str:
    """Return nine capitals that look as random as the vendor's."""
    return "".join(chr(65 + byte % 26) for byte in sha256(f"order {order}".encode()).digest()[:9])
