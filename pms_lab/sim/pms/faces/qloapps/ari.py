"""The resource `hotel_ari`: rooms and prices for some nights, as a whole or night by night."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pms_lab.domain.stay import StayDates
from pms_lab.engine.ports import HttpResponse
from pms_lab.sim.pms.faces.qloapps.books import Books
from pms_lab.sim.pms.faces.qloapps.prices import VISITOR_GROUP, Prices
from pms_lab.sim.pms.faces.qloapps.records import Inventory, Line, cents
from pms_lab.sim.pms.faces.qloapps.requests import LONGEST_STAY
from pms_lab.sim.pms.faces.qloapps.wire import (
    Ask,
    Fault,
    cdata,
    json_answer,
    language,
    link_of,
    number,
    texts,
    xml_answer,
    xml_root,
)
from pms_lab.sim.pms.records import Booking, Room
from pms_lab.sim.pms.state import Pms

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_SHELVES = ("available", "booked", "unavailable")


@dataclass(frozen=True, slots=True)
class Question:
    """What a body asks.

    Attributes:
        product: a room type's id; empty for all.
        shelves: which rooms are to be listed.
        is_by_night: whether each night is answered for by itself.
    """

    stay: StayDates
    product: str
    shelves: tuple[str, ...]
    is_by_night: bool


def question_of(ask: Ask, hotel: str) -> Question:
    """Read a body.

    Raises:
        Fault: it is no XML, or lacks the hotel or the dates.
    """
    wrong = Fault(400, (85, "Validation error: Invalid ARI search parameters found."))
    try:
        asked = texts(next(iter(xml_root(ask)), xml_root(ask)))
    except Fault as exc:
        raise wrong from exc
    days = [asked.get(name, "") for name in ("date_from", "date_to")]
    if asked.get("id_hotel") != hotel or not all(map(_DATE.fullmatch, days)):
        raise wrong
    try:
        first, last = map(date.fromisoformat, days)
    except ValueError as exc:
        raise wrong from exc
    if last <= first:
        raise Fault(400, (85, 'Validation error: "Date to" must be after "date from"'))
    if last - first > LONGEST_STAY:
        raise wrong
    shelves = tuple(shelf for shelf in _SHELVES if asked.get(f"get_{shelf}_rooms") == "1")
    return Question(
        StayDates(first, last), asked.get("id_room_type", ""), shelves, asked.get("date_wise_breakdown") == "1"
    )


class Ari:
    """Answers questions about rooms and prices."""

    def __init__(self, pms: Pms, books: Books, prices: Prices) -> None:
        self.pms = pms
        self.books = books
        self.prices = prices

    def answer(self, ask: Ask, question: Question, as_of: datetime) -> HttpResponse:
        """Answer a question with what is so at a time."""
        if not question.is_by_night:
            found = self._found(question, question.stay, as_of)
            return _shown(ask, found, question)
        nights = [self._found(question, StayDates.starting(night, 1), as_of) for night in question.stay]
        if ask.is_json:
            return json_answer({"hotel_aris": [_json(night, question) for night in nights]})
        return xml_answer(
            "<hotel_aris>\n" + "".join(_xml(ask.base, night, question) for night in nights) + "</hotel_aris>\n"
        )

    def _found(self, question: Question, stay: StayDates, as_of: datetime) -> Found:
        kinds = [
            row
            for row in sorted(self.books.inventory.values(as_of), key=lambda row: row.id)
            if row.hotel and question.product in ("", "0", row.product)
        ]
        return Found(
            self.pms.hotel.code, self.pms.hotel.currency, stay, [self._kind(row, stay, as_of) for row in kinds]
        )

    def _kind(self, row: Inventory, stay: StayDates, as_of: datetime) -> KindFound:
        stays: dict[str, list[tuple[Line, Booking]]] = {}
        for line in self.books.lines.values(as_of):
            booking = self.books.booking_of(line, as_of)
            if booking.room and self.pms.holds(booking) and booking.stay.overlaps(stay):
                stays.setdefault(booking.room, []).append((line, booking))
        rooms: dict[str, list[dict[str, Any]]] = {shelf: [] for shelf in _SHELVES}
        for room in self.pms.rooms.values(as_of):
            if room.product == row.product:
                shelf = "unavailable" if not room.is_active else "booked" if room.id in stays else "available"
                rooms[shelf].append(self._room(room, row, shelf, stays.get(room.id, [])))
        price = self.prices.stay(row.product, stay, VISITOR_GROUP, as_of)
        added = self.prices.added(row.product) * stay.nights
        gross = price + self.books.tax_of(price) + added + self.books.tax_of(added)
        return KindFound(row.product, self.pms.room_types[row.product].name, price + added, gross, rooms)

    def _room(self, room: Room, row: Inventory, shelf: str, stays: Iterable[tuple[Line, Booking]]) -> dict[str, Any]:
        notes = self.books.room_notes.get(room.id)
        comment = notes.comment if notes else ""
        ids = {"id_room": int(room.id), "id_product": int(room.product), "id_hotel": 1}
        if shelf == "available":
            most = {"max_adult": row.max_adults, "max_children": row.max_children, "max_occupancy": row.max_guests}
            return {**ids, "room_num": room.number, "room_comment": comment, **most}
        swapped = {"id_product": ids["id_product"], "id_room": ids["id_room"], "id_hotel": 1, "room_num": room.number}
        if shelf == "unavailable":
            return {
                **swapped,
                "detail": [{"id_status": 2, "room_comment": comment, "date_from": None, "date_to": None}],
            }
        return {**swapped, "detail": [_stay(line, booking) for line, booking in stays]}


@dataclass(frozen=True, slots=True)
class KindFound:
    """A room type for some nights: its prices for all of them, and its rooms by shelf."""

    product: str
    name: str
    net: Decimal
    gross: Decimal
    rooms: dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Found:
    """A hotel for some nights."""

    hotel: str
    currency: str
    stay: StayDates
    kinds: list[KindFound]

    def count(self, *shelves: str) -> int:
        """Count the rooms on some shelves."""
        return sum(len(kind.rooms[shelf]) for kind in self.kinds for shelf in shelves)

    def totals(self, question: Question) -> dict[str, int]:
        """Return the counts of rooms; night by night the vendor gives the available ones for all, as measured."""
        return {
            f"total_{shelf}_rooms": self.count("available" if question.is_by_night else shelf)
            for shelf in ("available", "unavailable", "booked")
            if shelf in question.shelves
        }

    def order(self, question: Question) -> list[str]:
        """Return the shelves in the order in which they are shown."""
        order = _SHELVES if question.is_by_night else ("unavailable", "booked", "available")
        return [shelf for shelf in order if shelf in question.shelves]


def _shown(ask: Ask, found: Found, question: Question) -> HttpResponse:
    if ask.is_json:
        return json_answer({"hotel_ari": _json(found, question)})
    return xml_answer(_xml(ask.base, found, question))


def _stay(line: Line, booking: Booking) -> dict[str, Any]:
    return {
        "id_htl_booking": line.id,
        "date_from": f"{booking.stay.check_in} 00:00:00",
        "date_to": f"{booking.stay.check_out} 00:00:00",
        "id_customer": int(booking.guest),
        "booking_type": 1,
        "booking_status": line.id_status,
        "comment": line.comment,
    }


def _prices(kind: KindFound, nights: int) -> dict[str, Any]:
    return {
        "base_price": number(cents(kind.net / nights)),
        "base_price_with_tax": number(cents(kind.gross / nights)),
        "total_price": number(kind.net),
        "total_price_with_tax": number(kind.gross),
    }


def _json(found: Found, question: Question) -> dict[str, Any]:
    kinds = [
        {
            "id_room_type": int(kind.product),
            **_prices(kind, found.stay.nights),
            "name": kind.name,
            "rooms": {
                shelf: {str(room["id_room"]): _room_json(room, question) for room in kind.rooms[shelf]} or []
                for shelf in found.order(question)
            },
        }
        for kind in found.kinds
    ]
    head = {
        "id_hotel": found.hotel,
        "date_from": str(found.stay.check_in),
        "date_to": str(found.stay.check_out),
        "currency": found.currency,
        "total_rooms": found.count(*_SHELVES),
    }
    totals = found.totals(question)
    if question.is_by_night:
        return {**head, "room_types": kinds, **totals}
    return {**head, **totals, "room_types": kinds}


def _room_json(room: dict[str, Any], question: Question) -> dict[str, Any]:
    return {"id_room": room["id_room"], "room_num": room["room_num"]} if question.is_by_night else room


def _xml(base: str, found: Found, question: Question) -> str:
    counts = "".join(_leaf(name, count) for name, count in found.totals(question).items())
    kinds = "".join(_kind_xml(base, kind, found, question) for kind in found.kinds)
    return (
        f"<hotel_ari>\n<id_hotel{link_of(base, 'hotels', found.hotel)}>{cdata(found.hotel)}</id_hotel>\n"
        + _leaf("date_from", found.stay.check_in)
        + _leaf("date_to", found.stay.check_out)
        + _leaf("currency", found.currency)
        + _leaf("total_rooms", found.count(*_SHELVES))
        + f"{counts}<room_types>\n{kinds}</room_types>\n</hotel_ari>\n"
    )


def _kind_xml(base: str, kind: KindFound, found: Found, question: Question) -> str:
    link = link_of(base, "room_types", kind.product)
    prices = "".join(_leaf(name, value) for name, value in _prices(kind, found.stay.nights).items())
    shelves = "".join(
        f"<{shelf}>\n{''.join(map(_room_xml, kind.rooms[shelf]))}</{shelf}>\n" for shelf in found.order(question)
    )
    return (
        f'<room_type id="{kind.product}"{link}>\n<id_room_type{link}>{cdata(kind.product)}</id_room_type>\n{prices}'
        f"<name>{language(base, kind.name)}</name>\n<rooms>\n{shelves}</rooms>\n</room_type>\n"
    )


def _room_xml(room: dict[str, Any]) -> str:
    number_ = _leaf("id_room", room["id_room"]) + _leaf("room_number", room["room_num"])
    return f'<room id="{room["id_room"]}">\n{number_}</room>\n'


def _leaf(name: str, value: object) -> str:
    return f"<{name}>{cdata(value)}</{name}>\n"
