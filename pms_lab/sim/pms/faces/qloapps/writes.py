"""What can be written beside bookings and rules: rooms, room lines, room types, guests, states of orders, messages."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from pms_lab.domain.pms import ReservationStatus
from pms_lab.sim.pms.faces.qloapps.books import Books
from pms_lab.sim.pms.faces.qloapps.prices import Prices
from pms_lab.sim.pms.faces.qloapps.records import CANCELLED, STATUS_IDS, Inventory, Line, Quirks
from pms_lab.sim.pms.faces.qloapps.rows import CUSTOMER_DEFAULTS, Rows
from pms_lab.sim.pms.faces.qloapps.wire import NOTHING_AT, Ask, Fault, Row, stamp, texts, xml_root
from pms_lab.sim.pms.state import Pms
from pms_lab.sim.pms.tables import Table

NOT_FOUND: Final = Fault(404)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_STATUS_OF: Final = {number: status for status, number in STATUS_IDS.items()}


class Writes:
    """Carries out what is written to the smaller resources, and returns the record to answer."""

    def __init__(self, pms: Pms, books: Books, prices: Prices, rows: Rows) -> None:
        self.pms = pms
        self.books = books
        self.prices = prices
        self.rows = rows

    def room(self, ask: Ask) -> Row:
        """Put a room: its status, floor and comment. Its `date_add` becomes now, as measured."""
        sent = _sent(ask)
        room = self.pms.rooms.get(ask.id)
        notes = self.books.room_notes.get(ask.id)
        if room is None or notes is None:
            raise NOT_FOUND
        changed = replace(notes, floor=sent.get("floor", ""), comment=sent.get("comment", ""), added_at=ask.at)
        self.books.room_notes.put(room.id, changed, ask.at)
        number = sent.get("room_num") or room.number
        return self.rows.room(
            self.pms.change_room(room.id, ask.at, number=number, is_active=sent.get("id_status") != "2")
        )

    def room_line(self, ask: Ask) -> Row:
        """Put a room line: the status of the stay, its times, its comment, and its room.

        A stay that is cancelled keeps that, whatever its status is set to.
        """
        sent = _sent(ask)
        line = self.books.lines.get(int(ask.id)) if ask.id.isdecimal() else None
        if line is None:
            raise NOT_FOUND
        booking = self.books.booking_of(line)
        status = _STATUS_OF.get(int(sent["id_status"])) if sent.get("id_status", "").isdecimal() else None
        if status is None:
            raise Fault(400, (84, 'Validation error: "Property HotelBookingDetail->id_status is not valid"'))
        if booking.status not in (status, ReservationStatus.CANCELLED):
            self.pms.change_booking(booking.id, ask.at, f"became {status}", status=status)
        room = sent.get("id_room", "")
        if room != booking.room and self.pms.rooms.get(room) is not None:
            self.pms.change_booking(booking.id, ask.at, "moved", room=room)
        line = self.books.save_line(
            line,
            ask.at,
            id_status=STATUS_IDS[status],
            check_in=sent.get("check_in") or NOTHING_AT,
            check_out=sent.get("check_out") or NOTHING_AT,
            comment=sent.get("comment", ""),
            updated_at=ask.at,
        )
        return self.line_row(line, ask)

    def line_row(self, line: Line, ask: Ask) -> Row:
        """Return the record of a room line."""
        return next(row for row in self.rows.of("room_bookings", ask.at) if row["id"] == line.id)

    def customer(self, ask: Ask) -> Row:
        """Put a guest: the whole of it, for what is left out is blanked, as measured."""
        if self.pms.guests.get(ask.id) is None:
            raise NOT_FOUND
        sent = _sent(ask)
        for name in ("passwd", "lastname", "firstname", "email"):
            if not sent.get(name):
                raise Fault(400, (41, f'parameter "{name}" required'))
        if not _EMAIL.fullmatch(sent["email"]):
            raise Fault(400, (84, 'Validation error: "Property Customer->email is not valid"'))
        fields = {name: _blank(sent.get(name, ""), default) for name, default in CUSTOMER_DEFAULTS.items()}
        self.books.customers.put(ask.id, replace(self.rows.known_customer(ask.id), fields=fields), ask.at)
        self.pms.change_guest(
            ask.id,
            ask.at,
            first_name=sent["firstname"],
            last_name=sent["lastname"],
            email=sent["email"],
            phone=sent.get("phone", ""),
            notes=sent.get("note") or None,
        )
        return self.rows.customer(ask.id)

    def order_history(self, ask: Ask, quirks: Quirks) -> Row:
        """Give an order another state; 4 cancels it."""
        sent = _sent(ask)
        number, state = (
            int(sent[name]) if sent.get(name, "").isdecimal() else 0 for name in ("id_order", "id_order_state")
        )
        order = self.books.orders.get(number)
        if order is None or not 1 <= state <= 12:
            raise Fault(400, (84, 'Validation error: "Property OrderHistory->id_order is not valid"'))
        if state == CANCELLED:
            self.books.cancel(number, ask.at, hides=quirks.hides_cancellations)
        else:
            self.books.next_number("history")
            self.books.save_order(order, ask.at, state=state, updated_at=ask.at)
        return {
            "id": self.books.last_number("history"),
            "id_employee": 0,
            "id_order_state": state,
            "id_order": number,
            "date_add": stamp(ask.at, self.pms.hotel.zone),
        }

    def note(self, ask: Ask) -> Row:
        """Keep a record of `customer_threads` or `customer_messages`. The hotel has no notion of it."""
        table = self.rows.written.setdefault(ask.resource, Table())
        now = stamp(ask.at, self.pms.hotel.zone)
        sent: dict[str, Any] = {name: int(text) if text.isdecimal() else text for name, text in _sent(ask).items()}
        row = {**sent, "id": len(table) + 1, "date_add": now, "date_upd": now}
        table.put(len(table) + 1, row, ask.at)
        return row

    def room_type(self, ask: Ask, quirks: Quirks) -> Row:
        """Put a room type. Only its price can be meant; the rest of it suffers, as measured."""
        kind = self.pms.room_types.get(ask.id)
        if kind is None:
            raise NOT_FOUND
        sent = _sent(ask)
        if not sent.get("link_rewrite"):
            raise Fault(400, (84, 'Validation error: "Property Product->link_rewrite is empty"'))
        try:
            price = Decimal(sent.get("price", ""))
        except InvalidOperation as exc:
            raise Fault(400, (84, 'Validation error: "Property Product->price is not valid"')) from exc
        self.prices.set_base(kind.code, price, ask.at)
        self.rows.kinds_changed_at[kind.code] = ask.at
        if quirks.ruins_room_types:
            self._ruin(ask, kind.code)
        return self.rows.room_type(self.pms.room_types[kind.code])

    def _ruin(self, ask: Ask, product: str) -> None:
        """Make the inventory row anew, put the type last in its category, and lose the prices of its services."""
        body = ask.body.decode("utf-8", "replace")
        hotel, adults, children = (_as_php_reads(body, name) for name in ("id_hotel", "adults", "children"))
        for row in list(self.books.inventory.values()):
            if row.product == product:
                self.books.inventory.put(row.id, None, ask.at)
        number = len(self.books.inventory) + 1
        row = Inventory(number, product, hotel, adults, children, 2, 0, 2, ask.at)
        self.books.inventory.put(number, row, ask.at)
        self.prices.ruined.add(product)
        others = sorted((code for code in self.rows.positions if code != product), key=self.rows.positions.__getitem__)
        self.rows.positions = {code: place for place, code in enumerate(others, 1)}
        self.rows.positions[product] = len(others) + 2


def _sent(ask: Ask) -> dict[str, str]:
    root = xml_root(ask)
    if not len(root):
        raise Fault(400, (84, "Validation error: the body holds no record"))
    return texts(root[0])


def _blank(text: str, default: object) -> int | str:
    if isinstance(default, int):
        return int(text) if text.isdecimal() else 0
    return text


def _as_php_reads(body: str, name: str) -> int:
    """Read a number as PHP casts the element: with attributes 1, in CDATA without them 0, else what stands there."""
    match = re.search(rf"<{name}(?P<marks>[^>]*)>(?P<cdata><!\[CDATA\[)?(?P<digits>\d*)", body)
    if match is None:
        return 0
    if match["marks"].strip():
        return 1
    return 0 if match["cdata"] else int(match["digits"] or 0)
