"""The Cloudbeds adapter: what its contract does not ask, and what is easily got wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms_lab.adapters.cloudbeds import CAPABILITIES, CloudbedsCredentials, CloudbedsPms
from pms_lab.adapters.cloudbeds.exchange import fields, judge
from pms_lab.adapters.cloudbeds.models import Page, RoomTypeData
from pms_lab.adapters.wire import Link
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Refused, Unknown, Why
from pms_lab.domain.pms import Condition, GuestQuery, PmsId, Preference, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    AddNote,
    AddPreferences,
    CancelReservation,
    CreateReservation,
    ModifyDates,
    PostCharge,
    SetAvailability,
    SetSpecialRequests,
    SetStatus,
    UpdateCheckoutTime,
    UpdateGuest,
)
from pms_lab.engine.pms import PMSAdapter
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.engine.resilience.limiter import MemoryWindows
from pms_lab.errors import (
    AuthRefused,
    BadAnswer,
    InputError,
    PmsError,
    PmsFailed,
    PmsRefused,
    Throttled,
    Unanswered,
    Unsupported,
)
from pms_lab.rules.settling import settling_s
from pms_lab.sim.pms.faces.cloudbeds.wire import nested
from tests.adapters.cloudbeds_bench import (
    DLX,
    GEN,
    TODAY,
    TWO_NIGHTS,
    after_first_page,
    answer,
    booked,
    crowd,
    edited,
    guest,
    hotel,
    method_of,
    ref,
    says,
    sent,
)
from tests.contracts.harness import NOON, Bench, NoChance, bench, collected, now
from tests.contracts.vendor_cloudbeds import CREDENTIALS, KEY, PLACE, VENDOR

REFUSED = {"success": False, "message": "The reservation is locked"}


def test_it_is_an_adapter() -> None:
    adapter: PMSAdapter = hotel().pms
    assert adapter.capabilities() is CAPABILITIES


@pytest.mark.parametrize(
    ("response", "error", "status"),
    [
        (answer({"success": False, "message": "Reservation not found"}), PmsRefused, 404),
        (answer({"success": False, "message": "Guest Not Found."}), PmsRefused, 404),
        (answer({"success": False, "message": "Property not found"}), PmsRefused, 200),
        (answer({"success": False, "message": "Access denied"}), PmsRefused, 200),
        (answer({"success": False}), PmsRefused, 200),
        (answer({"success": False, "message": None}), PmsRefused, 200),
        (answer({"error": "access_denied", "message": "The key has lapsed"}, 401), AuthRefused, 401),
        (answer({"error": "invalid_request"}, 400), PmsRefused, 400),
        (answer({"error": "too_many"}, 429), Throttled, 429),
        # The address is wrong; that says nothing about who or what was asked for.
        (answer({"error": "not_found", "message": "Not Found"}, 404), PmsRefused, None),
        (HttpResponse(500, {}, b"<html>"), PmsFailed, 500),
        (HttpResponse(302, {"location": "https://elsewhere.example"}, b""), BadAnswer, 302),
        (answer({"data": []}), BadAnswer, 200),
        (answer({"success": "true"}), BadAnswer, 200),
        (answer({"success": 1}), BadAnswer, 200),
        (answer([]), BadAnswer, 200),
        (HttpResponse(200, {}, b""), BadAnswer, 200),
    ],
)
def test_an_answer_is_a_success_only_when_it_says_so(
    response: HttpResponse, error: type[PmsError], status: int | None
) -> None:
    with pytest.raises(error) as caught:
        judge(response, NOON)
    assert type(caught.value) is error
    assert caught.value.status == status


def test_success_is_judged_as_success() -> None:
    judge(answer({"success": True}), NOON)


def test_what_is_not_found_is_none_and_any_other_refusal_is_an_error() -> None:
    it = hotel()
    says(it, "getReservation", answer({"success": False, "message": "Reservation not found"}))
    assert now(it.pms.get_reservation(ref("1"))) is None
    assert now(it.pms.get_balance(ref("1"))) is None
    says(it, "getReservation", answer(REFUSED))
    with pytest.raises(PmsRefused, match="locked"):
        now(it.pms.get_reservation(ref("1")))


def test_a_guests_address_in_a_message_is_not_repeated() -> None:
    it = hotel()
    says(it, "getGuest", answer({"success": False, "message": "ada@example.com is not valid" + "!" * 999}))
    with pytest.raises(PmsRefused) as caught:
        now(it.pms.get_guest(ref("1")))
    assert "ada" not in str(caught.value)
    assert len(str(caught.value)) <= 200


def test_the_key_goes_into_a_header_and_nowhere_else() -> None:
    it = hotel()
    booking = booked(it)
    now(it.pms.get_reservation(ref(booking.id)))
    request = it.http.sent[0]
    assert (request.headers["x-api-key"], request.headers["X-PROPERTY-ID"]) == (KEY, PLACE.code)
    assert KEY not in request.url
    assert KEY not in f"{request!r} {it.pms!r} {CREDENTIALS!r} {CREDENTIALS}"


def test_a_refused_key_is_said_without_the_key() -> None:
    it = hotel()
    wrong = CloudbedsCredentials.model_validate({"key": "cbat_wrong", "guest_country": "US", "guest_zip": "1"})
    link = Link(it.http, it.flow, NoChance(), "http://127.0.0.1:8080", MemoryWindows(it.flow.monotonic_s))
    outcome = now(CloudbedsPms(PLACE, wrong, link).add_reservation_note(AddNote("n", ref("1"), "x")))
    assert isinstance(outcome, Refused)
    assert outcome.why is Why.AUTH
    assert "cbat" not in outcome.message


def test_a_form_is_nested_as_php_does() -> None:
    form: dict[str, Any] = {
        "rates": [{"rateID": "1", "interval": {"startDate": TODAY, "rate": Decimal("1E+3")}}],
        "note": None,
        "is": True,
        "at": datetime(2026, 11, 30, 12, 5),  # noqa: DTZ001 - a local time
    }
    assert dict(fields(form)) == {
        "rates[0][rateID]": "1",
        "rates[0][interval][startDate]": "2026-11-30",
        "rates[0][interval][rate]": "1000",
        "is": "true",
        "at": "2026-11-30 12:05:00",
    }


NAMES = st.text("abcXYZ", min_size=1, max_size=5)
TREES = st.recursive(
    st.text(max_size=5),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(NAMES, inner, min_size=1, max_size=3),
    max_leaves=4,
)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(NAMES, TREES, max_size=3))
def test_what_is_written_as_a_form_is_read_as_the_same(form: dict[str, Any]) -> None:
    assert nested(list(fields(form))) == form


def test_a_day_of_arrivals_is_closed_on_both_sides() -> None:
    it = hotel()
    now(collected(it.pms.get_arrivals(TODAY)))
    now(collected(it.pms.get_departures(TODAY)))
    arrivals, departures = sent(it, "getReservations")
    assert (arrivals["checkInFrom"], arrivals["checkInTo"]) == ("2026-11-30", "2026-11-30")
    assert (departures["checkOutFrom"], departures["checkOutTo"]) == ("2026-11-30", "2026-11-30")


def test_of_several_guests_the_main_one_is_the_booker() -> None:
    it = hotel()
    booking = booked(it)

    def with_child(record: Any) -> None:
        record["data"]["guestList"] = {
            "7": {"guestID": "7", "isMainGuest": False},
            "8": {"guestID": 8, "isMainGuest": True},
        }

    edited(it, "getReservation", with_child)
    reservation = now(it.pms.get_reservation(ref(booking.id)))
    assert reservation is not None
    assert reservation.guest == ref("8")


@pytest.mark.parametrize("empty", [[], {}, None])
def test_an_empty_map_may_come_as_a_list_or_null(empty: Any) -> None:
    it = hotel()
    booking = booked(it)
    edited(it, "getReservation", lambda record: record["data"].update(guestList=empty))
    reservation = now(it.pms.get_reservation(ref(booking.id)))
    assert reservation is not None
    assert reservation.guest is None
    edited(it, "getGuestList", lambda record: record.update(data=empty, total=0))
    assert now(collected(it.pms.search_guests(GuestQuery(name="Byron")))) == []


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("2012.5", "2012.5"),
        ("2012", "2012"),
        ('"2012.50"', "2012.50"),
        ("-0.10", "-0.10"),
        # 0.1 + 0.2 of a vendor that reckons in floats, and what it writes with 17 digits.
        ("0.30000000000000004", "0.3"),
        ("33.329999999999998", "33.33"),
        ("1.2345", "1.2345"),
    ],
)
def test_amounts_are_numbers_or_texts_and_exact(written: str, amount: str) -> None:
    it = hotel()
    booking = booked(it)
    body = json.dumps({"success": True, "data": {**_reservation(booking.id), "balance": "HERE"}})
    says(it, "getReservation", HttpResponse(200, {}, body.replace('"HERE"', written).encode()))
    assert now(it.pms.get_balance(ref(booking.id))) == Money(Decimal(amount), "USD")


def _reservation(number: str) -> dict[str, Any]:
    room = {"roomTypeID": GEN, "roomName": "101", "adults": "2", "children": "1"}
    return {
        "reservationID": number,
        "status": "confirmed",
        "startDate": "2026-11-30",
        "endDate": "2026-12-02",
        "guestList": {},
        "assigned": [room],
        "unassigned": [],
        "balance": 0,
        "dateModified": "2026-11-30 12:00:00",
    }


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-11-30 12:00:00", datetime(2026, 11, 30, 17, tzinfo=UTC)),
        ("2026-07-01 12:00:00", datetime(2026, 7, 1, 16, tzinfo=UTC)),
        ("2026-11-01 01:30:00", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
    ],
    ids=["winter", "summer", "the first of the hour that comes twice"],
)
def test_a_modification_is_timed_by_the_propertys_clock(local: str, utc: datetime) -> None:
    it = hotel()
    booking = booked(it)
    edited(it, "getReservation", lambda record: record["data"].update(dateModified=local))
    reservation = now(it.pms.get_reservation(ref(booking.id)))
    assert reservation is not None
    assert reservation.updated_at == utc


@pytest.mark.parametrize(
    "edit",
    [
        {"status": "in_house"},
        {"status": None},
        {"startDate": "2026-12-02"},
        {"endDate": "2026-02-30"},
        {"endDate": "0000-00-00"},
        {"endDate": 1796083200},
        {"assigned": [], "unassigned": []},
        {"assigned": [{"roomName": "101"}]},
        {"assigned": {"roomTypeID": "1"}},
        {"balance": None},
        {"balance": "much"},
        {"balance": True},
        {"guestList": [{"guestID": "1"}]},
        {"dateModified": "2026-11-30T12:00:00Z"},
        {"dateModified": "9999-12-31 23:59:59"},
        {"reservationID": ""},
    ],
    ids=str,
)
def test_a_reservation_that_cannot_be_understood_is_a_bad_answer(edit: dict[str, Any]) -> None:
    it = hotel()
    booking = booked(it)
    edited(it, "getReservation", lambda record: record["data"].update(edit))
    with pytest.raises(BadAnswer):
        now(it.pms.get_reservation(ref(booking.id)))


def test_a_reservation_of_two_rooms_is_read_as_one_and_is_not_moved() -> None:
    it = hotel()
    booking = booked(it, adults=2)

    def twice(record: Any) -> None:
        (room,) = record["data"]["assigned"]
        record["data"]["unassigned"] = [room | {"roomTypeID": DLX, "subReservationID": "2", "roomName": None}]

    edited(it, "getReservation", twice)
    reservation = now(it.pms.get_reservation(ref(booking.id)))
    assert reservation is not None
    assert (reservation.product, reservation.adults) == ("GEN", 4)
    outcome = now(it.pms.modify_dates(ModifyDates("m", ref(booking.id), StayDates.starting(TODAY, 3))))
    assert isinstance(outcome, Refused)
    assert sent(it, "putReservation") == []


def test_notes_come_oldest_first() -> None:
    it = hotel()
    booking = booked(it, notes=("Arrives late",))
    it.flow.elapsed_s += 3600
    it.face.pms.add_note(booking.id, "Needs a cot", it.flow.now())
    edited(it, "getReservationNotes", lambda record: record["data"].reverse())
    reservation = now(it.pms.get_reservation(ref(booking.id)))
    assert reservation is not None
    assert reservation.notes == ("Arrives late", "Needs a cot")


@pytest.mark.parametrize(
    ("told", "condition"),
    [
        ({"roomCondition": "clean"}, Condition.CLEAN),
        ({"roomCondition": "dirty"}, Condition.DIRTY),
        ({"roomCondition": "inspected"}, Condition.INSPECTED),
        ({"roomCondition": "clean", "roomBlocked": True}, Condition.OUT_OF_ORDER),
        ({"roomCondition": "dirty", "vacantPickup": True}, Condition.PICKUP),
    ],
    ids=str,
)
def test_a_rooms_condition_is_a_word_and_flags(told: dict[str, Any], condition: Condition) -> None:
    it = hotel()
    edited(it, "getHousekeepingStatus", lambda record: record["data"][0].update(told))
    room = now(it.pms.get_room_status("101"))
    assert room is not None
    assert room.condition is condition


def test_an_unknown_condition_is_a_bad_answer() -> None:
    it = hotel()
    edited(it, "getHousekeepingStatus", lambda record: record["data"][0].update(roomCondition="tidy"))
    with pytest.raises(BadAnswer, match="tidy"):
        now(collected(it.pms.get_all_room_statuses()))


def test_a_type_that_is_sold_out_is_not_listed_and_has_none_left() -> None:
    it = hotel()
    for _ in range(5):
        booked(it, StayDates.starting(TODAY, 1))
    told = now(it.pms.get_availability(TWO_NIGHTS, ["GEN", "NOSUCH"]))
    assert [(one.product, one.available) for one in told] == [("GEN", 0), ("GEN", 5)]


def test_a_type_that_several_plans_offer_has_the_same_rooms_in_all() -> None:
    it = hotel()

    def twice(record: Any) -> None:
        rooms = record["data"][0]["propertyRooms"]
        rooms.append(rooms[0] | {"roomsAvailable": 3})

    edited(it, "getAvailableRoomTypes", twice)
    (told,) = now(it.pms.get_availability(StayDates.starting(TODAY, 1), ["GEN"]))
    assert told.available == 5


def test_a_list_whose_pages_repeat_is_a_bad_answer_and_not_an_endless_loop() -> None:
    it = hotel()
    rows = [{**_reservation("1"), "rooms": [{"roomTypeID": GEN}]}]
    says(it, "getReservations", answer({"success": True, "data": rows, "count": 1, "total": 10**9}))
    with pytest.raises(BadAnswer, match="no end"):
        now(collected(it.pms.get_arrivals(TODAY)))


@pytest.mark.parametrize("joining", [0, 4])
@pytest.mark.parametrize("leaving", [4, 150])
def test_nobody_who_stays_is_missing_when_others_leave_the_list_between_two_pages(leaving: int, joining: int) -> None:
    it = hotel()
    there = crowd(it, 330, status=ReservationStatus.IN_HOUSE)

    def some_leave() -> None:
        for one in there[:leaving]:
            it.face.pms.set_status(one, ReservationStatus.CHECKED_OUT, it.flow.now())
        if joining:
            crowd(it, joining, status=ReservationStatus.IN_HOUSE)

    after_first_page(it, "getReservations", some_leave)
    found = [one.id.local for one in now(collected(it.pms.get_in_house()))]
    assert set(there[leaving:]) <= set(found)
    assert len(found) == len(set(found))


def test_nobody_who_stays_is_missing_when_the_list_shrinks_to_the_page_that_was_read() -> None:
    it = hotel()
    there = crowd(it, 130, status=ReservationStatus.IN_HOUSE)

    def forty_leave() -> None:
        for one in there[:40]:
            it.face.pms.set_status(one, ReservationStatus.CHECKED_OUT, it.flow.now())

    after_first_page(it, "getReservations", forty_leave)
    found = {one.id.local for one in now(collected(it.pms.get_in_house()))}
    assert set(there[40:]) <= found


def test_a_booking_is_found_by_its_key_when_others_are_deleted_between_two_pages() -> None:
    it = hotel()
    there = crowd(it, 230)
    it.face.pms.change_booking(there[100], it.flow.now(), key="k1")
    after_first_page(it, "getReservations", lambda: it.face.pms.bookings.put(there[0], None, it.flow.now()))
    assert now(it.pms.reconcile(creation(), it.flow.now())) == Applied(ref(there[100]))


@pytest.mark.parametrize("read", ["get_arrivals", "get_departures"])
def test_a_cancelled_row_is_passed_over_whatever_else_it_says(read: str) -> None:
    it = hotel()
    gone, mine = booked(it), booked(it)
    empty = {"status": "canceled", "rooms": [], "endDate": "2026-11-30"}
    edited(it, "getReservations", lambda record: record["data"][0].update(empty))
    day = TODAY if read == "get_arrivals" else TWO_NIGHTS.check_out
    found = now(collected(getattr(it.pms, read)(day)))
    assert [one.id for one in found] == [ref(mine.id)] != [ref(gone.id)]


@pytest.mark.parametrize("odd", [{"rooms": []}, {"rooms": None}, {"endDate": "2026-11-30"}], ids=str)
def test_a_row_without_a_room_or_a_night_does_not_hide_the_others(odd: dict[str, Any]) -> None:
    it = hotel()
    booked(it)
    mine = booked(it)
    edited(it, "getReservations", lambda record: record["data"][0].update(odd))
    assert [one.id for one in now(collected(it.pms.get_arrivals(TODAY)))] == [ref(mine.id)]


def test_a_row_of_an_unknown_status_is_a_bad_answer_and_not_passed_over() -> None:
    it = hotel()
    booked(it)
    edited(it, "getReservations", lambda record: record["data"][0].update(status="asleep"))
    with pytest.raises(BadAnswer, match="asleep"):
        now(collected(it.pms.get_arrivals(TODAY)))


@pytest.mark.parametrize("is_paged", [True, False])
def test_a_list_without_a_total_ends_with_a_page_that_brings_nothing_new(is_paged: bool) -> None:
    it = hotel()

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        is_first = "pageNumber=1&" in request.url or not is_paged
        rows = [{"roomTypeID": GEN}] if is_first else []
        return answer({"success": True, "data": rows}) if method_of(request) == "getRoomTypes" else response

    it.http.tamper = tamper
    told = now(it.pms.get_availability(StayDates.starting(TODAY, 1), ["GEN", "DLX"]))
    assert [one.product for one in told] == ["GEN"]
    assert len(sent(it, "getRoomTypes")) == (3 if is_paged else 2)  # rows may have moved up to the first page


def listing(it: Bench, page_of: Callable[[int, int], Sequence[int]]) -> AsyncIterator[RoomTypeData]:
    """A list without a total, whose pages are made from the page's number and that of the request, both from 1."""
    asked = count(1)

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        number = int(dict(parse_qsl(urlsplit(request.url).query))["pageNumber"])
        rows = [{"roomTypeID": str(row)} for row in page_of(number, next(asked))]
        return answer({"success": True, "data": rows})

    it.http.tamper = tamper
    assert isinstance(it.pms, CloudbedsPms)
    return it.pms.exchange.rows(Page[RoomTypeData], "getRoomTypes", lambda row: row.room_type_id)


