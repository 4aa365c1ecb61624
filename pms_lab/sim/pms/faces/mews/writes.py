"""What can be written through Mews's face. A request is checked wholly before any of it takes effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from pms_lab.adapters.writing import Json
from pms_lab.domain.pms import Preference, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.errors import RateError
from pms_lab.sim.pms.faces.mews import requests as ask
from pms_lab.sim.pms.faces.mews.faults import forbidden, invalid
from pms_lab.sim.pms.faces.mews.ids import ADULTS, BASE_RATE, CHILDREN, DERIVED_RATE, EXTRAS, TAX_CODE
from pms_lab.sim.pms.faces.mews.reads import Answer, bookable, nights_of
from pms_lab.sim.pms.faces.mews.rows import DEPARTURE, STATES, Books, order_id
from pms_lab.sim.pms.records import Booking, Person
from pms_lab.sim.pms.state import Wish

EDITABLE_HISTORY: Final = timedelta(days=7)
CREATED_AS: Final = {
    "Confirmed": ReservationStatus.CONFIRMED,
    "Optional": ReservationStatus.REQUESTED,
    "Enquired": ReservationStatus.REQUESTED,
}
NOTHING: Final[Answer] = {}


def add_customer(books: Books, asked: ask.AddCustomer, at: datetime) -> Answer:
    """Add a guest, or overwrite the one with the e-mail address."""
    known = _with_email(books, asked.email)
    if known is not None and not asked.overwrite_existing:
        raise forbidden("A customer with this email already exists.")
    fields = {"first_name": asked.first_name or "", "last_name": asked.last_name, "phone": asked.phone}
    if known is not None:
        return books.customer(books.pms.change_guest(known.id, at, **fields))
    return books.customer(books.pms.add_guest(at, email=asked.email, **fields))


def update_customer(books: Books, asked: ask.UpdateCustomer, at: datetime) -> Answer:
    """Change a guest; what is empty stays as it is."""
    if books.pms.guests.get(asked.customer_id) is None:
        raise invalid("CustomerId")
    known = _with_email(books, asked.email)
    if known is not None and known.id != asked.customer_id:
        raise forbidden("A customer with this email already exists.")
    names = {
        "first_name": asked.first_name,
        "last_name": asked.last_name,
        "email": asked.email,
        "phone": asked.phone,
        "language": asked.preferred_language_code,
    }
    return books.customer(
        books.pms.change_guest(asked.customer_id, at, **{name: value for name, value in names.items() if value})
    )


def add_account_notes(books: Books, asked: ask.AddAccountNotes, at: datetime) -> Answer:
    """Add notes about guests."""
    if any(books.pms.guests.get(note.account_id) is None for note in asked.account_notes):
        raise invalid("AccountId")
    added: list[Json] = []
    for note in asked.account_notes:
        notes = books.pms.guest(note.account_id).preferences
        more = Preference(note.classifications[0] if note.classifications else "General", note.content)
        person = books.pms.change_guest(note.account_id, at, preferences=(*notes, more))
        added.append(books.account_notes(person)[0])
    return {"AccountNotes": added}


def add_order_notes(books: Books, asked: ask.AddOrderNotes, at: datetime) -> Answer:
    """Add notes to reservations."""
    if any(books.pms.bookings.get(note.service_order_id) is None for note in asked.service_order_notes):
        raise invalid("ServiceOrderId")
    bookings = [books.pms.add_note(note.service_order_id, note.text, at) for note in asked.service_order_notes]
    return {"ServiceOrderNotes": [books.order_notes(one)[0] for one in bookings]}


def add_reservations(books: Books, asked: ask.AddReservations, at: datetime) -> Answer:
    """Book one room; of several at once the simulation knows nothing."""
    bookable(asked.service_id)
    (new,) = asked.reservations
    if new.rate_id not in (BASE_RATE, DERIVED_RATE):
        raise invalid("RateId")
    if new.requested_category_id not in books.pms.room_types:
        raise invalid("RequestedCategoryId")
    if books.pms.guests.get(new.customer_id) is None:
        raise invalid("CustomerId")
    counts = {one.age_category_id: one.count for one in new.person_counts}
    if set(counts) - {ADULTS, CHILDREN}:
        raise invalid("AgeCategoryId")
    prices = new.time_unit_prices
    wish = Wish(
        stay=_stay(books, new.start_utc, new.end_utc),
        product=new.requested_category_id,
        guest=new.customer_id,
        adults=counts.get(ADULTS, 0),
        children=counts.get(CHILDREN, 0),
        rate_plan=new.rate_id,
        total=None if prices is None else sum((_value(books, one.amount) for one in prices), Decimal(0)),
        key=new.channel_number,
        status=CREATED_AS[new.state],
    )
    booking = books.pms.book(wish, at)
    return {"Reservations": [{"Identifier": None, "Reservation": _old_form(books, booking)}]}


def confirm(books: Books, asked: ask.OfReservations, at: datetime) -> Answer:
    """Confirm optional reservations."""
    _require(books, asked.reservation_ids, "Optional")
    for one in asked.reservation_ids:
        books.pms.set_status(one, ReservationStatus.CONFIRMED, at)
    return {"ReservationIds": asked.reservation_ids}


def start(books: Books, asked: ask.OfReservation, at: datetime) -> Answer:
    """Check in. That the room is inspected and the time has come is not asked."""
    _require(books, [asked.reservation_id], "Confirmed")
    books.pms.set_status(asked.reservation_id, ReservationStatus.IN_HOUSE, at)
    return NOTHING


def process(books: Books, asked: ask.ProcessReservation, at: datetime) -> Answer:
    """Check out; a balance that is open is allowed with a note only."""
    _require(books, [asked.reservation_id], "Started")
    if asked.allow_open_balance and not asked.notes:
        raise invalid("Notes")
    if not asked.allow_open_balance and books.pms.balance(asked.reservation_id):
        raise forbidden("The reservation has an open balance.")
    books.pms.set_status(asked.reservation_id, ReservationStatus.CHECKED_OUT, at)
    return NOTHING


def cancel(books: Books, asked: ask.CancelReservations, at: datetime) -> Answer:
    """Cancel reservations that can be cancelled."""
    _require(books, asked.reservation_ids, "Confirmed", "Optional", "Requested", "Inquired")
    for one in asked.reservation_ids:
        books.pms.set_status(one, ReservationStatus.CANCELLED, at)
    return {"ReservationIds": asked.reservation_ids}


def update_interval(books: Books, asked: ask.UpdateInterval, at: datetime) -> Answer:
    """Give a reservation other times: on the same days, or on others."""
    _require(books, [asked.reservation_id], "Confirmed", "Optional", "Requested", "Inquired", "Started")
    old = books.pms.booking(asked.reservation_id)
    row = books.reservation(old)
    begins = asked.start_utc or datetime.fromisoformat(row["ScheduledStartUtc"])
    ends = asked.end_utc or datetime.fromisoformat(row["ScheduledEndUtc"])
    stay = _stay(books, begins, ends)
    leaves = None if ends == books.on(stay.check_out, DEPARTURE) else ends
    if stay == old.stay:
        books.pms.change_booking(old.id, at, checkout_at=leaves)
    else:
        books.pms.move(old.id, stay, at, checkout_at=leaves)
    return NOTHING


def add_order(books: Books, asked: ask.AddOrder, at: datetime) -> Answer:
    """Charge items to a reservation."""
    if asked.service_id != EXTRAS:
        raise invalid("ServiceId")
    booking = books.pms.bookings.get(asked.linked_reservation_id)
    if booking is None:
        raise invalid("LinkedReservationId")
    if booking.guest != asked.account_id:
        raise invalid("AccountId")
    amounts = [_value(books, item.unit_amount) * item.unit_count for item in asked.items]
    postings = [
        books.pms.post(booking.id, item.name, amount, at, key=item.external_identifier)
        for item, amount in zip(asked.items, amounts, strict=True)
    ]
    return {"OrderId": order_id(postings[0])}


def update_price(books: Books, asked: ask.UpdatePrice, at: datetime) -> Answer:
    """Set the prices of nights, or take them back to the rate's own."""
    if asked.rate_id == DERIVED_RATE:
        raise forbidden("Only prices of base rates can be updated.")
    if asked.rate_id != BASE_RATE:
        raise invalid("RateId")
    wanted: dict[tuple[str, date], Decimal | None] = {}
    for update in asked.price_updates:
        if update.category_id not in books.pms.room_types:
            raise invalid("CategoryId")
        wanted |= {(update.category_id, night): update.value for night in nights_of(books, update)}
    if any(night < books.pms.business_date(at) - EDITABLE_HISTORY for _, night in wanted):
        raise forbidden("Prices that old cannot be updated.")
    for (kind, night), value in wanted.items():
        books.pms.set_rate(kind, BASE_RATE, night, value, at)
    return NOTHING


