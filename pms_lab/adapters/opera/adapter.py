"""OPERA Cloud: one property, over Oracle's integration platform (OHIP).

Source: Oracle's descriptions, version 25.5.0.0. They do not say how late a request may still take effect, nor what two
at the same time do; what is not said is not promised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from pms_lab.adapters.opera import bodies, models
from pms_lab.adapters.opera.access import CAPABILITIES, CONTENT
from pms_lab.adapters.opera.clearing import NOT_SENT, Clearing
from pms_lab.adapters.opera.nouns import own, theirs
from pms_lab.adapters.opera.rate_runs import RateRun, runs_of
from pms_lab.adapters.opera.readback import Readback
from pms_lab.adapters.opera.reads import OperaReads, quoted
from pms_lab.adapters.reading import beforehand, ended, parsed
from pms_lab.adapters.wire import Call
from pms_lab.adapters.writing import Json, json_body
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import Capabilities, Change, PmsId, ReservationStatus
from pms_lab.domain.rates import RateCell
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
from pms_lab.errors import BadAnswer, PmsRefused, Unsupported


class OperaPms(OperaReads):
    """`PMSAdapter` for one property in OPERA Cloud.

    A note carries its business key as its title, a charge as its posting reference, a new reservation as an external
    reference of our system. Special requests are a comment with a title of its own.
    """

    def capabilities(self) -> Capabilities:
        """Return what OPERA can promise."""
        return CAPABILITIES

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Change, ...]:
        """Raise `Unsupported`: OPERA calls nobody."""
        raise Unsupported(CAPABILITIES.unsupported["parse_webhook"])

    async def update_guest(self, write: UpdateGuest) -> Outcome[None]:
        """Change a guest: see `PMSAdapter`."""
        return await ended(self._update_guest(write))

    async def update_guest_preferences(self, write: AddPreferences) -> Outcome[None]:
        """Add preferences: see `PMSAdapter`. Kinds and values are codes of the property's lists."""
        return await ended(self._add_preferences(write))

    async def add_reservation_note(self, write: AddNote) -> Outcome[None]:
        """Add a note: see `PMSAdapter`."""
        comment = bodies.note(write, self.credentials.note_type)
        return await ended(self._put_reservation(write.reservation, comments=[comment]))

    async def set_special_requests(self, write: SetSpecialRequests) -> Outcome[None]:
        """Replace the special requests: see `PMSAdapter`."""
        return await ended(self._set_special_requests(write))

    async def set_reservation_status(self, write: SetStatus) -> Outcome[None]:
        """Check in or out, or confirm: see `PMSAdapter`. OPERA marks no-shows itself, at its night audit."""
        reservation = theirs(write.reservation)
        match write.status:
            case ReservationStatus.IN_HOUSE:
                path = self.path("fof", "reservations", reservation, "checkIns")
                body: bodies.Body = {"reservation": {"stopCheckin": False}, "includeNotifications": False}
                return await ended(self._post(path, body))
            case ReservationStatus.CHECKED_OUT:
                path = self.path("csh", "reservations", reservation, "checkOuts")
                body = bodies.checked_out(reservation, self.place.code, self.credentials.cashier_id)
                return await ended(self._post(path, body))
            case ReservationStatus.CONFIRMED:
                return await ended(self._put_reservation(write.reservation, reservationStatus="Reserved"))
            case _:
                return Refused(Why.REJECTED, f"no operation of OPERA makes a reservation {write.status}")

    async def update_checkout_time(self, write: UpdateCheckoutTime) -> Outcome[None]:
        """Set when the guest leaves: see `PMSAdapter`. The dates of the stay are left alone."""
        stay = bodies.leaving(write.at, self.place.zone)
        return await ended(self._put_reservation(write.reservation, is_repeatable=True, roomStay=stay))

    async def create_reservation(self, write: CreateReservation) -> Outcome[PmsId]:
        """Book: see `PMSAdapter`."""
        if write.total is not None and write.total.currency != self.place.currency:
            return self._foreign(write.total.currency)
        return await ended(self._create(write))

    async def modify_dates(self, write: ModifyDates) -> Outcome[None]:
        """Move a reservation: see `PMSAdapter`."""
        stay = bodies.dates(write.stay)
        return await ended(self._put_reservation(write.reservation, is_repeatable=True, roomStay=stay))

    async def cancel_reservation(self, write: CancelReservation) -> Outcome[None]:
        """Cancel: see `PMSAdapter`. When OPERA refuses, a look tells whether it was cancelled before."""
        path = self.path("rsv", "reservations", theirs(write.reservation), "cancellations")
        body = bodies.cancelled(write, self.place.code, self.credentials.cancel_reason)
        outcome = await ended(self._post(path, body))
        if isinstance(outcome, Refused) and outcome.why is Why.REJECTED:
            seen = await ended(self.reservation(write.reservation))
            if isinstance(seen, Applied) and seen.value and seen.value.reservation_status == "Cancelled":
                return Applied(None)
        return outcome

    async def post_charge(self, write: PostCharge) -> Outcome[None]:
        """Post a charge: see `PMSAdapter`. OPERA wants one of the property's transaction codes."""
        path = self.path("csh", "reservations", theirs(write.reservation), "charges")
        if write.code is None:
            return Refused(Why.REJECTED, "a charge without a transaction code: OPERA wants one of the property's")
        if write.amount.currency != self.place.currency:
            return self._foreign(write.amount.currency)
        body = bodies.charged(write, write.code, self.place.code, self.credentials.cashier_id)
        return await ended(self._post(path, body))

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        """Publish rates, one call for each run of nights: see `PMSAdapter`.

        A cell without an occupancy is for the credentials' number of persons. Rates for other numbers are not named.
        Whether OPERA's rates include tax is not known here: the sheet's tax basis is not looked at.
        """
        runs, outcomes = runs_of(write.sheet, self.place, self.credentials.persons)
        is_stopped = False
        for run in runs:
            outcome: Outcome[None] = NOT_SENT if is_stopped else await self._publish(run)
            is_stopped = is_stopped or isinstance(outcome, Unknown)
            outcomes |= dict.fromkeys(run.cells, outcome)
        return outcomes

    async def clear_rates(self, write: ClearRates) -> Mapping[RateCell, Outcome[None]]:
        """Delete the daily schedules of nights, which have no rate in this plan then: see `Clearing`."""
        return await Clearing(self).outcomes(write.cells)

    async def set_availability(self, write: SetAvailability) -> Outcome[None]:
        """Limit sales by sell limits: see `PMSAdapter`. No operation of OPERA shows a sell limit."""
        path, body = self.path("inv", "sellLimits"), bodies.sell_limits(write, self.place)
        return await ended(self._send("PUT", path, body))

    async def reconcile(self, write: Write, sent_at: datetime) -> Outcome[PmsId | None]:
        """Look in OPERA for a write's effect: see `PMSAdapter`."""
        return await Readback(self).outcome(write, sent_at)

    def _foreign(self, currency: str) -> Refused:
        why = f"an amount in {currency}: {self.place.location} sells in {self.place.currency}, and nothing is converted"
        return Refused(Why.REJECTED, why)

    async def _update_guest(self, write: UpdateGuest) -> None:
        profile = await beforehand(self.profile(write.guest))
        if profile is None:
            raise _missing(write.guest)
        body = bodies.changed_profile(write, profile)
        await self._send("PUT", f"/crm/v1/profiles/{quoted(theirs(write.guest))}", body)

    async def _add_preferences(self, write: AddPreferences) -> None:
        guest = await beforehand(self.get_guest(write.guest))
        if guest is None:
            raise _missing(write.guest)
        new = tuple(one for one in dict.fromkeys(write.preferences) if one not in guest.preferences)
        if new:
            path = f"/crm/v1/profiles/{quoted(theirs(write.guest))}/preferences"
            await self._post(path, bodies.added_preferences(new))

    async def _set_special_requests(self, write: SetSpecialRequests) -> None:
        reservation = await beforehand(self.reservation(write.reservation))
        if reservation is None:
            raise _missing(write.reservation)
        comment = bodies.request(write, reservation, self.credentials.note_type)
        if comment is not None:
            await self._put_reservation(write.reservation, comments=[comment])

    async def _create(self, write: CreateReservation) -> PmsId:
        body = json_body(bodies.new_reservation(write, self.place, self.credentials))
        response = await self.wire.tell(Call("POST", self.path("rsv", "reservations"), (), CONTENT, body))
        (made, *_) = parsed(models.Made, response).reservations.reservation
        number = models.id_of(made.reservation_id_list, "Reservation")
        if number is None:
            raise BadAnswer("OPERA booked, and told no id: look for the reservation by its external reference")
        return own(number)

    async def _publish(self, run: RateRun) -> Outcome[None]:
        """Publish a run; where OPERA refuses, the plan tells whether that was for its floor."""
        outcome = await ended(self._put_rates(run))
        if not isinstance(outcome, Refused) or outcome.why is not Why.REJECTED:
            return outcome
        seen = await ended(self.plan(run.plan))
        floor = seen.value.floor_amount if isinstance(seen, Applied) and seen.value else None
        if floor is None or min(run.amounts.values()) >= floor:
            return outcome
        message = f"{outcome.message}; the floor of rate plan {run.plan} is {floor}"
        return replace(outcome, why=Why.OUT_OF_RANGE, message=message)

    async def _put_rates(self, run: RateRun) -> None:
        path = self.path("rtp", "ratePlans", run.plan, "dailySchedules")
        await self._send("PUT", path, bodies.daily_rates(self.place.code, run))

    async def _put_reservation(self, reservation: PmsId, *, is_repeatable: bool = False, **fields: Json) -> None:
        path = self.path("rsv", "reservations", theirs(reservation))
        await self._send("PUT", path, bodies.changed_reservation(**fields), is_repeatable=is_repeatable)

    async def _post(self, path: str, body: bodies.Body) -> None:
        await self._send("POST", path, body)

    async def _send(self, method: str, path: str, body: bodies.Body, *, is_repeatable: bool = False) -> None:
        call = Call(method, path, (), CONTENT, json_body(body))
        response = await (self.wire.ask(call) if is_repeatable else self.wire.tell(call))
        parsed(models.Written, response)


def _missing(entity: PmsId) -> PmsRefused:
    return PmsRefused(f"OPERA knows no {entity}: nothing was sent", status=404)
