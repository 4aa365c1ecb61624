"""`PMSAdapter`: one port to every property management system."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import date, datetime
from typing import Protocol

from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Outcome
from pms_lab.domain.pms import (
    Availability,
    Capabilities,
    Change,
    Changes,
    Guest,
    GuestQuery,
    Health,
    NightlyRate,
    PmsId,
    Reservation,
    RoomStatus,
)
from pms_lab.domain.rates import RateCell
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    AddNote,
    AddPreferences,
    CancelReservation,
    ClearRates,
    CreateReservation,
    ModifyDates,
    PostCharge,
    SetAvailability,
    SetSpecialRequests,
    SetStatus,
    UpdateCheckoutTime,
    UpdateGuest,
    UpdateRates,
    Write,
)


class PMSAdapter(Protocol):
    """One property in one PMS.

    Reads raise a `PmsError` when no answer can be had; what does not exist is None or nothing. They repeat themselves
    as the settings allow. Lists come page by page, to the end, and are not collected. Days are days of the property's
    clock.

    Writes never raise a `PmsError`: they end as `Applied`, `Refused` or `Unknown`. Those that the vendor does not make
    repeatable (see `Capabilities.repeatable`), and `update_rates`, are sent once.

    What the vendor cannot do raises `Unsupported`; `capabilities()` says so beforehand.
    """

    def capabilities(self) -> Capabilities:
        """Return what the vendor can promise; asks nobody."""

    async def connect(self) -> None:
        """Check the credentials, and that the property is the one of the settings.

        Raises:
            PmsError: the PMS does not answer, refuses the credentials, or knows no such property.
        """

    async def disconnect(self) -> None:
        """Let go of connections and tokens; `connect` may follow."""

    async def health_check(self) -> Health:
        """Ask a harmless question; a failure is an answer, not an error."""

    async def get_guest(self, guest: PmsId) -> Guest | None:
        """Return a guest, or None where there is none."""

    def search_guests(self, query: GuestQuery) -> AsyncIterator[Guest]:
        """Yield the guests to whom everything in the query applies; upper and lower case are the same."""

    async def get_reservation(self, reservation: PmsId) -> Reservation | None:
        """Return a reservation, or None where there is none."""

    def get_arrivals(self, day: date) -> AsyncIterator[Reservation]:
        """Yield the reservations that arrive on a day, cancelled ones left out."""

    def get_departures(self, day: date) -> AsyncIterator[Reservation]:
        """Yield the reservations that depart on a day, cancelled ones left out."""

    def get_in_house(self) -> AsyncIterator[Reservation]:
        """Yield the reservations whose guests are checked in."""

    async def get_balance(self, reservation: PmsId) -> Money | None:
        """Return what is still to be paid; None where there is no such reservation."""

    async def get_room_status(self, room: str) -> RoomStatus | None:
        """Return one room by its number; None where there is none."""

    def get_all_room_statuses(self) -> AsyncIterator[RoomStatus]:
        """Yield all rooms."""

    async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
        """Return the rate of each product on each night, of the rate plan that the settings name.

        Cells are as sheets write them: without a plan, which means that of the settings, and without an occupancy. A
        cell that the PMS has no rate for is left out.
        """

    async def get_availability(self, nights: StayDates, products: Collection[str]) -> tuple[Availability, ...]:
        """Return how many rooms of each product can be sold on each night, by product and night."""

    async def changes_since(self, cursor: str | None) -> Changes:
        """Return what has changed since a cursor; None starts now. A change may come twice, with the same key."""

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Change, ...]:
        """Read what the vendor sent to us; it is a hint to fetch, and nobody vouches for it.

        Raises:
            BadAnswer: the body is not the vendor's.
            Unsupported: the vendor has no webhooks.
        """

    async def update_guest(self, write: UpdateGuest) -> Outcome[None]:
        """Change what is given of a guest; the rest stays as it is."""

    async def update_guest_preferences(self, write: AddPreferences) -> Outcome[None]:
        """Add preferences to a guest."""

    async def add_reservation_note(self, write: AddNote) -> Outcome[None]:
        """Add a note to a reservation."""

    async def set_special_requests(self, write: SetSpecialRequests) -> Outcome[None]:
        """Replace the special requests of a reservation."""

    async def set_reservation_status(self, write: SetStatus) -> Outcome[None]:
        """Check in, check out, confirm, or mark as no-show."""

    async def update_checkout_time(self, write: UpdateCheckoutTime) -> Outcome[None]:
        """Set when the guest is expected to leave."""

    async def create_reservation(self, write: CreateReservation) -> Outcome[PmsId]:
        """Book; the value of `Applied` is the new reservation's id."""

    async def modify_dates(self, write: ModifyDates) -> Outcome[None]:
        """Move a reservation to other nights."""

    async def cancel_reservation(self, write: CancelReservation) -> Outcome[None]:
        """Cancel a reservation; one that is cancelled already counts as applied."""

    async def post_charge(self, write: PostCharge) -> Outcome[None]:
        """Post a charge to a reservation's folio."""

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        """Publish rates, in chunks of the vendor's size, and tell how each cell ended.

        A chunk that ends as unknown stops the rest, whose cells are refused as not sent.
        """

    async def clear_rates(self, write: ClearRates) -> Mapping[RateCell, Outcome[None]]:
        """Take own rates away, so that the cells inherit again, and tell how each cell ended."""

    async def set_availability(self, write: SetAvailability) -> Outcome[None]:
        """Limit how many rooms may be sold."""

    async def reconcile(self, write: Write, sent_at: datetime) -> Outcome[PmsId | None]:
        """Find out how a write ended that ended as unknown, by reading alone.

        Args:
            sent_at: when the write ended as unknown: its last attempt was sent no later; aware.

        Returns:
            Applied when its effect is there. Refused (`Why.NOT_APPLIED`) when it is not and can no longer come, since
            the vendor's in-flight and lag bounds, and an allowance for clocks that differ, have passed. Unknown when it
            may still come, or cannot be told apart.
        """
