"""Answers of Cloudbeds that are damaged: reads end in an error of ours, writes in an outcome."""

from __future__ import annotations

import copy
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pms_lab.adapters.cloudbeds.models import GuestPage
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Refused, Unknown
from pms_lab.domain.pms import GuestQuery, Preference, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    OPERATIONS,
    AddNote,
    AddPreferences,
    CancelReservation,
    CreateReservation,
    ModifyDates,
    PostCharge,
    SetSpecialRequests,
    SetStatus,
    UpdateGuest,
    UpdateRates,
    Write,
)
from pms_lab.engine.ports import HttpResponse
from pms_lab.errors import BadAnswer, PmsLabError
from tests.adapters.cloudbeds_bench import TODAY, TWO_NIGHTS, booked, hotel, method_of, nights, ref, says
from tests.contracts.harness import Bench, collected, now

Read = Callable[[Bench], Awaitable[object]]


def _booking(it: Bench) -> str:
    return next(iter(it.face.pms.bookings.values())).id


def _guest(it: Bench) -> str:
    return next(iter(it.face.pms.guests.values())).id


READS: Final[dict[str, Read]] = {
    "getHotels": lambda it: it.pms.connect(),
    "getGuest": lambda it: it.pms.get_guest(ref(_guest(it))),
    "getGuestList": lambda it: collected(it.pms.search_guests(GuestQuery(name="Byron"))),
    "getReservation": lambda it: it.pms.get_reservation(ref(_booking(it))),
    "getReservationNotes": lambda it: it.pms.get_reservation(ref(_booking(it))),
    "getReservations": lambda it: collected(it.pms.get_arrivals(TODAY)),
    "getHousekeepingStatus": lambda it: collected(it.pms.get_all_room_statuses()),
    "getRoomTypes": lambda it: it.pms.get_availability(TWO_NIGHTS, ["GEN"]),
    "getAvailableRoomTypes": lambda it: it.pms.get_availability(TWO_NIGHTS, ["GEN"]),
    "getRatePlans": lambda it: it.pms.get_rates(TWO_NIGHTS, ["GEN", "DLX"]),
    "getGuestsModified": lambda it: it.pms.changes_since("2026-11-30 12:00:00"),
}


def full_hotel() -> Bench:
    it = hotel()
    booking = booked(it, notes=("Arrives late",), special_requests="Quiet room")
    it.face.pms.change_guest(booking.guest, it.flow.now(), preferences=(Preference("floor", "high"),))
    return it


def good_answers() -> dict[str, HttpResponse]:
    """Return one real answer of each method that is read."""
    it = full_hotel()
    found = {}
    for method, read in READS.items():
        it.http.sent.clear()
        it.http.answered.clear()
        now(read(it))
        found[method] = next(
            one for asked, one in zip(it.http.sent, it.http.answered, strict=True) if method_of(asked) == method
        )
    return found


GOOD: Final = good_answers()

DAMAGED: Final = {
    "nothing": b"",
    "cut off": b'{"success": true, "data": [{"guestID',
    "HTML": b"<html><body>Down for maintenance</body></html>",
    "not UTF-8": b'{"success": true, "message": "\xff\xfe"}',
    "nested too deeply": b'{"success": true, "data": ' + b"[" * 100_000,
    "a number with no end": b'{"success": true, "total": ' + b"9" * 5000 + b"}",
    "NaN": b'{"success": true, "total": NaN}',
    "null": b"null",
    "a list": b"[]",
    "no success": b'{"data": []}',
    "data of another type": b'{"success": true, "data": "x"}',
}


def with_answer(it: Bench, method: str, body: bytes) -> None:
    says(it, method, HttpResponse(200, {"content-type": "application/json"}, body))


@pytest.mark.parametrize("body", DAMAGED.values(), ids=DAMAGED.keys())
@pytest.mark.parametrize("method", READS)
def test_a_damaged_answer_is_a_bad_answer(method: str, body: bytes) -> None:
    it = full_hotel()
    with_answer(it, method, body)
    with pytest.raises(BadAnswer):
        now(READS[method](it))


@pytest.mark.parametrize("method", READS)
def test_fields_that_we_do_not_know_are_passed_over(method: str) -> None:
    it = full_hotel()
    record = json.loads(GOOD[method].body)
    with_answer(it, method, json.dumps(_with_more(record)).encode())
    now(READS[method](it))


def _with_more(value: Any, is_map: bool = False) -> Any:
    if isinstance(value, list):
        return [_with_more(one) for one in value]
    if not isinstance(value, dict):
        return value
    more = {} if is_map else {"addedLater": [1, {"x": None}]}
    keyed = {"guestList"} | ({"data"} if "data" in value and _is_keyed(value["data"]) else set())
    return {name: _with_more(one, name in keyed) for name, one in value.items()} | more


