"""OPERA's answers into our nouns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from pms_lab.adapters.opera import guest_models as guests
from pms_lab.adapters.opera import hotel_models as hotel
from pms_lab.adapters.opera import models
from pms_lab.adapters.opera.access import VENDOR
from pms_lab.domain.money import Money
from pms_lab.domain.pms import (
    Availability,
    Change,
    Condition,
    EntityKind,
    Guest,
    PmsId,
    Preference,
    Reservation,
    ReservationStatus,
    RoomStatus,
)
from pms_lab.domain.property import Property
from pms_lab.domain.stay import StayDates
from pms_lab.errors import BadAnswer, InputError, listed

K = TypeVar("K")

SPECIAL_REQUESTS: Final = "Special requests"
"""The title of the comment that holds a reservation's special requests: OPERA's own specials are codes, not text."""

STATUSES: Final[Mapping[str, ReservationStatus]] = {
    "Requested": ReservationStatus.REQUESTED,
    "Waitlisted": ReservationStatus.WAITLISTED,
    "Reserved": ReservationStatus.CONFIRMED,
    "DueIn": ReservationStatus.CONFIRMED,
    "InHouse": ReservationStatus.IN_HOUSE,
    "Walkin": ReservationStatus.IN_HOUSE,
    "DueOut": ReservationStatus.IN_HOUSE,
    "PendingCheckout": ReservationStatus.IN_HOUSE,
    "CheckedOut": ReservationStatus.CHECKED_OUT,
    "Cancelled": ReservationStatus.CANCELLED,
    "NoShow": ReservationStatus.NO_SHOW,
}
CONDITIONS: Final[Mapping[str, Condition]] = {
    "Clean": Condition.CLEAN,
    "Dirty": Condition.DIRTY,
    "Pickup": Condition.PICKUP,
    "Inspected": Condition.INSPECTED,
    "OutOfOrder": Condition.OUT_OF_ORDER,
    "OutOfService": Condition.OUT_OF_SERVICE,
}
OCCUPIED: Final[Mapping[str, bool]] = {"Vacant": False, "Occupied": True}
MODULES: Final[Mapping[str, EntityKind]] = {
    "Reservation": EntityKind.RESERVATION,
    "Profile": EntityKind.GUEST,
    "Housekeeping": EntityKind.ROOM,
    "Rate": EntityKind.RATE,
    "Availability": EntityKind.AVAILABILITY,
    "Cashiering": EntityKind.FOLIO,
}
WITH_ID: Final = frozenset({EntityKind.RESERVATION, EntityKind.GUEST, EntityKind.ROOM})


def own(local: str) -> PmsId:
    """Return one of OPERA's ids as ours."""
    return PmsId(VENDOR, local)


def theirs(known: PmsId) -> str:
    """Return the id as OPERA gave it out.

    Raises:
        InputError: another vendor gave it out.
    """
    if known.vendor != VENDOR:
        raise InputError(f"{known} is no id of {VENDOR}: ask the adapter of {known.vendor}")
    return known.local


def guest_of(profile: guests.Profile, zone: ZoneInfo) -> Guest:
    """Return the guest of a whole profile."""
    details = profile.profile_details
    name = name_of(details.customer)
    memberships = sorted(details.profile_memberships.profile_membership, key=lambda one: not one.primary_membership)
    return Guest(
        id=own(required(profile.profile_id_list, "Profile")),
        first_name=name.given_name,
        last_name=name.surname,
        email=next((one.email.email_address or None for one in emails_of(profile)), None),
        phone=next((one.telephone.phone_number or None for one in phones_of(profile)), None),
        language=details.customer.language,
        loyalty_number=next((one.membership_id for one in memberships if one.membership_id), None),
        preferences=tuple(
            Preference(kind.preference_type, one.preference_value)
            for kind in details.preference_collection.preference_type
            for one in kind.preference
        ),
        notes="\n".join(one.comment.text.value for one in details.comments.comment_info) or None,
        updated_at=moment(details.last_modify_date_time, zone),
    )


def listed_guest_of(info: guests.ProfileInfo, zone: ZoneInfo) -> Guest:
    """Return the guest of a list's row, which shows one address and one number."""
    summary = info.profile
    return Guest(
        id=own(required(info.profile_id_list, "Profile")),
        first_name=summary.former_name.given_name,
        last_name=summary.former_name.name,
        email=summary.email_info.email.email_address or None,
        phone=summary.telephone_info.telephone.phone_number or None,
        language=summary.former_name.language,
        updated_at=moment(summary.last_modify_date_time, zone),
    )


def name_of(customer: models.Customer) -> models.PersonName:
    """Return a person's primary name."""
    return next((name for name in customer.person_name if name.name_type == "Primary"), models.PersonName())


def emails_of(profile: guests.Profile) -> list[guests.EmailInfo]:
    """Return the e-mail addresses, the primary one first."""
    return sorted(profile.profile_details.emails.email_info, key=lambda one: not one.email.primary_ind)


def phones_of(profile: guests.Profile) -> list[guests.TelephoneInfo]:
    """Return the telephone numbers, the primary one first."""
    return sorted(profile.profile_details.telephones.telephone_info, key=lambda one: not one.telephone.primary_ind)


