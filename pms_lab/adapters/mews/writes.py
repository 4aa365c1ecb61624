"""What can be written to Mews."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Final, TypeVar

from pms_lab.adapters.mews.capabilities import CAPABILITIES
from pms_lab.adapters.mews.models import (
    AccountNotes,
    Added,
    CustomerRow,
    Customers,
    Done,
    Identified,
    ReservationRow,
    ServiceMetrics,
    State,
)
from pms_lab.adapters.mews.reading import (
    applies,
    by_day,
    days_of,
    note_of,
    preference_of,
    ref,
    spellings,
    tagged,
    theirs,
)
from pms_lab.adapters.mews.reads import ACTIVE, DAY, MOST_IDS, MewsReads, chunks, guests_where, parts_of
from pms_lab.adapters.mews.times import on, utc_text
from pms_lab.adapters.reading import beforehand, ended
from pms_lab.adapters.writing import Json
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import GuestQuery, PmsId, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    AddNote,
    AddPreferences,
    CancelReservation,
    CreateReservation,
    ModifyDates,
    PostCharge,
    SetAvailability,
    SetSpecialRequests,
    SetStatus,
    UpdateCheckoutTime,
    UpdateGuest,
)
from pms_lab.errors import PmsError, PmsRefused, Unsupported

T = TypeVar("T")

GUEST_FIELDS: Final = {
    "FirstName": "first_name",
    "LastName": "last_name",
    "Email": "email",
    "Phone": "phone",
    "PreferredLanguageCode": "language",
}
"""Mews's name of each field of a guest that can be changed, and ours."""

STATES: Final[Mapping[ReservationStatus, State]] = {
    ReservationStatus.CONFIRMED: State.CONFIRMED,
    ReservationStatus.IN_HOUSE: State.STARTED,
    ReservationStatus.CHECKED_OUT: State.PROCESSED,
}
"""The states that an operation of Mews leads to. A no-show is cancelled by a person, who gives that reason."""


