"""What the tests of the Cloudbeds adapter share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pms_lab.domain.money import Money
from pms_lab.domain.pms import PmsId
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.faces.cloudbeds import CloudbedsFace, product_id
from pms_lab.sim.pms.records import Booking, Person
from pms_lab.sim.pms.state import Wish
from tests.contracts.harness import NOON, Bench, bench
from tests.contracts.vendor_cloudbeds import PLACE, VENDOR

TODAY = date(2026, 11, 30)
TWO_NIGHTS = StayDates.starting(TODAY, 2)
GEN, DLX = product_id("GEN"), product_id("DLX")


def hotel(start: datetime = NOON, **sample: Any) -> Bench:
    """Set up the sample hotel at Cloudbeds."""
    return bench(VENDOR, start, **sample)


def face_of(it: Bench) -> CloudbedsFace:
    """Return the face, with its own switches."""
    assert isinstance(it.face, CloudbedsFace)
    return it.face


def ref(local: str) -> PmsId:
    """Return an id of Cloudbeds."""
    return PmsId("cloudbeds", local)


def guest(it: Bench, **fields: Any) -> Person:
    """Add a guest."""
    known = {"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com", "phone": "+15550100"}
    return it.face.pms.add_guest(it.flow.now(), **(known | fields))


def booked(it: Bench, stay: StayDates = TWO_NIGHTS, person: Person | None = None, **fields: Any) -> Booking:
    """Book a general room."""
    return it.face.pms.book(Wish(stay, GEN, (person or guest(it)).id, **fields), it.flow.now())


def crowd(it: Bench, size: int, **fields: Any) -> list[str]:
    """Add bookings that hold no room, and return their ids in the order in which they are listed."""
    pms, first = it.face.pms, booked(it)
    ids = [first.id, *(pms.id_of("booking") for _ in range(size - 1))]
    for one in ids:
        pms.bookings.put(one, replace(first, id=one, room=None, **fields), it.flow.now())
    return ids


def after_first_page(it: Bench, method: str, happens: Callable[[], None]) -> None:
    """Let something happen once, when the first page of a list has been read."""
    waiting = [happens]

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if method_of(request) == method and waiting:
            waiting.pop()()
        return response

    it.http.tamper = tamper


def cell(product: str = "GEN", night: date = TODAY, plan: str | None = None) -> RateCell:
    """Return a rate cell of the property."""
    return RateCell(PLACE.location, product, night, plan)


def sheet(amounts: Mapping[RateCell, str]) -> RateSheet:
    """Return a sheet in the property's currency."""
    return RateSheet({one: Money(Decimal(amount), "USD") for one, amount in amounts.items()})


def nights(amounts: Mapping[int, str], product: str = "GEN") -> RateSheet:
    """Return a sheet for some days from today."""
    return sheet({cell(product, TODAY + timedelta(days=away)): amount for away, amount in amounts.items()})


def method_of(request: HttpRequest) -> str:
    """Return the method that a request names."""
    return urlsplit(request.url).path.rpartition("/")[2]


def sent(it: Bench, method: str) -> list[dict[str, str]]:
    """Return the queries or forms that were sent to a method."""
    asked = [one for one in it.http.sent if method_of(one) == method]
    return [dict(parse_qsl(urlsplit(one.url).query or one.body.decode(), keep_blank_values=True)) for one in asked]


def edited(it: Bench, method: str, edit: Callable[[Any], Any]) -> None:
    """Let a method's answers come back changed."""

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if method_of(request) != method:
            return response
        record = json.loads(response.body)
        changed = edit(record)
        return replace(response, body=json.dumps(record if changed is None else changed).encode())

    it.http.tamper = tamper


def says(it: Bench, method: str, answer: HttpResponse) -> None:
    """Let a method always give this answer; what was asked takes effect nevertheless."""
    it.http.tamper = lambda request, response: answer if method_of(request) == method else response


def answer(record: Any, status: int = 200) -> HttpResponse:
    """Return an answer in JSON."""
    return HttpResponse(status, {"content-type": "application/json"}, json.dumps(record).encode())
