"""`CloudbedsPms`: one property at Cloudbeds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from pms_lab.adapters.cloudbeds.capabilities import CAPABILITIES
from pms_lab.adapters.cloudbeds.changes import changes_since, parse_webhook
from pms_lab.adapters.cloudbeds.credentials import CloudbedsCredentials
from pms_lab.adapters.cloudbeds.evidence import absent, holds, made_by
from pms_lab.adapters.cloudbeds.exchange import Exchange, Value, not_sent
from pms_lab.adapters.cloudbeds.models import Anything, BookedRoom, Created
from pms_lab.adapters.cloudbeds.nouns import BETWEEN, CODES, ours, tagged, theirs
from pms_lab.adapters.cloudbeds.rates import Rates
from pms_lab.adapters.cloudbeds.reads import CloudbedsReads
from pms_lab.adapters.reading import ended
from pms_lab.adapters.wire import Link
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import Capabilities, Change, Changes, NightlyRate, PmsId, Preference
from pms_lab.domain.property import Property
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
from pms_lab.errors import PmsError, Unsupported
from pms_lab.rules.settling import is_settled


class CloudbedsPms(CloudbedsReads):
    """`PMSAdapter` for Cloudbeds.

    Cloudbeds books under a name and an e-mail address, at its own price: a booking for a known guest, or with a
    promised total, is refused. A cancellation carries no reason. A reservation of several rooms is read as one, of its
    first room's type, and cannot be moved.
    """

    def __init__(self, place: Property, credentials: CloudbedsCredentials, link: Link) -> None:
        exchange = Exchange(link, place.code, credentials.key.get_secret_value(), CAPABILITIES.rate_limits)
        super().__init__(place, exchange, credentials.requests_field)
        self._credentials = credentials
        self._rates = Rates(place, exchange)

    def capabilities(self) -> Capabilities:
        """Return what Cloudbeds can promise."""
        return CAPABILITIES

    async def disconnect(self) -> None:
        """Do nothing: an API key opens no session."""
        return

    async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
        """Return the base rates of the plan."""
        return await self._rates.read(nights, products)

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        """Publish rates by jobs of thirty intervals, and wait up to a minute for each; Unknown names the job."""
        return await self._rates.publish(write.sheet)

    async def clear_rates(self, write: ClearRates) -> Mapping[RateCell, Outcome[None]]:
        """Raise Unsupported."""
        raise Unsupported(CAPABILITIES.unsupported["clear_rates"])

    async def changes_since(self, cursor: str | None) -> Changes:
        """Return the reservations and guests that were modified; deleted reservations are not among them."""
        return await changes_since(cursor, self, self.exchange.flow.now())

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Change, ...]:
        """Read a notification; Cloudbeds signs none."""
        return parse_webhook(body, self.place)

    async def update_guest(self, write: UpdateGuest) -> Outcome[None]:
        """Change a guest; Cloudbeds keeps no language, so a change of it is refused."""
        if write.language is not None:
            return Refused(Why.REJECTED, "Cloudbeds keeps no language of a guest: leave it out")
        form: dict[str, Value] = {
            "guestID": theirs(write.guest),
            "guestFirstName": write.first_name,
            "guestLastName": write.last_name,
            "guestEmail": write.email,
            "guestPhone": write.phone,
        }
        return await self._put("putGuest", form)

    async def update_guest_preferences(self, write: AddPreferences) -> Outcome[None]:
        """Add preferences to the custom fields of a guest; one that the property has not defined is refused."""
        try:
            guest = await self.get_guest(write.guest)
        except PmsError as error:
            return not_sent(error)
        if guest is None:
            return Refused(Why.NOT_FOUND, f"there is no guest {write.guest}")
        custom = _with(guest.preferences, write.preferences)
        if not custom:
            return Applied(None)
        return await self._put("putGuest", {"guestID": theirs(write.guest), "guestCustomFields": custom})

    async def add_reservation_note(self, write: AddNote) -> Outcome[None]:
        """Add a note, with the business key behind its text: it is what tells two equal ones apart."""
        note = tagged(write.text, write.key)
        form: dict[str, Value] = {"reservationID": theirs(write.reservation), "reservationNote": note}
        return await self._send("POST", "postReservationNote", form)

    async def set_special_requests(self, write: SetSpecialRequests) -> Outcome[None]:
        """Set the custom field that holds them; Cloudbeds' own special requests are set by the guest alone."""
        custom = [{"customFieldName": self.requests_field, "customFieldValue": write.text}]
        return await self._put("putReservation", {"reservationID": theirs(write.reservation), "customFields": custom})

    async def set_reservation_status(self, write: SetStatus) -> Outcome[None]:
        """Set the status."""
        if write.status not in CODES:
            return Refused(Why.REJECTED, f"Cloudbeds has no status like {write.status}")
        form: dict[str, Value] = {"reservationID": theirs(write.reservation), "status": CODES[write.status]}
        return await self._send("PUT", "putReservation", form)

    async def update_checkout_time(self, write: UpdateCheckoutTime) -> Outcome[None]:
        """Raise Unsupported."""
        raise Unsupported(CAPABILITIES.unsupported["update_checkout_time"])

    async def create_reservation(self, write: CreateReservation) -> Outcome[PmsId]:
        """Book one room; the business key becomes the reservation's `thirdPartyIdentifier`."""
        if write.guest is not None or write.total is not None:
            return Refused(
                Why.REJECTED, "Cloudbeds books for a name, at its own price: leave out the guest's id and the total"
            )
        try:
            form = await self._booking(write)
        except PmsError as error:
            return not_sent(error)
        created = await ended(
            self.exchange.send(Created, "POST", "postReservation", propertyID=self.place.code, **form)
        )
        return Applied(ours(created.value.reservation_id)) if isinstance(created, Applied) else created

    async def modify_dates(self, write: ModifyDates) -> Outcome[None]:
        """Move a reservation of one room."""
        try:
            record = await self.reservation_data(write.reservation)
        except PmsError as error:
            return not_sent(error)
        if record is None:
            return Refused(Why.NOT_FOUND, f"there is no reservation {write.reservation}")
        rooms = (*record.assigned, *record.unassigned)
        if len(rooms) != 1:
            return Refused(Why.REJECTED, f"{write.reservation} has {len(rooms)} rooms: move them in Cloudbeds")
        form: dict[str, Value] = {
            "reservationID": theirs(write.reservation),
            "rooms": [_moved(rooms[0], write.stay)],
        }
        return await self._send("PUT", "putReservation", form)

    async def cancel_reservation(self, write: CancelReservation) -> Outcome[None]:
        """Cancel; where Cloudbeds refuses, the status says whether that was because it is done already."""
        form: dict[str, Value] = {"reservationID": theirs(write.reservation), "status": "canceled"}
        outcome = await self._send("PUT", "putReservation", form)
        if isinstance(outcome, Refused) and outcome.why is Why.REJECTED:
            now = await ended(self.reservation_data(write.reservation))
            if isinstance(now, Applied) and now.value and now.value.status == "canceled":
                return Applied(None)
        return outcome

    async def post_charge(self, write: PostCharge) -> Outcome[None]:
        """Post a custom item under the business key; Cloudbeds drops a second. Its `postCharge` would take a payment.

        Cloudbeds keeps the name that an item's id came with first; so the description is the item's note too.
        """
        if write.amount.currency != self.place.currency:
            return Refused(Why.REJECTED, f"{write.amount} is not in {self.place.currency}, the property's currency")
        item: Value = {
            "appItemID": write.code or write.description,
            "itemQuantity": 1,
            "itemPrice": write.amount.amount,
            "itemName": write.description,
            "itemNote": write.description,
        }
        form: dict[str, Value] = {"reservationID": theirs(write.reservation), "referenceID": write.key, "items": [item]}
        return await self._put("postCustomItem", form, verb="POST")

    async def set_availability(self, write: SetAvailability) -> Outcome[None]:
        """Raise Unsupported."""
        raise Unsupported(CAPABILITIES.unsupported["set_availability"])

    async def reconcile(self, write: Write, sent_at: datetime) -> Outcome[PmsId | None]:
        """Find out how a write ended.

        Nothing lists posted items, so of a charge nothing can be told; it may be sent again, since Cloudbeds takes its
        key once.
        """
        settled = is_settled(sent_at, self.exchange.flow.now(), CAPABILITIES)
        try:
            match write:
                case UpdateRates():
                    return await self._rates.reconcile(write.sheet, settled)
                case PostCharge():
                    return Unknown("Cloudbeds lists no posted items: send it again, its key is taken once")
                case CreateReservation():
                    made = await made_by(write, sent_at, self)
                    return Applied(made) if made else absent(settled)
                case _:
                    return Applied(None) if await holds(write, self) else absent(settled)
        except PmsError as error:
            return Unknown(f"it cannot be read back: {error}")

    async def _send(self, verb: str, method: str, form: Mapping[str, Value]) -> Outcome[None]:
        """Send a write once."""
        return _done(await ended(self.exchange.send(Anything, verb, method, propertyID=self.place.code, **form)))

    async def _put(self, method: str, form: Mapping[str, Value], verb: str = "PUT") -> Outcome[None]:
        """Send a write that takes effect once however often it comes."""
        call = self.exchange.send_until_answered(Anything, verb, method, propertyID=self.place.code, **form)
        return _done(await ended(call))

    async def _booking(self, write: CreateReservation) -> dict[str, Value]:
        kind = self.place.vendor_product(write.product)
        room: dict[str, Value] = {"roomTypeID": kind, "quantity": 1}
        if write.rate_plan is not None:
            room["roomRateID"] = await self._rates.id_of(write.rate_plan, kind, write.stay)
        return {
            "sourceID": self._credentials.source,
            "thirdPartyIdentifier": write.key,
            "startDate": write.stay.check_in,
            "endDate": write.stay.check_out,
            "guestFirstName": write.first_name,
            "guestLastName": write.last_name,
            "guestCountry": self._credentials.guest_country,
            "guestZip": self._credentials.guest_zip,
            "guestEmail": write.email,
            "guestPhone": write.phone,
            "rooms": [room],
            "adults": [{"roomTypeID": kind, "quantity": write.adults}],
            "children": [{"roomTypeID": kind, "quantity": write.children}],
            "paymentMethod": self._credentials.payment_method,
        }


def _done(outcome: Outcome[Anything]) -> Outcome[None]:
    return Applied(None) if isinstance(outcome, Applied) else outcome


def _with(known: tuple[Preference, ...], added: tuple[Preference, ...]) -> list[Value]:
    """Return the custom fields that change: each holds the values of one kind, those that are there first."""
    texts: dict[str, list[str]] = {}
    for one in known:
        texts.setdefault(one.kind, []).append(one.value)
    changed: dict[str, None] = {}
    for one in added:
        values = texts.setdefault(one.kind, [])
        new = [value for value in one.value.split(BETWEEN) if value not in values]
        values += new
        changed |= dict.fromkeys([one.kind] if new else [])
    return [{"customFieldName": kind, "customFieldValue": BETWEEN.join(texts[kind])} for kind in changed]


def _moved(room: BookedRoom, stay: StayDates) -> Value:
    """Return a room with other dates, and all else that Cloudbeds wants repeated."""
    return {
        "subReservationID": room.sub_reservation_id,
        "roomTypeID": room.room_type_id,
        "checkinDate": stay.check_in,
        "checkoutDate": stay.check_out,
        "adults": room.adults,
        "children": room.children,
    }
