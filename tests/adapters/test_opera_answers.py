"""Answers of OPERA that cannot be right: an error of ours, whatever they hold."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms_lab.adapters.opera import OperaPms
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Unknown
from pms_lab.domain.pms import GuestQuery, PmsId, Preference, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    AddNote,
    AddPreferences,
    ModifyDates,
    PostCharge,
    SetAvailability,
    SetSpecialRequests,
    SetStatus,
    UpdateGuest,
)
from pms_lab.engine.ports import HttpResponse
from pms_lab.errors import BadAnswer, PmsError, PmsLabError
from pms_lab.sim.pms.records import Booking
from tests.adapters.opera_bench import (
    TODAY,
    TWO_NIGHTS,
    TYPE,
    booked,
    cell,
    creation,
    published,
    ref,
)
from tests.contracts.harness import Bench, bench, collected, now
from tests.contracts.vendor_opera import VENDOR


@pytest.fixture
def it() -> Bench:
    return bench(VENDOR)


READS: dict[str, Callable[[OperaPms, Booking], Awaitable[Any]]] = {
    "connect": lambda pms, booking: pms.connect(),
    "get_guest": lambda pms, booking: pms.get_guest(PmsId("opera", booking.guest)),
    "search_guests": lambda pms, booking: collected(pms.search_guests(GuestQuery("Byron"))),
    "get_reservation": lambda pms, booking: pms.get_reservation(ref(booking)),
    "get_arrivals": lambda pms, booking: collected(pms.get_arrivals(TODAY)),
    "get_balance": lambda pms, booking: pms.get_balance(ref(booking)),
    "get_all_room_statuses": lambda pms, booking: collected(pms.get_all_room_statuses()),
    "rates_of": lambda pms, booking: pms.rates_of(TWO_NIGHTS, ["GEN"], "BAR", 1),
    "get_availability": lambda pms, booking: pms.get_availability(TWO_NIGHTS, ["GEN"]),
    "changes_since": lambda pms, booking: pms.changes_since(None),
}

BAD: dict[str, bytes] = {
    "nothing": b"",
    "cut off": b'{"reservations": {"reserv',
    "a page of HTML": b"<html>Bad gateway</html>",
    "another encoding": '{"reservations": "é"}'.encode("utf-16"),
    "null": b"null",
    "a list": b"[]",
    "a text": b'"reservations"',
    "nested too deeply": b"[" * 100_000,
    "a number that is none": b'{"reservations": NaN}',
}


def real_answers() -> Iterator[tuple[str, Any]]:
    """What the face answers to each read, as records."""
    for name, read in READS.items():
        it = bench(VENDOR)
        booking = booked(it, notes=("Arrives late",))
        now(it.pms.connect())
        assert isinstance(it.pms, OperaPms)
        now(read(it.pms, booking))
        yield name, next(json.loads(one.body) for one in reversed(it.http.answered) if one.body)


REAL = dict(real_answers())


def ask_with(name: str, body: bytes) -> Any:
    """Do a read whose every answer is this."""
    it = bench(VENDOR)
    booking = booked(it)
    now(it.pms.connect())
    it.http.tamper = lambda request, response: HttpResponse(200, TYPE, body)
    assert isinstance(it.pms, OperaPms)
    return now(READS[name](it.pms, booking))


@pytest.mark.parametrize("body", BAD.values(), ids=list(BAD))
@pytest.mark.parametrize("name", [name for name in READS if name != "changes_since"])
def test_an_answer_that_is_no_answer_is_an_error(name: str, body: bytes) -> None:
    with pytest.raises(BadAnswer):
        ask_with(name, body)


def everywhere(record: Any, change: Callable[[Any], Any]) -> Any:
    """Return a record with every leaf changed."""
    if isinstance(record, dict):
        return {key: everywhere(one, change) for key, one in record.items()}
    return [everywhere(one, change) for one in record] if isinstance(record, list) else change(record)


@pytest.mark.parametrize(
    "change",
    [
        lambda leaf: None,
        lambda leaf: {},
        lambda leaf: 10**400,
        lambda leaf: "9999999-12-31" if "-" in str(leaf) else leaf,
        lambda leaf: "0000-00-00" if "-" in str(leaf) else leaf,
        lambda leaf: "x" if isinstance(leaf, int) else leaf,
    ],
    ids=["null", "objects", "huge", "far", "never", "words for numbers"],
)
@pytest.mark.parametrize("name", [name for name in READS if name not in ("changes_since", "connect")])
def test_an_answer_of_the_right_shape_and_wrong_content_is_an_error(name: str, change: Callable[[Any], Any]) -> None:
    record = everywhere(REAL[name], change)
    if record == REAL[name]:
        pytest.skip("nothing of this kind in this answer")
    with pytest.raises(PmsError):
        ask_with(name, json.dumps(record).encode())


@pytest.mark.parametrize("name", list(READS))
def test_fields_that_we_do_not_know_are_ignored(name: str) -> None:
    def more(record: Any) -> Any:
        if isinstance(record, dict):
            return {"newInVersion26": [{"x": 1}], **{key: more(one) for key, one in record.items()}}
        return [more(one) for one in record] if isinstance(record, list) else record

    ask_with_once(name, json.dumps(more(REAL[name])).encode())


def ask_with_once(name: str, body: bytes) -> Any:
    """Do a read whose first answer is this, and whose later ones are empty."""
    it = bench(VENDOR)
    booking = booked(it)
    now(it.pms.connect())
    answers = iter([HttpResponse(200, TYPE, body)])
    it.http.tamper = lambda request, response: next(answers, HttpResponse(204))
    assert isinstance(it.pms, OperaPms)
    return now(READS[name](it.pms, booking))


def paths_of(record: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    for key, one in items:
        yield from paths_of(one, (*path, key))


def put(record: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = record.copy()
    changed[path[0]] = put(record[path[0]], path[1:], value)
    return changed


ODD = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["9999-12-31", "0001-01-01", "2026-11-30", "9999-12-31 23:59:59.0", "1e400", "-0", "USD", "İ"])
    | st.lists(st.none(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.none(), max_size=2)
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_comes_back_only_our_own_errors_come_out(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(READS)))
    record = REAL[name]
    for _ in range(data.draw(st.integers(1, 3))):
        record = put(record, data.draw(st.sampled_from(list(paths_of(record)))), data.draw(ODD))
    with suppress(PmsLabError):
        ask_with_once(name, json.dumps(record).encode())


def test_an_unreadable_answer_leaves_every_write_in_doubt(it: Bench) -> None:
    booking = booked(it)
    mine, person = ref(booking), PmsId("opera", booking.guest)
    now(it.pms.connect())
    it.http.tamper = lambda request, response: (
        response if request.method == "GET" else HttpResponse(200, TYPE, b'{"half": ')
    )
    outcomes = [
        now(it.pms.update_guest(UpdateGuest("w1", person, phone="+1"))),
        now(it.pms.update_guest_preferences(AddPreferences("w2", person, (Preference("floor", "high"),)))),
        now(it.pms.add_reservation_note(AddNote("w3", mine, "Needs a cot"))),
        now(it.pms.set_special_requests(SetSpecialRequests("w4", mine, "Quiet room"))),
        now(it.pms.create_reservation(creation())),
        now(it.pms.modify_dates(ModifyDates("w5", mine, StayDates.starting(TODAY, 3)))),
        now(it.pms.post_charge(PostCharge("w6", mine, "Minibar", Money.of("5", "USD"), "4510"))),
        now(it.pms.set_availability(SetAvailability("w7", {("GEN", TODAY): 4}))),
        now(it.pms.set_reservation_status(SetStatus("w8", mine, ReservationStatus.IN_HOUSE))),
        *published(it, {cell("GEN", 0): "99.00"}).values(),
    ]
    assert [type(one) for one in outcomes] == [Unknown] * len(outcomes)


def test_an_id_is_one_part_of_a_path_whatever_it_holds(it: Bench) -> None:
    assert now(it.pms.get_reservation(PmsId("opera", "../../crm/v1/profiles?x=1"))) is None
    assert "/reservations/..%2F..%2Fcrm%2Fv1%2Fprofiles%3Fx%3D1?" in it.http.sent[-1].url
