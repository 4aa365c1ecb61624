"""How a write ended, found out by reading."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pms_lab.adapters.opera.access import CAPABILITIES
from pms_lab.adapters.opera.clearing import Clearing
from pms_lab.adapters.opera.nouns import same_time
from pms_lab.adapters.opera.rate_runs import RateRun, runs_of
from pms_lab.adapters.opera.reads import OperaReads
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import Guest, PmsId, Reservation, ReservationStatus
from pms_lab.domain.rates import RateSheet
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
from pms_lab.errors import PmsError
from pms_lab.rules.settling import is_settled, settling_s

STEPS: Final = (ReservationStatus.CONFIRMED, ReservationStatus.IN_HOUSE, ReservationStatus.CHECKED_OUT)
"""The way of a stay: who is further along has been there."""


class Readback:
    """Looks for the effects of writes.

    Notes, charges and new reservations are told apart by their business keys. Of all others the contents are compared:
    the same contents by another hand count as the write's.
    """

    def __init__(self, reads: OperaReads) -> None:
        self._reads = reads

    async def outcome(self, write: Write, sent_at: datetime) -> Outcome[PmsId | None]:
        """Return how a write ended: see `PMSAdapter.reconcile`."""
        if isinstance(write, SetAvailability):
            return Unknown("no operation of OPERA shows a sell limit: look at the property's availability")
        asked_at = self._reads.wire.flow.now()  # before the reading, which may take long
        try:
            seen = await self._seen(write)
        except PmsError as error:
            return Unknown(f"reading back failed: {error}")
        if seen is not None:
            return seen
        if not is_settled(sent_at, asked_at, CAPABILITIES):
            return Unknown(f"not there yet; it may still come until {settling_s(CAPABILITIES):g} s after it was sent")
        return Refused(Why.NOT_APPLIED, "read back: it is not in OPERA, and can no longer come")

    async def _seen(self, write: Write) -> Applied[PmsId | None] | Unknown | None:
        if isinstance(write, CreateReservation):
            number = await self._reads.booked_as(write.key)
            return None if number is None else Applied(number)
        if isinstance(write, UpdateRates):
            return await self._published(write.sheet)
        if isinstance(write, ClearRates):
            return await Clearing(self._reads).is_clear(write.cells)
        return Applied(None) if await self._is_there(write) else None

    async def _is_there(self, write: Write) -> bool:
        match write:
            case UpdateGuest() | AddPreferences():
                guest = await self._reads.get_guest(write.guest)
                return guest is not None and _shows_guest(guest, write)
            case AddNote():
                answer = await self._reads.reservation(write.reservation)
                return answer is not None and write.key in [one.comment.comment_title for one in answer.comments]
            case PostCharge():
                return write.key in [one.reference async for one in self._reads.postings(write.reservation)]
            case SetSpecialRequests() | SetStatus() | UpdateCheckoutTime() | ModifyDates() | CancelReservation():
                reservation = await self._reads.get_reservation(write.reservation)
                return reservation is not None and _shows_reservation(reservation, write)
            case _:
                return False

    async def _published(self, sheet: RateSheet) -> Applied[None] | Unknown | None:
        runs, refused = runs_of(sheet, self._reads.place, self._reads.credentials.persons)
        held = [await self._is_published(run) for run in runs]
        if all(held) and not refused:
            return Applied(None)
        return Unknown(f"{sum(held)} of {len(runs)} runs of nights hold the new rates") if any(held) else None

    async def _is_published(self, run: RateRun) -> bool:
        product = self._reads.place.our_product(run.product)
        for persons, amount in run.amounts.items():
            rates = await self._reads.rates_of(run.nights, [product], run.plan, persons)
            if [rate.amount for rate in rates.values()] != [amount] * run.nights.nights:
                return False
        return True


def _shows_guest(guest: Guest, write: UpdateGuest | AddPreferences) -> bool:
    if isinstance(write, AddPreferences):
        return set(write.preferences) <= set(guest.preferences)
    wanted: Mapping[str, str | None] = {
        "first_name": write.first_name,
        "last_name": write.last_name,
        "email": write.email,
        "phone": write.phone,
        "language": write.language,
    }
    return all(text is None or (getattr(guest, name) or "") == text for name, text in wanted.items())


def _shows_reservation(
    reservation: Reservation,
    write: SetSpecialRequests | SetStatus | UpdateCheckoutTime | ModifyDates | CancelReservation,
) -> bool:
    match write:
        case SetSpecialRequests():
            return (reservation.special_requests or "") == write.text
        case SetStatus(status=status) if status in STEPS:
            return reservation.status in STEPS[STEPS.index(status) :]
        case SetStatus():
            return reservation.status is write.status
        case UpdateCheckoutTime():
            return same_time(reservation.checkout_at, write.at)
        case ModifyDates():
            return reservation.stay == write.stay
        case CancelReservation():
            return reservation.status is ReservationStatus.CANCELLED
