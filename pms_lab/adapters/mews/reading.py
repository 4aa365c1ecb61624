"""Mews's records into our nouns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Final, TypeVar

from pms_lab.adapters.mews.capabilities import VENDOR
from pms_lab.adapters.mews.credentials import MewsCredentials
from pms_lab.adapters.mews.models import (
    AccountNote,
    Amount,
    Answer,
    CustomerRow,
    OrderNote,
    ReservationRow,
    Resource,
    RoomState,
    State,
)
from pms_lab.domain.money import Money
from pms_lab.domain.pms import (
    Condition,
    Guest,
    GuestQuery,
    PmsId,
    Preference,
    Reservation,
    ReservationStatus,
    RoomStatus,
)
from pms_lab.domain.property import Property
from pms_lab.domain.stay import StayDates
from pms_lab.errors import BadAnswer, InputError, RateError

T = TypeVar("T")

PREFERENCE: Final = "Preference "
"""How an account note begins that holds a preference: ``Preference floor: high``. Mews has no list of its own."""

NO_SHOW: Final = "NoShow"

STATUSES: Final[Mapping[State, ReservationStatus]] = {
    State.INQUIRED: ReservationStatus.REQUESTED,
    State.OPTIONAL: ReservationStatus.REQUESTED,
    State.REQUESTED: ReservationStatus.WAITLISTED,
    State.CONFIRMED: ReservationStatus.CONFIRMED,
    State.STARTED: ReservationStatus.IN_HOUSE,
    State.PROCESSED: ReservationStatus.CHECKED_OUT,
    State.CANCELED: ReservationStatus.CANCELLED,
}
"""Mews's `Requested` is the wait list: the guest has confirmed, the hotel has not. `Optional` is the reverse."""

CONDITIONS: Final[Mapping[RoomState, Condition]] = {
    RoomState.DIRTY: Condition.DIRTY,
    RoomState.CLEAN: Condition.CLEAN,
    RoomState.INSPECTED: Condition.INSPECTED,
    RoomState.OUT_OF_SERVICE: Condition.OUT_OF_SERVICE,
    RoomState.OUT_OF_ORDER: Condition.OUT_OF_ORDER,
}


def ref(local: str) -> PmsId:
    """Return an id of Mews's as ours."""
    return PmsId(VENDOR, local)


def theirs(known: PmsId) -> str:
    """Return the id as Mews gave it out.

    Raises:
        InputError: another vendor gave it out.
    """
    if known.vendor != VENDOR:
        raise InputError(f"{known} is no id of {VENDOR}: ask the adapter of {known.vendor}")
    return known.local


def tagged(text: str, key: str) -> str:
    """Return the text of a note with the business key of its write, as ``text [key]``."""
    return f"{text} [{key}]"


def has_tag(text: str, key: str) -> bool:
    """Whether the text of a note carries a business key; the desk may have written on behind it."""
    return f" [{key}]" in text


def note_of(preference: Preference) -> str:
    """Return the account note that holds a preference."""
    return f"{PREFERENCE}{preference.kind}: {preference.value}"


def preference_of(note: str) -> Preference | None:
    """Return the preference that an account note holds; None where it is a note like others."""
    kind, colon, value = note.removeprefix(PREFERENCE).partition(": ")
    return Preference(kind, value) if note.startswith(PREFERENCE) and colon else None


def guest_of(row: CustomerRow, notes: Sequence[AccountNote]) -> Guest:
    """Return a guest.

    Args:
        notes: the account notes of several guests, newest first.
    """
    mine = (preference_of(note.content) for note in reversed(notes) if note.account_id == row.id)
    return Guest(
        id=ref(row.id),
        first_name=row.first_name or "",
        last_name=row.last_name,
        email=row.email,
        phone=row.phone,
        language=row.preferred_language_code,
        loyalty_number=row.loyalty_code,
        preferences=tuple(dict.fromkeys(preference for preference in mine if preference)),
        notes=row.notes or None,
        updated_at=row.updated_utc,
    )


def applies(query: GuestQuery, row: CustomerRow) -> bool:
    """Whether everything in a query is true of a guest: first, last or full name, e-mail, the digits of the phone."""
    names = (row.first_name or "", row.last_name, f"{row.first_name or ''} {row.last_name}")
    return (
        (not query.name or _plain(query.name) in map(_plain, names))
        and (not query.email or _plain(query.email) == _plain(row.email or ""))
        and (not query.phone or _digits(query.phone) == _digits(row.phone or ""))
    )