def test_rows_that_moved_up_are_found_though_no_total_is_told() -> None:
    def sixty_leave_after_the_first_page(number: int, request: int) -> Sequence[int]:
        rows = range(150) if request == 1 else range(60, 150)
        return rows[100 * (number - 1) : 100 * number]

    rows = now(collected(listing(hotel(), sixty_leave_after_the_first_page)))
    assert {row.room_type_id for row in rows} == {str(number) for number in range(150)}


def test_a_list_that_goes_to_and_fro_is_no_list() -> None:
    with pytest.raises(BadAnswer, match="brings nothing new"):
        now(collected(listing(hotel(), lambda number, _: range(100) if number % 2 else range(100, 200))))


def test_a_name_is_asked_for_in_each_way_to_split_it() -> None:
    it = hotel()
    mine = guest(it, first_name="Ada", last_name="King Noel")
    guest(it, first_name="Ada", last_name="Byron")
    found = now(collected(it.pms.search_guests(GuestQuery(name="ada king noel"))))
    assert [one.id for one in found] == [ref(mine.id)]
    asked = [(one.get("guestFirstName"), one.get("guestLastName")) for one in sent(it, "getGuestList")]
    assert asked == [(None, "ada king noel"), ("ada", "king noel"), ("ada king", "noel"), ("ada king noel", None)]


