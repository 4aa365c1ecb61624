"""What the simulated PMS holds, as frozen records. Ids are the vendor's own; times are aware; amounts are decimals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from pms_lab.domain.pms import Condition, Preference, ReservationStatus
from pms_lab.domain.stay import StayDates


@dataclass(frozen=True, slots=True)
class Hotel:
    """The property itself. Amounts are in `currency`; `rate_plan` is its only public one."""

    code: str
    name: str
    zone: ZoneInfo
    currency: str
    rate_plan: str


@dataclass(frozen=True, slots=True)
class RoomType:
    """A room type; `base_rate` holds for nights without a rate of their own."""

    code: str
    name: str
    base_rate: Decimal
    adults: int = 2
    children: int = 2


@dataclass(frozen=True, slots=True)
class Room:
    """A room. One that is not active cannot be sold."""

    id: str
    number: str
    product: str
    condition: Condition = Condition.CLEAN
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Person:
    """A guest's profile."""

    id: str
    first_name: str
    last_name: str
    email: str | None = None
    phone: str | None = None
    language: str | None = None
    loyalty_number: str | None = None
    preferences: tuple[Preference, ...] = ()
    notes: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """A reservation of one room.

    Attributes:
        group: the order that this belongs to, where a vendor books several rooms at once; else its own id.
        room: a room's id; None while none is assigned.
        key: the caller's business key, where the vendor has a field for one.
        total: for the whole stay.
        checkout_at: expected; aware.
    """

    id: str
    confirmation: str
    group: str
    status: ReservationStatus
    stay: StayDates
    product: str
    room: str | None
    guest: str
    rate_plan: str
    adults: int
    children: int
    total: Decimal
    created_at: datetime
    updated_at: datetime
    notes: tuple[str, ...] = ()
    special_requests: str | None = None
    checkout_at: datetime | None = None
    source: str = ""
    key: str | None = None

    @property
    def holds_a_room(self) -> bool:
        """Whether its nights are taken."""
        return self.status not in (ReservationStatus.CANCELLED, ReservationStatus.NO_SHOW)


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of a folio: a charge, or with a negative amount a payment."""

    id: str
    booking: str
    description: str
    amount: Decimal
    at: datetime
    code: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One applied write, in order.

    Attributes:
        sequence: from 1, without gaps.
        kind: ``booking``, ``guest``, ``room``, ``rate``, ``limit`` or ``folio``.
        action: such as ``created``, ``moved``, ``cancelled``.
        detail: the new value where there is one, as text.
    """

    sequence: int
    at: datetime
    kind: str
    id: str
    action: str
    detail: str = ""


RateKey = tuple[str, str, date]
"""(room type, rate plan, night)"""