def update_availability(books: Books, asked: ask.UpdateAvailability, at: datetime) -> Answer:
    """Adjust how many rooms may be sold, relatively to those there are; an adjustment replaces the earlier one."""
    bookable(asked.service_id)
    wanted: dict[tuple[str, date], int | None] = {}
    for update in asked.availability_updates:
        if update.resource_category_id not in books.pms.room_types:
            raise invalid("ResourceCategoryId")
        count, kind = update.unit_count_adjustment.value, update.resource_category_id
        limit = None if count is None else len(books.pms.rooms_of(kind)) + count
        wanted |= {(kind, night): limit for night in nights_of(books, update)}
    for (kind, night), limit in wanted.items():
        books.pms.set_limit(kind, night, limit, at)
    return NOTHING


def _with_email(books: Books, email: str | None) -> Person | None:
    return next((one for one in books.pms.guests.values() if email and one.email == email), None)


def _require(books: Books, reservations: Sequence[str], *states: str) -> None:
    """Refuse a step of which a reservation is not in one of these states."""
    for key in reservations:
        booking = books.pms.bookings.get(key)
        if booking is None:
            raise invalid("ReservationId")
        if STATES[booking.status] not in states:
            raise forbidden(f"The reservation is {STATES[booking.status]}.")


def _stay(books: Books, begins: datetime, ends: datetime) -> StayDates:
    zone = books.pms.hotel.zone
    try:
        return StayDates(begins.astimezone(zone).date(), ends.astimezone(zone).date())
    except RateError:
        raise invalid("EndUtc") from None


def _value(books: Books, amount: ask.AmountIn) -> Decimal:
    """Return an amount that is given in the basis of the enterprise's prices, as it must be."""
    gross, net = amount.gross_value, amount.net_value
    value, other = (gross, net) if books.pricing == "gross" else (net, gross)
    if value is None or other is not None or amount.currency != books.pms.hotel.currency:
        raise invalid("Amount")
    if amount.tax_codes != (TAX_CODE,):
        raise invalid("TaxCodes")
    return value


def _old_form(books: Books, booking: Booking) -> Mapping[str, Json]:
    """Return a reservation in the form of 2017-04-12, in which writes answer."""
    row = books.reservation(booking)
    new_names = ("AccountId", "AccountType", "RequestedResourceCategoryId", "ScheduledStartUtc", "ScheduledEndUtc")
    old_names = {
        "CustomerId": booking.guest,
        "RequestedCategoryId": booking.product,
        "StartUtc": row["ScheduledStartUtc"],
        "EndUtc": row["ScheduledEndUtc"],
    }
    return {name: value for name, value in row.items() if name not in new_names} | old_names
