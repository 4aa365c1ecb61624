"""Whatever QloApps' shop answers, the adapter ends in an answer or in an error of ours."""

from __future__ import annotations

import json
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pms_lab.domain.outcome import Applied, Unknown
from pms_lab.domain.pms import GuestQuery, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import AddNote, CancelReservation, CreateReservation, ModifyDates, SetStatus, UpdateGuest
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import BadAnswer, PmsLabError
from tests.adapters.qloapps_bench import TODAY, booked, creation, performed, ref, shop
from tests.adapters.qloapps_recorded import (
    BY_RESOURCE,
    answered,
    connected,
    json_answer,
    path_of,
    read_answers,
    recording,
)
from tests.contracts.harness import Bench, collected, now

NIGHTS = StayDates.starting(TODAY, 2)
READS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "get_guest": lambda pms: pms.get_guest(ref("2")),
    "search_guests": lambda pms: collected(pms.search_guests(GuestQuery(name="Ada"))),
    "get_reservation": lambda pms: pms.get_reservation(ref("1")),
    "get_arrivals": lambda pms: collected(pms.get_arrivals(TODAY)),
    "get_departures": lambda pms: collected(pms.get_departures(TODAY)),
    "get_in_house": lambda pms: collected(pms.get_in_house()),
    "get_balance": lambda pms: pms.get_balance(ref("1")),
    "get_room_status": lambda pms: pms.get_room_status("GR-101"),
    "get_all_room_statuses": lambda pms: collected(pms.get_all_room_statuses()),
    "get_rates": lambda pms: pms.get_rates(NIGHTS, ["GEN"]),
    "get_availability": lambda pms: pms.get_availability(NIGHTS, ["GEN"]),
    "changes_since": lambda pms: pms.changes_since("2026-11-21 00:00:00"),
    "changes_since nothing": lambda pms: pms.changes_since(None),
}
CONNECTING: dict[str, Callable[[Any], Awaitable[Any]]] = {"connect": lambda pms: pms.connect()}

BAD_BODIES = {
    "cut off": b'{"bookings":[{"id":1,',
    "HTML": b"<html><body>Maintenance</body></html>",
    "a word of PHP": b"Fatal error",
    "PHP before JSON": b'<br />\n<b>Warning</b>: x\n{"bookings":[]}',
    "nothing": b"",
    "null": b"null",
    "a number": b"5",
    "a list of nothing known": b'[{"id":1}]',
    "an unknown root": b'{"others":[]}',
    "Latin-1": '{"bookings":[{"id":"é"}]}'.encode("latin-1"),
    "UTF-16": '{"bookings":[]}'.encode("utf-16"),
    "no JSON number": b'{"bookings":NaN}',
    "deep nesting": b"[" * 100_000,
    "deep objects": b'{"bookings":' * 50_000,
}


@pytest.mark.parametrize("name", [*READS, *CONNECTING])
@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_body_that_cannot_be_read_is_a_bad_answer(name: str, body: bytes) -> None:
    it = shop()
    it.http.tamper = lambda request, response: HttpResponse(200, {"content-type": "application/json"}, body)
    with pytest.raises(BadAnswer):
        now((READS | CONNECTING)[name](it.pms))


LINE = {
    "id_order": None,
    "id": -1,
    "date_from": "0000-00-00 00:00:00",
    "date_to": "2026-02-30 00:00:00",
    "total_price_tax_incl": "NaN",
    "is_cancelled": "perhaps",
    "id_status": 7,
    "child_ages": '["' * 5000,
    "adults": "two",
    "date_upd": "9999-12-31 23:59:59",
    "room_num": {"a": 1},
    "id_room": True,
}


@pytest.mark.parametrize(("field", "value"), LINE.items())
def test_a_field_that_is_not_as_it_should_be_is_a_bad_answer(field: str, value: object) -> None:
    it = shop()
    booked(it)

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if path_of(request)[0] != "room_bookings":
            return response
        (line,) = json.loads(response.body)["bookings"]
        return HttpResponse(200, response.headers, json.dumps({"bookings": [line | {field: value}]}).encode())

    it.http.tamper = tamper
    with pytest.raises(BadAnswer):
        now(it.pms.get_reservation(ref("1")))


def test_an_answer_that_is_not_as_it_should_be_shows_no_guest_in_a_traceback() -> None:
    pms, _ = connected(Fixed({"customer": {"id": 2, "firstname": {"x": "Ada"}, "lastname": ["Byron"], "email": 5.5}}))
    with pytest.raises(BadAnswer) as caught:
        now(pms.get_guest(ref("2")))
    told = "".join(traceback.format_exception(caught.value))
    assert "Customer" in told
    assert "Ada" not in told
    assert "Byron" not in told


def test_a_stay_that_ends_before_it_begins_is_a_bad_answer() -> None:
    it = shop()
    booking = booked(it)
    early = {"date_to": f"{booking.stay.check_in - timedelta(days=1)} 00:00:00"}

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if path_of(request)[0] != "room_bookings":
            return response
        (line,) = json.loads(response.body)["bookings"]
        return HttpResponse(200, response.headers, json.dumps({"bookings": [line | early]}).encode())

    it.http.tamper = tamper
    with pytest.raises(BadAnswer, match="has no night"):
        now(it.pms.get_reservation(ref("1")))


