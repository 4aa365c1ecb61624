"""What the tests of OPERA's adapter share: its face at hand, and short words for what they do with it."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from pms_lab.adapters.opera import OperaPms
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Outcome, Refused
from pms_lab.domain.pms import PmsId
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    CreateReservation,
    UpdateRates,
)
from pms_lab.engine.ports import HttpRequest
from pms_lab.sim.pms.faces.opera import OperaFace
from pms_lab.sim.pms.records import Booking, Person
from pms_lab.sim.pms.state import Wish
from tests.adapters.official import Witnessed
from tests.contracts.harness import NOON, Bench, Vendor, bench, now
from tests.contracts.vendor_opera import CREDENTIALS, PLACE, VENDOR

TODAY = date(2026, 11, 30)
TWO_NIGHTS = StayDates.starting(TODAY, 2)
TYPE = {"content-type": "application/json;charset=UTF-8"}


def with_credentials(**fields: Any) -> Bench:
    changed = CREDENTIALS.model_copy(update=fields)
    return bench(Vendor("opera", VENDOR.face, lambda link: OperaPms(PLACE, changed, link), VENDOR.limits))


def face_of(it: Bench) -> OperaFace:
    assert isinstance(it.face, Witnessed)
    assert isinstance(it.face.face, OperaFace)
    return it.face.face


def guest_of(it: Bench, **fields: Any) -> Person:
    known = {"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com", "phone": "+15550100"}
    return it.face.pms.add_guest(NOON - timedelta(days=2), **(known | fields))


def booked(it: Bench, stay: StayDates = TWO_NIGHTS, **fields: Any) -> Booking:
    return it.face.pms.book(Wish(stay, "GEN", guest_of(it).id, **fields), NOON - timedelta(days=1))


def ref(entity: Booking | Person) -> PmsId:
    return PmsId("opera", entity.id)


def done(work: Awaitable[Outcome[Any]]) -> Any:
    outcome = now(work)
    assert isinstance(outcome, Applied), outcome
    return outcome.value


def refused(work: Awaitable[Outcome[Any]]) -> Refused:
    outcome = now(work)
    assert isinstance(outcome, Refused), outcome
    return outcome


def sent(it: Bench, part: str) -> list[HttpRequest]:
    return [request for request in it.http.sent if part in request.url]


def body_of(request: HttpRequest) -> Any:
    return json.loads(request.body)


def rewritten(it: Bench, old: bytes, new: bytes) -> None:
    """Let every answer from now on have another word in place of one."""
    it.http.tamper = lambda request, response: replace(response, body=response.body.replace(old, new))


def creation(**fields: Any) -> CreateReservation:
    wish = CreateReservation("k1", TWO_NIGHTS, "GEN", "Ada", "Byron", "ada@example.com", "+15550100")
    return replace(wish, **fields)


def cell(product: str, day: int, occupancy: int | None = None, **fields: Any) -> RateCell:
    return RateCell(PLACE.location, product, TODAY + timedelta(days=day), occupancy=occupancy, **fields)


def published(it: Bench, amounts: dict[RateCell, str]) -> Any:
    sheet = RateSheet({one: Money.of(amount, "USD") for one, amount in amounts.items()})
    return now(it.pms.update_rates(UpdateRates("r1", sheet)))
