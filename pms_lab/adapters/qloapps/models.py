"""QloApps' answers in JSON; only what we read.

Source: QloApps 1.6.1.0 as recorded. An id is a number here and a text there, amounts are texts with six places or bare
numbers, an empty list stands for an empty map, and a date that is not set is ``0000-00-00``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, ClassVar, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

R = TypeVar("R")

YEARS: Final = range(1900, 3000)
LARGEST: Final = Decimal(10**15)

CANCELLED_ORDERS: Final = frozenset({4, 5})
"""Order states of a cancelled and of a refunded order."""
LIVE_ORDERS: Final = frozenset({1, 2, 3, 6, 7, 8, 9, 10, 11, 12})
"""The other order states that QloApps comes with: from awaiting payment (1) to overbooking, partly paid (12)."""

FIXED, AMOUNT = 3, 2
"""`impact_way` and `impact_type` of a rule that sets a price, and does not raise or lower one."""
RANGE, SPECIFIC_DATE = 1, 2
"""`date_selection_type` of a rule for a range of nights, and of one for a single night."""


TIME: Final = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?", re.ASCII)


def _time(value: object) -> datetime:
    if not (isinstance(value, str) and TIME.fullmatch(value)):
        raise ValueError("not YYYY-MM-DD HH:MM:SS")
    time = datetime.fromisoformat(value)
    if time.year not in YEARS:
        raise ValueError("no year of ours")
    return time


def _day(value: object) -> date:
    return _time(value).date()


def _day_if_set(value: object) -> date | None:
    return None if isinstance(value, str) and value.startswith("0000-00-00") else _day(value)


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("not a number")
    return value


def _values(value: object) -> object:
    """Return the values of a map whose keys say nothing; an empty one comes as a list."""
    return tuple(value.values()) if isinstance(value, Mapping) else value


def _ages(value: object) -> object:
    """Read a list that is written as JSON inside of JSON: ``"[\\"7\\"]"``."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def _weekdays(value: object) -> object:
    return () if value in (None, "", "false", False) else _ages(value)


def _name(value: object) -> object:
    """Take the first language of a name that is given in several."""
    first = value[0] if isinstance(value, list) and value else None
    return first.get("value") if isinstance(first, Mapping) else value


Id = Annotated[str, BeforeValidator(_number), Field(pattern=r"^[0-9]{1,18}$")]
Time = Annotated[datetime, BeforeValidator(_time)]
"""By the shop's clock, without a zone."""
Day = Annotated[date, BeforeValidator(_day)]
DayIfSet = Annotated[date | None, BeforeValidator(_day_if_set)]
Amount = Annotated[Decimal, BeforeValidator(_number), Field(gt=-LARGEST, lt=LARGEST)]
Count = Annotated[int, BeforeValidator(_number), Field(ge=0, lt=1_000_000)]
Flag = bool