def test_numbers_as_texts_and_fields_not_known_are_no_matter() -> None:
    it = shop()
    booked(it)
    before = now(it.pms.get_reservation(ref("1")))

    def texts(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: texts(inner) for name, inner in value.items()} | {"new": {"in": [1]}}
        if isinstance(value, list):
            return [texts(inner) for inner in value]
        return str(value) if isinstance(value, int | float) else value

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        return HttpResponse(200, response.headers, json.dumps(texts(json.loads(response.body))).encode())

    it.http.tamper = tamper
    assert now(it.pms.get_reservation(ref("1"))) == before


WRITES: list[Any] = [
    creation(),
    AddNote("n", ref("1"), "Needs a cot"),
    CancelReservation("x", ref("1")),
    ModifyDates("m", ref("1"), StayDates.starting(TODAY, 5)),
    SetStatus("s", ref("1"), ReservationStatus.IN_HOUSE),
    UpdateGuest("g", ref("2"), phone="+15550111"),
]


@pytest.mark.parametrize("write", WRITES, ids=lambda write: type(write).__name__)
@pytest.mark.parametrize("body", [b"Fatal error", b"", b'{"half": ', b"<html/>", b'{"booking":{"id":999}}'])
def test_a_write_with_an_answer_that_cannot_be_read_is_unknown(write: Any, body: bytes) -> None:
    it = shop()
    if not isinstance(write, CreateReservation):
        booked(it)

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        return response if request.method == "GET" else HttpResponse(200, {"content-type": "text/xml"}, body)

    it.http.tamper = tamper
    outcome = performed(it, write)
    if body == b"<html/>" and not isinstance(write, AddNote | ModifyDates | CreateReservation):
        assert outcome == Applied(None)  # any XML is an answer to a write in XML: what it says is not looked at
    else:
        assert isinstance(outcome, Unknown)


def answers_by_resource() -> dict[str, Any]:
    """One real answer for each resource that the adapter reads, as JSON."""
    found: dict[str, Any] = {"hotel_ari": None, "bookings": None}
    for name in ("qloapps/01_discovery_json", "qloapps/02_session_json", "qloapps/08_polling_json"):
        for kind, exchange, is_list in read_answers(name):
            answer = json.loads(answered(exchange).body)
            if answer and (is_list or kind.resource in ("bookings", "hotels")):
                found[kind.resource] = answer
    (ari, *_) = [
        one for one in recording("qloapps/09_rates_and_rooms") if b"date_wise" in one.request.body and one.response
    ]
    found["hotel_ari"] = json.loads(answered(ari).body)
    return found


REAL = answers_by_resource()
JUNK: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.sampled_from(
        ["", "0", "-1", "NaN", "1e999", "0000-00-00", "9999-99-99 99:99:99", "2026-11-30", "[]", '["x"]', "{"]
    ),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)


def mutated(answer: Any, draw: st.DataObject) -> Any:
    """A real answer with one to three places replaced by junk, or left out."""
    copy = json.loads(json.dumps(answer))
    for _ in range(draw.draw(st.integers(1, 3))):
        place: Any = copy
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw.draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and draw.draw(st.integers(0, 4)):
                place = place[key]
                continue
            if draw.draw(st.booleans()):
                place[key] = draw.draw(JUNK)
            else:
                del place[key]
            break
    return copy


class Mutant:
    """A shop whose answers are real ones, spoilt."""

    def __init__(self, draw: st.DataObject) -> None:
        self._draw = draw
        self._left = 12

    async def send(self, request: HttpRequest) -> HttpResponse:
        resource, record = path_of(request)
        self._left -= 1
        if self._left < 0:
            return HttpResponse(404)
        answer = mutated(REAL.get(resource, []), self._draw)
        if record and resource in BY_RESOURCE and resource not in ("bookings", "hotels"):
            kind = BY_RESOURCE[resource]
            rows = answer.get(kind.many) if isinstance(answer, dict) else None
            answer = {kind.one: rows[0] if isinstance(rows, list) and rows else answer}
        return HttpResponse(200, {"content-type": "application/json"}, json.dumps(answer).encode())


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from([*READS, *CONNECTING]), st.data())
def test_no_answer_makes_a_read_end_in_anything_but_a_value_or_an_error_of_ours(name: str, data: st.DataObject) -> None:
    pms, _ = connected(Mutant(data))
    with suppress(PmsLabError):
        now((READS | CONNECTING)[name](pms))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(WRITES), st.data())
def test_no_answer_makes_a_write_or_its_reconciliation_raise(write: Any, data: st.DataObject) -> None:
    pms, flow = connected(Mutant(data))
    bench = Bench(None, flow, None, pms)  # type: ignore[arg-type]
    performed(bench, write)
    now(pms.reconcile(write, flow.now()))


class Fixed:
    """A shop that answers everything with the same."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def send(self, request: HttpRequest) -> HttpResponse:
        return json_answer(self._answer)


class Real:
    """A shop whose answers are the real ones."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        return json_answer(REAL[path_of(request)[0]])


@pytest.mark.parametrize("name", ["get_all_room_statuses", "get_availability", "changes_since nothing", "connect"])
def test_the_answers_are_read_when_they_are_not_spoilt(name: str) -> None:
    pms, _ = connected(Real())
    now((READS | CONNECTING)[name](pms))
