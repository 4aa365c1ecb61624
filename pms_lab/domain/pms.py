"""What a PMS holds: guests, reservations, rooms, availability, changes; and what a vendor can promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from pms_lab.domain.money import Money
from pms_lab.domain.stay import StayDates
from pms_lab.errors import InputError


@dataclass(frozen=True, slots=True, order=True)
class PmsId:
    """An id as one vendor gives it out; written ``opera:123``."""

    vendor: str
    local: str

    @classmethod
    def parse(cls, text: str) -> PmsId:
        """Read ``opera:123``.

        Raises:
            InputError: the text has no vendor or no id.
        """
        vendor, colon, local = text.partition(":")
        if not (vendor and colon and local):
            raise InputError(f"id {text!r} is not written as vendor:id, such as opera:123")
        return cls(vendor, local)

    def __str__(self) -> str:
        return f"{self.vendor}:{self.local}"


@dataclass(frozen=True, slots=True)
class Preference:
    """Something that a guest likes, such as kind ``floor``, value ``high``."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Guest:
    """A person in the PMS. Its `repr` shows the id only.

    Attributes:
        language: as the vendor writes it; None where it is unknown, as are e-mail and phone.
        notes: free text about the guest.
        updated_at: aware; None where the vendor does not tell.
    """

    id: PmsId
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    language: str | None = field(default=None, repr=False)
    loyalty_number: str | None = field(default=None, repr=False)
    preferences: tuple[Preference, ...] = field(default=(), repr=False)
    notes: str | None = field(default=None, repr=False)
    updated_at: datetime | None = None


class ReservationStatus(StrEnum):
    """Where a reservation stands."""

    REQUESTED = "requested"
    WAITLISTED = "waitlisted"
    CONFIRMED = "confirmed"
    IN_HOUSE = "in_house"
    CHECKED_OUT = "checked_out"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


@dataclass(frozen=True, slots=True)
class Reservation:
    """One stay of one party in one room or room type.

    Attributes:
        confirmation: the number that the guest knows.
        guest: the booker's id; None where the vendor gives only a name.
        product: the room type's code.
        room: the room's number; None while none is assigned.
        balance: what is still to be paid; negative when overpaid; None where this answer did not tell.
        notes: in the order in which they were added.
        updated_at: aware; None where the vendor does not tell.
    """

    id: PmsId
    confirmation: str
    status: ReservationStatus
    stay: StayDates
    product: str
    guest: PmsId | None = None
    guest_name: str = field(default="", repr=False)
    room: str | None = None
    rate_plan: str | None = None
    adults: int = 1
    children: int = 0
    total: Money | None = None
    balance: Money | None = None
    special_requests: str | None = field(default=None, repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False)
    checkout_at: datetime | None = None
    updated_at: datetime | None = None


class Condition(StrEnum):
    """What housekeeping says of a room."""

    CLEAN = "clean"
    DIRTY = "dirty"
    PICKUP = "pickup"
    INSPECTED = "inspected"
    OUT_OF_ORDER = "out_of_order"
    OUT_OF_SERVICE = "out_of_service"


@dataclass(frozen=True, slots=True)
class RoomStatus:
    """One room as housekeeping sees it.

    Attributes:
        id: the vendor's id of the room; `number` is what stands on its door.
        condition: None where the vendor keeps none (QloApps knows only active and inactive rooms).
        occupied: None where the vendor does not tell.
    """

    id: PmsId
    number: str
    product: str
    condition: Condition | None
    occupied: bool | None = None


class Availability(NamedTuple):
    """How many rooms of a type can be sold for a night.

    Attributes:
        available: may be negative where the PMS has overbooked.
        rooms: how many there are; None where the vendor does not tell.
    """

    product: str
    night: date
    available: int
    rooms: int | None = None


class EntityKind(StrEnum):
    """What a change is about."""

    RESERVATION = "reservation"
    GUEST = "guest"
    ROOM = "room"
    RATE = "rate"
    AVAILABILITY = "availability"
    FOLIO = "folio"


@dataclass(frozen=True, slots=True)
class Change:
    """A hint that something in the PMS is not as it was: fetch it to learn what it is now.

    Attributes:
        id: the entity's; None where the vendor tells the kind only.
        at: aware; None where the vendor does not tell.
        key: equal for two reports of the same change, so that it can be taken once.
        is_deletion: whether the entity is gone or cancelled, as far as the report tells.
    """

    kind: EntityKind
    id: PmsId | None
    at: datetime | None
    key: str
    is_deletion: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """Some changes and the place to go on from.

    Attributes:
        cursor: opaque; the PMS's position as of the fetch, with its overlap.
        is_complete: False when changes may have been lost, as after an unanswered dequeue: read everything anew.
    """

    changes: tuple[Change, ...]
    cursor: str
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Health:
    """How the PMS answered a harmless question.

    Attributes:
        latency_s: from sending to the whole answer.
        detail: what is wrong, or what was seen.
    """

    is_up: bool
    latency_s: float
    detail: str


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `requests` in any `window_s` seconds, for all who share the key that the vendor counts.

    Attributes:
        counted_by: that key: ``environment``, ``token`` or ``property``.
    """

    requests: int
    window_s: float
    counted_by: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a vendor can promise.

    Attributes:
        unsupported: operations that raise `Unsupported`, each with the reason.
        repeatable: writes that may be sent twice and take effect once.
        reconcilable: the other writes, of which a later read tells whether they took effect.
        conditional_write: whether the PMS can refuse a write when the value has changed meanwhile.
        atomic_create: whether two creations for the last room cannot both succeed.
        atomic_rates: whether a batch of rates takes effect as a whole or not at all.
        rate_batch: how many rates one request may carry.
        creates_rates: whether giving a cell its first own rate creates something, so that sending it twice may leave
            two; where not, a rate may be sent again at once.
        read_lag_s: how long a read may show what was before a write.
        in_flight_s: how long after its last byte an unanswered write may still take effect.
        shows_deletions: whether `changes_since` tells of deleted entities.
        webhooks: whether the vendor calls us.
    """

    vendor: str
    unsupported: Mapping[str, str]
    repeatable: frozenset[str]
    reconcilable: frozenset[str]
    conditional_write: bool
    atomic_create: bool
    atomic_rates: bool
    rate_batch: int
    rate_limits: tuple[RateLimit, ...]
    read_lag_s: float
    in_flight_s: float
    shows_deletions: bool
    webhooks: bool
    creates_rates: bool = False


@dataclass(frozen=True, slots=True)
class GuestQuery:
    """Whom to search for: what is None is not asked about; at least one is given. Its `repr` shows nothing."""

    name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not (self.name or self.email or self.phone):
            raise InputError("a search for nobody: give a name, an e-mail address or a phone number")


@dataclass(frozen=True, slots=True)
class NightlyRate:
    """What the PMS holds for a rate cell.

    Attributes:
        amount: in the property's currency and the vendor's tax basis.
        is_own: whether the cell has a rate of its own; False when it is inherited from a base price or another rule.
        is_derived: whether the vendor computes it from another rate, so that it cannot be set.
    """

    amount: Decimal
    is_own: bool = True
    is_derived: bool = False