def test_a_phone_is_looked_for_among_both_kinds() -> None:
    it = hotel()
    guest(it)

    def mobile(record: Any) -> None:
        for row in record["data"].values():
            row.update(guestCellPhone=row["guestPhone"], guestPhone="")

    edited(it, "getGuestList", mobile)
    (found,) = now(collected(it.pms.search_guests(GuestQuery(phone="+1 (555) 0100"))))
    assert found.phone == "+15550100"
    assert [set(one) & {"guestPhone", "guestCellPhone"} for one in sent(it, "getGuestList")] == [
        {"guestPhone"},
        {"guestCellPhone"},
    ]


@pytest.mark.parametrize("query", [GuestQuery(name="  "), GuestQuery(phone="unknown")], ids=["blanks", "no digits"])
def test_a_search_for_nothing_finds_nobody_and_not_everybody(query: GuestQuery) -> None:
    it = hotel()
    guest(it, phone=None)
    assert now(collected(it.pms.search_guests(query))) == []
    assert it.http.sent == []


def test_a_vendor_that_finds_parts_of_names_does_not_widen_the_search() -> None:
    it = hotel()
    guest(it, last_name="Byron")
    assert now(collected(it.pms.search_guests(GuestQuery(name="Byron", email="b@example.com")))) == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"code": "999"}, "does not reach property 999"),
        ({"currency": "EUR"}, "sells in USD, the settings say EUR"),
    ],
    ids=str,
)
def test_connecting_checks_the_property_and_its_currency(wrong: dict[str, Any], words: str) -> None:
    it = hotel()
    place = replace(PLACE, **wrong)
    link = Link(it.http, it.flow, NoChance(), "http://127.0.0.1:8080", MemoryWindows(it.flow.monotonic_s))
    with pytest.raises(PmsRefused, match=words):
        now(CloudbedsPms(place, CREDENTIALS, link).connect())


