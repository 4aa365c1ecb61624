"""Mews's answers: the fields that are used, under their names in snake case.

Sources: Connector API, operations; each model names its page.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_pascal

R = TypeVar("R")

MOST_DIGITS: Final = 15


def _number(value: Any) -> Any:
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        raise ValueError("no JSON number")
    number = Decimal(value)
    if number.adjusted() > MOST_DIGITS:
        raise ValueError("too large for an amount")
    return number


def _time(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("no text")
    return datetime.fromisoformat(value)


def _recent(value: datetime) -> datetime:
    if not 1900 < value.year < 2200:
        raise ValueError("no date of a hotel")
    return value


Id = Annotated[str, Field(min_length=1)]
Number = Annotated[Decimal, BeforeValidator(_number)]
Utc = Annotated[AwareDatetime, BeforeValidator(_time), AfterValidator(_recent)]
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]


class Answer(BaseModel):
    """Anything that Mews answers; fields that Mews adds are ignored. Its errors do not show what was answered."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_pascal, hide_input_in_errors=True)


class Page(Answer, Generic[R]):
    """One page of a `getAll` operation, newest row first. Source: guidelines, pagination."""

    path: ClassVar[str]
    rows: tuple[R, ...]
    cursor: str | None = None


class Amount(Answer):
    """An amount with and without its taxes (common objects, Amount)."""

    currency: str
    net_value: Number
    gross_value: Number


class Enterprise(Answer):
    """The property (configuration)."""

    class Currency(Answer):
        """One that it uses."""

        currency: str
        is_default: Flag

    id: Id
    time_zone_identifier: str
    pricing: Literal["Gross", "Net"]
    currencies: tuple[Currency, ...]


class Configuration(Answer):
    """What the access token is for; `now_utc` is Mews's clock."""

    now_utc: Utc
    enterprise: Enterprise


class State(StrEnum):
    """The state of a reservation (reservations, service order state)."""

    INQUIRED = "Inquired"
    CONFIRMED = "Confirmed"
    STARTED = "Started"
    PROCESSED = "Processed"
    CANCELED = "Canceled"
    OPTIONAL = "Optional"
    REQUESTED = "Requested"


class PersonCount(Answer):
    """How many of one age category."""

    age_category_id: Id
    count: Whole


class ReservationRow(Answer):
    """A reservation (reservations, version 2023-06-06)."""

    id: Id
    account_id: Id
    account_type: str
    number: str
    state: State
    updated_utc: Utc
    cancellation_reason: str | None = None
    rate_id: Id
    requested_resource_category_id: Id
    assigned_resource_id: Id | None = None
    scheduled_start_utc: Utc
    scheduled_end_utc: Utc
    person_counts: tuple[PersonCount, ...]


class Reservations(Page[ReservationRow]):
    """Reservations, by page."""

    path = "reservations/getAll/2023-06-06"
    rows: tuple[ReservationRow, ...] = Field(alias="Reservations")


class CustomerRow(Answer):
    """A guest (customers)."""

    id: Id
    first_name: str | None = None
    last_name: str
    email: str | None = None
    phone: str | None = None
    preferred_language_code: str | None = None
    loyalty_code: str | None = None
    notes: str | None = None
    is_active: Flag
    updated_utc: Utc


class Customers(Page[CustomerRow]):
    """Guests, by page."""

    path = "customers/getAll"
    rows: tuple[CustomerRow, ...] = Field(alias="Customers")


class AccountNote(Answer):
    """A note about a guest (account notes)."""

    account_id: Id
    content: str


class AccountNotes(Page[AccountNote]):
    """Notes about guests, by page."""

    path = "accountNotes/getAll"
    rows: tuple[AccountNote, ...] = Field(alias="AccountNotes")


class OrderNote(Answer):
    """A note of a reservation (service order notes)."""

    order_id: Id
    text: str | None = None
    type: Literal["General", "ChannelManager", "SpecialRequest"]


class OrderNotes(Page[OrderNote]):
    """Notes of reservations, by page."""

    path = "serviceOrderNotes/getAll"
    rows: tuple[OrderNote, ...] = Field(alias="ServiceOrderNotes")


class RoomState(StrEnum):
    """What housekeeping says (resources, resource state)."""

    DIRTY = "Dirty"
    CLEAN = "Clean"
    INSPECTED = "Inspected"
    OUT_OF_SERVICE = "OutOfService"
    OUT_OF_ORDER = "OutOfOrder"


