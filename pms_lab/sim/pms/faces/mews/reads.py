"""What can be read through Mews's face."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final, TypeAlias

from pms_lab.adapters.writing import Json
from pms_lab.sim.pms.faces.mews import requests as ask
from pms_lab.sim.pms.faces.mews.faults import invalid
from pms_lab.sim.pms.faces.mews.ids import BASE_RATE, DERIVED_RATE, ENTERPRISE, EXTRAS, STAY
from pms_lab.sim.pms.faces.mews.rows import Books, Row, charges, utc_text

Answer: TypeAlias = Mapping[str, Json]

METRICS: Final = (
    "OutOfOrderBlocks", "PublicAvailabilityAdjustment", "OtherServiceReservationCount", "Occupied",
    "ConfirmedReservations", "OptionalReservations", "BlockAvailability", "AllocatedBlockAvailability",
    "UsableResources", "ActiveResources", "HouseUse",
)  # fmt: skip
COUNTED: Final = ("ActiveResources", "UsableResources")


def page(name: str, rows: Iterable[Row], keep: Callable[[Row], bool], limitation: ask.Limitation) -> Answer:
    """Return one page of the rows to keep: those after the cursor's. Its cursor is the last row's id."""
    everything = list(rows)
    start = 0
    if limitation.cursor is not None:
        ids = [row["Id"] for row in everything]
        if limitation.cursor not in ids:
            raise invalid("Cursor")
        start = ids.index(limitation.cursor) + 1
    kept = [row for row in everything[start:] if keep(row)][: limitation.count]
    return {name: kept, "Cursor": kept[-1]["Id"] if kept else None}


def among(value: object, wanted: Sequence[object] | None) -> bool:
    """Whether a filter, where there is one, names a value."""
    return wanted is None or value in wanted


def within(books: Books, text: str | None, interval: ask.Interval | None) -> bool:
    """Whether a time lies in a filter's interval. One whose ends are equal asks for just that second."""
    if interval is None:
        return True
    if text is None:
        return False
    at = datetime.fromisoformat(text)
    if books.includes_ends or interval.start_utc == interval.end_utc:
        return interval.start_utc <= at <= interval.end_utc
    return interval.start_utc <= at < interval.end_utc


def configuration(books: Books, asked: ask.Asked, at: datetime) -> Answer:
    """Tell about the enterprise."""
    hotel = books.pms.hotel
    enterprise: Json = {
        "Id": hotel.code,
        "Name": hotel.name,
        "TimeZoneIdentifier": hotel.zone.key,
        "Pricing": books.pricing.title(),
        "Currencies": [{"Currency": hotel.currency, "IsDefault": True, "IsEnabled": True}],
    }
    return {"NowUtc": utc_text(at), "Enterprise": enterprise, "Service": None}


def reservations(books: Books, asked: ask.GetReservations, at: datetime) -> Answer:
    """List reservations."""
    as_of = books.pms.shown_at(at)

    def keep(row: Row) -> bool:
        return (
            among(row["Id"], asked.reservation_ids)
            and among(row["ServiceId"], asked.service_ids)
            and among(row["ChannelNumber"], asked.channel_numbers)
            and among(row["State"], asked.states)
            and within(books, row["UpdatedUtc"], asked.updated_utc)
            and within(books, row["ScheduledStartUtc"], asked.scheduled_start_utc)
            and within(books, row["ScheduledEndUtc"], asked.scheduled_end_utc)
        )

    rows = map(books.reservation, reversed(list(books.pms.bookings.values(as_of))))
    return page("Reservations", rows, keep, asked.limitation)


def customers(books: Books, asked: ask.GetCustomers, at: datetime) -> Answer:
    """List guests; names and addresses are compared as they are written."""
    as_of = books.pms.shown_at(at)

    def keep(row: Row) -> bool:
        return (
            asked.extent.customers
            and among(row["Id"], asked.customer_ids)
            and among(row["Email"], asked.emails)
            and among(row["FirstName"], asked.first_names)
            and among(row["LastName"], asked.last_names)
            and among("Active", asked.activity_states)
            and within(books, row["UpdatedUtc"], asked.updated_utc)
        )

    rows = map(books.customer, reversed(list(books.pms.guests.values(as_of))))
    return page("Customers", rows, keep, asked.limitation)


