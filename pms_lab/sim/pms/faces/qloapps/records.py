"""What QloApps keeps beside the common state machine, as frozen records. Amounts are without tax unless named so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from pms_lab.domain.pms import ReservationStatus
from pms_lab.sim.pms.faces.qloapps.wire import NOTHING_AT

CENT: Final = Decimal("0.01")

AWAITING, PAID, CANCELLED, REFUNDED, PARTLY_PAID = 1, 2, 4, 5, 8
"""The states of an order that the face knows how to reach."""

STATUS_IDS: Final[Mapping[ReservationStatus, int]] = {
    ReservationStatus.CONFIRMED: 1,
    ReservationStatus.IN_HOUSE: 2,
    ReservationStatus.CHECKED_OUT: 3,
}
"""`id_status` of a room line. The vendor has no word for the others; a line that has one of them shows 0."""


@dataclass(frozen=True, slots=True)
class Quirks:
    """What goes wrong on a real instance, to be switched on and off.

    Attributes:
        warns: stock PHP settings: every read and write of `bookings` answers 500 with PHP's warnings, and is done.
        cancels_silently: of two bookings that raced for the last room, the later is answered 200 and is cancelled. The
            race itself is the hotel's: `Pms.race`. Without this quirk both hold the room.
        hides_cancellations: cancelling a booking leaves the `date_upd` of its room line as it was.
        ruins_room_types: a PUT of a room type makes its inventory row anew, with what PHP makes of the XML.
        killed_at: the web server dies when it has written so many items of the next bulk write; None for never.
    """

    warns: bool = False
    cancels_silently: bool = False
    hides_cancellations: bool = True
    ruins_room_types: bool = True
    killed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order: one booking of one or several rooms.

    Attributes:
        products, products_with_tax: running sums that the vendor keeps; they are not always what the lines add up to.
        advance: what had to be paid when it was made, with tax.
        remark_times: when each remark was made, in the order of the first line's notes.
    """

    id: int
    cart: int
    guest: str
    source: str
    reference: str
    added_at: datetime
    updated_at: datetime
    state: int = AWAITING
    invoice: int = 0
    invoiced_at: datetime | None = None
    is_valid: bool = False
    paid: Decimal = Decimal(0)
    products: Decimal = Decimal(0)
    products_with_tax: Decimal = Decimal(0)
    advance: Decimal = Decimal(0)
    remark_times: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A room line: what the vendor calls a room booking. The room, the nights and the price are the booking's.

    Attributes:
        booking: its id in the state machine. A booking keeps it, also when a change of dates gives it another line.
        tax: of the room alone.
        paid: `total_paid_amount`, as the vendor shows it.
    """

    id: int
    order: int
    booking: str
    cart: int
    detail: int
    tax: Decimal
    paid: Decimal
    added_at: datetime
    updated_at: datetime
    id_status: int = 1
    child_ages: str = "[]"
    is_back_order: bool = False
    check_in: str = NOTHING_AT
    check_out: str = NOTHING_AT
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A service of a room line; its amount without tax is a posting of the state machine."""

    posting: str
    line: int
    product: int
    name: str
    quantity: int
    total: Decimal
    tax: Decimal
    per_night: int
    price_mode: int


@dataclass(frozen=True, slots=True)
class Customer:
    """What the vendor keeps of a guest beside name, e-mail address, phone and note, by field."""

    added_at: datetime
    fields: Mapping[str, int | str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inventory:
    """A row of `hotel_room_types`: whose rooms a room type's are, and for how many people."""

    id: int
    product: str
    hotel: int
    adults: int
    children: int
    max_adults: int
    max_children: int
    max_guests: int
    added_at: datetime


@dataclass(frozen=True, slots=True)
class RoomNotes:
    """What the vendor keeps of a room beside its number and type."""

    floor: str
    comment: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of `feature_prices`; texts are as they are stored.

    Attributes:
        way: 1 decrease, 2 increase, 3 fixed price.
        kind: `date_selection_type`: 1 a range of nights, 2 one night.
        unit: `impact_type`: 1 percent, 2 amount.
        name: None for a rule whose writing was cut off.
        groups: the groups of customers for whom it holds; without any it holds for nobody.
    """

    id: int
    product: str
    cart: int
    guest: int
    room: int
    date_from: str
    date_to: str
    way: int
    is_special: int
    kind: int
    special_days: str
    unit: int
    value: Decimal
    active: int
    added_at: str
    updated_at: datetime
    name: str | None
    groups: tuple[int, ...]

    def covers(self, night: date) -> bool:
        """Whether its dates hold for a night."""
        if self.kind == 2:
            return self.date_from == night.isoformat()
        if self.kind != 1 or not self.date_from <= night.isoformat() <= self.date_to:
            return False
        return not self.is_special or f'"{night.strftime("%a").lower()}"' in self.special_days

    @property
    def rank(self) -> tuple[int, int]:
        """Its place among the rules of a night: one night, then weekdays, then ranges; of equals the lowest id."""
        return (0 if self.kind == 2 else 1 if self.is_special else 2), self.id

    def price(self, base: Decimal) -> Decimal:
        """Return what a night costs under it; never below nothing."""
        change = base * self.value / 100 if self.unit == 1 and self.way != 3 else self.value
        return max(Decimal(0), {1: base - change, 2: base + change}.get(self.way, change))


def cents(amount: Decimal) -> Decimal:
    """Round half up to the cent, as the vendor rounds."""
    return amount.quantize(CENT, ROUND_HALF_UP)