class Resource(Answer):
    """A room (resources)."""

    id: Id
    name: str
    state: RoomState


class Resources(Page[Resource]):
    """Rooms, by page."""

    path = "resources/getAll"
    rows: tuple[Resource, ...] = Field(alias="Resources")


class Identified(Answer):
    """Something of which only the id is used."""

    id: Id


class Categories(Page[Identified]):
    """Room types, by page (resource categories)."""

    path = "resourceCategories/getAll"
    rows: tuple[Identified, ...] = Field(alias="ResourceCategories")


class Assignment(Answer):
    """That a room is of a type (resource categories, assignments)."""

    resource_id: Id
    category_id: Id
    is_active: Flag


class Assignments(Page[Assignment]):
    """Which room is of which type, by page."""

    path = "resourceCategoryAssignments/getAll"
    rows: tuple[Assignment, ...] = Field(alias="ResourceCategoryAssignments")


class Services(Page[Identified]):
    """What the enterprise offers, by page (services)."""

    path = "services/getAll"
    rows: tuple[Identified, ...] = Field(alias="Services")


class Orders(Page[Identified]):
    """Orders of other things than stays, by page (product service orders)."""

    path = "productServiceOrders/getAll"
    rows: tuple[Identified, ...] = Field(alias="ProductServiceOrders")


class OrderItem(Answer):
    """One line of what is to be paid (order items). `external_identifier` is the caller's."""

    amount: Amount
    external_identifier: str | None = None


class OrderItems(Page[OrderItem]):
    """What is to be paid, by page."""

    path = "orderItems/getAll"
    rows: tuple[OrderItem, ...] = Field(alias="OrderItems")


class Payment(Answer):
    """What was paid: the amount is negative (payments)."""

    amount: Amount


class Payments(Page[Payment]):
    """What was paid, by page."""

    path = "payments/getAll"
    rows: tuple[Payment, ...] = Field(alias="Payments")


class RateRow(Answer):
    """A rate (rates). One with a base rate is computed from that."""

    id: Id
    base_rate_id: Id | None = None


class RateRows(Page[RateRow]):
    """Rates, by page."""

    path = "rates/getAll"
    rows: tuple[RateRow, ...] = Field(alias="Rates")


class CategoryPrices(Answer):
    """The prices of one room type, one for each time unit."""

    category_id: Id
    amount_prices: tuple[Amount, ...]


class Pricing(Answer):
    """The prices of one rate (rates, getPricing)."""

    time_unit_starts_utc: tuple[Utc, ...]
    category_prices: tuple[CategoryPrices, ...]


class CategoryAvailability(Answer):
    """How many rooms of one type can be sold, for each time unit; below zero when overbooked.

    `adjustments` are those made by hand, which are counted in already.
    """

    category_id: Id
    availabilities: tuple[Whole, ...]
    adjustments: tuple[Whole, ...] | None = None


class ServiceAvailability(Answer):
    """How many rooms can be sold (services, getAvailability)."""

    time_unit_starts_utc: tuple[Utc, ...]
    category_availabilities: tuple[CategoryAvailability, ...]


class CategoryMetrics(Answer):
    """Counts of one room type by the metric's name, one for each time unit."""

    resource_category_id: Id
    metrics: Mapping[str, tuple[Whole, ...]]


class ServiceMetrics(Answer):
    """Counts of rooms (services, getAvailability, version 2024-01-22)."""

    time_unit_starts_utc: tuple[Utc, ...]
    resource_category_availabilities: tuple[CategoryMetrics, ...]


class Done(Answer):
    """The answer to a write that has nothing to tell."""


class Added(Answer):
    """The answer to reservations/add."""

    class Item(Answer):
        """One reservation."""

        reservation: Identified

    reservations: tuple[Item, ...] = Field(min_length=1)


class Event(Answer):
    """One event of a webhook."""

    discriminator: str
    value: Mapping[str, Any]


class WebhookMessage(Answer):
    """What Mews sends to us (events, general webhooks)."""

    enterprise_id: Id
    events: tuple[Event, ...]


class Fault(Answer):
    """What Mews says of an error (guidelines, responses)."""

    message: str | None = None
    request_id: str | None = None
