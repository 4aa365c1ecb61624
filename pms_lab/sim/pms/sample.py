"""A small hotel to try things on: four room types of five rooms, as the demo of QloApps has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pms_lab.domain.pms import ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.sim.pms.records import Hotel, Room, RoomType
from pms_lab.sim.pms.state import Pms, Wish

ROOM_TYPES = (
    RoomType("GEN", "General rooms", Decimal("1000.00")),
    RoomType("DLX", "Delux rooms", Decimal("1500.00")),
    RoomType("EXE", "Executive rooms", Decimal("2000.00")),
    RoomType("LUX", "Luxury rooms", Decimal("2500.00")),
)
ROOMS_EACH = 5


def sample_pms(
    *,
    zone: str = "America/New_York",
    currency: str = "USD",
    code: str = "HOTEL1",
    rate_plan: str = "BAR",
    new_id: Callable[[str, int], str] | None = None,
    product_id: Callable[[str], str] = str,
    lag: timedelta = timedelta(0),
    race: timedelta = timedelta(0),
) -> Pms:
    """Return the sample hotel.

    Args:
        new_id: makes ids of a vendor's own form from a kind and a number.
        product_id: the vendor's id of a room type, from its code.
    """
    kinds = [
        RoomType(product_id(kind.code), kind.name, kind.base_rate, kind.adults, kind.children) for kind in ROOM_TYPES
    ]
    rooms = [
        Room(str(5 * index + place), f"{index + 1}0{place}", kind.code)
        for index, kind in enumerate(kinds)
        for place in range(1, ROOMS_EACH + 1)
    ]
    hotel = Hotel(code, "Sample hotel", ZoneInfo(zone), currency, rate_plan)
    options: dict[str, Any] = {} if new_id is None else {"new_id": new_id}
    return Pms(hotel, kinds, rooms, lag=lag, race=race, **options)


PEOPLE = (
    ("Ada", "Byron"),
    ("Charles", "Babbage"),
    ("Mary", "Somerville"),
    ("George", "Boole"),
    ("Sofia", "Kovalevskaya"),
)


def fill(pms: Pms, at: datetime) -> None:
    """Book some rooms around today, so that there is something to see: arrivals, a departure, a guest in house."""
    today = pms.business_date(at)
    kinds = list(pms.room_types)
    for number, (first, last) in enumerate(PEOPLE):
        guest = pms.add_guest(at, first_name=first, last_name=last, email=f"{first}.{last}@example.com".lower())
        arrival = today + timedelta(days=number % 3 - 1)
        pms.book(Wish(StayDates.starting(arrival, 1 + number), kinds[number % len(kinds)], guest.id), at)
    for booking in list(pms.bookings.values()):
        if booking.stay.check_in < today:
            pms.set_status(booking.id, ReservationStatus.IN_HOUSE, at)