def test_an_id_of_another_vendor_is_not_asked_for() -> None:
    it = hotel()
    with pytest.raises(InputError, match="opera:1"):
        now(it.pms.get_guest(PmsId("opera", "1")))
    assert it.http.sent == []


def charge(booking: str, **fields: Any) -> PostCharge:
    known = {"key": "c1", "description": "Minibar", "amount": Money(Decimal("12.50"), "USD"), "code": "MINI"}
    return PostCharge(**{**known, "reservation": ref(booking), **fields})


def test_a_charge_is_a_custom_item_under_its_key_and_never_a_payment() -> None:
    it = hotel()
    booking = booked(it)
    assert now(it.pms.post_charge(charge(booking.id))) == Applied(None)
    (form,) = sent(it, "postCustomItem")
    assert (form["referenceID"], form["items[0][itemPrice]"], form["items[0][itemQuantity]"]) == ("c1", "12.50", "1")
    assert [method_of(one) for one in it.http.sent] == ["postCustomItem"]


def test_one_key_charges_once_and_two_keys_twice() -> None:
    it = hotel()
    booking = booked(it)
    for key in ("c1", "c1", "c2"):
        assert now(it.pms.post_charge(charge(booking.id, key=key))) == Applied(None)
    assert [one.amount for one in it.face.pms.postings.values()] == [Decimal("12.50")] * 2