def spellings(*texts: str) -> list[str]:
    """Return texts in lower, upper and title case too: whether Mews's filters regard case is not documented."""
    return list(dict.fromkeys(form for text in texts for form in (text, text.lower(), text.upper(), text.title())))


def status_of(row: ReservationRow) -> ReservationStatus:
    """Return where a reservation stands; Mews says of a no-show that it was cancelled for that reason."""
    is_no_show = row.state is State.CANCELED and row.cancellation_reason == NO_SHOW
    return ReservationStatus.NO_SHOW if is_no_show else STATUSES[row.state]


def days_of(row: ReservationRow, place: Property) -> tuple[date, date]:
    """Return the days of arrival and departure, by the property's clock; they are one where there is no night."""
    return row.scheduled_start_utc.astimezone(place.zone).date(), row.scheduled_end_utc.astimezone(place.zone).date()


def stay_of(row: ReservationRow, place: Property) -> StayDates:
    """Return the nights of a reservation, by the property's clock.

    Raises:
        BadAnswer: it has no night.
    """
    try:
        return StayDates(*days_of(row, place))
    except RateError as exc:
        raise BadAnswer(f"reservation {row.id} has no night: {exc}") from exc


def reservation_of(
    row: ReservationRow,
    place: Property,
    credentials: MewsCredentials,
    *,
    rooms: Mapping[str, str],
    names: Mapping[str, str],
    notes: Sequence[OrderNote],
) -> Reservation:
    """Return a reservation. Mews tells its price and balance elsewhere.

    Args:
        rooms: numbers by id.
        names: of guests, by id.
        notes: of several reservations, newest first.
    """
    adults = sum(one.count for one in row.person_counts if one.age_category_id == credentials.adult_age_category)
    mine = [(note.type, note.text) for note in reversed(notes) if note.order_id == row.id and note.text]
    requests = [text for kind, text in mine if kind == "SpecialRequest"]
    return Reservation(
        id=ref(row.id),
        confirmation=row.number,
        status=status_of(row),
        stay=stay_of(row, place),
        product=place.our_product(row.requested_resource_category_id),
        guest=ref(row.account_id) if row.account_type == "Customer" else None,
        guest_name=names.get(row.account_id, ""),
        room=_room(row, rooms),
        rate_plan=row.rate_id,
        adults=adults,
        children=sum(one.count for one in row.person_counts) - adults,
        special_requests="\n".join(requests) or None,
        notes=tuple(text for kind, text in mine if kind != "SpecialRequest"),
        checkout_at=row.scheduled_end_utc,
        updated_at=row.updated_utc,
    )


def room_of(resource: Resource, category: str, place: Property) -> RoomStatus:
    """Return a room as housekeeping sees it."""
    return RoomStatus(ref(resource.id), resource.name, place.our_product(category), CONDITIONS[resource.state])


def money_of(amount: Amount, place: Property, credentials: MewsCredentials) -> Money:
    """Return an amount in the tax basis of the enterprise's prices.

    Raises:
        BadAnswer: it is in another currency than the property's.
    """
    if amount.currency != place.currency:
        raise BadAnswer(f"an amount of {place.location} is in {amount.currency}, not in {place.currency}")
    return Money(amount.gross_value if credentials.pricing == "gross" else amount.net_value, amount.currency)


def by_day(starts: Sequence[datetime], values: Sequence[T], place: Property) -> Iterator[tuple[date, T]]:
    """Yield the values of time units with their local days.

    Raises:
        BadAnswer: there are more values than time units, or fewer.
    """
    if len(starts) != len(values):
        raise BadAnswer(f"{len(values)} values for {len(starts)} time units: they should be as many")
    return zip((start.astimezone(place.zone).date() for start in starts), values, strict=True)


def key_of(row: Answer) -> str:
    """Return a text that is equal for equal rows. Times in Mews are whole seconds, too coarse to tell changes apart."""
    return sha256(repr(row).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _room(row: ReservationRow, rooms: Mapping[str, str]) -> str | None:
    if row.assigned_resource_id is None:
        return None
    if row.assigned_resource_id not in rooms:
        raise BadAnswer(f"reservation {row.id} has the room {row.assigned_resource_id}, which Mews does not list")
    return rooms[row.assigned_resource_id]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))
