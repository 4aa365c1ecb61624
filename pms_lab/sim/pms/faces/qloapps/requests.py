"""What a body for `bookings` asks for, in XML or JSON, and what the vendor says to a wrong one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from xml.etree.ElementTree import Element

from pms_lab.domain.stay import StayDates
from pms_lab.sim.pms.faces.qloapps.wire import Ask, Broken, Fault, xml_root
from pms_lab.sim.pms.records import Hotel, RoomType

LARGEST = Decimal(10**14)
LONGEST_STAY = timedelta(days=3660)

_LISTS = ("room_types", "rooms", "services", "facilities", "child_ages")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_NAME = re.compile(r"""[^0-9!<>,;?=+()@#"°{}_$%:]*""")
_PHONE = re.compile(r"[+0-9. ()-]*")
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)( \d\d:\d\d:\d\d)?")
_TAG = re.compile(r"<[^>]*>")
_BEYOND_UTF8_3 = re.compile("[\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class ServiceWish:
    """A service for a room: one of the hotel's by its id, or one of the caller's own by its name."""

    product: int | None
    name: str
    quantity: int
    unit_price: Decimal | None
    total_tax: Decimal | None


@dataclass(frozen=True, slots=True)
class RoomWish:
    """What is asked of one room.

    Attributes:
        room: the id of the one that is meant, among those that a booking has already.
        price: for the whole stay, without tax; None takes the hotel's.
        doubles_tax: whether the vendor doubles the room's tax, which it does where the caller says it is 0.
    """

    room: str = ""
    adults: int | None = None
    children: int | None = None
    child_ages: str = "[]"
    price: Decimal | None = None
    doubles_tax: bool = False
    services: tuple[ServiceWish, ...] = ()


@dataclass(frozen=True, slots=True)
class StayWish:
    """One room of a type for some nights."""

    product: str
    stay: StayDates
    room: RoomWish


@dataclass(frozen=True, slots=True)
class GuestWish:
    """The guest as the caller names them."""

    first_name: str
    last_name: str
    email: str
    phone: str

    @property
    def has_bad_email(self) -> bool:
        """Whether PHP gives up on the address."""
        return _EMAIL.fullmatch(self.email) is None

    @property
    def has_bad_name(self) -> bool:
        """Whether PHP gives up on the name."""
        return _NAME.fullmatch(self.first_name + self.last_name) is None

    @property
    def has_bad_phone(self) -> bool:
        """Whether PHP gives up on the phone number of a new guest."""
        return _PHONE.fullmatch(self.phone) is None


@dataclass(frozen=True, slots=True)
class BookingWish:
    """A whole body.

    Attributes:
        status: `booking_status`: 1 new, 2 complete, 3 cancelled, 4 refunded; None where it is left out.
        total_with_tax: what the caller says the booking comes to.
    """

    id: str
    status: int | None
    source: str
    remark: str
    guest: GuestWish
    stays: tuple[StayWish, ...]
    paid: Decimal
    total_with_tax: Decimal | None


def booking_wish(ask: Ask, hotel: Hotel, kinds: Mapping[str, RoomType]) -> BookingWish:
    """Read a body for `bookings`.

    Raises:
        Broken: it is neither XML nor JSON, or has another root: the vendor answers an empty 500.
        Fault: the vendor refuses what it says.
    """
    body = _body(ask)
    if _text(body, "currency") != hotel.currency:
        raise _refused("Please provide valid currency.")
    if _text(body, "id_property") != hotel.code:
        raise _refused("Please provide a valid id_property.")
    named = _part(body, "associations")
    guest = _guest(_part(named, "customer_detail"))
    prices = _part(named, "price_details")
    return BookingWish(
        id=_text(body, "id"),
        status=_whole(body, "booking_status"),
        source=_text(body, "source"),
        remark=_stored(_text(body, "remark")),
        guest=guest,
        stays=tuple(
            wish for one in _items(named, "room_types") if isinstance(one, dict) for wish in _stays(one, kinds)
        ),
        paid=_amount(prices, "total_paid") or Decimal(0),
        total_with_tax=_amount(prices, "total_price_with_tax"),
    )


def _refused(message: str) -> Fault:
    return Fault(400, (404, message))


def _body(ask: Ask) -> dict[str, Any]:
    try:
        whole = json.loads(ask.body, parse_float=str) if ask.has_json_body else _tree(xml_root(ask))
    except (Fault, ValueError, RecursionError) as exc:
        raise Broken from exc
    if not isinstance(whole, dict) or not isinstance(whole.get("booking"), dict):
        raise Broken
    booking: dict[str, Any] = whole["booking"]
    return booking


def _tree(element: Element) -> Any:
    if element.tag in _LISTS:
        return [_tree(child) for child in element]
    return {child.tag: _tree(child) for child in element} if len(element) else element.text or ""


def _guest(detail: dict[str, Any]) -> GuestWish:
    guest = GuestWish(*(_text(detail, name) for name in ("firstname", "lastname", "email", "phone")))
    if not guest.first_name:
        raise _refused("Please provide a valid first name.")
    if not guest.last_name:
        raise _refused("Please provide a valid last name.")
    return guest


def _stays(one: dict[str, Any], kinds: Mapping[str, RoomType]) -> list[StayWish]:
    product = _text(one, "id_room_type")
    if product not in kinds:
        raise _refused("Invalid room type in the request")
    check_in, check_out = _day(one, "checkin_date", "in"), _day(one, "checkout_date", "out")
    if check_in > check_out:
        raise _refused("Invalid check in and check out dates in the request")
    if check_in == check_out or check_out - check_in > LONGEST_STAY:
        raise _refused("Requested room(s) not available.")
    rooms = [_room(room) for room in _items(one, "rooms") if isinstance(room, dict)]
    count = _whole(one, "number_of_rooms") or len(rooms)
    stay = StayDates(check_in, check_out)
    return [StayWish(product, stay, rooms[at] if at < len(rooms) else RoomWish()) for at in range(count)]


def _room(one: dict[str, Any]) -> RoomWish:
    return RoomWish(
        room=_text(one, "id_room"),
        adults=_whole(one, "adult"),
        children=_whole(one, "child"),
        child_ages=json.dumps([str(age) for age in _items(one, "child_ages")], separators=(",", ":")),
        price=_amount(one, "unit_price_without_tax"),
        doubles_tax=_amount(one, "total_tax") == 0,
        services=tuple(_service(service) for service in _items(one, "services") if isinstance(service, dict)),
    )


def _service(one: dict[str, Any]) -> ServiceWish:
    return ServiceWish(
        product=_whole(one, "id_service"),
        name=_stored(_text(one, "name")),
        quantity=_whole(one, "quantity") or 1,
        unit_price=_amount(one, "unit_price_without_tax"),
        total_tax=_amount(one, "total_tax"),
    )


def _stored(text: str) -> str:
    """Return a text as the database keeps it: without HTML, and with four marks for each character beyond its set."""
    return _BEYOND_UTF8_3.sub("????", _TAG.sub("", text))


def _part(of: dict[str, Any], name: str) -> dict[str, Any]:
    value = of.get(name)
    return value if isinstance(value, dict) else {}


def _items(of: dict[str, Any], name: str) -> list[Any]:
    value = of.get(name)
    return value if isinstance(value, list) else []


def _text(of: dict[str, Any], name: str) -> str:
    value = of.get(name)
    return str(value) if isinstance(value, str | int) else ""


def _whole(of: dict[str, Any], name: str) -> int | None:
    text = _text(of, name)
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _amount(of: dict[str, Any], name: str) -> Decimal | None:
    try:
        amount = Decimal(_text(of, name))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) < LARGEST else None


def _day(of: dict[str, Any], name: str, which: str) -> date:
    match = _DATE.fullmatch(_text(of, name))
    try:
        return date.fromisoformat(match[1] if match else "")
    except ValueError as exc:
        raise _refused(f"Invalid check {which} date in the request") from exc
