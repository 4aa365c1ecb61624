"""The demo hotel of QloApps as a state machine: four room types of five rooms, and one guest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from pms_lab.sim.pms.records import Hotel, Room, RoomType
from pms_lab.sim.pms.state import Pms

INSTALLED_AT: Final = datetime(2026, 11, 21, 3, 5, 28, tzinfo=UTC)
ROOMS_EACH: Final = 5

KINDS: Final = (
    ("General Rooms", "GR", "1000"),
    ("Delux Rooms", "DR", "1500"),
    ("Executive Rooms", "ER", "2000"),
    ("Luxury Rooms", "LR", "2500"),
)
"""Name, prefix of the rooms' numbers, and price of each room type; their ids are 1 to 4."""


def demo_pms(
    *,
    zone: str = "America/New_York",
    currency: str = "USD",
    rate_plan: str = "BAR",
    lag: timedelta = timedelta(0),
    race: timedelta = timedelta(0),
) -> Pms:
    """Return the demo hotel as it is after its installation. Its ids are the vendor's: rooms 1 to 20, guest 1.

    Args:
        lag: of a replica. The vendor has none that was measured.
        race: how old the view is from which a booking takes its room; some tenths of a second were measured.
    """
    kinds = [RoomType(str(number), name, Decimal(price)) for number, (name, _, price) in enumerate(KINDS, 1)]
    rooms = [
        Room(str(ROOMS_EACH * (number - 1) + place), f"{prefix}-10{place}", str(number))
        for number, (_, prefix, _) in enumerate(KINDS, 1)
        for place in range(1, ROOMS_EACH + 1)
    ]
    hotel = Hotel("1", "The Hotel Prime", ZoneInfo(zone), currency, rate_plan)
    pms = Pms(hotel, kinds, rooms, lag=lag, race=race, frees_at_checkout=True)
    pms.add_guest(
        datetime(1970, 1, 1, tzinfo=UTC),
        first_name="John",
        last_name="Doe",
        email="pub@qloapps.com",
        phone="1234567890",
    )
    return pms
