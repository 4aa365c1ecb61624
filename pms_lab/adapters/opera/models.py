"""OPERA's answers about reservations, as far as we read them.

Names are OPERA's. Source: its descriptions rsv and oauth, version 25.5.0.0.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

YEARS: Final = range(1900, 3000)


def _written(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("a date is a text")
    return value


def _of_our_years(time: datetime) -> datetime:
    if time.year not in YEARS:
        raise ValueError("no year of ours")
    return time


Day = Annotated[date, BeforeValidator(_written)]
Time = Annotated[datetime, BeforeValidator(_written), AfterValidator(_of_our_years)]
"""OPERA writes ``2021-07-08 10:50:04.0``: by the property's clock, without an offset."""


class Answer(BaseModel):
    """What is common to all: fields that we do not know are ignored, since OPERA adds some with every version."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Written(Answer):
    """The answer to a write of which nothing is needed."""


class Token(Answer):
    """The answer to `getToken`; its `repr` does not show the token."""

    access_token: str = Field(alias="access_token", repr=False, min_length=1)
    expires_in: int = Field(default=3600, alias="expires_in", gt=0, le=7 * 86400)


class Fault(Answer):
    """What went wrong, in the body of a 400, 404 or 500."""

    title: str = ""
    detail: str = ""
    error_code: str = Field(default="", alias="o:errorCode")


class Id(Answer):
    """An id; `type` tells what of: ``Reservation``, ``Confirmation``, ``Profile`` and others."""

    id: str = Field(min_length=1)
    type: str = ""


def id_of(ids: Iterable[Id], kind: str) -> str | None:
    """Return the id of one kind; None where there is none."""
    return next((one.id for one in ids if one.type == kind), None)


class Amount(Answer):
    """An amount in a currency."""

    amount: Decimal
    currency_code: str = Field(pattern="^[A-Z]{3}$")


class Text(Answer):
    """The text of a comment."""

    value: str = ""


class Comment(Answer):
    """A note."""

    text: Text = Text()
    comment_title: str = ""


class CommentInfo(Answer):
    """A note with its id."""

    id: str | None = None
    comment: Comment = Comment()


class PersonName(Answer):
    """One of a person's names."""

    given_name: str = ""
    surname: str = ""
    name_type: str = "Primary"


class Customer(Answer):
    """A person."""

    person_name: tuple[PersonName, ...] = ()
    language: str | None = None


class Page(Answer):
    """One page of a list; without `hasMore` it is the last, as the description says."""

    has_more: bool = False


class ExpectedTimes(Answer):
    """When the guest is expected."""

    reservation_expected_departure_time: Time | None = None


class GuestCounts(Answer):
    """How many persons."""

    adults: int = 1
    children: int = 0


class RoomRate(Answer):
    """A part of a stay at one rate."""

    room_type: str | None = None
    rate_plan_code: str | None = None
    room_id: str | None = None


class CurrentRoom(Answer):
    """The room as it is now."""

    room_type: str | None = None
    room_id: str | None = None


class Total(Answer):
    """What a stay costs."""

    amount_after_tax: Decimal | None = None
    amount_before_tax: Decimal | None = None
    currency_code: str | None = Field(default=None, pattern="^[A-Z]{3}$")


class RoomStay(Answer):
    """A stay, in the answer about one reservation."""

    arrival_date: Day
    departure_date: Day
    room_rates: tuple[RoomRate, ...] = ()
    current_room_info: CurrentRoom = CurrentRoom()
    guest_counts: GuestCounts = GuestCounts()
    expected_times: ExpectedTimes = ExpectedTimes()
    total: Total = Total()


class GuestProfile(Answer):
    """A guest's profile within a reservation."""

    customer: Customer = Customer()


class GuestProfileInfo(Answer):
    """A guest's profile within a reservation, with ids."""

    profile_id_list: tuple[Id, ...] = ()
    profile: GuestProfile = GuestProfile()


class ReservationGuest(Answer):
    """A guest of a reservation."""

    profile_info: GuestProfileInfo = GuestProfileInfo()
    primary: bool = False


class Revenues(Answer):
    """The sums of a folio."""

    balance: Amount | None = None


class Cashiering(Answer):
    """What concerns payment."""

    revenues_and_balances: Revenues = Revenues()


class Reservation(Answer):
    """One reservation."""

    reservation_id_list: tuple[Id, ...]
    room_stay: RoomStay
    reservation_status: str
    reservation_guests: tuple[ReservationGuest, ...] = ()
    comments: tuple[CommentInfo, ...] = ()
    cashiering: Cashiering = Cashiering()
    last_modify_date_time: Time | None = None


class Reservations(Answer):
    """One reservation, or those just made."""

    reservation: tuple[Reservation, ...] = Field(min_length=1)


class OneReservation(Answer):
    """The answer to `getReservation`."""

    reservations: Reservations


class MadeReservation(Answer):
    """What the answer to `postReservation` must tell of a reservation."""

    reservation_id_list: tuple[Id, ...]


class MadeReservations(Answer):
    """The reservations just made."""

    reservation: tuple[MadeReservation, ...] = Field(min_length=1)


class Made(Answer):
    """The answer to `postReservation`."""

    reservations: MadeReservations


class ListedStay(Answer):
    """A stay, in a list."""

    arrival_date: Day
    departure_date: Day
    room_type: str
    room_id: str | None = None
    rate_plan_code: str | None = None
    adult_count: int = 1
    child_count: int = 0
    expected_times: ExpectedTimes = ExpectedTimes()
    total_amount: Amount | None = None


class ListedGuest(Answer):
    """The guest of a reservation, in a list."""

    given_name: str = ""
    surname: str = ""
    id: str | None = None


class ReservationInfo(Answer):
    """A reservation in a list."""

    reservation_id_list: tuple[Id, ...]
    external_references: tuple[Id, ...] = ()
    room_stay: ListedStay
    reservation_status: str
    reservation_guest: ListedGuest = ListedGuest()
    last_modify_date_time: Time | None = None


class ReservationPage(Page):
    """A page of reservations."""

    reservation_info: tuple[ReservationInfo, ...] = ()


class ReservationList(Answer):
    """The answer to `getHotelReservations`."""

    reservations: ReservationPage