def account_notes(books: Books, asked: ask.GetAccountNotes, at: datetime) -> Answer:
    """List the notes about guests."""
    people = reversed(list(books.pms.guests.values(books.pms.shown_at(at))))
    rows = (note for one in people for note in books.account_notes(one))
    return page("AccountNotes", rows, lambda row: among(row["AccountId"], asked.account_ids), asked.limitation)


def order_notes(books: Books, asked: ask.GetOrderNotes, at: datetime) -> Answer:
    """List the notes of reservations."""
    bookings = reversed(list(books.pms.bookings.values(books.pms.shown_at(at))))
    rows = (note for one in bookings for note in books.order_notes(one))

    def keep(row: Row) -> bool:
        return row["OrderId"] in asked.service_order_ids and row["Type"] in asked.types

    return page("ServiceOrderNotes", rows, keep, asked.limitation)


def services(books: Books, asked: ask.Listing, at: datetime) -> Answer:
    """List the services: the stay, and one for everything else."""
    rows: list[Row] = [
        {"Id": key, "EnterpriseId": ENTERPRISE, "IsActive": True, "Data": {"Discriminator": kind, "Value": {}}}
        for key, kind in ((STAY, "Bookable"), (EXTRAS, "Additional"))
    ]
    return page("Services", rows, lambda row: True, asked.limitation)


def resources(books: Books, asked: ask.GetResources, at: datetime) -> Answer:
    """List the rooms. All are equally new."""

    def keep(row: Row) -> bool:
        return (
            asked.extent.resources
            and (asked.extent.inactive or row["IsActive"])
            and among(row["Id"], asked.resource_ids)
            and among(row["Name"], asked.names)
        )

    rows = map(books.resource, books.pms.rooms.values(books.pms.shown_at(at)))
    return page("Resources", rows, keep, asked.limitation)


def categories(books: Books, asked: ask.GetCategories, at: datetime) -> Answer:
    """List the room types."""
    rows: list[Row] = [
        {"Id": code, "EnterpriseId": ENTERPRISE, "ServiceId": STAY, "IsActive": True, "Names": {"en-US": kind.name}}
        for code, kind in books.pms.room_types.items()
    ]
    return page("ResourceCategories", rows, lambda row: row["ServiceId"] in asked.service_ids, asked.limitation)


def assignments(books: Books, asked: ask.GetAssignments, at: datetime) -> Answer:
    """List which room is of which type."""

    def keep(row: Row) -> bool:
        return row["CategoryId"] in asked.resource_category_ids and among(row["ResourceId"], asked.resource_ids)

    rows = map(books.assignment, books.pms.rooms.values(books.pms.shown_at(at)))
    return page("ResourceCategoryAssignments", rows, keep, asked.limitation)


def orders(books: Books, asked: ask.GetOrders, at: datetime) -> Answer:
    """List the orders of other things than stays."""

    def keep(row: Row) -> bool:
        return row["ServiceId"] in asked.service_ids and among(row["LinkedReservationId"], asked.linked_reservation_ids)

    rows = map(books.order, charges(books, books.pms.shown_at(at)))
    return page("ProductServiceOrders", rows, keep, asked.limitation)


def order_items(books: Books, asked: ask.GetOrderItems, at: datetime) -> Answer:
    """List what is to be paid: charges, and the stays themselves."""
    as_of = books.pms.shown_at(at)
    stays = reversed(list(books.pms.bookings.values(as_of)))
    rows = [*map(books.order_item, charges(books, as_of)), *map(books.stay_item, stays)]

    def keep(row: Row) -> bool:
        return row["ServiceOrderId"] in asked.service_order_ids and among(
            row["AccountingState"], asked.accounting_states
        )

    return page("OrderItems", rows, keep, asked.limitation)


