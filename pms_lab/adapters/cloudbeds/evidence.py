"""Whether a write has taken effect, as far as reading tells."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pms_lab.adapters.cloudbeds.capabilities import CAPABILITIES
from pms_lab.adapters.cloudbeds.nouns import BETWEEN, has_tag, in_local, ours
from pms_lab.adapters.cloudbeds.reads import CloudbedsReads
from pms_lab.domain.outcome import Refused, Unknown, Why
from pms_lab.domain.pms import Guest, PmsId, Reservation, ReservationStatus
from pms_lab.domain.writes import (
    OPERATIONS,
    AddNote,
    AddPreferences,
    CancelReservation,
    CreateReservation,
    ModifyDates,
    SetSpecialRequests,
    SetStatus,
    UpdateGuest,
    Write,
)
from pms_lab.errors import Unsupported

REACHED: Final = {
    ReservationStatus.CONFIRMED: (ReservationStatus.IN_HOUSE, ReservationStatus.CHECKED_OUT),
    ReservationStatus.IN_HOUSE: (ReservationStatus.CHECKED_OUT,),
}
"""The later statuses that show that one has been reached before."""

SLOWEST_CLOCK: Final = timedelta(hours=2)
"""How far Cloudbeds' clock may seem to be behind ours: by its own error, and by the hour that comes twice in autumn."""


def absent(is_settled: bool) -> Refused | Unknown:
    """Tell how a write ended of which nothing is to be seen."""
    if is_settled:
        return Refused(Why.NOT_APPLIED, "nothing of it is there, and it can no longer arrive")
    return Unknown("nothing of it is there yet, but it may still arrive")


async def made_by(write: CreateReservation, sent_at: datetime, reads: CloudbedsReads) -> PmsId | None:
    """Return the reservation that has the key, among those booked since: it may have been moved meanwhile."""
    async for row in reads.rows(resultsFrom=in_local(sent_at - SLOWEST_CLOCK, reads.place)):
        if row.third_party_identifier == write.key:
            return ours(row.reservation_id)
    return None


async def holds(write: Write, reads: CloudbedsReads) -> bool:
    """Whether what a write asks for is so.

    Raises:
        Unsupported: it is none that Cloudbeds can do.
    """
    match write:
        case UpdateGuest() | AddPreferences():
            guest = await reads.get_guest(write.guest)
            return guest is not None and _of_guest(write, guest)
        case AddNote():
            return any(has_tag(note, write.key) for note in await reads.notes(write.reservation))
        case SetSpecialRequests() | SetStatus() | ModifyDates() | CancelReservation():
            reservation = await reads.get_reservation(write.reservation)
            return reservation is not None and _of_reservation(write, reservation)
        case _:
            raise Unsupported(CAPABILITIES.unsupported[OPERATIONS[type(write)]])


def _of_guest(write: UpdateGuest | AddPreferences, guest: Guest) -> bool:
    if isinstance(write, AddPreferences):
        known = {(one.kind, one.value) for one in guest.preferences}
        return known >= {(one.kind, value) for one in write.preferences for value in one.value.split(BETWEEN)}
    pairs = (
        (write.first_name, guest.first_name),
        (write.last_name, guest.last_name),
        (write.email, guest.email or ""),
        (write.phone, guest.phone or ""),
    )
    return write.language is None and all(wanted in (None, held) for wanted, held in pairs)


def _of_reservation(
    write: SetSpecialRequests | SetStatus | ModifyDates | CancelReservation, reservation: Reservation
) -> bool:
    match write:
        case SetSpecialRequests():
            return write.text == (reservation.special_requests or "")
        case ModifyDates():
            return write.stay == reservation.stay
        case CancelReservation():
            return reservation.status is ReservationStatus.CANCELLED
        case SetStatus():
            return reservation.status in (write.status, *REACHED.get(write.status, ()))
