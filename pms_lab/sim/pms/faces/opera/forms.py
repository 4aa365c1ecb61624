"""Bodies about guests and reservations. A field that the simulated hotel does not keep is refused, not ignored."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Asked(BaseModel):
    """What is common to all."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class Id(Asked):
    """An id, with what it is of."""

    id: str
    type: str = ""
    id_context: str = ""


class Name(Asked):
    """A person's name."""

    given_name: str = Field(default="", max_length=40)
    surname: str = Field(default="", max_length=40)
    name_type: Literal["Primary"] = "Primary"


class Customer(Asked):
    """A person."""

    person_name: tuple[Name, ...] = ()
    language: str | None = None


class Email(Asked):
    """An e-mail address."""

    email_address: str
    primary_ind: bool = False


class EmailInfo(Asked):
    """An e-mail address, with the id of the one that it changes."""

    email: Email
    id: str | None = None
    type: str = ""


class Emails(Asked):
    """E-mail addresses."""

    email_info: tuple[EmailInfo, ...] = Field(default=(), max_length=1)


class Telephone(Asked):
    """A telephone number."""

    phone_number: str
    primary_ind: bool = False


class TelephoneInfo(Asked):
    """A telephone number, with the id of the one that it changes."""

    telephone: Telephone
    id: str | None = None
    type: str = ""


class Telephones(Asked):
    """Telephone numbers."""

    telephone_info: tuple[TelephoneInfo, ...] = Field(default=(), max_length=1)


class ProfileDetails(Asked):
    """What is to be known of a person."""

    customer: Customer = Customer()
    emails: Emails = Emails()
    telephones: Telephones = Telephones()
    profile_type: Literal["Guest"] = "Guest"


class PutProfile(Asked):
    """`putProfile`."""

    profile_details: ProfileDetails


class PreferenceValue(Asked):
    """A preference."""

    preference_value: str


class PreferenceKind(Asked):
    """The preferences of one type."""

    preference_type: str
    preference: tuple[PreferenceValue, ...]


class PostPreference(Asked):
    """`postPreference`."""

    preference_collections: tuple[PreferenceKind, ...] = Field(min_length=1)


class Text(Asked):
    """The text of a comment."""

    value: str


class Comment(Asked):
    """A comment; without a text it is to be deleted."""

    text: Text | None = None
    comment_title: str = ""
    type: str = ""
    internal: bool = False


class CommentInfo(Asked):
    """A comment, with the id of the one that it changes."""

    comment: Comment
    id: str | None = None
    type: str = ""


class ExpectedTimes(Asked):
    """When the guest leaves, by the hotel's clock."""

    reservation_expected_departure_time: datetime


class PutStay(Asked):
    """What of a stay is to be changed."""

    arrival_date: date | None = None
    departure_date: date | None = None
    expected_times: ExpectedTimes | None = None


class Change(Asked):
    """What of a reservation is to be changed."""

    comments: tuple[CommentInfo, ...] = ()
    room_stay: PutStay = PutStay()
    reservation_status: Literal["Reserved"] | None = None


class PutReservation(Asked):
    """`putReservation`."""

    reservations: tuple[Change, ...] = Field(min_length=1, max_length=1)


class Counts(Asked):
    """How many persons."""

    adults: int = Field(default=1, ge=1)
    children: int = Field(default=0, ge=0)


class Base(Asked):
    """The rate of some nights."""

    amount_before_tax: Decimal
    currency_code: str


class Rate(Asked):
    """A rate from `start` to `end`, both included."""

    start: date
    end: date
    base: Base


class Rates(Asked):
    """Rates."""

    rate: tuple[Rate, ...] = Field(min_length=1)


class RoomRate(Asked):
    """What is to be booked."""

    room_type: str
    rate_plan_code: str
    start: date
    end: date
    number_of_units: Literal[1] = 1
    guest_counts: Counts = Counts()
    fixed_rate: bool = False
    rates: Rates | None = None


class Guarantee(Asked):
    """How the reservation is guaranteed."""

    guarantee_code: str


class Stay(Asked):
    """The stay that is to be booked."""

    arrival_date: date
    departure_date: date
    guest_counts: Counts = Counts()
    room_rates: tuple[RoomRate, ...] = Field(min_length=1, max_length=1)
    guarantee: Guarantee


class GuestProfile(Asked):
    """A known guest, or a new one."""

    profile_id_list: tuple[Id, ...] = Field(default=(), max_length=1)
    profile: ProfileDetails = ProfileDetails()


class Guest(Asked):
    """Who books."""

    profile_info: GuestProfile
    primary: bool = True


class PaymentMethod(Asked):
    """How the guest pays."""

    payment_method: str
    folio_view: int = 1


class NewReservation(Asked):
    """A reservation that is to be made."""

    hotel_id: str
    reservation_status: Literal["Reserved"]
    room_stay: Stay
    reservation_guests: tuple[Guest, ...] = Field(min_length=1, max_length=1)
    reservation_payment_methods: tuple[PaymentMethod, ...] = Field(min_length=1)
    external_references: tuple[Id, ...] = Field(default=(), max_length=1)
    custom_reference: str = ""


class NewReservations(Asked):
    """Reservations that are to be made."""

    reservation: tuple[NewReservation, ...] = Field(min_length=1, max_length=1)


class PostReservation(Asked):
    """`postReservation`."""

    reservations: NewReservations


class Reason(Asked):
    """Why a reservation is cancelled."""

    code: str = Field(min_length=1)
    description: str = ""


class Cancelled(Asked):
    """What is to be cancelled."""

    reservation_id_list: tuple[Id, ...]
    hotel_id: str


class PostCancellation(Asked):
    """`postCancelReservation`."""

    reason: Reason
    reservations: tuple[Cancelled, ...] = Field(min_length=1, max_length=1)
    verification_only: bool


class CheckIn(Asked):
    """How to check in."""

    stop_checkin: bool = Field(default=False, alias="stopCheckin")


class PostCheckIn(Asked):
    """`postCheckIn`."""

    reservation: CheckIn
    include_notifications: bool = False


class CheckOut(Asked):
    """What is to be checked out."""

    hotel_id: str
    reservation_id_list: tuple[Id, ...] = Field(min_length=1, max_length=1)
    event_type: Literal["CheckOut"]
    stop_checkout: bool = Field(default=False, alias="stopCheckout")
    cashier_id: int | None = None


class PostCheckOut(Asked):
    """`postCheckOut`."""

    reservation: CheckOut
    verification_only: bool = False
