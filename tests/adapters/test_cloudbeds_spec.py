"""Every request and answer of the contract held against Cloudbeds' own description: see tests/fixtures/cloudbeds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from pms_lab.adapters.cloudbeds.exchange import fields
from pms_lab.domain.pms import GuestQuery, ReservationStatus
from pms_lab.domain.writes import UpdateRates
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.faces.cloudbeds import CloudbedsFace
from tests.adapters.official import Official, is_local_date_time
from tests.contracts import test_pms_adapter as contract
from tests.contracts.harness import Vendor, bench, collected, now
from tests.contracts.vendor_cloudbeds import VENDOR, face

FILES: Final = Path(__file__).parents[1] / "fixtures" / "cloudbeds"
OFFICIAL: Final = Official(
    *(json.loads((FILES / name).read_text()) for name in ("pms-v1.3.json", "pms-v1.3-notes.json")),
    # Declared as RFC 3339's, written otherwise: page of technical details.
    formats={"date-time": is_local_date_time},
    undeclared=dict.fromkeys((400, 401, 404, 405, 429), "page of common errors"),
)

REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    # "At least one information field is required for this call" is left to the face.
    "putGuest": ("guestID",),
    "putReservation": ("reservationID",),
    "postReservationNote": ("reservationID", "reservationNote"),
    # The fields that are not nullable: the description marks optional ones so.
    "postReservation": (
        "startDate",
        "endDate",
        "guestFirstName",
        "guestLastName",
        "guestCountry",
        "guestZip",
        "guestEmail",
        "paymentMethod",
        "rooms[].roomTypeID",
        "rooms[].quantity",
        "adults[].roomTypeID",
        "adults[].quantity",
        "children[].roomTypeID",
        "children[].quantity",
    ),
    "postCustomItem": (
        "reservationID",
        "referenceID",
        "items[].appItemID",
        "items[].itemQuantity",
        "items[].itemPrice",
        "items[].itemName",
    ),
    "patchRate": (
        "rates[].rateID",
        "rates[].interval.startDate",
        "rates[].interval.endDate",
        "rates[].interval.rate",
    ),
}
"""What the prose of the description wants, since its schemas require nothing. ``[]`` stands for each element."""

TOGETHER: Final = {
    ("putReservation", "rooms"): ("roomTypeID", "checkinDate", "checkoutDate", "adults", "children"),
    ("putReservation", "customFields"): ("customFieldName", "customFieldValue"),
    ("putGuest", "guestCustomFields"): ("customFieldName", "customFieldValue"),
}
"""What is wanted as soon as a list is sent."""


class Watched:
    """A face whose requests and answers must be as described, and whose forms must be complete; else it raises.

    Attributes:
        seen: the methods that were asked for.
    """

    def __init__(self, face: CloudbedsFace) -> None:
        self.face = face
        self.pms = face.pms
        self.seen: set[str] = set()

    def answer(self, request: HttpRequest, at: datetime) -> HttpResponse:
        self.seen.add(method_of(request))
        # On the page of technical details, not in the description.
        headers = {name: value for name, value in request.headers.items() if name != "X-PROPERTY-ID"}
        described = replace(request, headers=headers)
        assert [*missing_fields(request), *OFFICIAL.request_faults(described)] == []
        response = self.face.answer(request, at)
        record = json.loads(response.body)
        if record.get("success") is False:
            # The form of a refusal stands on the page of common errors; of many methods it is not described.
            assert {name: type(value) for name, value in record.items()} == {"success": bool, "message": str}
        else:
            assert OFFICIAL.answer_faults(described, response) == []
        return response

    def throttled(self, wait_s: float) -> HttpResponse:
        return self.face.throttled(wait_s)


def method_of(request: HttpRequest) -> str:
    return urlsplit(request.url).path.rpartition("/")[2]


def missing_fields(request: HttpRequest) -> Iterator[str]:
    method = method_of(request)
    names = [name for name, value in parse_qsl(request.body.decode())]
    for wanted in REQUIRED.get(method, ()):
        yield from _missing(f"{method}: {wanted}", wanted, names)
    for (owner, listed), inner in TOGETHER.items():
        if owner == method and any(name.startswith(f"{listed}[") for name in names):
            for one in inner:
                yield from _missing(f"{method}: {listed}[].{one}", f"{listed}[].{one}", names)


def _missing(what: str, wanted: str, names: list[str]) -> Iterator[str]:
    """Yield the fault, unless each element of the list has the field."""
    if "[]" not in wanted:
        yield from [] if wanted in names else [what]
        return
    listed, inner = wanted.split("[].")
    places = {match.group(1) for name in names if (match := re.match(rf"{listed}\[(\d+)\]", name))}
    tail = "".join(f"[{part}]" for part in inner.split("."))
    yield from [] if places and all(f"{listed}[{place}]{tail}" in names for place in places) else [what]


WATCHED: Final = Vendor(VENDOR.name, lambda **sample: Watched(face(**sample)), VENDOR.adapter, VENDOR.limits)

Case = tuple[Callable[..., None], Mapping[str, Any]]


def contract_cases() -> Iterator[Any]:
    """Yield every test of the contract with every set of its arguments."""
    for name, test in vars(contract).items():
        if not name.startswith("test_"):
            continue
        marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
        for values in product(*(mark.args[1] for mark in marks)):
            arguments = dict(zip((mark.args[0] for mark in marks), values, strict=True))
            # The face has to say a status that the description does not know: there is nothing to hold it against.
            if ReservationStatus.WAITLISTED not in values:
                yield pytest.param(test, arguments, id="-".join([name, *(str(value) for value in values)]))


@pytest.mark.parametrize(("test", "arguments"), list(contract_cases()))
def test_the_contract_is_kept_by_the_official_description(test: Callable[..., None], arguments: Any) -> None:
    test(WATCHED, **arguments)


def test_every_method_that_is_used_is_held_against_the_description() -> None:
    it = bench(WATCHED)
    watched = it.face
    assert isinstance(watched, Watched)
    booking = contract.booked(it, notes=("Arrives late",))
    start = now(it.pms.changes_since(None))
    now(it.pms.connect())
    now(it.pms.get_guest(contract.ref(it, booking.guest)))
    now(it.pms.get_reservation(contract.ref(it, booking.id)))
    now(it.pms.get_availability(contract.TWO_NIGHTS, ["GEN"]))
    now(collected(it.pms.search_guests(GuestQuery(name="Ada Byron"))))
    now(collected(it.pms.get_in_house()))
    now(collected(it.pms.get_all_room_statuses()))
    for write in contract.writes_of(it):
        sent_at = it.flow.now()
        contract.perform(it, write)
        now(it.pms.reconcile(write, sent_at))
    rates = UpdateRates("r1", contract.sheet(it, {contract.TODAY + timedelta(days=2): "1234.56"}))
    now(it.pms.update_rates(rates))
    now(it.pms.reconcile(rates, it.flow.now()))
    now(it.pms.changes_since(start.cursor))
    assert watched.seen == set(CloudbedsFace(it.face.pms, "")._methods)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"reservationID": "1"}, "postReservationNote: reservationNote"),
        ({"reservationID": "1", "reservationNote": "x"}, None),
    ],
    ids=["incomplete", "complete"],
)
def test_an_incomplete_form_is_noticed_although_the_description_requires_nothing(
    body: dict[str, str], fault: str | None
) -> None:
    request = _posted("postReservationNote", body)
    assert list(missing_fields(request)) == ([fault] if fault else [])
    assert OFFICIAL.request_faults(request) == []


INTERVAL: Final = {"startDate": "2026-11-30", "endDate": "2026-11-30", "rate": "1.50"}


@pytest.mark.parametrize(
    ("rate", "is_fine"),
    [
        ({"rateID": "1", "interval": INTERVAL}, True),
        ({"rateID": "1", "interval": [INTERVAL]}, False),
        ({"rateID": "1", "interval": INTERVAL | {"startDate": "30.11.2026"}}, False),
        ({"rateID": "1", "interval": INTERVAL | {"rate": "dear"}}, False),
        ({"rateId": "1", "interval": INTERVAL}, False),
    ],
    ids=["as described", "the list of putRate", "another date", "no number", "another spelling"],
)
def test_a_form_that_breaks_the_description_is_noticed(rate: Any, is_fine: bool) -> None:
    assert (OFFICIAL.request_faults(_posted("patchRate", {"rates": [rate]})) == []) is is_fine


def test_an_answer_that_breaks_the_description_is_noticed() -> None:
    it = bench(VENDOR)
    booking = contract.booked(it)
    now(it.pms.get_reservation(contract.ref(it, booking.id)))
    request, answer = it.http.sent[0], it.http.answered[0]
    assert OFFICIAL.answer_faults(request, answer) == []
    wrong = answer.body.replace(b'"adults":"1"', b'"adults":1')
    assert wrong != answer.body
    assert OFFICIAL.answer_faults(request, replace(answer, body=wrong))


def _posted(method: str, form: Any) -> HttpRequest:
    headers = {"x-api-key": "k", "content-type": "application/x-www-form-urlencoded"}
    body = urlencode(list(fields(form))).encode()
    return HttpRequest("POST", f"https://api.cloudbeds.com/api/v1.3/{method}", headers, body)