class Model(BaseModel):
    """What all answers share."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True, hide_input_in_errors=True)


class Record(Model):
    """A record of a resource.

    Attributes:
        resource: its path below ``/api``.
        many, one: the roots of the answers that hold several, and one; they may differ from the resource's name.
        display: which fields lists are asked for.
    """

    resource: ClassVar[str]
    many: ClassVar[str]
    one: ClassVar[str]
    display: ClassVar[str] = "full"

    id: Id


class Dated(Record):
    """A record that tells when it was changed last."""

    date_upd: Time


class Ref(Model):
    """A reference to a record of another resource."""

    id: Id


class Hotel(Record):
    """A property."""

    resource, many, one = "hotels", "hotels", "hotel"


class OrderLinks(Model):
    """The room lines of an order."""

    bookings: tuple[Ref, ...] = ()


class Order(Dated):
    """An order: what a guest booked at once, in one or several rooms."""

    resource, many, one = "orders", "orders", "order"

    id_customer: Id
    current_state: Count
    reference: str
    source: str | None = None
    conversion_rate: Amount
    total_paid_tax_incl: Amount
    total_paid_real: Amount
    total_discounts_tax_incl: Amount
    date_add: Time
    associations: OrderLinks = OrderLinks()

    @property
    def is_cancelled(self) -> bool:
        """Whether it was cancelled or refunded as a whole."""
        return self.current_state in CANCELLED_ORDERS

    @property
    def to_be_paid(self) -> Decimal:
        """Rooms, services and charges with tax, less what was paid."""
        return self.total_paid_tax_incl - self.total_paid_real


class Line(Dated):
    """A room of an order, from one day to another."""

    resource, many, one = "room_bookings", "bookings", "booking"

    id_order: Id
    id_product: Id
    id_hotel: Id
    id_room: Id
    id_customer: Id
    id_status: Count
    date_from: Day
    date_to: Day
    total_price_tax_incl: Amount
    is_refunded: Flag
    is_cancelled: Flag
    is_back_order: Flag
    room_num: str | None = None
    adults: Count
    children: Count
    child_ages: Annotated[tuple[str, ...], BeforeValidator(_ages)] = ()

    @property
    def is_gone(self) -> bool:
        """Whether it holds no room: cancelled, refunded, or never given one (back order)."""
        return self.is_cancelled or self.is_refunded or self.is_back_order


class Customer(Dated):
    """A guest."""

    resource, many, one = "customers", "customers", "customer"

    firstname: str
    lastname: str
    email: str
    phone: str | None = None
    id_lang: Id
    note: str | None = None
    deleted: Flag = False


class Room(Record):
    """A room; `id_status` is 1 active, 2 inactive, 3 inactive for a time."""

    resource, many, one = "hotel_rooms", "rooms", "room"

    id_product: Id
    id_hotel: Id
    room_num: str
    id_status: Count


class RoomType(Record):
    """A room type and its price for nights without a rule, without tax."""

    resource, many, one = "room_types", "room_types", "room_type"
    display = "[id,price]"

    price: Annotated[Amount, Field(lt=10**10)]


class Group(Record):
    """A group of customers; a rule holds for the groups that it names."""

    resource, many, one = "groups", "groups", "group"
    display = "[id]"


class Language(Record):
    """A language of the shop."""

    resource, many, one = "languages", "languages", "language"
    display = "[id]"


class RuleLinks(Model):
    """The groups of a rule."""

    groups: tuple[Ref, ...] = ()


class Rule(Dated):
    """A rule for the price of a room type; an amount is without tax, in the shop's default currency.

    All of it is compared before it is changed, its name and its time too.
    """

    resource, many, one = "feature_prices", "feature_prices", "feature_price"

    id_product: Id
    date_from: DayIfSet
    date_to: DayIfSet
    impact_way: Count
    impact_type: Count
    impact_value: Amount
    is_special_days_exists: Flag
    special_days: Annotated[tuple[str, ...], BeforeValidator(_weekdays)] = ()
    feature_price_name: Annotated[str | None, BeforeValidator(_name)] = None
    associations: RuleLinks = RuleLinks()

    @property
    def groups(self) -> frozenset[str]:
        """The ids of the groups for which it holds; without any it has no effect."""
        return frozenset(group.id for group in self.associations.groups)

    @property
    def is_fixed_amount(self) -> bool:
        """Whether it sets the price of a night, as ours do."""
        return (self.impact_way, self.impact_type) == (FIXED, AMOUNT)


class Service(Model):
    """A service or a charge of a booked room. `price_mode` 0 is one that the catalogue no longer has: a charge."""

    id_service: Id
    name: str
    quantity: Count
    total_price_without_tax: Amount
    total_tax: Amount
    price_mode: Count


class BookedRoom(Model):
    """A room line as a booking shows it. What facilities it has, we only count."""

    id_room: Id
    id_hotel_booking: Id
    services: tuple[Service, ...] = ()
    facilities: tuple[object, ...] = ()


class BookedType(Model):
    """The rooms of a booking of one type and stay."""

    id_room_type: Id
    rooms: tuple[BookedRoom, ...]


class BookingLinks(Model):
    """What a booking holds; `remarks` come with the newest first."""

    remarks: tuple[str, ...] = ()
    room_types: tuple[BookedType, ...]


class Booking(Record):
    """An order as the bookings interface shows it; its id is the order's."""

    resource, many, one = "bookings", "bookings", "booking"

    source: str | None = None
    associations: BookingLinks

    @property
    def notes(self) -> tuple[str, ...]:
        """The remarks in the order in which they were made; within one second the order is not known."""
        return self.associations.remarks[::-1]

    @property
    def rooms(self) -> Mapping[str, BookedRoom]:
        """The rooms by the ids of their lines."""
        return {room.id_hotel_booking: room for kind in self.associations.room_types for room in kind.rooms}


class FreeRoom(Model):
    """A room that is free for a night."""

    id_room: Id


class FreeRooms(Model):
    """The free rooms of a type: a map by room, or an empty list."""

    available: Annotated[tuple[FreeRoom, ...], BeforeValidator(_values)] = ()


class NightType(Model):
    """A room type for a night."""

    id_room_type: Id
    rooms: FreeRooms


class Night(Model):
    """What is free for a night."""

    date_from: Day
    room_types: tuple[NightType, ...] = ()


class Nights(Model):
    """An answer about availability by night, or about one night."""

    hotel_aris: tuple[Night, ...] = ()
    hotel_ari: Night | None = None