def test_an_item_without_a_code_is_known_by_its_description_since_the_first_name_of_an_id_sticks() -> None:
    it = hotel()
    booking = booked(it)
    for key, words in (("c1", "Minibar"), ("c2", "Laundry")):
        now(it.pms.post_charge(charge(booking.id, key=key, description=words, code=None)))
    assert [one.description for one in it.face.pms.postings.values()] == ["Minibar", "Laundry"]


def test_a_charge_in_another_currency_is_not_sent() -> None:
    it = hotel()
    booking = booked(it)
    outcome = now(it.pms.post_charge(charge(booking.id, amount=Money(Decimal(1), "EUR"))))
    assert isinstance(outcome, Refused)
    assert it.http.sent == []


def test_a_charge_whose_answer_is_lost_is_repeated_and_posted_once() -> None:
    it = hotel()
    booking = booked(it)
    it.http.loses_answers = True
    assert now(it.pms.post_charge(charge(booking.id))) == Applied(None)
    assert len(sent(it, "postCustomItem")) == 2
    assert len(list(it.face.pms.postings.values())) == 1


def test_a_note_whose_answer_is_lost_is_not_repeated() -> None:
    it = hotel()
    booking = booked(it)
    it.http.loses_answers = True
    assert isinstance(now(it.pms.add_reservation_note(AddNote("n", ref(booking.id), "Cot"))), Unknown)
    assert it.face.pms.booking(booking.id).notes == ("Cot [n]",)


