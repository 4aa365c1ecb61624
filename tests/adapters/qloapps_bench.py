"""QloApps' adapter before the simulated shop, and what its tests ask for again and again."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Outcome, Refused
from pms_lab.domain.pms import PmsId
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import OPERATIONS, AddNote, CreateReservation, PostCharge, Write
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.faces.qloapps import QloAppsFace
from pms_lab.sim.pms.faces.qloapps.records import Quirks
from pms_lab.sim.pms.records import Booking
from pms_lab.sim.pms.state import Wish
from tests.contracts.harness import NOON, Bench, bench, now
from tests.contracts.vendor_qloapps import VENDOR

TODAY = date(2026, 11, 30)
TWO_NIGHTS = StayDates.starting(TODAY, 2)
LATER = StayDates.starting(TODAY + timedelta(days=10), 3)


def shop(**sample: Any) -> Bench:
    return bench(VENDOR, **sample)


def face_of(it: Bench) -> QloAppsFace:
    assert isinstance(it.face, QloAppsFace)
    return it.face


def ref(local: str) -> PmsId:
    return PmsId("qloapps", local)


def creation(key: str = "k1", product: str = "GEN", **other: Any) -> CreateReservation:
    fields: dict[str, Any] = {"stay": TWO_NIGHTS, "first_name": "Ada", "last_name": "Byron", "email": "ada@example.com"}
    return CreateReservation(key=key, product=product, **(fields | other))


def booked(it: Bench, stay: StayDates = TWO_NIGHTS, email: str = "ada@example.com", **wish: Any) -> Booking:
    """A booking that a person made at the front desk."""
    yesterday = NOON - timedelta(days=1)
    known = next((one.id for one in it.face.pms.guests.values() if one.email == email), None)
    guest = (
        known
        or it.face.pms.add_guest(yesterday, first_name="Ada", last_name="Byron", email=email, phone="+15550100").id
    )
    return it.face.pms.book(Wish(stay, "1", guest, **wish), yesterday)


def two_rooms(it: Bench) -> list[Booking]:
    """An order of two rooms."""
    first = booked(it)
    return [first, booked(it, group=first.id)]


def written(it: Bench) -> list[HttpRequest]:
    """What was sent to change something."""
    asking = ("GET", "hotel_ari")
    return [one for one in it.http.sent if one.method not in asking and "hotel_ari" not in one.url]


def body_of(request: HttpRequest) -> Any:
    return json.loads(request.body)


def altering(it: Bench, resource: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Have a shop say something else of every record of a resource that it lists."""

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.method != "GET" or urlsplit(request.url).path != f"/api/{resource}" or response.body == b"[]":
            return response
        answer = json.loads(response.body)
        for record in next(iter(answer.values())):
            change(record)
        return HttpResponse(response.status, response.headers, json.dumps(answer).encode())

    it.http.tamper = tamper


def charges(it: Bench, booking: Booking) -> list[tuple[str, Decimal]]:
    return [(one.description, one.amount) for one in it.face.pms.postings.values() if one.booking == booking.id]


def minibar(
    booking: str, key: str = "c1", amount: str = "12.50", currency: str = "USD", description: str = "Minibar"
) -> PostCharge:
    return PostCharge(key, ref(booking), description, Money.of(amount, currency))


def note(booking: str, key: str = "n1", text: str = "Needs a cot") -> AddNote:
    return AddNote(key, ref(booking), text)


def reason(outcome: Outcome[Any]) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.message


def warned(it: Bench) -> None:
    face_of(it).quirks = Quirks(warns=True)


def performed(it: Bench, write: Write) -> Outcome[Any]:
    method: Callable[[Any], Awaitable[Outcome[Any]]] = getattr(it.pms, OPERATIONS[type(write)])
    return now(method(write))
