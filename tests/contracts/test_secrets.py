"""No credential and no guest's data is seen where it need not be: in errors, outcomes, logs, or what objects show."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from pms_lab.domain.pms import GuestQuery, PmsId, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import OPERATIONS, Write
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import PmsLabError, Unanswered
from tests.contracts.doors import Sockets
from tests.contracts.harness import Bench, Doors, Vendor, bench, collected, now
from tests.contracts.test_pms_adapter import booked, writes_of
from tests.contracts.vendors import VENDORS

TODAY = date(2026, 11, 30)
WEEK = StayDates.starting(TODAY, 7)
PERSONAL = ("Byron", "ada@example.com", "+15550100")


@pytest.fixture(scope="module")
def sockets() -> Iterator[Sockets]:
    served = Sockets()
    yield served
    served.shut()


def echoing(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """A server that gives back all that it was told, as an error."""
    told = f"{dict(request.headers)} {request.url} {request.body.decode()}"
    return HttpResponse(500, {"content-type": "text/plain", "x-echo": "1"}, told.encode())


def refusing(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The same, as a refusal of the credentials."""
    return HttpResponse(401, {"content-type": "application/json"}, echoing(request, response).body)


def garbage(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The same, as a success that cannot be read."""
    return HttpResponse(200, {"content-type": "application/json"}, echoing(request, response).body)


def lost(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    raise Unanswered("lost")


def calm(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    return response


def shown(error: BaseException | None) -> str:
    """All that an error may show, with the errors behind it."""
    text = ""
    while error is not None:
        text += f"{error} {error!r} {error.args}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return text


def everything(it: Bench, writes: list[Write], guest: PmsId, reservation: PmsId) -> Iterator[str]:
    """Do all that an adapter can, and yield what could be seen of it."""
    reads: list[Callable[[], Awaitable[Any]]] = [
        it.pms.connect,
        it.pms.health_check,
        lambda: it.pms.get_guest(guest),
        lambda: collected(it.pms.search_guests(GuestQuery(name="Byron", email="ada@example.com"))),
        lambda: it.pms.get_reservation(reservation),
        lambda: collected(it.pms.get_arrivals(TODAY)),
        lambda: collected(it.pms.get_in_house()),
        lambda: it.pms.get_balance(reservation),
        lambda: collected(it.pms.get_all_room_statuses()),
        lambda: it.pms.get_rates(WEEK, ["GEN"]),
        lambda: it.pms.get_availability(WEEK, ["GEN"]),
        lambda: it.pms.changes_since(None),
        *((lambda write=write: getattr(it.pms, OPERATIONS[type(write)])(write)) for write in writes),
        *((lambda write=write: it.pms.reconcile(write, it.flow.now())) for write in writes),
    ]
    for read in reads:
        try:
            yield repr(now(read()))
        except PmsLabError as error:
            yield shown(error)
    yield f"{it.pms!r} {vars(it.pms)} {writes}"


@pytest.mark.parametrize("tamper", [calm, echoing, refusing, garbage, lost], ids=lambda one: one.__name__)
@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_nothing_shows_a_credential_or_a_guest(
    vendor: Vendor,
    tamper: Callable[[HttpRequest, HttpResponse], HttpResponse],
    sockets: Sockets,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert vendor.secrets
    caplog.set_level(logging.DEBUG)
    usual, Doors.used = Doors.used, sockets
    try:
        it = bench(vendor)
        writes = writes_of(it)
        booking = booked(it)
        it.face.pms.set_status(booking.id, ReservationStatus.IN_HOUSE, it.flow.now())
        it.face.pms.post(booking.id, "Minibar", Decimal("3"), it.flow.now())
        it.http.tamper = tamper
        name = it.pms.capabilities().vendor
        seen = "\n".join(everything(it, writes, PmsId(name, booking.guest), PmsId(name, booking.id)))
    finally:
        sockets.close()
        Doors.used = usual
    logged = "\n".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
    for secret in vendor.secrets:
        assert secret not in seen
        assert secret not in logged
    for personal in PERSONAL:
        assert personal not in seen
        assert quote(personal, safe="") not in logged