def test_an_equal_note_of_before_is_no_proof_of_ours() -> None:
    it = hotel()
    booking = booked(it)
    earlier, ours = AddNote("n1", ref(booking.id), "Cot"), AddNote("n2", ref(booking.id), "Cot")
    now(it.pms.add_reservation_note(earlier))
    it.flow.elapsed_s += 3600
    sent_at = it.flow.now()
    it.flow.elapsed_s += settling_s(CAPABILITIES) + 1
    assert now(it.pms.reconcile(earlier, NOON)) == Applied(None)
    outcome = now(it.pms.reconcile(ours, sent_at))
    assert isinstance(outcome, Refused)
    assert outcome.why is Why.NOT_APPLIED


def test_a_note_that_the_front_desk_wrote_on_is_still_ours() -> None:
    it = hotel()
    booking = booked(it, notes=("Cot [n1], done",))
    assert now(it.pms.reconcile(AddNote("n1", ref(booking.id), "Cot"), NOON)) == Applied(None)


def test_a_write_may_still_come_while_the_clocks_of_two_machines_may_be_apart() -> None:
    it = hotel()
    write = CancelReservation("x", ref(booked(it).id))
    it.flow.elapsed_s += settling_s(CAPABILITIES) - 1
    assert isinstance(now(it.pms.reconcile(write, NOON)), Unknown)
    it.flow.elapsed_s += 2
    assert isinstance(now(it.pms.reconcile(write, NOON)), Refused)


