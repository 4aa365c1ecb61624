"""The records of each resource, as a list shows them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pms_lab.domain.pms import ReservationStatus
from pms_lab.sim.pms.faces.qloapps.books import Books
from pms_lab.sim.pms.faces.qloapps.feature_prices import row_of
from pms_lab.sim.pms.faces.qloapps.hotel import INSTALLED_AT
from pms_lab.sim.pms.faces.qloapps.prices import Prices
from pms_lab.sim.pms.faces.qloapps.records import Customer, Inventory, Line, Order
from pms_lab.sim.pms.faces.qloapps.wire import NOTHING_AT, Row, money, stamp
from pms_lab.sim.pms.records import Room, RoomType
from pms_lab.sim.pms.state import Pms
from pms_lab.sim.pms.tables import Table


@cache
def demo_records() -> Mapping[str, list[dict[str, Any]]]:
    """Return the demo hotel's records that never change, by resource."""
    records: Mapping[str, list[dict[str, Any]]] = json.loads(
        files(__package__).joinpath("demo.json").read_text("utf-8")
    )
    return records


CUSTOMER_DEFAULTS: Final[Row] = {
    "id_default_group": 3,
    "id_lang": 1,
    "newsletter_date_add": NOTHING_AT,
    "ip_registration_newsletter": None,
    "last_passwd_gen": None,
    "secure_key": "REDACTED",
    "deleted": 0,
    "passwd": "REDACTED",
    "id_gender": 0,
    "birthday": "0000-00-00",
    "newsletter": 0,
    "optin": 0,
    "website": None,
    "company": None,
    "siret": None,
    "ape": None,
    "outstanding_allow_amount": "0.000000",
    "show_public_prices": 0,
    "id_risk": 0,
    "max_payment_days": 0,
    "active": 1,
    "is_guest": 0,
    "id_shop": 1,
    "id_shop_group": 1,
}
"""What a guest has whom the web service made by a booking."""


