"""What can be written to a PMS, as values: they can be sent, stored, replayed, and looked for in the PMS.

`key` is the business key of a write: two with the same key are the same intent. Adapters put it where the vendor has a
place for it, so that `reconcile` finds it; they do not remember it. Whoever holds the intent sends it once, and asks
before sending it again; `ResilientPms` does so for what it queues.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, TypeAlias

from pms_lab.domain.money import Money
from pms_lab.domain.pms import PmsId, Preference, ReservationStatus
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates


@dataclass(frozen=True, slots=True)
class UpdateGuest:
    """Change what is given of a guest and keep the rest: None keeps, an empty text clears."""

    key: str
    guest: PmsId
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    language: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AddPreferences:
    """Add preferences to a guest's own; those that are there already stay once."""

    key: str
    guest: PmsId
    preferences: tuple[Preference, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AddNote:
    """Add a note to a reservation."""

    key: str
    reservation: PmsId
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SetSpecialRequests:
    """Put a text in the place of a reservation's special requests."""

    key: str
    reservation: PmsId
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Check a guest in or out, or mark a reservation as confirmed or no-show."""

    key: str
    reservation: PmsId
    status: ReservationStatus


@dataclass(frozen=True, slots=True)
class UpdateCheckoutTime:
    """Say when a guest is expected to leave: `at` is aware, on the day of departure by the property's clock."""

    key: str
    reservation: PmsId
    at: datetime


@dataclass(frozen=True, slots=True)
class CreateReservation:
    """Book a room type for a new or known guest.

    Attributes:
        guest: a known guest; None books for the name and e-mail address given.
        rate_plan: None takes the property's default.
        total: what the guest was promised; None takes the PMS's price.
    """

    key: str
    stay: StayDates
    product: str
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    email: str = field(repr=False)
    phone: str | None = field(default=None, repr=False)
    guest: PmsId | None = None
    adults: int = 1
    children: int = 0
    rate_plan: str | None = None
    total: Money | None = None
    source: str = "pms_lab"


@dataclass(frozen=True, slots=True)
class ModifyDates:
    """Move a reservation to other nights; the PMS may reprice it."""

    key: str
    reservation: PmsId
    stay: StayDates


@dataclass(frozen=True, slots=True)
class CancelReservation:
    """Cancel a reservation."""

    key: str
    reservation: PmsId
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PostCharge:
    """Post a charge to a reservation's folio.

    Attributes:
        code: the PMS's transaction code or product, where the vendor wants one.
    """

    key: str
    reservation: PmsId
    description: str
    amount: Money
    code: str | None = None


@dataclass(frozen=True, slots=True)
class UpdateRates:
    """Publish a sheet of rates; every cell has a stay date."""

    key: str
    sheet: RateSheet


@dataclass(frozen=True, slots=True)
class ClearRates:
    """Take the own rates of cells away, so that they inherit again; every cell has a stay date."""

    key: str
    cells: tuple[RateCell, ...]


@dataclass(frozen=True, slots=True)
class SetAvailability:
    """Limit how many rooms of a type may be sold, by (product, night)."""

    key: str
    rooms: Mapping[tuple[str, date], int]


Write: TypeAlias = (
    UpdateGuest
    | AddPreferences
    | AddNote
    | SetSpecialRequests
    | SetStatus
    | UpdateCheckoutTime
    | CreateReservation
    | ModifyDates
    | CancelReservation
    | PostCharge
    | UpdateRates
    | ClearRates
    | SetAvailability
)

OPERATIONS: Final[Mapping[type[Write], str]] = {
    UpdateGuest: "update_guest",
    AddPreferences: "update_guest_preferences",
    AddNote: "add_reservation_note",
    SetSpecialRequests: "set_special_requests",
    SetStatus: "set_reservation_status",
    UpdateCheckoutTime: "update_checkout_time",
    CreateReservation: "create_reservation",
    ModifyDates: "modify_dates",
    CancelReservation: "cancel_reservation",
    PostCharge: "post_charge",
    UpdateRates: "update_rates",
    ClearRates: "clear_rates",
    SetAvailability: "set_availability",
}
"""The name of each write's operation, as `Capabilities` and the commands use it."""