@pytest.mark.parametrize(("status", "is_applied"), [("canceled", True), ("confirmed", False)])
def test_a_cancellation_that_is_refused_counts_if_it_is_done_already(status: str, is_applied: bool) -> None:
    it = hotel()
    booking = booked(it)

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if method_of(request) == "putReservation":
            return answer({"success": False, "message": "Status cannot be changed"})
        return answer({"success": True, "data": {**_reservation(booking.id), "status": status}})

    it.http.tamper = tamper
    outcome = now(it.pms.cancel_reservation(CancelReservation("x", ref(booking.id))))
    assert isinstance(outcome, Applied) is is_applied
    assert is_applied or isinstance(outcome, Refused)


@pytest.mark.parametrize("operation", ["modify_dates", "update_guest_preferences", "create_reservation"])
def test_a_write_that_must_read_first_is_not_sent_when_the_read_fails(operation: str) -> None:
    it = hotel()

    def unanswered(request: HttpRequest) -> None:
        raise Unanswered("nobody there")

    it.http.before = unanswered
    write = {
        "modify_dates": ModifyDates("m", ref("1"), StayDates.starting(TODAY, 3)),
        "update_guest_preferences": AddPreferences("p", ref("1"), (Preference("floor", "high"),)),
        "create_reservation": creation(rate_plan="227"),
    }[operation]
    outcome = now(getattr(it.pms, operation)(write))
    assert isinstance(outcome, Refused)
    assert outcome.why is Why.NOT_SENT
    assert {one.method for one in it.http.sent} == {"GET"}


def creation(**fields: Any) -> CreateReservation:
    known = {"key": "k1", "stay": TWO_NIGHTS, "product": "GEN", "first_name": "Ada", "last_name": "Byron"}
    return CreateReservation(**{**known, "email": "ada@example.com", **fields})


def test_a_booking_carries_its_key_and_the_rate_of_its_plan() -> None:
    it = hotel()
    outcome = now(it.pms.create_reservation(creation(rate_plan="2279", adults=2, children=1)))
    assert isinstance(outcome, Applied)
    (form,) = sent(it, "postReservation")
    assert form["thirdPartyIdentifier"] == "k1"
    assert (form["rooms[0][roomTypeID]"], form["rooms[0][roomRateID]"]) == (GEN, f"{GEN}2")
    assert (form["adults[0][quantity]"], form["children[0][quantity]"]) == ("2", "1")
    assert (form["guestCountry"], form["guestZip"], form["paymentMethod"]) == ("US", "10001", "cash")
    assert "guestPhone" not in form


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"rate_plan": "NOSUCH"}, Why.NOT_FOUND),
        ({"total": Money(Decimal(5), "USD")}, Why.REJECTED),
        ({"guest": ref("88000001")}, Why.REJECTED),
    ],
    ids=["unknown plan", "a promised total", "a known guest"],
)
def test_a_booking_that_cloudbeds_cannot_take_is_not_sent(given: dict[str, Any], why: Why) -> None:
    it = hotel()
    outcome = now(it.pms.create_reservation(creation(**given)))
    assert isinstance(outcome, Refused)
    assert outcome.why is why
    assert sent(it, "postReservation") == []


def test_a_booking_is_found_by_its_key_also_when_it_was_moved_meanwhile() -> None:
    it = hotel()
    it.http.loses_answers = True
    sent_at = it.flow.now()
    assert isinstance(now(it.pms.create_reservation(creation())), Unknown)
    it.http.loses_answers = False
    (booking,) = it.face.pms.bookings.values()
    it.face.pms.move(booking.id, StayDates.starting(TODAY + timedelta(days=40), 2), it.flow.now())
    assert now(it.pms.reconcile(creation(), sent_at)) == Applied(ref(booking.id))
    assert isinstance(now(it.pms.reconcile(creation(key="k2"), sent_at)), Unknown)


