"""Bodies for the bookings interface, and what of a write QloApps would spoil.

A PUT of a booking replaces it: rooms that are not named go, services that are not named go, discounts go, and the
guest with the e-mail address is renamed. So what is there is read first, and all of it is sent again. What cannot be
sent again unharmed is refused before anything is sent. Source: QloApps 1.6.1.0, measured, and its
``WebserviceSpecificManagementBookings.php``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from pms_lab.adapters.qloapps.models import BookedRoom, Booking, Customer, Line, Service
from pms_lab.adapters.qloapps.reservations import Held, stay_of
from pms_lab.adapters.writing import Json
from pms_lab.domain.property import Property
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import CreateReservation, PostCharge, UpdateGuest
from pms_lab.errors import PmsRefused

NEW, AWAITING_PAYMENT = "1", "3"
"""`booking_status` and `payment_status` of a booking that is made."""
PER_BOOKING: Final = "1"
"""`price_mode` of a charge: once, not for each night."""
LONGEST_NAME: Final = 32
LONGEST_EMAIL = LONGEST_SERVICE = 128
NO_AGE: Final = "0"
"""QloApps counts children by their ages; a write of ours has none, so each is sent as this."""

_NO_NAME = re.compile(r"""[0-9!<>,;?=+()@#"°{}_$%:\x00-\x1f\x7f\ud800-\udfff]""")
_EMAIL = re.compile(r"[\w!#$%&'*+/=?^`{}|~-][.\w!#$%&'*+/=?^`{}|~-]*@[^\W_](\.?[\w-])*\.[^\W_]+")
_PHONE = re.compile(r"\+?[0-9 .()-]*[0-9]")
_NO_SERVICE = re.compile(r"[<>;=#{}]")


def tagged(text: str, key: str) -> str:
    """Return a text with its business key, as ``text [key]``.

    QloApps drops what looks like a tag, so angle brackets become single quotation marks.
    """
    return f"{text.replace('<', '‹').replace('>', '›')} [{key}]"


def has_tag(text: str, key: str) -> bool:
    """Whether a text carries a business key."""
    return text.endswith(f"[{key}]")


def new_booking(write: CreateReservation, guest: Customer | None, place: Property) -> Json:
    """Return the body of a POST."""
    ages = [NO_AGE] * write.children
    adults = str(write.adults)
    # The description says adults; what is read is adult.
    room = {"adult": adults, "adults": adults, "child": str(write.children), "child_ages": ages}
    person = _person(guest) if guest else _named(write.first_name, write.last_name, write.email, write.phone)
    kinds = [_kind(place.vendor_product(write.product), write.stay, [{**room, **_services(())}])]
    booking = _booking(place, write.source, person, kinds)
    status = {"booking_status": NEW, "payment_status": AWAITING_PAYMENT}
    return {"booking": {**booking, **status, "remark": tagged(write.source, write.key)}}


def rewritten(held: Held, there: Booking | None, place: Property, remark: str) -> Json:
    """Return the body of a PUT that adds a remark and keeps the rest.

    Args:
        there: the booking as it is; None where nothing but its rooms is known to be in it.

    Raises:
        PmsRefused: something in it cannot be sent again unharmed.
    """
    rooms = _rooms(held, there)
    return {"booking": {**_whole(held, place, _kinds(held.lines, rooms)), "remark": remark}}


def charged(held: Held, there: Booking, place: Property, write: PostCharge) -> Json:
    """Return the body of a PUT that adds a charge to a room and keeps the rest.

    Raises:
        PmsRefused: something in it cannot be sent again unharmed.
    """
    rooms = _rooms(held, there)
    mine = rooms[held.line.id]
    if mine.services or mine.facilities:
        raise PmsRefused(
            "the room has services or charges already, and QloApps would give them all the price of the last: post it "
            "at the front desk"
        )
    charge = {
        "name": tagged(write.description, write.key),
        "quantity": "1",
        "price_mode": PER_BOOKING,
        "unit_price_without_tax": f"{write.amount.amount:f}",
        "total_tax": "0",
    }
    return {"booking": _whole(held, place, _kinds(held.lines, rooms, {held.line.id: charge}))}


def moved(held: Held, there: Booking | None, place: Property, stay: StayDates) -> Json:
    """Return the body of a PUT that gives the only room of an order other nights.

    Services of the hotel's are priced anew for these nights; charges keep their amount.

    Raises:
        PmsRefused: something in it cannot be sent again unharmed.
    """
    line = held.line
    room = _rooms(held, there).get(line.id)
    if room and room.facilities:
        raise PmsRefused("the room has extra facilities, which QloApps would drop: move it at the front desk")
    services = [_moved_service(one) for one in room.services] if room else []
    # Children without ages cannot be sent: QloApps would count none. Left out, it takes the room type's usual number.
    is_known = len(line.child_ages) == line.children
    people: dict[str, Json] = {
        "adult": str(line.adults),
        "adults": str(line.adults),
        "child": str(line.children),
        "child_ages": list(line.child_ages),
    }
    if services and not is_known:
        raise PmsRefused(
            "the room has services, and children without ages, of which QloApps would lose one: move it at the desk"
        )
    rooms: list[Json] = [{**people, **_services(services)}] if is_known else []
    return {"booking": _whole(held, place, [_kind(line.id_product, stay, rooms)])}


def fault_of_creation(write: CreateReservation) -> str | None:
    """Say what of a booking QloApps would answer with a PHP error instead of a refusal; None where nothing is wrong."""
    if write.guest is not None:
        return None
    return _fault(write.first_name, write.last_name, write.email, write.phone)


def fault_of_update(write: UpdateGuest) -> str | None:
    """Say what of a change of a guest QloApps does not take; None where nothing is wrong."""
    if write.language is not None and not write.language.isdecimal():
        return "QloApps names languages by number: give the id of one of the shop's"
    return _fault(write.first_name, write.last_name, write.email, write.phone or None)


def fault_of_charge(write: PostCharge, place: Property) -> str | None:
    """Say why a charge cannot be posted as it is; None where nothing is wrong."""
    amount = write.amount
    name = tagged(write.description, write.key)
    if amount.currency != place.currency:
        return f"a charge in {amount.currency}, and the hotel's currency is {place.currency}: convert it before"
    if amount.amount <= 0 or amount.amount != round(amount.amount, 2):
        return f"a charge of {amount}: QloApps takes whole cents above zero"
    if len(name) > LONGEST_SERVICE or _NO_SERVICE.search(name):
        return f"a description with its key is at most {LONGEST_SERVICE} characters, without <>;=#{{}}: shorten it"
    return None


def _fault(first: str | None, last: str | None, email: str | None, phone: str | None) -> str | None:
    for which, name in (("first", first), ("last", last)):
        if name is not None and (not name.strip() or len(name) > LONGEST_NAME or _NO_NAME.search(name)):
            return f"QloApps takes a {which} name of 1 to {LONGEST_NAME} characters without digits or signs: correct it"
    if email is not None and not (len(email) <= LONGEST_EMAIL and _EMAIL.fullmatch(email)):
        return "QloApps answers a wrong e-mail address with a PHP error: correct it"
    if phone is not None and not _PHONE.fullmatch(phone):
        return "QloApps drops a phone number that has more than digits, spaces, points, brackets and a plus: correct it"
    return None


def _rooms(held: Held, there: Booking | None) -> Mapping[str, BookedRoom]:
    """Return the rooms by line, if they can be sent again."""
    if held.order.total_discounts_tax_incl != 0:
        raise PmsRefused("the order has a discount, which QloApps would drop: change it at the front desk")
    if there is None:
        return {}
    lost = [line.id for line in held.lines if line.id not in there.rooms]
    if lost:
        raise PmsRefused(f"room line {', '.join(lost)} is being changed at this moment: try again")
    for room in there.rooms.values():
        if len(room.services) > 1 or (room.services and room.facilities):
            raise PmsRefused(
                f"room line {room.id_hotel_booking} has several services, and QloApps would give them all the price of "
                "the last: change it at the front desk"
            )
    return there.rooms


def _kinds(
    lines: Sequence[Line], rooms: Mapping[str, BookedRoom], charges: Mapping[str, Mapping[str, Json]] | None = None
) -> list[Json]:
    """Return the rooms of an order by type and nights, as QloApps matches them."""
    groups: dict[tuple[str, object, object], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.id_product, line.date_from, line.date_to), []).append(line)
    return [_group(group, rooms, charges or {}) for group in groups.values()]