class MewsWrites(MewsReads):
    """The writing half of `PMSAdapter` on Mews, without rates."""

    async def update_guest(self, write: UpdateGuest) -> Outcome[None]:
        """Change what is given of a guest. Mews keeps a field that is sent empty, so nothing can be cleared."""
        given = changed_fields(write)
        if "" in given.values():
            return Refused(Why.REJECTED, "Mews cannot clear a field of a guest: give a new value, or clear it there")
        change: Mapping[str, Json] = {"CustomerId": theirs(write.guest), **given}
        return await ended(done(self._api.ask("customers/update", CustomerRow, change)))

    async def update_guest_preferences(self, write: AddPreferences) -> Outcome[None]:
        """Add preferences to a guest, each as an account note of its own: nobody's notes are written over."""
        if any(preference_of(note_of(one)) != one for one in write.preferences):
            return Refused(
                Why.REJECTED, "a preference of a kind with ': ' in it cannot be told from its value: rename it"
            )
        return await ended(self._add_preferences(write))

    async def add_reservation_note(self, write: AddNote) -> Outcome[None]:
        """Add a note to a reservation, with the key at the end of its text: Mews keeps it nowhere else."""
        note: Json = {"ServiceOrderId": theirs(write.reservation), "Text": tagged(write.text, write.key)}
        return await ended(done(self._api.tell("serviceOrderNotes/add", Done, {"ServiceOrderNotes": [note]})))

    async def set_special_requests(self, write: SetSpecialRequests) -> Outcome[None]:
        """Say that Mews cannot.

        Raises:
            Unsupported: always.
        """
        raise Unsupported(CAPABILITIES.unsupported["set_special_requests"])

    async def set_reservation_status(self, write: SetStatus) -> Outcome[None]:
        """Check in, check out or confirm. A balance that is still open does not hold up a check-out."""
        one: Mapping[str, Json] = {"ReservationId": theirs(write.reservation)}
        operation: str
        body: Mapping[str, Json]
        match write.status:
            case ReservationStatus.CONFIRMED:
                operation, body = "confirm", {"ReservationIds": [theirs(write.reservation)]}
            case ReservationStatus.IN_HOUSE:
                operation, body = "start", one
            case ReservationStatus.CHECKED_OUT:
                reason = f"checked out by {self._credentials.client}, {write.key}"
                operation, body = "process", {**one, "CloseBills": False, "AllowOpenBalance": True, "Notes": reason}
            case _:
                return Refused(Why.REJECTED, f"no operation of Mews makes a reservation {write.status}")
        outcome = await ended(done(self._api.tell(f"reservations/{operation}", Done, body)))
        return await self._unless_already(outcome, write.reservation, STATES[write.status])

    async def update_checkout_time(self, write: UpdateCheckoutTime) -> Outcome[None]:
        """Set when the guest is expected to leave, on the day of departure: another day would change the stay."""
        return await ended(self._update_checkout_time(write))

    async def create_reservation(self, write: CreateReservation) -> Outcome[PmsId]:
        """Book; the key becomes the reservation's channel number. A guest with the e-mail address is used again."""
        if write.total is not None and write.total.currency != self._place.currency:
            return self._foreign(write.total)
        return await ended(self._create_reservation(write))

    async def modify_dates(self, write: ModifyDates) -> Outcome[None]:
        """Move a reservation to other nights; times of arrival and departure stay. No cancellation fee is charged."""
        return await ended(self._modify_dates(write))

    async def cancel_reservation(self, write: CancelReservation) -> Outcome[None]:
        """Cancel a reservation, without a fee; one that is cancelled already counts as applied."""
        reason = write.reason or f"cancelled by {self._credentials.client}, {write.key}"
        body: Mapping[str, Json] = {"ReservationIds": [theirs(write.reservation)], "Notes": reason}
        outcome = await ended(done(self._api.tell("reservations/cancel", Done, body)))
        return await self._unless_already(outcome, write.reservation, State.CANCELED)

    async def post_charge(self, write: PostCharge) -> Outcome[None]:
        """Order an item against the reservation, with the key as its external identifier. Mews wants no code."""
        if write.amount.currency != self._place.currency:
            return self._foreign(write.amount)
        return await ended(self._post_charge(write))

    async def set_availability(self, write: SetAvailability) -> Outcome[None]:
        """Limit how many rooms may be sold.

        Mews adjusts relatively to the usable rooms, and an adjustment takes the place of the earlier one; none is above
        zero, which would let it overbook.
        """
        if not write.rooms:
            return Applied(None)
        updates = await ended(beforehand(self._availability_updates(write)))
        if not isinstance(updates, Applied):
            return updates
        for number, some in enumerate(chunks(updates.value, MOST_IDS)):
            body: Mapping[str, Json] = {"ServiceId": self._credentials.service, "AvailabilityUpdates": some}
            outcome = await ended(done(self._api.ask("services/updateAvailability", Done, body)))
            if isinstance(outcome, Refused) and number:
                return Unknown(f"{number * MOST_IDS} of {len(updates.value)} limits are set: {outcome.message}")
            if not isinstance(outcome, Applied):
                return outcome
        return Applied(None)

    async def _add_preferences(self, write: AddPreferences) -> None:
        about: Mapping[str, Json] = {"AccountIds": [theirs(write.guest)], "ActivityStates": ACTIVE}
        known = {note.content for note in await beforehand(self._api.rows(AccountNotes, about))}
        missing = [content for content in map(note_of, write.preferences) if content not in known]
        account: Mapping[str, Json] = {"AccountId": theirs(write.guest), "Classifications": ["General"]}
        notes: Json = [{**account, "Content": content} for content in dict.fromkeys(missing)]
        if notes:
            await self._api.tell("accountNotes/add", Done, {"AccountNotes": notes})

    async def _update_checkout_time(self, write: UpdateCheckoutTime) -> None:
        _, departure = days_of(await self._found(write.reservation), self._place)
        if write.at.astimezone(self._place.zone).date() != departure:
            raise PmsRefused(f"the guest departs on {departure}: another day is a change of dates")
        await self._update_interval(write.reservation, {"EndUtc": utc_text(write.at)})

    async def _modify_dates(self, write: ModifyDates) -> None:
        row = await self._found(write.reservation)
        zone, (arrival, _) = self._place.zone, days_of(row, self._place)
        start, end = (at.astimezone(zone).time() for at in (row.scheduled_start_utc, row.scheduled_end_utc))
        times = {"EndUtc": utc_text(on(write.stay.check_out, end, zone))}
        if arrival != write.stay.check_in:
            times["StartUtc"] = utc_text(on(write.stay.check_in, start, zone))
        await self._update_interval(write.reservation, times)

    async def _update_interval(self, reservation: PmsId, times: Mapping[str, str]) -> None:
        body: Mapping[str, Json] = {"ReservationId": theirs(reservation), "ChargeCancellationFee": False, **times}
        await self._api.ask("reservations/updateInterval", Done, body)

    async def _create_reservation(self, write: CreateReservation) -> PmsId:
        known, zone = self._credentials, self._place.zone
        counts = {known.adult_age_category: write.adults, known.child_age_category: write.children}
        booking: dict[str, Json] = {
            "ChannelNumber": write.key,
            "CustomerId": theirs(write.guest) if write.guest else await self._guest_for(write),
            "RequestedCategoryId": self._place.vendor_product(write.product),
            "RateId": write.rate_plan or self._place.rate_plan,
            "StartUtc": utc_text(on(write.stay.check_in, known.arrival, zone)),
            "EndUtc": utc_text(on(write.stay.check_out, known.departure, zone)),
            "PersonCounts": [{"AgeCategoryId": age, "Count": count} for age, count in counts.items() if count],
        }
        if write.total is not None:
            shares = enumerate(_shares(write.total.amount, write.stay.nights))
            booking["TimeUnitPrices"] = [{"Index": index, "Amount": self._amount(share)} for index, share in shares]
        body: Mapping[str, Json] = {"ServiceId": known.service, "Reservations": [booking]}
        added = await self._api.tell("reservations/add", Added, body)
        return ref(added.reservations[0].reservation.id)

    async def _guest_for(self, write: CreateReservation) -> str:
        """Return the guest with the e-mail address, of the same name if there is one; else a new one.

        Mews keeps an e-mail address once: it refuses a second guest with the same (customers, add).
        """
        if write.email:
            asked = guests_where({"Emails": spellings(write.email)})
            rows = await beforehand(self._api.rows(Customers, asked))
            mine = [row for row in rows if applies(GuestQuery(email=write.email), row)]
            name = GuestQuery(name=f"{write.first_name} {write.last_name}")
            if mine:
                return next((row.id for row in mine if applies(name, row)), mine[0].id)
        names: dict[str, Json] = {"FirstName": write.first_name, "LastName": write.last_name}
        ways = {"Email": write.email, "Phone": write.phone}
        given = {field: value for field, value in ways.items() if value}
        added = await self._api.tell("customers/add", Identified, {**names, **given, "OverwriteExisting": False})
        return added.id

    async def _post_charge(self, write: PostCharge) -> None:
        row = await self._found(write.reservation)
        item: Json = {
            "Name": write.description,
            "UnitCount": 1,
            "UnitAmount": self._amount(write.amount.amount),
            "ExternalIdentifier": write.key,
        }
        order: Mapping[str, Json] = {
            "ServiceId": self._credentials.order_service,
            "AccountId": row.account_id,
            "LinkedReservationId": row.id,
            "Items": [item],
        }
        await self._api.tell("orders/add", Done, order)

    async def _availability_updates(self, write: SetAvailability) -> list[Json]:
        return [
            {
                "ResourceCategoryId": category,
                **self._units(StayDates.starting(night, 1)),
                "UnitCountAdjustment": {"Value": count} if count else {},
            }
            for (category, night), count in (await self._adjustments(write)).items()
        ]

    async def _adjustments(self, write: SetAvailability) -> Mapping[tuple[str, date], int]:
        """Return by how much the usable rooms are to be lowered, by category and night; zero is no adjustment.

        Raises:
            PmsRefused: Mews knows no such product.
        """
        usable = await self._usable_rooms([night for _, night in write.rooms])
        limits = {
            (self._place.vendor_product(product), night): limit for (product, night), limit in write.rooms.items()
        }
        if missing := [category for category, night in limits if (category, night) not in usable]:
            raise PmsRefused(f"{missing[0]} is not among the room categories of Mews's service")
        return {key: min(0, limit - usable[key]) for key, limit in limits.items()}

    async def _usable_rooms(self, nights: Sequence[date]) -> Mapping[tuple[str, date], int]:
        """Return how many rooms are not out of order, by category and night."""
        metric = "UsableResources"
        usable: dict[tuple[str, date], int] = {}
        for part in parts_of(span_of(nights)):
            asked: Mapping[str, Json] = {**self._service_units(part), "Metrics": [metric]}
            told = await self._api.ask("services/getAvailability/2024-01-22", ServiceMetrics, asked)
            for one in told.resource_category_availabilities:
                counts = one.metrics.get(metric, ())
                days = by_day(told.time_unit_starts_utc, counts, self._place)
                usable |= {(one.resource_category_id, day): count for day, count in days}
        return usable

    async def _found(self, reservation: PmsId) -> ReservationRow:
        """Return a reservation that a write is about.

        Raises:
            NotSent: it cannot be read, so nothing was written.
            PmsRefused: there is none.
        """
        row = await beforehand(self._row(reservation))
        if row is None:
            raise PmsRefused(f"Mews has no reservation {theirs(reservation)}", status=404)
        return row

    async def _unless_already(self, outcome: Outcome[None], reservation: PmsId, state: State) -> Outcome[None]:
        """Return Applied where Mews refused a step since it has been taken already."""
        if not isinstance(outcome, Refused) or outcome.why is not Why.REJECTED:
            return outcome
        try:
            row = await self._row(reservation)
        except PmsError:
            return outcome
        return Applied(None) if row and row.state is state else outcome

    def _amount(self, value: Decimal) -> Json:
        basis = "GrossValue" if self._credentials.pricing == "gross" else "NetValue"
        return {"Currency": self._place.currency, basis: value, "TaxCodes": self._credentials.tax_codes}

    def _foreign(self, amount: Money) -> Refused:
        return Refused(
            Why.REJECTED, f"{amount} is not in {self._place.currency}, the currency of {self._place.location}"
        )


def changed_fields(write: UpdateGuest) -> Mapping[str, str]:
    """Return what is given of a guest, under Mews's names."""
    values = {field: getattr(write, name) for field, name in GUEST_FIELDS.items()}
    return {field: value for field, value in values.items() if value is not None}


async def done(call: Awaitable[object]) -> None:
    """Await a call whose answer has nothing to tell."""
    await call


def _shares(total: Decimal, nights: int) -> list[Decimal]:
    """Split a total over nights, as fine as it is given; the first night takes what is left over."""
    share = (total / nights).quantize(total, ROUND_DOWN)
    return [total - share * (nights - 1), *[share] * (nights - 1)]


def span_of(nights: Sequence[date]) -> StayDates:
    """Return the run of nights from the first to the last."""
    return StayDates(min(nights), max(nights) + DAY)
