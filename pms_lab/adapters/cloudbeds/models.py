"""Cloudbeds' answers, as its description of v1.3 gives them; only what we read.

The description requires no field and mixes types: an amount is a number here and a text there, a count is a text, an
empty map comes as an empty list. What we cannot do without is required here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

R = TypeVar("R")

YEARS: Final = range(1900, 3000)
FINEST: Final = 4  # places behind the point: finer than any currency; the rest is the noise of the vendor's floats
LARGEST: Final = Decimal(10**12)


def _day(value: object) -> date:
    if not (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII)):
        raise ValueError("not YYYY-MM-DD")
    day = date.fromisoformat(value)
    if day.year not in YEARS:
        raise ValueError("no year of ours")
    return day


def local_time(value: object) -> datetime:
    """Read ``2026-11-30 12:00:00``.

    Raises:
        ValueError: it is no such text, or its year is far from ours.
    """
    if not (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value, re.ASCII)):
        raise ValueError("not YYYY-MM-DD HH:MM:SS")
    _day(value[:10])
    return datetime.fromisoformat(value)


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("not a number")
    return value


def _without_noise(amount: Decimal) -> Decimal:
    rounded = round(amount, FINEST)
    return amount if amount == rounded else rounded


def _listed(value: object) -> object:
    return () if value is None else value


def _mapped(value: object) -> object:
    return {} if value is None or value == [] else value


def _values(value: object) -> object:
    return tuple(value.values()) if isinstance(value, Mapping) else _listed(value)


Id = Annotated[str, Field(min_length=1)]
Day = Annotated[date, BeforeValidator(_day)]
LocalTime = Annotated[datetime, BeforeValidator(local_time)]
"""By the property's clock, without a zone: the description names none, and this is our reading of it."""
Amount = Annotated[Decimal, BeforeValidator(_number), Field(gt=-LARGEST, lt=LARGEST), AfterValidator(_without_noise)]
Count = Annotated[int, BeforeValidator(_number), Field(ge=0, lt=1_000_000)]
List = Annotated[tuple[R, ...], BeforeValidator(_listed)]
Map = Annotated[Mapping[str, R], BeforeValidator(_mapped)]


def _vendor_name(name: str) -> str:
    """Return ``roomTypeID`` for ``room_type_id``."""
    return re.sub(r"Id$", "ID", to_camel(name))


class Model(BaseModel):
    """What all answers share; its fields bear Cloudbeds' names, spelled as Python does."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        coerce_numbers_to_str=True,
        alias_generator=_vendor_name,
        hide_input_in_errors=True,  # it may be a guest's
    )


class Data(Model, Generic[R]):
    """An answer about one thing, or with all of a list at once."""

    data: R


class Page(Model, Generic[R]):
    """One page of a list; `total` counts the whole list, but not every list has it."""

    data: List[R]
    total: int | None = None


class CustomField(Model):
    """A custom field's value. `shortcode` is its name in requests, where the answer tells it."""

    shortcode: str | None = None
    custom_field_name: str | None = None
    custom_field_value: str | None = None


class GuestData(Model):
    """Of `getGuest`, which does not repeat the id."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    cell_phone: str | None = None
    custom_fields: List[CustomField] = ()


class ListedGuest(Model):
    """Of `getGuestList` with `includeGuestInfo`."""

    guest_id: Id
    guest_first_name: str | None = None
    guest_last_name: str | None = None
    guest_email: str | None = None
    guest_phone: str | None = None
    guest_cell_phone: str | None = None


class GuestPage(Page[ListedGuest]):
    """One page of `getGuestList`, which is a map by the guest's id."""

    data: Annotated[tuple[ListedGuest, ...], BeforeValidator(_values)]


class ModifiedGuest(Model):
    """Of `getGuestsModified`: one row for each room of the guest."""

    guest_id: Id
    guest_first_name: str | None = None
    guest_last_name: str | None = None
    guest_email: str | None = None
    guest_phone: str | None = None
    guest_cell_phone: str | None = None
    custom_fields: List[CustomField] = ()
    date_modified: LocalTime | None = None
    is_merged: bool = False


class BookedRoom(Model):
    """A room of a reservation, or a room type that still waits for its room."""

    room_type_id: Id
    sub_reservation_id: str | None = None
    room_name: str | None = None
    adults: Count = 0
    children: Count = 0


class Companion(Model):
    """An entry of a reservation's `guestList`."""

    guest_id: Id
    is_main_guest: bool = False


class ReservationData(Model):
    """Of `getReservation`."""

    reservation_id: Id
    status: str
    start_date: Day
    end_date: Day
    guest_name: str | None = None
    guest_list: Map[Companion] = {}
    assigned: List[BookedRoom] = ()
    unassigned: List[BookedRoom] = ()
    total: Amount | None = None
    balance: Amount
    custom_fields: List[CustomField] = ()
    date_modified: LocalTime | None = None


class ListedReservation(Model):
    """Of `getReservations` with `includeAllRooms` and `includeCustomFields`."""

    reservation_id: Id
    status: str
    start_date: Day
    end_date: Day
    guest_id: str | None = None
    guest_name: str | None = None
    rooms: List[BookedRoom] = ()
    balance: Amount | None = None
    third_party_identifier: str | None = None
    custom_fields: List[CustomField] = ()
    date_modified: LocalTime | None = None


class Note(Model):
    """Of `getReservationNotes`."""

    reservation_note: str
    date_created: LocalTime


class Currency(Model):
    """The currency of a property."""

    currency_code: str


class Hotel(Model):
    """Of `getHotels`."""

    property_id: Id
    property_currency: List[Currency] = ()


class RoomTypeData(Model):
    """Of `getRoomTypes`."""

    room_type_id: Id


class Room(Model):
    """Of `getHousekeepingStatus`."""

    room_id: Id
    room_name: Id
    room_type_id: Id
    room_condition: str
    room_occupied: bool | None = None
    room_blocked: bool = False
    vacant_pickup: bool = False


class OfferedType(Model):
    """A room type of `getAvailableRoomTypes`."""

    room_type_id: Id
    rooms_available: int = Field(gt=-1_000_000, lt=1_000_000)


class Offer(Model):
    """A property of `getAvailableRoomTypes`."""

    property_id: Id
    property_rooms: List[OfferedType]


class NightOfPlan(Model):
    """A night of a rate; `rateBase` is what `patchRate` sets."""

    date: Day
    rate_base: Amount | None = None


class RatePlan(Model):
    """A rate of `getRatePlans`: one room type in one plan. The base rate has no `ratePlanID`."""

    rate_id: Id
    is_derived: bool
    room_type_id: Id | None = None
    rate_plan_id: str | None = None
    room_rate_detailed: List[NightOfPlan] = ()


class JobTicket(Model):
    """Of `patchRate`: the job that will do it."""

    job_reference_id: Id


class JobUpdate(Model):
    """One interval of a rate job, from its first to its last night."""

    rate_id: Id
    action: str | None = None
    start_date: Day
    end_date: Day
    message: str | None = None


class RateJob(Model):
    """A job of `getRateJobs`."""

    job_reference_id: Id
    status: str
    updates: List[JobUpdate] = ()


class Jobs(Model):
    """An answer of `getRateJobs`."""

    data: List[RateJob]
    has_next_page: bool = False


class Created(Model):
    """Of `postReservation`."""

    reservation_id: Id


class Anything(Model):
    """An answer of which only the success counts."""