def _is_keyed(value: Any) -> bool:
    return isinstance(value, dict) and all(name.isdigit() for name in value)


VALUES: Final[list[Any]] = [
    *(None, True, False, 0, -1, 10**400, 1.5, 1e308, [], {}, [None], [[]], {"a": 1}),
    *(
        "",
        "x",
        "0",
        "-1",
        "1e999999",
        "NaN",
        "Infinity",
        "\ud800",
        "true",
        "canceled",
        "\u09e8\u09e6\u09e8\u09ec-11-30",
    ),
    *("2026-02-30", "0000-00-00", "9999-12-31", "0001-01-01", "2026-11-30T12:00:00+99:00"),
    *("9999-12-31 23:59:59", "0001-01-01 00:00:00"),
]
JUNK: Final = st.sampled_from(VALUES)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a record."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, one in inner for place in places(one, (*path, name)))]


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw a method and a real answer of it, of which one to three values are junk or missing."""
    method = draw(st.sampled_from(sorted(READS)))
    record = json.loads(GOOD[method].body)
    for _ in range(draw(st.integers(1, 3))):
        *above, name = draw(st.sampled_from(places(record)[1:]))
        holder = record
        for step in above:
            holder = holder[step]
        if draw(st.booleans()):
            holder[name] = draw(JUNK)
        else:
            del holder[name]
        if not isinstance(record, dict) or len(places(record)) < 2:
            break
    body = json.dumps(copy.deepcopy(record)).encode()
    return method, body[: draw(st.integers(0, len(body)))] if draw(st.integers(0, 9)) == 0 else body


@settings(max_examples=300, deadline=None)
@given(mutated())
def test_whatever_is_answered_only_errors_of_ours_come_out(answered: tuple[str, bytes]) -> None:
    method, body = answered
    it = full_hotel()
    with_answer(it, method, body)
    try:
        now(READS[method](it))
    except PmsLabError as error:
        told = str(error)
    else:
        told = ""
    assert "Byron" not in told


def test_what_a_damaged_answer_says_is_in_no_error_about_its_form() -> None:
    row = {"guestID": "1", "guestFirstName": ["Byron"]}
    with pytest.raises(ValidationError) as caught:
        GuestPage.model_validate({"data": {"1": row}})
    assert "Byron" not in str(caught.value)


def writes(it: Bench) -> list[Write]:
    mine, who = ref(_booking(it)), ref(_guest(it))
    return [
        UpdateGuest("w1", who, phone="+15550111"),
        AddPreferences("w2", who, (Preference("pillow", "soft"),)),
        AddNote("w3", mine, "Cot"),
        SetSpecialRequests("w4", mine, "Quiet"),
        CreateReservation("w5", TWO_NIGHTS, "GEN", "Ada", "Byron", "ada@example.com", rate_plan="227"),
        ModifyDates("w6", mine, StayDates.starting(TODAY, 3)),
        PostCharge("w7", mine, "Minibar", Money.of("12.50", "USD")),
        SetStatus("w8", mine, ReservationStatus.IN_HOUSE),
        CancelReservation("w9", mine),
        UpdateRates("w10", nights({0: "1100"})),
    ]


BARE: Final = [b'{"success": true}', b'{"success": true, "jobReferenceID": ["1"]}', DAMAGED["data of another type"]]
"""A success that says nothing of what it should; of many writes only the success counts."""


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(range(10)), st.sampled_from([*DAMAGED.values(), *BARE]), st.booleans())
def test_whatever_is_answered_a_write_and_its_reconciliation_end_in_an_outcome(
    which: int, body: bytes, only_writes: bool
) -> None:
    it = full_hotel()
    write = writes(it)[which]
    answer = HttpResponse(200, {}, body)
    it.http.tamper = lambda request, response: response if only_writes and request.method == "GET" else answer
    outcome = now(getattr(it.pms, OPERATIONS[type(write)])(write))
    for one in outcome.values() if isinstance(write, UpdateRates) else [outcome]:
        assert isinstance(one, Refused | Unknown) or body in BARE
    settled = now(it.pms.reconcile(write, it.flow.now() - timedelta(hours=1)))
    assert isinstance(settled, Applied | Refused | Unknown)


@pytest.mark.parametrize("which", [4, 9], ids=["booking", "rates"])
def test_a_success_without_the_number_of_what_was_made_is_unknown(which: int) -> None:
    it = full_hotel()
    write = writes(it)[which]
    answer = HttpResponse(200, {}, b'{"success": true}')
    it.http.tamper = lambda request, response: response if request.method == "GET" else answer
    outcome = now(getattr(it.pms, OPERATIONS[type(write)])(write))
    for one in outcome.values() if isinstance(write, UpdateRates) else [outcome]:
        assert isinstance(one, Unknown)
