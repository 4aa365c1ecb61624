"""An adapter for Mews on its face, and what its tests share."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from pms_lab.adapters.mews import MewsCredentials, MewsPms
from pms_lab.adapters.wire import Link
from pms_lab.domain.money import Money
from pms_lab.domain.pms import GuestQuery, PmsId, Preference, ReservationStatus
from pms_lab.domain.property import Property
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    OPERATIONS,
    AddNote,
    AddPreferences,
    CancelReservation,
    ClearRates,
    CreateReservation,
    ModifyDates,
    PostCharge,
    SetAvailability,
    SetStatus,
    UpdateCheckoutTime,
    UpdateGuest,
    UpdateRates,
)
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.engine.resilience.limiter import MemoryWindows
from pms_lab.sim.pms.face import Server
from pms_lab.sim.pms.faces.mews.ids import category_id
from pms_lab.sim.pms.records import Booking, Person
from pms_lab.sim.pms.state import Wish
from tests.contracts.harness import NOON, Direct, Immediate, InProcess, NoChance, collected, now
from tests.contracts.vendor_mews import PLACE, credentials, face

TODAY = date(2026, 11, 30)
TWO_NIGHTS = StayDates.starting(TODAY, 2)
GEN = category_id("GEN")

FOR_THE_DAY: Final = {"ScheduledStartUtc": "2026-11-30T14:00:00Z", "ScheduledEndUtc": "2026-11-30T22:00:00Z"}
"""The times of a stay that begins and ends today: it has no night."""


class Desk:
    """An adapter on a face, with what a test wants to look at."""

    def __init__(
        self,
        *,
        known: MewsCredentials | None = None,
        place: Property = PLACE,
        ours: Immediate | None = None,
        **options: Any,
    ) -> None:
        self.face = face(**options)
        self.pms = self.face.pms
        self.flow = Immediate()
        server = Server(self.face)
        self.http = Direct(server, InProcess(server, self.flow.now))
        clock = ours or self.flow
        self.windows = MemoryWindows(clock.monotonic_s)
        self.link = Link(self.http, clock, NoChance(), "http://127.0.0.1:8080", self.windows)
        self.mews = MewsPms(place, known or credentials(), self.link)

    def guest(self, **fields: Any) -> Person:
        known = {"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com", "phone": "+15550100"}
        return self.pms.add_guest(NOON - timedelta(days=2), **(known | fields))

    def booking(self, stay: StayDates = TWO_NIGHTS, guest: Person | None = None, **fields: Any) -> Booking:
        return self.pms.book(Wish(stay, GEN, (guest or self.guest()).id, **fields), NOON - timedelta(days=1))

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """What was sent to one operation."""
        return [json.loads(one.body, parse_float=Decimal) for one in self.http.sent if one.url.endswith(f"/{path}")]

    def tampering(self, path: str, change: Callable[[dict[str, Any]], Any]) -> None:
        """Change every answer of one operation."""

        def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
            assert len(self.http.sent) < 100, "a list that does not end"
            if not request.url.endswith(f"/{path}"):
                return response
            answer = json.loads(response.body)
            change(answer)
            return replace(response, body=json.dumps(answer).encode())

        self.http.tamper = tamper


def ref(local: str) -> PmsId:
    return PmsId("mews", local)


def charge(booking: Booking, amount: str = "12.50") -> PostCharge:
    return PostCharge("c1", ref(booking.id), "Minibar", Money(Decimal(amount), "USD"))


def sheet(amounts: Mapping[int, str], plan: str | None = None, **fields: Any) -> RateSheet:
    """Rates of general rooms, by how many days from today on they are for."""
    return RateSheet(
        {
            RateCell("HOTEL1", "GEN", TODAY + timedelta(days=away), plan): Money(Decimal(amount), "USD")
            for away, amount in amounts.items()
        },
        **fields,
    )


def creation() -> CreateReservation:
    return CreateReservation("k1", TWO_NIGHTS, "GEN", "Ada", "Byron", "ada@example.com", adults=2, children=1)


SINCE: Final = "2026-11-30T16:00:00Z"
WRITES: Final = (
    UpdateGuest("w1", ref("guest"), phone="+15550111"),
    AddPreferences("w2", ref("guest"), (Preference("pillow", "soft"),)),
    AddNote("w3", ref("booking"), "Needs a cot"),
    UpdateCheckoutTime("w4", ref("booking"), datetime(2026, 12, 2, 18, 30, tzinfo=UTC)),
    creation(),
    ModifyDates("w6", ref("booking"), StayDates.starting(TODAY, 3)),
    PostCharge("w7", ref("booking"), "Minibar", Money(Decimal("12.50"), "USD")),
    SetAvailability("w8", {("GEN", TODAY): 4}),
    SetStatus("w9", ref("booking"), ReservationStatus.IN_HOUSE),
    CancelReservation("w10", ref("booking")),
    UpdateRates("w11", sheet({0: "1100"})),
    ClearRates("w12", tuple(sheet({0: "1"}))),
)

Operation = Callable[[Desk], Awaitable[Any]]

READS: Final[dict[str, Operation]] = {
    "connect": lambda desk: desk.mews.connect(),
    "get_guest": lambda desk: desk.mews.get_guest(guest_of(desk)),
    "search_guests": lambda desk: collected(desk.mews.search_guests(GuestQuery(name="Ada Byron"))),
    "get_reservation": lambda desk: desk.mews.get_reservation(booking_of(desk)),
    "get_arrivals": lambda desk: collected(desk.mews.get_arrivals(TODAY)),
    "get_departures": lambda desk: collected(desk.mews.get_departures(TWO_NIGHTS.check_out)),
    "get_in_house": lambda desk: collected(desk.mews.get_in_house()),
    "get_balance": lambda desk: desk.mews.get_balance(booking_of(desk)),
    "get_room_status": lambda desk: desk.mews.get_room_status("101"),
    "get_all_room_statuses": lambda desk: collected(desk.mews.get_all_room_statuses()),
    "get_rates": lambda desk: desk.mews.get_rates(TWO_NIGHTS, ["GEN"]),
    "get_availability": lambda desk: desk.mews.get_availability(TWO_NIGHTS, ["GEN"]),
    "changes_since": lambda desk: desk.mews.changes_since(SINCE),
}


def booking_of(desk: Desk) -> Any:
    return ref(next(desk.pms.bookings.values()).id)


def guest_of(desk: Desk) -> Any:
    return ref(next(desk.pms.guests.values()).id)


def busy_desk() -> Desk:
    """A hotel in which every read has something to tell."""
    desk = Desk()
    guest = desk.guest(preferences=(Preference("General", "Preference floor: high"),))
    away = desk.booking(guest=guest, notes=("Late",), special_requests="Quiet")
    desk.booking(guest=guest)
    desk.pms.set_status(away.id, ReservationStatus.IN_HOUSE, NOON)
    for amount in ("12.50", "-5.00"):
        desk.pms.post(away.id, "Minibar", Decimal(amount), NOON)
    desk.pms.set_rate(GEN, desk.pms.hotel.rate_plan, TODAY, Decimal("999.99"), NOON)
    return desk


def meant(desk: Desk, write: Any) -> Any:
    """Return one of `WRITES` about the guest and the reservation of a busy desk that has not arrived."""
    *_, waiting = desk.pms.bookings.values()
    real = {"guest": guest_of(desk), "reservation": ref(waiting.id)}
    mine = {one.name: real[one.name] for one in fields(write) if one.name in real and getattr(write, one.name)}
    return replace(write, **mine)


def performed(desk: Desk, write: Any) -> list[Any]:
    """Do one of `WRITES` on a busy desk, and return how each part of it ended."""
    outcome = now(operation_of(desk, write)(meant(desk, write)))
    return list(outcome.values()) if isinstance(outcome, dict) else [outcome]


def operation_of(desk: Desk, write: Any) -> Callable[[Any], Awaitable[Any]]:
    """Return what does a write."""
    method: Callable[[Any], Awaitable[Any]] = getattr(desk.mews, OPERATIONS[type(write)])
    return method