class Rows:
    """Reads the books and the state machine as the vendor's records.

    Attributes:
        positions: where each room type stands in its category.
        written: what was posted to resources that the hotel has no notion of, such as `customer_threads`.
    """

    def __init__(self, pms: Pms, books: Books, prices: Prices) -> None:
        self.pms = pms
        self.books = books
        self.prices = prices
        self.positions = {code: place for place, code in enumerate(pms.room_types)}
        self.kinds_changed_at: dict[str, datetime] = {}
        self.written: dict[str, Table[int, dict[str, Any]]] = {}
        self._readers: Mapping[str, Callable[[datetime], list[Row]]] = {
            "bookings": self._bookings,
            "orders": self._orders,
            "room_bookings": self._room_bookings,
            "customers": self._customers,
            "feature_prices": self._feature_prices,
            "room_types": self._room_types,
            "hotel_room_types": self._inventory,
            "hotel_rooms": self._rooms,
        }

    def of(self, resource: str, as_of: datetime) -> list[Row]:
        """Return all records of a resource, in the order in which the vendor lists them."""
        if reader := self._readers.get(resource):
            return reader(as_of)
        if resource in self.written:
            return list(self.written[resource].values(as_of))
        return list(demo_records().get(resource, []))

    def one(self, resource: str, key: str, as_of: datetime) -> Row | None:
        """Return one record by its id; a guest also when it is in no list."""
        if resource == "customers" and self.pms.guests.get(key, as_of) is not None:
            return self.customer(key)
        return next((row for row in self.of(resource, as_of) if str(row["id"]) == key), None)

    def _stamp(self, at: datetime) -> str:
        return stamp(at, self.pms.hotel.zone)

    def _bookings(self, as_of: datetime) -> list[Row]:
        return [{"id": order.id} for order in sorted(self.books.orders.values(as_of), key=_by_customer)]

    def _orders(self, as_of: datetime) -> list[Row]:
        return [self._order(order, as_of) for order in sorted(self.books.orders.values(as_of), key=_by_id)]

    def _order(self, order: Order, as_of: datetime) -> Row:
        total, tax = self.books.totals(order.id, as_of)
        return {
            "id": order.id,
            "id_address_delivery": 0,
            "id_address_invoice": 0,
            "id_address_tax": 2,
            "id_cart": order.cart,
            "id_currency": 1,
            "id_lang": 1,
            "id_customer": int(order.guest),
            "current_state": order.state,
            "module": "wsorder",
            "invoice_number": order.invoice,
            "invoice_date": NOTHING_AT if order.invoiced_at is None else self._stamp(order.invoiced_at),
            "valid": int(order.is_valid),
            "date_add": self._stamp(order.added_at),
            "date_upd": self._stamp(order.updated_at),
            "transaction_id": None,
            "secure_key": "REDACTED",
            "payment": "Order from API",
            "payment_type": 1,
            "total_discounts": "0.000000",
            "total_discounts_tax_incl": "0.000000",
            "total_discounts_tax_excl": "0.000000",
            "total_paid": money(total + tax),
            "total_paid_tax_incl": money(total + tax),
            "total_paid_tax_excl": money(total),
            "total_paid_real": money(order.paid),
            "total_products": money(order.products),
            "total_products_wt": money(order.products_with_tax),
            "conversion_rate": "1.000000",
            "source": order.source,
            "reference": order.reference,
            "is_advance_payment": 0,
            "advance_paid_amount": money(order.advance),
            "with_occupancy": 0,
            "associations": {"bookings": [{"id": line.id} for line in self.books.lines_of(order.id, as_of)]},
        }

    def _room_bookings(self, as_of: datetime) -> list[Row]:
        return [self._line(line, as_of) for line in sorted(self.books.lines.values(as_of), key=_by_id)]

    def _line(self, line: Line, as_of: datetime) -> Row:
        booking = self.books.booking_of(line, as_of)
        is_cancelled = booking.status is ReservationStatus.CANCELLED
        room = self.pms.rooms.get(booking.room, as_of) if booking.room else None
        hotel = demo_records()["hotels"][0]
        return {
            "id": line.id,
            "id_product": int(booking.product),
            "id_hotel": int(self.pms.hotel.code),
            "id_order": line.order,
            "id_order_detail": line.detail,
            "id_cart": line.cart,
            "id_room": int(booking.room or 0),
            "id_customer": int(booking.guest),
            "booking_type": 1,
            "id_status": line.id_status,
            "comment": line.comment,
            "check_in": line.check_in,
            "check_out": line.check_out,
            "date_from": f"{booking.stay.check_in} 00:00:00",
            "date_to": f"{booking.stay.check_out} 00:00:00",
            "total_price_tax_excl": money(booking.total),
            "total_price_tax_incl": money(booking.total + line.tax),
            "total_paid_amount": money(line.paid),
            "is_refunded": int(is_cancelled),
            "is_cancelled": int(is_cancelled),
            "is_back_order": int(line.is_back_order),
            "room_num": room.number if room else "",
            "room_type_name": self.pms.room_types[booking.product].name,
            "hotel_name": hotel["hotel_name"],
            "city": hotel["city"],
            "state": "Alabama",
            "country": "United States",
            "zipcode": hotel["zipcode"],
            "phone": hotel["phone"],
            "email": hotel["email"],
            "check_in_time": hotel["check_in"],
            "check_out_time": hotel["check_out"],
            "adults": booking.adults,
            "children": booking.children,
            "child_ages": line.child_ages,
            "date_add": self._stamp(line.added_at),
            "date_upd": self._stamp(line.updated_at),
        }

    def _customers(self, as_of: datetime) -> list[Row]:
        """List the guests; one whose shop was blanked is in no list."""
        return [row for row in map(self.customer, self._guest_ids(as_of)) if row["id_shop"]]

    def _guest_ids(self, as_of: datetime) -> list[str]:
        return sorted((guest.id for guest in self.pms.guests.values(as_of)), key=int)

    def customer(self, guest: str) -> Row:
        """Return the record of a guest."""
        person, known = self.pms.guest(guest), self.known_customer(guest)
        fields = {**CUSTOMER_DEFAULTS, **known.fields}
        if fields["last_passwd_gen"] is None:
            fields["last_passwd_gen"] = self._stamp(known.added_at - timedelta(hours=6))
        return {
            **fields,
            "id": int(guest),
            "phone": person.phone,
            "lastname": person.last_name,
            "firstname": person.first_name,
            "email": person.email,
            "note": person.notes,
            "date_add": self._stamp(known.added_at),
            "date_upd": self._stamp(person.updated_at) if person.updated_at else NOTHING_AT,
            "associations": {"groups": [{"id": fields["id_default_group"]}]},
        }

    def known_customer(self, guest: str) -> Customer:
        """Return what the vendor keeps of a guest."""
        return self.books.customers.get(guest) or Customer(INSTALLED_AT)

    def _feature_prices(self, as_of: datetime) -> list[Row]:
        return [row_of(rule, self.pms) for rule in sorted(self.prices.rules.values(as_of), key=_by_id)]

    def _room_types(self, as_of: datetime) -> list[Row]:
        return [self.room_type(kind) for kind in self.pms.room_types.values()]

    def room_type(self, kind: RoomType) -> Row:
        """Return the record of a room type."""
        row = next((row for row in self.books.inventory.values() if row.product == kind.code), None)
        fixed = next(one for one in demo_records()["room_types"] if str(one["id"]) == kind.code)
        changed_at = self.kinds_changed_at.get(kind.code)
        return {
            **fixed,
            "id_hotel": row.hotel if row else 0,
            "adults": row.adults if row else 0,
            "children": row.children if row else 0,
            "position_in_category": self.positions[kind.code],
            "price": money(kind.base_rate),
            "name": kind.name,
            "date_upd": self._stamp(changed_at) if changed_at else fixed["date_upd"],
            "associations": self._of_kind(kind.code, fixed["associations"]),
        }

    def _of_kind(self, product: str, named: dict[str, list[Row]]) -> dict[str, list[Row]]:
        """Return what a room type names; a PUT has switched advance payment on, and set the services' prices to 0."""
        if product not in self.prices.ruined:
            return named
        free = {"price": "0.000000", "id_tax_rules_group": 0}
        return {
            **named,
            "advance_payments": [{**one, "active": 1} for one in named["advance_payments"]],
            "services": [{**one, **free} for one in named["services"]],
        }

    def _inventory(self, as_of: datetime) -> list[Row]:
        return [self._inventory_row(row, as_of) for row in sorted(self.books.inventory.values(as_of), key=_by_id)]

    def _inventory_row(self, row: Inventory, as_of: datetime) -> Row:
        rooms = [room.id for room in self.pms.rooms.values(as_of) if room.product == row.product]
        return {
            "id": row.id,
            "id_product": int(row.product),
            "id_hotel": row.hotel,
            "adults": row.adults,
            "children": row.children,
            "max_adults": row.max_adults,
            "max_children": row.max_children,
            "max_guests": row.max_guests,
            "min_los": 1,
            "max_los": 0,
            "date_add": self._stamp(row.added_at),
            "date_upd": self._stamp(row.added_at),
            "associations": {"hotel_rooms": [{"id": int(room)} for room in rooms]},
        }

    def _rooms(self, as_of: datetime) -> list[Row]:
        return [self.room(room) for room in self.pms.rooms.values(as_of)]

    def room(self, room: Room) -> Row:
        """Return the record of a room."""
        notes = self.books.room_notes.known(room.id)
        return {
            "id": int(room.id),
            "id_product": int(room.product),
            "id_hotel": 1,
            "room_num": room.number,
            "id_status": 1 if room.is_active else 2,
            "floor": notes.floor,
            "comment": notes.comment,
            "date_add": self._stamp(notes.added_at),
            "date_upd": self._stamp(notes.added_at),
        }


def _by_id(record: Any) -> int:
    number: int = record.id
    return number


def _by_customer(order: Order) -> tuple[int, int]:
    return int(order.guest), order.id