def _group(group: list[Line], rooms: Mapping[str, BookedRoom], charges: Mapping[str, Mapping[str, Json]]) -> Json:
    services = {line.id: [_same_service(one) for one in rooms[line.id].services] if rooms else [] for line in group}
    for line, charge in charges.items():
        if line in services:
            services[line].append(charge)
    # Rooms that are not named one by one keep their facilities, and none of them has services.
    named: list[Json] = [{"id_room": line.id_room, **_services(services[line.id])} for line in group]
    rooms_named = named if any(services.values()) else []
    return _kind(group[0].id_product, stay_of(group[0]), rooms_named, len(group))


def _kind(product: str, stay: StayDates, rooms: Sequence[Json], count: int = 1) -> Json:
    kind: dict[str, Json] = {
        "id_room_type": product,
        "checkin_date": stay.check_in.isoformat(),
        "checkout_date": stay.check_out.isoformat(),
        "number_of_rooms": str(count),
    }
    return {**kind, "rooms": rooms} if rooms else kind


def _services(services: Sequence[Json]) -> Mapping[str, Json]:
    return {"services": services, "facilities": []}


def _same_service(service: Service) -> Mapping[str, Json]:
    """Return a service that stays: its total without tax and its tax as they are."""
    if _is_charge(service):
        return _charge_again(service)
    return {
        "id_service": service.id_service,
        "quantity": str(service.quantity),
        "total_price_without_tax": f"{service.total_price_without_tax:f}",
        "total_tax": f"{service.total_tax:f}",
    }


