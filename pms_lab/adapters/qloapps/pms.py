"""`PMSAdapter` for QloApps."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import date, datetime

from pms_lab.adapters.qloapps import capabilities as promised
from pms_lab.adapters.qloapps.availability import free_rooms
from pms_lab.adapters.qloapps.capabilities import CAPABILITIES, QloAppsCredentials
from pms_lab.adapters.qloapps.changes import Feed
from pms_lab.adapters.qloapps.guests import Guests
from pms_lab.adapters.qloapps.models import Booking, Hotel, Room
from pms_lab.adapters.qloapps.rates import Rates
from pms_lab.adapters.qloapps.reconciling import Search
from pms_lab.adapters.qloapps.reservations import VENDOR, Desk
from pms_lab.adapters.qloapps.shop import Shop, judge
from pms_lab.adapters.qloapps.writes import Writes
from pms_lab.adapters.wire import FixedHeaders, Link
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Outcome
from pms_lab.domain.pms import (
    Availability,
    Capabilities,
    Change,
    Changes,
    Condition,
    Guest,
    GuestQuery,
    Health,
    NightlyRate,
    PmsId,
    Reservation,
    RoomStatus,
)
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
from pms_lab.errors import BadAnswer, PmsError, PmsRefused, Unsupported

CONDITIONS = {1: None, 2: Condition.OUT_OF_ORDER, 3: Condition.OUT_OF_SERVICE}
"""What `id_status` of a room means: active, inactive, inactive for a time. Of clean and dirty QloApps knows nothing."""


class QloAppsPms:
    """One hotel of a QloApps shop. `place.code` is the hotel's id, and a product's vendor id that of its room type."""

    def __init__(self, place: Property, credentials: QloAppsCredentials, link: Link) -> None:
        user = b64encode(f"{credentials.key.get_secret_value()}:".encode()).decode()
        wire = link.wire(
            authorization=FixedHeaders({"Authorization": f"Basic {user}"}),
            judge=judge(),
            limits=CAPABILITIES.rate_limits,
            counted_as=f"{VENDOR}:{place.code}",
        )
        self._place = place
        self._flow = link.flow
        self._shop = Shop(wire)
        self._desk = Desk(self._shop, place)
        self._guests = Guests(self._shop, place)
        self._rates = Rates(self._shop, place)
        self._feed = Feed(self._shop, self._desk, place, link.flow)
        self._writes = Writes(self._shop, self._desk, self._guests, place)
        self._search = Search(self._shop, self._desk, self._guests, self._rates, place, link.flow)

    def capabilities(self) -> Capabilities:
        """Return what QloApps can promise."""
        return CAPABILITIES

    async def connect(self) -> None:
        """Check the key, and that the shop has the hotel."""
        if await self._shop.get(Hotel, self._place.code) is None:
            raise PmsRefused(f"the shop has no hotel {self._place.code}: correct it in the settings", status=404)

    async def disconnect(self) -> None:
        """Do nothing: there is no session."""

    async def health_check(self) -> Health:
        """Ask for the hotel."""
        start_s = self._flow.monotonic_s()
        try:
            await self.connect()
        except PmsError as error:
            return Health(False, self._flow.monotonic_s() - start_s, str(error))
        return Health(True, self._flow.monotonic_s() - start_s, f"hotel {self._place.code} answers")

    async def get_guest(self, guest: PmsId) -> Guest | None:
        """Return a guest, or None where there is none."""
        found = await self._guests.find(guest)
        return None if found is None else self._guests.guest(found)

    def search_guests(self, query: GuestQuery) -> AsyncIterator[Guest]:
        """Yield the guests to whom everything in the query applies."""
        return self._guests.search(query)

    async def get_reservation(self, reservation: PmsId) -> Reservation | None:
        """Return a reservation with its notes; lists leave notes out.

        A shop with stock PHP settings cannot show notes: there are none then.
        """
        held = await self._desk.find(reservation)
        if held is None:
            return None
        try:
            booking = await self._shop.get(Booking, held.order.id)
        except BadAnswer:
            booking = None
        return self._desk.reservation(held, booking.notes if booking else ())

    def get_arrivals(self, day: date) -> AsyncIterator[Reservation]:
        """Yield the reservations that arrive on a day."""
        return self._reservations({"date_from": _on(day)})

    def get_departures(self, day: date) -> AsyncIterator[Reservation]:
        """Yield the reservations that depart on a day."""
        return self._reservations({"date_to": _on(day)})

    def get_in_house(self) -> AsyncIterator[Reservation]:
        """Yield the reservations whose guests are checked in."""
        return self._reservations({"id_status": "[2]"})

    async def get_balance(self, reservation: PmsId) -> Money | None:
        """Return what is still to be paid for the order, with all its rooms.

        Raises:
            BadAnswer: the order is in a foreign currency.
        """
        held = await self._desk.find(reservation)
        if held is None:
            return None
        if held.order.conversion_rate != 1:
            raise BadAnswer(f"order {held.order.id} is not in {self._place.currency}: look at it in the back office")
        return Money(held.order.to_be_paid, self._place.currency)

    async def get_room_status(self, room: str) -> RoomStatus | None:
        """Return one room by its number; None where there is none."""
        async for one in self.get_all_room_statuses():
            if one.number == room:
                return one
        return None

    async def get_all_room_statuses(self) -> AsyncIterator[RoomStatus]:
        """Yield all rooms."""
        async for room in self._shop.all(Room, {"id_hotel": f"[{self._place.code}]"}):
            if room.id_status not in CONDITIONS:
                raise BadAnswer(f"room {room.room_num} has status {room.id_status}, which QloApps does not come with")
            product = self._place.our_product(room.id_product)
            yield RoomStatus(PmsId(VENDOR, room.id), room.room_num, product, CONDITIONS[room.id_status])

    async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
        """Return the rate of each product on each night, without tax."""
        return await self._rates.read(nights, products)

    async def get_availability(self, nights: StayDates, products: Collection[str]) -> tuple[Availability, ...]:
        """Return how many rooms of each product can be sold on each night; it never shows less than none."""
        return await free_rooms(self._shop, self._place, nights, products)

    async def changes_since(self, cursor: str | None) -> Changes:
        """Return what has changed since a cursor; None starts now."""
        return await self._feed.since(cursor)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Change, ...]:
        """QloApps has none."""
        raise Unsupported(promised.NO_WEBHOOKS)

    async def update_guest(self, write: UpdateGuest) -> Outcome[None]:
        """Change what is given of a guest; the rest stays as it is."""
        return await self._writes.update_guest(write)

    async def update_guest_preferences(self, write: AddPreferences) -> Outcome[None]:
        """QloApps has none."""
        raise Unsupported(promised.NO_PREFERENCES)

    async def add_reservation_note(self, write: AddNote) -> Outcome[None]:
        """Add a remark, with the key at its end."""
        return await self._writes.add_note(write)

    async def set_special_requests(self, write: SetSpecialRequests) -> Outcome[None]:
        """QloApps has none."""
        raise Unsupported(promised.NO_REQUESTS)

    async def set_reservation_status(self, write: SetStatus) -> Outcome[None]:
        """Check in or out; QloApps has no no-show."""
        return await self._writes.set_status(write)

    async def update_checkout_time(self, write: UpdateCheckoutTime) -> Outcome[None]:
        """QloApps has none."""
        raise Unsupported(promised.NO_CHECKOUT_TIME)

    async def create_reservation(self, write: CreateReservation) -> Outcome[PmsId]:
        """Book a room, and look whether one was given.

        QloApps reckons the price itself, whatever `total` says: compare it with the reservation's. A guest without an
        id who has the e-mail address of a known one becomes that one, and renames it.
        """
        return await self._writes.create(write)

    async def modify_dates(self, write: ModifyDates) -> Outcome[None]:
        """Move the reservation to other nights, priced anew, perhaps in another room.

        Its own room counts as taken: a stay that is to overlap itself is refused when the others are full.
        """
        return await self._writes.modify_dates(write)

    async def cancel_reservation(self, write: CancelReservation) -> Outcome[None]:
        """Cancel the order; one that holds other rooms too is refused."""
        return await self._writes.cancel(write)

    async def post_charge(self, write: PostCharge) -> Outcome[None]:
        """Post a charge, as a service without tax, with the key at the end of its name."""
        return await self._writes.post_charge(write)

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        """Publish rates without tax, in parts, each read back. Doubles of ours that a late write left are removed."""
        return await self._rates.write(write.sheet)

    async def clear_rates(self, write: ClearRates) -> Mapping[RateCell, Outcome[None]]:
        """Remove the rules that set the price of just these nights; other kinds of rules are left alone."""
        return await self._rates.clear(write.cells)

    async def set_availability(self, write: SetAvailability) -> Outcome[None]:
        """QloApps has none."""
        raise Unsupported(promised.NO_LIMITS)

    async def reconcile(self, write: Write, sent_at: datetime) -> Outcome[PmsId | None]:
        """Find out by reading how a write ended that ended as unknown."""
        return await self._search.reconcile(write, sent_at)

    async def _reservations(self, filters: Mapping[str, str]) -> AsyncIterator[Reservation]:
        async for held in self._desk.all(filters):
            yield self._desk.reservation(held)


def _on(day: date) -> str:
    return f"[{day} 00:00:00,{day} 23:59:59]"
