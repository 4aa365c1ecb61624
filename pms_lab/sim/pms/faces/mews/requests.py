"""The bodies that Mews accepts, strictly: a property that it does not know is refused.

Of the filters and options, those are here that the simulation can honour. Source: Connector API, operations.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_pascal

V = TypeVar("V")

LONGEST_INTERVAL: Final = timedelta(days=92)


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("no JSON number")
    return Decimal(value)


def _utc(value: Any) -> Any:
    if not isinstance(value, str) or not value.endswith("Z"):
        raise ValueError("not in UTC")
    return datetime.fromisoformat(value)


Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Ids = Annotated[tuple[Id, ...], Field(max_length=1000, strict=False)]
Texts = Annotated[tuple[str, ...], Field(max_length=1000, strict=False)]
Number = Annotated[Decimal, BeforeValidator(_number)]
Utc = Annotated[AwareDatetime, BeforeValidator(_utc)]


class Part(BaseModel):
    """A part of a request's body."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=to_pascal)


class Asked(Part):
    """The body of every request."""

    client_token: str
    access_token: str
    client: Annotated[str, Field(min_length=1)]


class Interval(Part):
    """A time interval, of three months at most."""

    start_utc: Utc
    end_utc: Utc

    @model_validator(mode="after")
    def _is_short(self) -> Interval:
        if not timedelta(0) <= self.end_utc - self.start_utc <= LONGEST_INTERVAL:
            raise ValueError("an interval of more than three months, or of none")
        return self


class Limitation(Part):
    """Which page."""

    count: Annotated[int, Field(ge=1, le=1000)]
    cursor: Id | None = None


class Listing(Asked):
    """The body of a `getAll` operation."""

    limitation: Limitation


class GetReservations(Listing):
    """reservations/getAll/2023-06-06"""

    reservation_ids: Ids | None = None
    service_ids: Ids | None = None
    channel_numbers: Annotated[tuple[str, ...], Field(max_length=100, strict=False)] | None = None
    updated_utc: Interval | None = None
    scheduled_start_utc: Interval | None = None
    scheduled_end_utc: Interval | None = None
    states: Texts | None = None


class CustomerExtent(Part):
    """What to tell of customers."""

    customers: bool = False
    addresses: bool = False


class GetCustomers(Listing):
    """customers/getAll"""

    extent: CustomerExtent
    customer_ids: Ids | None = None
    emails: Texts | None = None
    first_names: Texts | None = None
    last_names: Texts | None = None
    updated_utc: Interval | None = None
    activity_states: Texts | None = None

    @model_validator(mode="after")
    def _is_filtered(self) -> GetCustomers:
        if not any((self.customer_ids, self.emails, self.first_names, self.last_names, self.updated_utc)):
            raise ValueError("no filter")
        return self


class GetAccountNotes(Listing):
    """accountNotes/getAll"""

    account_ids: Ids | None = None
    activity_states: Texts | None = None


class GetOrderNotes(Listing):
    """serviceOrderNotes/getAll"""

    service_order_ids: Ids
    types: Texts = ("General", "ChannelManager")


class ResourceExtent(Part):
    """What to tell of resources."""

    resources: bool = False
    inactive: bool = False


class GetResources(Listing):
    """resources/getAll"""

    extent: ResourceExtent
    resource_ids: Ids | None = None
    names: Texts | None = None


class GetCategories(Listing):
    """resourceCategories/getAll"""

    service_ids: Ids
    activity_states: Texts | None = None


class GetAssignments(Listing):
    """resourceCategoryAssignments/getAll"""

    resource_category_ids: Ids
    resource_ids: Ids | None = None
    activity_states: Texts | None = None


class GetOrders(Listing):
    """productServiceOrders/getAll"""

    service_ids: Ids
    linked_reservation_ids: Ids | None = None


class GetOrderItems(Listing):
    """orderItems/getAll"""

    service_order_ids: Ids
    accounting_states: Texts | None = None
    currency: str | None = None


class GetPayments(Listing):
    """payments/getAll"""

    reservation_ids: Ids
    accounting_states: Texts | None = None
    states: Texts | None = None
    currency: str | None = None


class RateExtent(Part):
    """What to tell of rates."""

    rates: bool = False
    rate_groups: bool = False
    availability_block_assignments: bool


class GetRates(Listing):
    """rates/getAll"""

    service_ids: Ids
    rate_ids: Ids | None = None
    extent: RateExtent | None = None


