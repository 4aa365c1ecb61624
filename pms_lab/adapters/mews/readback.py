"""Whether what was written is there: what a write that ended as unknown is judged by."""

from __future__ import annotations

from typing import TypeAlias

from pms_lab.adapters.mews.models import Customers, OrderNotes, ReservationRow, Reservations, State
from pms_lab.adapters.mews.reading import by_day, days_of, has_tag, ref, theirs
from pms_lab.adapters.mews.reads import NOTE_TYPES, guests_where
from pms_lab.adapters.mews.times import utc_text
from pms_lab.adapters.mews.writes import STATES, MewsWrites, changed_fields, span_of
from pms_lab.domain.pms import PmsId
from pms_lab.domain.writes import (
    AddNote,
    AddPreferences,
    CancelReservation,
    CreateReservation,
    ModifyDates,
    PostCharge,
    SetAvailability,
    SetStatus,
    UpdateCheckoutTime,
    UpdateGuest,
)

OfReservation: TypeAlias = SetStatus | CancelReservation | UpdateCheckoutTime | ModifyDates


class MewsReadBack(MewsWrites):
    """Reading back what was written.

    Mews keeps the key of a reservation (as channel number) and of a charge (as external identifier); a note carries it
    at the end of its text. The others are compared by their contents: a value that somebody else has set cannot be told
    from ours, nor need it be, since what is wanted is there.
    """

    async def _created(self, write: CreateReservation) -> PmsId | None:
        if write.guest:
            theirs(write.guest)
        rows = await self._api.rows(Reservations, {"ChannelNumbers": [write.key]})
        return ref(rows[-1].id) if rows else None

    async def _has_charge(self, write: PostCharge) -> bool:
        return write.key in {item.external_identifier async for item in self._order_items(write.reservation, {})}

    async def _has_note(self, write: AddNote) -> bool:
        asked = {"ServiceOrderIds": [theirs(write.reservation)], "Types": NOTE_TYPES}
        return any(has_tag(note.text or "", write.key) for note in await self._api.rows(OrderNotes, asked))

    async def _has_guest(self, write: UpdateGuest) -> bool:
        rows = await self._api.rows(Customers, guests_where({"CustomerIds": [theirs(write.guest)]}))
        return any(changed_fields(write).items() <= row.model_dump(by_alias=True).items() for row in rows)

    async def _has_preferences(self, write: AddPreferences) -> bool:
        guest = await self.get_guest(write.guest)
        return guest is not None and set(write.preferences) <= set(guest.preferences)

    async def _has_limits(self, write: SetAvailability) -> bool:
        wanted = await self._adjustments(write)
        found = {
            (one.category_id, night): count
            async for told in self._availability(span_of([night for _, night in write.rooms]))
            for one in told.category_availabilities
            for night, count in by_day(told.time_unit_starts_utc, one.adjustments or (), self._place)
        }
        return all(found.get(key) == count for key, count in wanted.items())

    async def _has_reservation(self, write: OfReservation) -> bool:
        row = await self._row(write.reservation)
        return row is not None and self._shows(row, write)

    def _shows(self, row: ReservationRow, write: OfReservation) -> bool:
        match write:
            case SetStatus():
                return row.state is STATES.get(write.status)
            case CancelReservation():
                return row.state is State.CANCELED
            case UpdateCheckoutTime():
                return utc_text(row.scheduled_end_utc) == utc_text(write.at)
            case ModifyDates():
                return days_of(row, self._place) == (write.stay.check_in, write.stay.check_out)