def _moved_service(service: Service) -> Mapping[str, Json]:
    """Return a service for other nights: at the catalogue's price, with the catalogue's tax, for which 0 stands."""
    if _is_charge(service):
        return _charge_again(service)
    return {"id_service": service.id_service, "quantity": str(service.quantity), "total_tax": "0"}


def _charge_again(service: Service) -> Mapping[str, Json]:
    """Return a charge under its name: QloApps deletes its product as soon as it is posted."""
    unit = service.total_price_without_tax / max(service.quantity, 1)
    return {
        "name": service.name,
        "quantity": str(service.quantity),
        "price_mode": PER_BOOKING,
        "unit_price_without_tax": f"{unit.quantize(Decimal('0.000001')):f}",
        "total_tax": f"{service.total_tax:f}",
    }


def _is_charge(service: Service) -> bool:
    return service.price_mode == 0


def _whole(held: Held, place: Property, kinds: Sequence[Json]) -> dict[str, Json]:
    if held.guest is None:
        raise PmsRefused("the shop does not show the guest of this order: change it at the front desk")
    booking = _booking(place, held.order.source or "", _person(held.guest), kinds)
    return {"id": held.order.id, **booking}


def _booking(place: Property, source: str, person: Json, kinds: Sequence[Json]) -> dict[str, Json]:
    return {
        "id_property": place.code,
        "currency": place.currency,
        "source": source,
        "associations": {"customer_detail": person, "room_types": kinds},
    }


def _person(guest: Customer) -> Json:
    return _named(guest.firstname, guest.lastname, guest.email, guest.phone)


def _named(first: str, last: str, email: str, phone: str | None) -> Json:
    person = {"firstname": first, "lastname": last, "email": email}
    return {**person, "phone": phone} if phone else person