class Units(Part):
    """A run of time units, by the starts of the first and the last."""

    first_time_unit_start_utc: Utc
    last_time_unit_start_utc: Utc


class GetPricing(Asked, Units):
    """rates/getPricing"""

    rate_id: Id


class PriceUpdate(Units):
    """One change of prices; without a value it takes them back."""

    category_id: Id
    value: Number | None = None


class UpdatePrice(Asked):
    """rates/updatePrice"""

    rate_id: Id
    price_updates: Annotated[tuple[PriceUpdate, ...], Field(max_length=1000, strict=False)]


class GetAvailability(Asked, Units):
    """services/getAvailability"""

    service_id: Id


class GetMetrics(GetAvailability):
    """services/getAvailability/2024-01-22"""

    metrics: Texts


class UpdateValue(Part, Generic[V]):
    """A value to set; without one it is removed."""

    value: V | None = None


class AvailabilityUpdate(Units):
    """One adjustment of availability."""

    resource_category_id: Id
    unit_count_adjustment: UpdateValue[int]


class UpdateAvailability(Asked):
    """services/updateAvailability"""

    service_id: Id
    availability_updates: Annotated[tuple[AvailabilityUpdate, ...], Field(max_length=1000, strict=False)]


class AddCustomer(Asked):
    """customers/add"""

    overwrite_existing: bool
    last_name: str
    first_name: str | None = None
    email: str | None = None
    phone: str | None = None


class UpdateCustomer(Asked):
    """customers/update"""

    customer_id: Id
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    preferred_language_code: str | None = None


class NewAccountNote(Part):
    """A note about an account."""

    account_id: Id
    content: Annotated[str, Field(max_length=1000)]
    classifications: Annotated[tuple[str, ...], Field(max_length=1, strict=False)]


class AddAccountNotes(Asked):
    """accountNotes/add"""

    account_notes: Annotated[tuple[NewAccountNote, ...], Field(max_length=1000, strict=False)]


class NewOrderNote(Part):
    """A note of a reservation."""

    service_order_id: Id
    text: str


class AddOrderNotes(Asked):
    """serviceOrderNotes/add"""

    service_order_notes: Annotated[tuple[NewOrderNote, ...], Field(max_length=1000, strict=False)]


class AmountIn(Part):
    """An amount, gross or net as the enterprise's prices are."""

    currency: str
    tax_codes: Texts
    gross_value: Number | None = None
    net_value: Number | None = None


class UnitPrice(Part):
    """The price of one night."""

    index: Annotated[int, Field(ge=0)]
    amount: AmountIn


class Persons(Part):
    """How many of one age category."""

    age_category_id: Id
    count: Annotated[int, Field(ge=1)]


class NewReservation(Part):
    """A reservation to be made."""

    customer_id: Id
    requested_category_id: Id
    rate_id: Id
    start_utc: Utc
    end_utc: Utc
    person_counts: Annotated[tuple[Persons, ...], Field(min_length=1, strict=False)]
    channel_number: str | None = None
    state: Literal["Optional", "Enquired", "Confirmed"] = "Confirmed"
    time_unit_prices: Annotated[tuple[UnitPrice, ...], Field(strict=False)] | None = None


class AddReservations(Asked):
    """reservations/add"""

    service_id: Id
    reservations: Annotated[tuple[NewReservation, ...], Field(min_length=1, max_length=1, strict=False)]


class OfReservation(Asked):
    """reservations/start"""

    reservation_id: Id


class ProcessReservation(OfReservation):
    """reservations/process"""

    close_bills: bool = False
    allow_open_balance: bool = False
    notes: str | None = None


class UpdateInterval(OfReservation):
    """reservations/updateInterval"""

    charge_cancellation_fee: bool
    start_utc: Utc | None = None
    end_utc: Utc | None = None


class OfReservations(Asked):
    """reservations/confirm"""

    reservation_ids: Ids


class CancelReservations(OfReservations):
    """reservations/cancel"""

    notes: str


class Item(Part):
    """Something ordered that is no product of Mews's."""

    name: str
    unit_count: int
    unit_amount: AmountIn
    external_identifier: str | None = None


class AddOrder(Asked):
    """orders/add"""

    service_id: Id
    account_id: Id
    linked_reservation_id: Id
    items: Annotated[tuple[Item, ...], Field(min_length=1, strict=False)]