def payments(books: Books, asked: ask.GetPayments, at: datetime) -> Answer:
    """List what was paid."""
    postings = reversed(list(books.pms.postings.values(books.pms.shown_at(at))))

    def keep(row: Row) -> bool:
        return (
            row["ReservationId"] in asked.reservation_ids
            and among(row["AccountingState"], asked.accounting_states)
            and among(row["State"], asked.states)
        )

    return page("Payments", map(books.payment, (one for one in postings if one.amount < 0)), keep, asked.limitation)


def rates(books: Books, asked: ask.GetRates, at: datetime) -> Answer:
    """List the rates: one, and another that is derived from it."""
    rows: list[Row] = [
        {
            "Id": key,
            "ServiceId": STAY,
            "BaseRateId": base,
            "IsBaseRate": base is None,
            "IsActive": True,
            "Type": "Public",
            "Names": {"en-US": name},
        }
        for key, base, name in ((BASE_RATE, None, "Best available"), (DERIVED_RATE, BASE_RATE, "Non-refundable"))
    ]
    is_told = asked.extent is None or asked.extent.rates

    def keep(row: Row) -> bool:
        return is_told and row["ServiceId"] in asked.service_ids and among(row["Id"], asked.rate_ids)

    return page("Rates", rows, keep, asked.limitation)


def pricing(books: Books, asked: ask.GetPricing, at: datetime) -> Answer:
    """Tell the prices of a rate; those of the derived one are a tenth lower."""
    if asked.rate_id not in (BASE_RATE, DERIVED_RATE):
        raise invalid("RateId")
    pms, as_of = books.pms, books.pms.shown_at(at)
    nights = nights_of(books, asked)
    factor = 10 if asked.rate_id == BASE_RATE else 9
    prices: list[Row] = [
        {
            "CategoryId": kind,
            "AmountPrices": [books.amount(pms.rate(kind, night, as_of=as_of) * factor / 10) for night in nights],
        }
        for kind in pms.room_types
    ]
    return {
        "Currency": pms.hotel.currency,
        "TimeUnitStartsUtc": books.unit_starts(nights),
        "BaseAmountPrices": prices[0]["AmountPrices"],
        "CategoryPrices": prices,
        "CategoryAdjustments": [],
    }


def availability(books: Books, asked: ask.GetAvailability, at: datetime) -> Answer:
    """Tell how many rooms can be sold."""
    bookable(asked.service_id)
    pms, as_of = books.pms, books.pms.shown_at(at)
    nights = nights_of(books, asked)
    told: list[Json] = [
        {
            "CategoryId": kind,
            "Availabilities": [pms.available(kind, night, as_of) for night in nights],
            "Adjustments": [books.adjustment(kind, night, as_of) for night in nights],
        }
        for kind in pms.room_types
    ]
    return {"TimeUnitStartsUtc": books.unit_starts(nights), "CategoryAvailabilities": told}


def metrics(books: Books, asked: ask.GetMetrics, at: datetime) -> Answer:
    """Count the rooms of each type; other metrics are zero."""
    bookable(asked.service_id)
    if unknown := set(asked.metrics) - set(METRICS):
        raise invalid(f"Metrics {sorted(unknown)}")
    nights, as_of = nights_of(books, asked), books.pms.shown_at(at)
    told: list[Json] = [
        {
            "ResourceCategoryId": kind,
            "Metrics": {
                name: [len(books.pms.rooms_of(kind, as_of)) if name in COUNTED else 0] * len(nights)
                for name in asked.metrics
            },
        }
        for kind in books.pms.room_types
    ]
    return {"TimeUnitStartsUtc": books.unit_starts(nights), "ResourceCategoryAvailabilities": told}


def nights_of(books: Books, units: ask.Units) -> Sequence[date]:
    """Return the nights of a run of time units."""
    nights = books.nights(units.first_time_unit_start_utc, units.last_time_unit_start_utc)
    if nights is None:
        raise invalid("FirstTimeUnitStartUtc or LastTimeUnitStartUtc")
    return nights


def bookable(service: str) -> None:
    """Refuse what can only be asked of the stay."""
    if service != STAY:
        raise invalid("ServiceId")