def test_preferences_of_one_kind_share_a_custom_field() -> None:
    it = hotel()
    person = guest(it, preferences=(Preference("pillow", "soft"), Preference("floor", "high")))
    wish = AddPreferences("p", ref(person.id), (Preference("pillow", "two"), Preference("floor", "high")))
    assert now(it.pms.update_guest_preferences(wish)) == Applied(None)
    (form,) = sent(it, "putGuest")
    assert form["guestCustomFields[0][customFieldValue]"] == "soft; two"
    assert "guestCustomFields[1][customFieldName]" not in form
    known = now(it.pms.get_guest(ref(person.id)))
    assert known is not None
    assert set(known.preferences) == {
        Preference("pillow", "soft"),
        Preference("pillow", "two"),
        Preference("floor", "high"),
    }
    assert now(it.pms.update_guest_preferences(wish)) == Applied(None)
    assert len(sent(it, "putGuest")) == 1


def test_a_preference_for_which_the_property_has_no_custom_field_is_refused() -> None:
    it = hotel()
    person = guest(it)
    wish = AddPreferences("p", ref(person.id), (Preference("newspaper", "none"),))
    assert isinstance(now(it.pms.update_guest_preferences(wish)), Refused)


@pytest.mark.parametrize(
    "write",
    [
        UpdateGuest("g", ref("88000001"), language="en"),
        SetStatus("s", ref("1"), ReservationStatus.WAITLISTED),
    ],
    ids=["language", "waiting list"],
)
def test_what_cloudbeds_has_no_field_or_word_for_is_refused_and_not_sent(write: UpdateGuest | SetStatus) -> None:
    it = hotel()
    if isinstance(write, UpdateGuest):
        assert isinstance(now(it.pms.update_guest(write)), Refused)
    else:
        assert isinstance(now(it.pms.set_reservation_status(write)), Refused)
    assert it.http.sent == []


def test_special_requests_stand_in_the_custom_field_of_the_settings() -> None:
    it = hotel()
    booking = booked(it)
    now(it.pms.set_special_requests(SetSpecialRequests("s", ref(booking.id), "Quiet room")))
    reservation = now(it.pms.get_reservation(ref(booking.id)))
    assert reservation is not None
    assert reservation.special_requests == "Quiet room"
    link = Link(it.http, it.flow, NoChance(), "http://127.0.0.1:8080", MemoryWindows(it.flow.monotonic_s))
    other = CloudbedsPms(PLACE, CREDENTIALS.model_copy(update={"requests_field": "wishes"}), link)
    assert isinstance(now(other.set_special_requests(SetSpecialRequests("s", ref(booking.id), "x"))), Refused)


def test_a_check_in_that_was_followed_by_a_check_out_has_taken_effect() -> None:
    it = hotel()
    booking = booked(it)
    for status in (ReservationStatus.IN_HOUSE, ReservationStatus.CHECKED_OUT):
        it.face.pms.set_status(booking.id, status, it.flow.now())
    write = SetStatus("s", ref(booking.id), ReservationStatus.IN_HOUSE)
    assert now(it.pms.reconcile(write, it.flow.now())) == Applied(None)


@pytest.mark.parametrize(
    "write",
    [UpdateCheckoutTime("t", ref("1"), NOON), SetAvailability("a", {("GEN", date(2026, 12, 1)): 1})],
    ids=["check-out time", "availability"],
)
def test_what_is_unsupported_is_so_in_reconciling_too(write: UpdateCheckoutTime | SetAvailability) -> None:
    with pytest.raises(Unsupported):
        now(hotel().pms.reconcile(write, NOON))


def test_a_reconciliation_that_cannot_read_does_not_know() -> None:
    it = hotel()
    says(it, "getReservation", HttpResponse(500, {}, b""))
    outcome = now(it.pms.reconcile(CancelReservation("x", ref("1")), NOON - timedelta(hours=1)))
    assert isinstance(outcome, Unknown)


def test_a_health_check_asks_once() -> None:
    it: Bench = bench(VENDOR)
    it.http.tamper = lambda request, response: HttpResponse(503, {}, b"")
    health = now(it.pms.health_check())
    assert not health.is_up
    assert len(it.http.sent) == 1
