"""The resource `bookings`: orders as callers make, change and read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pms_lab.domain.pms import ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.engine.ports import HttpResponse
from pms_lab.sim.pms.faces.qloapps.books import Books
from pms_lab.sim.pms.faces.qloapps.prices import BOOKING_GROUP, Prices
from pms_lab.sim.pms.faces.qloapps.records import CANCELLED, REFUNDED, Customer, Line, Order, Quirks, Service, cents
from pms_lab.sim.pms.faces.qloapps.requests import BookingWish, GuestWish, RoomWish, ServiceWish, StayWish
from pms_lab.sim.pms.faces.qloapps.wire import Ask, Broken, Fault, cdata, json_answer, number, stamp, xml_answer
from pms_lab.sim.pms.records import Booking
from pms_lab.sim.pms.state import Pms, Rejected, Wish

FULL = "Requested room(s) not available"


class Bookings:
    """Makes, changes and shows bookings."""

    def __init__(self, pms: Pms, books: Books, prices: Prices) -> None:
        self.pms = pms
        self.books = books
        self.prices = prices

    def create(self, wish: BookingWish, quirks: Quirks, at: datetime) -> Order:
        """Make a booking: an order, with a line for each room.

        Raises:
            Fault: no rooms are asked for, or not all are free; nothing has happened.
            Broken: PHP gives up on the guest; or on the total, when the booking is made.
        """
        rooms = self._free_rooms(wish.stays, at - self.pms.race)
        if not rooms:
            raise Fault(400, (404, FULL + "."))
        order = self.books.open_order(self._guest(wish.guest, at), wish.source, at)
        for stay, room in zip(wish.stays, rooms, strict=True):
            self._add(order, stay, room, quirks, at, notes=(wish.remark,) if wish.remark else ())
        gross = sum(self.books.totals(order.id))
        self._stamp_remarks(order.id, at)
        self.books.save_order(self.books.orders.known(order.id), at, advance=gross)
        if paid := min(wish.paid, gross):
            self.books.pay(order.id, paid, at)
        if wish.total_with_tax is not None and wish.total_with_tax < gross:
            raise Broken
        return self.books.orders.known(order.id)

    def change(self, order: Order, wish: BookingWish, quirks: Quirks, at: datetime) -> set[str]:
        """Change a booking to what a body says, and return the postings of its new services.

        Raises:
            Fault: the guest is unknown, or rooms for other nights are not free; nothing has happened.
        """
        guest = self._known_guest(wish.guest.email)
        if guest is None:
            raise Fault(400, (404, "Customer not found."))
        if order.state not in (CANCELLED, REFUNDED) and wish.status in (3, 4):
            self._rename(guest, wish.guest, at)
            self._remark(order.id, wish.remark, at)
            state = CANCELLED if wish.status == 3 else REFUNDED
            self.books.cancel(order.id, at, state, hides=quirks.hides_cancellations)
            return set()
        fresh = self._change_lines(order, wish.stays, quirks, at)
        self._rename(guest, wish.guest, at)
        self._remark(order.id, wish.remark, at)
        if wish.status in (1, 2):
            self.books.reopen(order.id, at)
        self.books.save_order(self.books.orders.known(order.id), at, updated_at=at)
        return fresh

    def show(self, ask: Ask, order: Order, fresh: Iterable[str] = (), as_of: datetime | None = None) -> HttpResponse:
        """Answer a whole booking; services that are `fresh` show their price mode, others that are their own show 0."""
        body = {"id": order.id, **self._body(order, set(fresh), as_of)}
        if ask.is_json:
            return json_answer({"booking": body})
        return xml_answer(_nested("booking", body) + "\n")

    def _free_rooms(self, stays: Iterable[StayWish], as_of: datetime) -> list[str]:
        """Choose a room for each stay, as the hotel was seen; an empty list when there are not enough."""
        chosen: list[tuple[str, StayDates]] = []
        for wish in stays:
            try:
                free = self.pms.free_rooms(wish.product, wish.stay, as_of)
            except Rejected:
                return []
            used = {room for room, stay in chosen if stay.overlaps(wish.stay)}
            room = next((room for room in free if room not in used), None)
            if room is None:
                return []
            chosen.append((room, wish.stay))
        return [room for room, _ in chosen]

    def _add(
        self, order: Order, wish: StayWish, room: str, quirks: Quirks, at: datetime, notes: tuple[str, ...] = ()
    ) -> None:
        loses = quirks.cancels_silently and room not in self.pms.free_rooms(wish.product, wish.stay, at)
        kind = self.pms.room_types[wish.product]
        status = ReservationStatus.CANCELLED if loses else ReservationStatus.CONFIRMED
        booking = self.pms.book(
            Wish(
                stay=wish.stay,
                product=wish.product,
                guest=order.guest,
                adults=kind.adults if wish.room.adults is None else wish.room.adults,
                children=kind.children if wish.room.children is None else wish.room.children,
                total=self._price(wish),
                source=order.source,
                notes=notes,
                group=str(order.id),
                room=room,
                status=status,
            ),
            at,
        )
        cart = self.books.orders.known(order.id).cart
        ages, tax = wish.room.child_ages, self._tax(wish.room, booking.total)
        line = self.books.add_line(order, booking, at, cart=cart, child_ages=ages, tax=tax, is_back_order=loses)
        for service in wish.room.services:
            self._add_service(line, booking, service, at)

    def _price(self, wish: StayWish) -> Decimal:
        given = wish.room.price
        return self.prices.stay(wish.product, wish.stay, BOOKING_GROUP) if given is None else given

    def _tax(self, room: RoomWish, total: Decimal) -> Decimal:
        return self.books.tax_of(total) * (2 if room.doubles_tax else 1)

    def _add_service(self, line: Line, booking: Booking, wish: ServiceWish, at: datetime) -> Service:
        known = self.prices.services.get(wish.product or 0)
        if known is not None:
            nights = booking.stay.nights if known["price_calculation_method"] == 2 else 1
            total = self.prices.service(booking.product, known) * nights * wish.quantity
            per_night = int(known["price_calculation_method"] == 2)
            tax, mode = self.books.tax_of(total), 2 if per_night else 1
            service = Service("", line.id, known["id"], known["name"], wish.quantity, total, tax, per_night, mode)
        else:
            product = wish.product or self.books.next_number("service")
            total = (wish.unit_price or Decimal(0)) * wish.quantity
            tax = self.books.tax_of(total) if wish.total_tax is None else wish.total_tax
            service = Service("", line.id, product, wish.name, wish.quantity, total, tax, 0, 0)
        return self.books.add_service(service, booking.id, at)

    def _change_lines(self, order: Order, stays: tuple[StayWish, ...], quirks: Quirks, at: datetime) -> set[str]:
        """Match the rooms asked for with those there are: the same nights keep their line, others get a new one."""
        left = self.books.lines_of(order.id)
        kept: list[tuple[Line, StayWish]] = []
        moved: list[StayWish] = []
        for wish in stays:
            line = self._same_line(left, wish)
            if line is None:
                moved.append(wish)
            else:
                left.remove(line)
                kept.append((line, wish))
        rooms = self._free_rooms(moved, at - self.pms.race)
        if len(rooms) < len(moved):
            raise Fault(400, (404, FULL))
        fresh = set()
        for line, wish in kept:
            fresh |= self._update(line, wish.room, at)
        for wish, room in zip(moved, rooms, strict=True):
            if left:
                fresh |= self._replace(order, left.pop(0), wish, room, at)
            else:
                self._add(order, wish, room, quirks, at)
        for line in left:
            self.pms.change_booking(line.booking, at, "became cancelled", status=ReservationStatus.CANCELLED)
            self.books.drop_line(line, at)
        return fresh

    def _same_line(self, lines: list[Line], wish: StayWish) -> Line | None:
        """Return the line that is of the type and nights asked for, rather the one of the room that is named."""
        found = None
        for line in lines:
            booking = self.books.booking_of(line)
            if (booking.product, booking.stay) == (wish.product, wish.stay):
                if booking.room == wish.room.room:
                    return line
                found = found or line
        return found

    def _update(self, line: Line, wish: RoomWish, at: datetime) -> set[str]:
        """Change the price and the services of a line that keeps its nights. Services that are not named go."""
        booking = self.books.booking_of(line)
        if wish.price is not None and (wish.price != booking.total or wish.doubles_tax):
            tax = self._tax(wish, wish.price)
            self.books.add_to_products(line.order, wish.price - booking.total, tax - line.tax, at)
            self.pms.change_booking(booking.id, at, "repriced", total=wish.price)
            line = self.books.save_line(line, at, tax=tax, paid=wish.price, updated_at=at)
        left = self.books.services_of(line.id)
        wanted = []
        for asked in wish.services:
            same = next((service for service in left if _is_same_service(service, asked)), None)
            if same is None:
                wanted.append(asked)
            else:
                left.remove(same)
        for service in left:
            self.books.drop_service(service, at)
        return self._fresh(line, booking, wanted, at)

    def _replace(self, order: Order, line: Line, wish: StayWish, room: str, at: datetime) -> set[str]:
        """Give a booking other nights: another line, priced anew, with no more than the services that are named.

        The new line is neither checked in nor cancelled, whatever the old one was.
        """
        self.books.drop_line(line, at)
        kind = self.pms.room_types[wish.product]
        booking = self.pms.change_booking(
            line.booking,
            at,
            "moved",
            status=ReservationStatus.CONFIRMED,
            stay=wish.stay,
            product=wish.product,
            room=room,
            total=self._price(wish),
            adults=kind.adults if wish.room.adults is None else wish.room.adults,
            children=kind.children if wish.room.children is None else wish.room.children,
        )
        cart, tax = self.books.next_number("cart"), self._tax(wish.room, booking.total)
        new = self.books.add_line(order, booking, at, cart=cart, child_ages=wish.room.child_ages, tax=tax)
        self._use_up_numbers(order, wish.stay)
        for service in wish.room.services:
            self._add_service(new, booking, service, at)
        return set()

    def _use_up_numbers(self, order: Order, stay: StayDates) -> None:
        """Skip the numbers that the vendor uses up when it gives a booking another line, as measured."""
        if stay.nights > 1:
            self.books.next_number("detail")
        if order.is_valid:
            self.books.next_number("invoice")

    def _fresh(self, line: Line, booking: Booking, wanted: list[ServiceWish], at: datetime) -> set[str]:
        if not wanted:
            return set()
        self.books.next_number("cart")
        return {self._add_service(line, booking, service, at).posting for service in wanted}

    def _known_guest(self, email: str) -> str | None:
        found = (one.id for one in self.pms.guests.values() if (one.email or "").casefold() == email.casefold())
        return next(found, None)

    def _guest(self, person: GuestWish, at: datetime) -> str:
        """Return the guest with this e-mail address, renamed; or a new one."""
        if person.has_bad_email:
            raise Broken(200, b"Fatal error")
        if person.has_bad_name:
            raise Broken
        known = self._known_guest(person.email)
        if known is not None:
            self._rename(known, person, at)
            return known
        phone = None if person.has_bad_phone else person.phone or None
        guest = self.pms.add_guest(
            at, first_name=person.first_name, last_name=person.last_name, email=person.email, phone=phone
        )
        self.books.customers.put(guest.id, Customer(at), at)
        if person.has_bad_phone:
            raise Broken
        return guest.id

    def _rename(self, guest: str, person: GuestWish, at: datetime) -> None:
        phone = self.pms.guest(guest).phone if person.has_bad_phone or not person.phone else person.phone
        self.pms.change_guest(guest, at, first_name=person.first_name, last_name=person.last_name, phone=phone)

    def _remark(self, order: int, remark: str, at: datetime) -> None:
        """Add a remark to a booking, unless it is there already."""
        booking = self.books.lines_of(order)[0].booking
        if remark and remark not in self.pms.booking(booking).notes:
            self.pms.add_note(booking, remark, at)
            self._stamp_remarks(order, at)

    def _stamp_remarks(self, order: int, at: datetime) -> None:
        notes = self.pms.booking(self.books.lines_of(order)[0].booking).notes
        known = self.books.orders.known(order)
        missing = len(notes) - len(known.remark_times)
        self.books.save_order(known, at, remark_times=known.remark_times + (at,) * missing)

    def _body(self, order: Order, fresh: set[str], as_of: datetime | None) -> dict[str, Any]:
        zone = self.pms.hotel.zone
        guest = self.pms.guests.get(order.guest, as_of) or self.pms.guest(order.guest)
        total, tax = self.books.totals(order.id, as_of)
        lines = self.books.lines_of(order.id, as_of)
        return {
            "id_property": int(self.pms.hotel.code),
            "currency": self.pms.hotel.currency,
            "source": order.source,
            "booking_date": stamp(order.added_at, zone),
            "id_language": 1,
            "associations": {
                "customer_detail": {
                    "id_customer": int(guest.id),
                    "firstname": guest.first_name,
                    "lastname": guest.last_name,
                    "email": guest.email or "",
                    "phone": guest.phone or "",
                },
                "price_details": {
                    "total_paid": number(order.paid),
                    "total_price_without_tax": number(total),
                    "total_tax": number(tax),
                },
                "cart_rules": [],
                "remarks": _remarks(order, self.books.booking_of(lines[0], as_of), zone) if lines else [],
                "room_types": self._room_types(lines, fresh, as_of),
            },
        }

    def _room_types(self, lines: list[Line], fresh: set[str], as_of: datetime | None) -> list[dict[str, Any]]:
        groups: dict[tuple[str, StayDates], list[tuple[Line, Booking]]] = {}
        for line in lines:
            booking = self.books.booking_of(line, as_of)
            groups.setdefault((booking.product, booking.stay), []).append((line, booking))
        return [
            {
                "id_room_type": int(product),
                "checkin_date": f"{stay.check_in} 00:00:00",
                "checkout_date": f"{stay.check_out} 00:00:00",
                "total_tax": number(sum((line.tax for line, _ in group), Decimal(0))),
                "number_of_rooms": len(group),
                "name": self.pms.room_types[product].name,
                "rooms": [self._room(line, booking, fresh, as_of) for line, booking in group],
            }
            for (product, stay), group in groups.items()
        ]

    def _room(self, line: Line, booking: Booking, fresh: set[str], as_of: datetime | None) -> dict[str, Any]:
        services = self.books.services_of(line.id, as_of)
        room = {
            "id_room": int(booking.room or 0),
            "id_hotel_booking": line.id,
            "adults": booking.adults,
            "child": booking.children,
            "unit_price_without_tax": number(booking.total),
            "total_tax": number(line.tax),
        }
        return room | ({"services": [_service(one, one.posting in fresh) for one in services]} if services else {})


def _is_same_service(service: Service, wish: ServiceWish) -> bool:
    """Whether a service that is asked for is there already: by its id, or by its name and price."""
    if wish.product is not None:
        return wish.product == service.product
    return (wish.name, wish.quantity) == (service.name, service.quantity) and (
        wish.unit_price is not None and wish.unit_price * wish.quantity == service.total
    )


def _service(service: Service, is_fresh: bool) -> dict[str, Any]:
    return {
        "id_service": service.product,
        "name": service.name,
        "quantity": service.quantity,
        "unit_price_without_tax": number(cents(service.total / service.quantity)),
        "total_price_without_tax": number(service.total),
        "total_tax": number(service.tax),
        "per_night": service.per_night,
        "price_mode": 1 if is_fresh and not service.per_night else service.price_mode,
    }


def _remarks(order: Order, booking: Booking, zone: ZoneInfo) -> list[str]:
    """Return the remarks: the newest second first, and within a second in the order in which they came."""
    times = [*order.remark_times, *[booking.updated_at] * len(booking.notes)]
    dated = [(stamp(time, zone), text) for time, text in zip(times, booking.notes, strict=False)]
    return [text for _, text in sorted(dated, key=lambda remark: remark[0], reverse=True)]


def _nested(name: str, value: Any) -> str:
    """Write a value as `bookings` does in XML: an empty list is 0."""
    if isinstance(value, dict):
        return f"<{name}>" + "".join(_nested(key, one) for key, one in value.items()) + f"</{name}>"
    if isinstance(value, list) and value:
        return f"<{name}>" + "".join(_nested(name.removesuffix("s"), one) for one in value) + f"</{name}>"
    return f"<{name}>{cdata(0 if value == [] else value)}</{name}>\n"