def reservation_of(answer: models.Reservation, place: Property) -> Reservation:
    """Return the reservation of an answer about it alone.

    Raises:
        BadAnswer: something that a reservation must have is missing, or it is for the day only.
    """
    stay, room, rates = answer.room_stay, answer.room_stay.current_room_info, answer.room_stay.room_rates
    guest = next(iter(sorted(answer.reservation_guests, key=lambda one: not one.primary)), models.ReservationGuest())
    name = name_of(guest.profile_info.profile.customer)
    product = room.room_type or next((rate.room_type for rate in rates if rate.room_type), None)
    nights = _nights(stay)
    if product is None or nights is None:
        raise BadAnswer("a reservation without a room type or a night: look at it in OPERA")
    total = stay.total.amount_before_tax if stay.total.amount_after_tax is None else stay.total.amount_after_tax
    guest_id = models.id_of(guest.profile_info.profile_id_list, "Profile")
    return Reservation(
        id=own(required(answer.reservation_id_list, "Reservation")),
        confirmation=models.id_of(answer.reservation_id_list, "Confirmation") or "",
        status=known(STATUSES, answer.reservation_status, "reservation status"),
        stay=nights,
        product=place.our_product(product),
        guest=own(guest_id) if guest_id else None,
        guest_name=f"{name.given_name} {name.surname}".strip(),
        room=room.room_id or next((rate.room_id for rate in rates if rate.room_id), None),
        rate_plan=next((rate.rate_plan_code for rate in rates if rate.rate_plan_code), None),
        adults=stay.guest_counts.adults,
        children=stay.guest_counts.children,
        total=Money(total, stay.total.currency_code) if total is not None and stay.total.currency_code else None,
        balance=money(answer.cashiering.revenues_and_balances.balance),
        special_requests=next((one.comment.text.value for one in answer.comments if is_request(one)), None),
        notes=tuple(one.comment.text.value for one in answer.comments if not is_request(one)),
        checkout_at=moment(stay.expected_times.reservation_expected_departure_time, place.zone),
        updated_at=moment(answer.last_modify_date_time, place.zone),
    )


def is_request(info: models.CommentInfo) -> bool:
    """Whether a comment holds the special requests."""
    return info.comment.comment_title == SPECIAL_REQUESTS


def listed_reservation_of(info: models.ReservationInfo, place: Property) -> Reservation | None:
    """Return the reservation of a list's row, which shows no notes; None for one that has no night."""
    stay, guest, nights = info.room_stay, info.reservation_guest, _nights(info.room_stay)
    if nights is None:
        return None
    return Reservation(
        id=own(required(info.reservation_id_list, "Reservation")),
        confirmation=models.id_of(info.reservation_id_list, "Confirmation") or "",
        status=known(STATUSES, info.reservation_status, "reservation status"),
        stay=nights,
        product=place.our_product(stay.room_type),
        guest=own(guest.id) if guest.id else None,
        guest_name=f"{guest.given_name} {guest.surname}".strip(),
        room=stay.room_id,
        rate_plan=stay.rate_plan_code,
        adults=stay.adult_count,
        children=stay.child_count,
        total=money(stay.total_amount),
        checkout_at=moment(stay.expected_times.reservation_expected_departure_time, place.zone),
        updated_at=moment(info.last_modify_date_time, place.zone),
    )


def room_of(room: hotel.Room, place: Property) -> RoomStatus:
    """Return a room's state; OPERA's id of a room is its number."""
    state = room.housekeeping.housekeeping_room_status
    return RoomStatus(
        id=own(room.room_id),
        number=room.room_id,
        product=place.our_product(room.room_type.room_type),
        condition=known(CONDITIONS, state.housekeeping_room_status, "room status"),
        occupied=None
        if state.front_office_status is None
        else known(OCCUPIED, state.front_office_status, "front office status"),
    )


def availability_of(inventory: hotel.TypeInventory, nights: StayDates, place: Property) -> Iterator[Availability]:
    """Yield the counts of one room type for those of the nights that they cover."""
    for count in inventory.inventory_counts:
        for night in nights:
            if count.start_date <= night <= count.end_date:
                yield Availability(place.our_product(inventory.code), night, count.available_count)


def change_of(data: hotel.EventData, zone: ZoneInfo) -> Change | None:
    """Return the change that an event tells of; None where it is about nothing that we hold."""
    header = data.business_event.header
    kind = MODULES.get(header.module_name)
    if kind is None:
        return None
    return Change(
        kind=kind,
        id=own(header.primary_key) if kind in WITH_ID and header.primary_key else None,
        at=moment(header.created_date_time, zone),
        key=f"{VENDOR}:{data.business_event_id.id}",
        is_deletion=header.action_type.startswith(("CANCEL", "DELETE")),
    )


def money(amount: models.Amount | None) -> Money | None:
    """Return an amount as money."""
    return None if amount is None else Money(amount.amount, amount.currency_code)


def moment(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    """Return a time of OPERA's as aware: it writes the property's clock, without an offset."""
    return at.replace(tzinfo=zone) if at is not None and at.tzinfo is None else at


def same_time(one: datetime | None, other: datetime) -> bool:
    """Whether two times are the same second; OPERA keeps no fractions."""
    return one is not None and abs(one.timestamp() - other.timestamp()) < 1


def known(meanings: Mapping[str, K], word: str, what: str) -> K:
    """Return what a word of OPERA's means.

    Raises:
        BadAnswer: the word is none that its description lists.
    """
    if word not in meanings:
        raise BadAnswer(f"{what} {word[:40]!r} is none of OPERA's {listed(meanings)}: it may have added one")
    return meanings[word]


def required(ids: Iterable[models.Id], kind: str) -> str:
    """Return the id of one kind.

    Raises:
        BadAnswer: there is none.
    """
    found = models.id_of(ids, kind)
    if found is None:
        raise BadAnswer(f"a record without an id of type {kind}: OPERA's answer is not whole")
    return found


def _nights(stay: models.RoomStay | models.ListedStay) -> StayDates | None:
    if stay.departure_date <= stay.arrival_date:
        return None
    return StayDates(stay.arrival_date, stay.departure_date)
