"""Cloudbeds' wire face: what it refuses, and how; and what it does later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from pms_lab.domain.pms import Condition, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.face import Face
from pms_lab.sim.pms.faces.cloudbeds import CloudbedsFace, product_id
from pms_lab.sim.pms.records import Booking
from pms_lab.sim.pms.state import Wish
from tests.contracts.harness import NOON
from tests.contracts.vendor_cloudbeds import KEY, face

TODAY = date(2026, 11, 30)
GEN = product_id("GEN")
FORM = {"content-type": "application/x-www-form-urlencoded"}
RATE = {
    "rates[0][rateID]": f"{GEN}1",
    "rates[0][interval][startDate]": "2026-11-30",
    "rates[0][interval][endDate]": "2026-12-01",
    "rates[0][interval][rate]": "1100.10",
}
BOOKING = {
    "startDate": "2026-11-30",
    "endDate": "2026-12-02",
    "guestFirstName": "Ada",
    "guestLastName": "Byron",
    "guestCountry": "US",
    "guestZip": "10001",
    "guestEmail": "ada@example.com",
    "paymentMethod": "cash",
    "rooms[0][roomTypeID]": GEN,
    "rooms[0][quantity]": "1",
    "adults[0][roomTypeID]": GEN,
    "adults[0][quantity]": "2",
    "children[0][roomTypeID]": GEN,
    "children[0][quantity]": "0",
}


def request(
    verb: str, method: str, fields: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> HttpRequest:
    text = urlencode(fields or {})
    url = f"https://api.cloudbeds.com/api/v1.3/{method}"
    sent = {"x-api-key": KEY} | dict(headers or {})
    if verb == "GET":
        return HttpRequest(verb, f"{url}?{text}", sent)
    return HttpRequest(verb, url, FORM | sent, text.encode())


def told(response: HttpResponse) -> Any:
    return json.loads(response.body, parse_float=Decimal)


def asked(it: Face, verb: str, method: str, fields: Mapping[str, str] | None = None, at: datetime = NOON) -> Any:
    return told(it.answer(request(verb, method, fields), at))


def booked(it: Face, **fields: Any) -> Booking:
    person = it.pms.add_guest(NOON, first_name="Ada", last_name="Byron", email="ada@example.com")
    return it.pms.book(Wish(StayDates.starting(TODAY, 2), GEN, person.id, **fields), NOON)


def test_it_is_a_face() -> None:
    it: Face = face()
    assert it.pms.hotel.code == "318002"


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        (request("GET", "getHotels", headers={"x-api-key": "wrong"}), 401, "access_denied"),
        (HttpRequest("GET", "https://api.cloudbeds.com/api/v1.3/getHotels"), 401, "access_denied"),
        (request("GET", "getNothing"), 404, "not_found"),
        (HttpRequest("GET", "https://api.cloudbeds.com/getHotels", {"x-api-key": KEY}), 404, "not_found"),
        (request("POST", "postCharge"), 404, "not_found"),
        (request("POST", "getHotels"), 405, "invalid_request"),
        (request("PUT", "patchRate"), 405, "invalid_request"),
        (request("POST", "patchRate", RATE, {"content-type": "application/json"}), 400, "invalid_request"),
        (request("POST", "patchRate", {"rates[0": "1"}), 400, "invalid_request"),
        (request("POST", "patchRate", {"rates": "1", "rates[0][rateID]": "1"}), 400, "invalid_request"),
        (replace(request("POST", "patchRate"), body=b"\xff"), 400, "invalid_request"),
    ],
    ids=str,
)
def test_what_is_no_request_of_the_api_has_a_status_and_an_error(sent: HttpRequest, status: int, error: str) -> None:
    answer = face().answer(sent, NOON)
    assert answer.status == status
    assert set(told(answer)) == {"error", "message"}
    assert told(answer)["error"] == error


READINGS = [
    ("getReservation", {}, "Parameter reservationID is required"),
    ("getReservation", {"reservationID": "1"}, "Reservation not found"),
    ("getReservation", {"reservationID": "1", "propertyID": "999"}, "Property not found"),
    ("getReservationNotes", {"reservationID": "1"}, "Reservation not found"),
    ("getGuest", {}, "Parameter reservationID is required"),
    ("getGuest", {"guestID": "1"}, "Guest not found"),
    ("getReservations", {"status": "cancelled"}, "Parameter status is not valid"),
    ("getReservations", {"pageSize": "101"}, "Parameter pageSize must be from 1 to 100"),
    ("getReservations", {"pageNumber": "0"}, "Parameter pageNumber must be from 1 to 1000000"),
    ("getReservations", {"includeAllRooms": "yes"}, "Parameter includeAllRooms must be a boolean"),
    ("getReservations", {"checkInFrom": "today"}, "Parameter checkInFrom must be YYYY-MM-DD"),
    ("getReservations", {"modifiedFrom": "2026-11-30"}, "Parameter modifiedFrom must be YYYY-MM-DD HH:MM:SS"),
    ("getGuestsModified", {"resultsFrom": "2026-11-30"}, "Parameter resultsFrom must be YYYY-MM-DD HH:MM:SS"),
    ("getAvailableRoomTypes", {"startDate": "2026-11-30"}, "Parameter endDate is required"),
    ("getRatePlans", {"startDate": "30.11.2026", "endDate": "x"}, "Parameter startDate must be YYYY-MM-DD"),
    ("getRatePlans", dict.fromkeys(("startDate", "endDate"), "2026-12-01"), "endDate must be after startDate"),
]
WRITINGS = [
    ("putGuest", {"guestID": "1"}, "Guest not found"),
    ("putReservation", {"reservationID": "1", "status": "checked_in"}, "Reservation not found"),
    ("postReservation", {}, "Parameter startDate is required"),
    ("postReservation", BOOKING | {"endDate": "2026-11-30"}, "The check-out date must be after the check-in date"),
    ("postReservation", BOOKING | {"rooms[0][roomTypeID]": "1"}, "Room type not found"),
    ("postReservation", BOOKING | {"rooms[0][quantity]": "2"}, "This front desk books one room at a time"),
    ("postReservation", BOOKING | {"guestCountry": "USA"}, "The payment method or the country is not valid"),
    ("patchRate", {}, "The number of intervals must be from 1 to 30"),
    ("patchRate", RATE | {"rates[0][rateID]": "1"}, "Rate not found"),
    ("patchRate", RATE | {"rates[0][rateID]": f"{GEN}2"}, "Derived rates cannot be updated"),
    ("patchRate", RATE | {"rates[0][interval][rate]": "NaN"}, "Parameter rate must be a number"),
    ("patchRate", RATE | {"rates[0][interval][rate]": "-1"}, "The interval has no night, or its rate is below zero"),
]


@pytest.mark.parametrize(("method", "fields", "message"), [*READINGS, *WRITINGS], ids=str)
def test_what_cannot_be_done_is_refused_in_a_200(method: str, fields: dict[str, str], message: str) -> None:
    it = face()
    verb = {"get": "GET", "put": "PUT"}.get(method[:3], "POST")
    answer = it.answer(request(verb, method, fields), NOON)
    assert (answer.status, told(answer)) == (200, {"success": False, "message": message})
    assert it.pms.events == []


def test_thirty_one_intervals_are_too_many() -> None:
    it = face()
    fields = {name.replace("[0]", f"[{number}]", 1): value for number in range(31) for name, value in RATE.items()}
    assert asked(it, "POST", "patchRate", fields)["message"] == "The number of intervals must be from 1 to 30"
    assert it.rates.jobs == []


def test_one_request_too_many_is_answered_without_saying_how_long_to_wait() -> None:
    answer = face().throttled(0.5)
    assert (answer.status, "retry-after" in answer.headers) == (429, False)


def test_every_answer_has_a_number_of_its_own() -> None:
    it = face()
    numbers = {it.answer(request("GET", "getHotels"), NOON).headers["x-request-id"] for _ in range(3)}
    assert len(numbers) == 3


def test_amounts_are_numbers_here_and_texts_there_and_keep_their_digits() -> None:
    it = face()
    booking = booked(it, total=Decimal("2000.10"))
    body = it.answer(request("GET", "getReservation", {"reservationID": booking.id}), NOON).body
    assert b'"total":2000.10' in body
    assert b'"roomTotal":"2000.10"' in body


def test_a_balance_is_told_in_detail() -> None:
    it = face()
    booking = booked(it)
    it.pms.post(booking.id, "Minibar", Decimal("12.50"), NOON)
    it.pms.post(booking.id, "Cash", Decimal(-500), NOON)
    detail = asked(it, "GET", "getReservation", {"reservationID": booking.id})["data"]["balanceDetailed"]
    assert detail == {
        "suggestedDeposit": "0.00",
        "subTotal": 2000,
        "additionalItems": Decimal("12.50"),
        "taxesFees": 0,
        "grandTotal": Decimal("2012.50"),
        "paid": 500,
    }


def test_a_range_of_arrivals_without_its_end_is_open() -> None:
    it = face()
    booked(it)
    later = booked(it)
    it.pms.move(later.id, StayDates.starting(TODAY + timedelta(days=9), 1), NOON)
    assert asked(it, "GET", "getReservations", {"checkInFrom": "2026-11-30"})["total"] == 2
    closed = {"checkInFrom": "2026-11-30", "checkInTo": "2026-11-30"}
    assert asked(it, "GET", "getReservations", closed)["total"] == 1


def test_times_are_of_the_propertys_clock() -> None:
    it = face()
    booked(it)
    (row,) = asked(it, "GET", "getReservations")["data"]
    assert row["dateModified"] == "2026-11-30 12:00:00"
    assert asked(it, "GET", "getReservations", {"modifiedFrom": "2026-11-30 12:00:01"})["total"] == 0


def test_a_reader_is_shown_what_a_replica_has() -> None:
    it = face(lag=timedelta(seconds=5))
    booking = booked(it)
    it.pms.set_status(booking.id, ReservationStatus.CANCELLED, NOON + timedelta(seconds=10))
    seen = [
        asked(it, "GET", "getReservations", at=NOON + timedelta(seconds=wait_s))["data"] for wait_s in (4, 6, 14, 15)
    ]
    assert [[row["status"] for row in rows] for rows in seen] == [[], ["confirmed"], ["confirmed"], ["canceled"]]


def test_rooms_and_guests_come_only_when_asked_for() -> None:
    it = face()
    booked(it)
    (plain,) = asked(it, "GET", "getReservations")["data"]
    assert {"rooms", "customFields", "guestList"} & set(plain) == set()
    wanted = dict.fromkeys(("includeAllRooms", "includeCustomFields", "includeGuestsDetails"), "true")
    (full,) = asked(it, "GET", "getReservations", wanted)["data"]
    assert {"rooms", "customFields", "guestList"} <= set(full)


def test_a_room_type_is_told_only_where_the_request_does_not_say_it() -> None:
    it = face()
    nights = {"startDate": "2026-11-30", "endDate": "2026-12-01"}
    assert all("roomTypeID" in row for row in asked(it, "GET", "getRatePlans", nights)["data"])
    rows = asked(it, "GET", "getRatePlans", nights | {"roomTypeID": GEN})["data"]
    assert [(row["isDerived"], row["roomRate"], "roomTypeID" in row) for row in rows] == [
        (False, 1000, False),
        (True, 900, False),
    ]


@pytest.mark.parametrize(
    ("condition", "word", "flags"),
    [
        (Condition.CLEAN, "clean", (False, False)),
        (Condition.INSPECTED, "clean", (False, False)),
        (Condition.DIRTY, "dirty", (False, False)),
        (Condition.PICKUP, "dirty", (False, True)),
        (Condition.OUT_OF_ORDER, "dirty", (True, False)),
        (Condition.OUT_OF_SERVICE, "dirty", (True, False)),
    ],
)
def test_housekeeping_has_two_words_and_flags(condition: Condition, word: str, flags: tuple[bool, bool]) -> None:
    it = face()
    it.pms.set_condition("1", condition, NOON)
    first = asked(it, "GET", "getHousekeepingStatus")["data"][0]
    assert (first["roomCondition"], (first["roomBlocked"], first["vacantPickup"])) == (word, flags)


def test_only_todays_guests_are_modified_where_no_range_is_given() -> None:
    it = face()
    it.pms.add_guest(NOON - timedelta(days=1), first_name="Charles", last_name="Babbage")
    booked(it)
    rows = asked(it, "GET", "getGuestsModified")["data"]
    assert [row["guestFirstName"] for row in rows] == ["Ada"]


def test_a_guest_has_one_row_for_each_room_and_checking_in_modifies() -> None:
    it = face()
    booking = booked(it)
    it.pms.book(Wish(booking.stay, GEN, booking.guest), NOON)
    later = NOON + timedelta(hours=2)
    it.pms.set_status(booking.id, ReservationStatus.IN_HOUSE, later)
    rows = asked(it, "GET", "getGuestsModified", {"resultsFrom": "2026-11-30 14:00:00"}, later)["data"]
    assert [row["guestID"] for row in rows] == [booking.guest] * 2


def test_a_job_is_accepted_then_in_progress_then_completed_and_takes_effect_at_its_end() -> None:
    it = face()
    number = asked(it, "POST", "patchRate", RATE)["jobReferenceID"]
    ends = NOON + timedelta(seconds=5)
    early = asked(it, "GET", "getRateJobs", {"jobReferenceID": number}, ends - timedelta(seconds=1))
    assert [job["status"] for job in early["data"]] == ["in_progress"]
    assert it.pms.rate(GEN, TODAY) == 1000
    late = asked(it, "GET", "getRateJobs", {"jobReferenceID": number}, ends + timedelta(hours=1))
    assert [(job["status"], [one["action"] for one in job["updates"]]) for job in late["data"]] == [
        ("completed", ["updated"])
    ]
    assert [it.pms.rate(GEN, TODAY + timedelta(days=away)) for away in range(3)] == [
        Decimal("1100.10"),
        Decimal("1100.10"),
        1000,
    ]
    assert {event.at for event in it.pms.events} == {ends}


def test_a_job_takes_effect_also_when_nobody_asks() -> None:
    it = face()
    asked(it, "POST", "patchRate", RATE)
    it.work(NOON + timedelta(seconds=4))
    assert it.pms.rate(GEN, TODAY) == 1000
    it.work(NOON + timedelta(seconds=5))
    assert it.pms.rate(GEN, TODAY) == Decimal("1100.10")


def test_a_job_that_ends_late_does_not_rewrite_what_happened_meanwhile() -> None:
    it = face()
    asked(it, "POST", "patchRate", RATE)
    edited = NOON + timedelta(seconds=8)
    it.pms.set_rate(GEN, "227", TODAY, Decimal(1), edited)
    it.work(NOON + timedelta(seconds=9))
    assert it.pms.rate(GEN, TODAY, as_of=edited - timedelta(seconds=1)) == 1000
    assert [event.at for event in it.pms.events] == sorted(event.at for event in it.pms.events)


def test_a_job_can_be_made_to_fail() -> None:
    it = face()
    it.rates.failing[f"{GEN}1"] = "Rate is locked"
    asked(it, "POST", "patchRate", RATE)
    (job,) = asked(it, "GET", "getRateJobs", at=NOON + timedelta(seconds=5))["data"]
    assert (job["status"], job["updates"][0]["action"], job["updates"][0]["message"]) == (
        "error",
        "error",
        "Rate is locked",
    )
    assert it.pms.events == []


def test_a_job_can_be_made_to_hang() -> None:
    it = face()
    it.rates.never_ends = True
    asked(it, "POST", "patchRate", RATE)
    (job,) = asked(it, "GET", "getRateJobs", {"status": "in_progress"}, NOON + timedelta(days=6))["data"]
    assert job["updates"][0]["action"] == "in_progress"


def test_a_job_is_listed_for_a_week() -> None:
    it = face()
    asked(it, "POST", "patchRate", RATE)
    assert len(asked(it, "GET", "getRateJobs", at=NOON + timedelta(days=6, hours=23))["data"]) == 1
    assert asked(it, "GET", "getRateJobs", at=NOON + timedelta(days=7))["data"] == []


ITEM = {
    "items[0][appItemID]": "MINI",
    "items[0][itemQuantity]": "2",
    "items[0][itemPrice]": "6.25",
    "items[0][itemName]": "Minibar",
}


def test_an_item_is_posted_by_quantity_and_under_its_first_name() -> None:
    it = face()
    mine = {"reservationID": booked(it).id}
    asked(it, "POST", "postCustomItem", mine | ITEM)
    asked(it, "POST", "postCustomItem", mine | ITEM | {"items[0][itemName]": "Laundry"})
    assert [(one.description, one.amount) for one in it.pms.postings.values()] == [("Minibar", Decimal("12.50"))] * 2


def test_a_reference_that_is_known_adds_nothing_and_says_so() -> None:
    it = face()
    form = {"reservationID": booked(it).id, "referenceID": "r1"} | ITEM
    first, again = (asked(it, "POST", "postCustomItem", form)["data"] for _ in range(2))
    assert "notice" not in first
    assert again["notice"]
    assert again["soldProductID"] == first["soldProductID"]
    assert len(list(it.pms.postings.values())) == 1


@pytest.mark.parametrize("missing", ITEM)
def test_an_incomplete_item_is_refused(missing: str) -> None:
    it = face()
    form = {"reservationID": booked(it).id} | {name: value for name, value in ITEM.items() if name != missing}
    assert asked(it, "POST", "postCustomItem", form)["success"] is False
    assert list(it.pms.postings.values()) == []


@pytest.mark.parametrize("missing", BOOKING)
def test_an_incomplete_booking_is_refused_and_leaves_nothing(missing: str) -> None:
    it = face()
    answer = asked(it, "POST", "postReservation", {name: value for name, value in BOOKING.items() if name != missing})
    assert answer["success"] is False
    assert it.pms.events == []


def test_a_booking_for_which_no_room_is_free_leaves_no_guest() -> None:
    it = face()
    for _ in range(5):
        booked(it)
    before = len(it.pms.events)
    answer = asked(it, "POST", "postReservation", BOOKING)
    assert answer == {"success": False, "message": "The room type is not available for the selected dates"}
    assert len(it.pms.events) == before


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"status": "checked_out"}, "a booking that is confirmed cannot become checked_out"),
        ({"status": "waitlisted"}, "Parameter status is not valid"),
        ({"rooms[0][roomTypeID]": GEN}, "Parameter checkinDate is required if rooms are sent"),
        ({"customFields[0][customFieldName]": "shoes"}, "The custom field is not valid"),
        ({"checkoutDate": "2026-11-30"}, "The check-out date must be after the check-in date"),
    ],
    ids=str,
)
def test_a_change_that_cannot_be_made_changes_nothing(fields: dict[str, str], message: str) -> None:
    it = face()
    booking = booked(it)
    answer = asked(it, "PUT", "putReservation", {"reservationID": booking.id} | fields)
    assert answer == {"success": False, "message": message}
    assert it.pms.booking(booking.id) == booking


def test_the_check_out_date_can_be_set_alone() -> None:
    it = face()
    booking = booked(it)
    asked(it, "PUT", "putReservation", {"reservationID": booking.id, "checkoutDate": "2026-12-05"})
    assert it.pms.booking(booking.id).stay == StayDates.starting(TODAY, 5)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"guestFirstName": ""},
        {"guestCustomFields[0][customFieldName]": "newspaper", "guestCustomFields[0][customFieldValue]": "x"},
    ],
    ids=["nothing", "no name", "an undefined field"],
)
def test_a_guest_is_not_changed_to_nothing(fields: dict[str, str]) -> None:
    it = face()
    booking = booked(it)
    before = it.pms.guest(booking.guest)
    assert asked(it, "PUT", "putGuest", {"guestID": booking.guest} | fields)["success"] is False
    assert it.pms.guest(booking.guest) == before


def test_pages_are_numbered_from_one() -> None:
    it: CloudbedsFace = face()
    page = asked(it, "GET", "getHousekeepingStatus", {"pageNumber": "2", "pageSize": "15"})
    assert (page["count"], page["total"], page["data"][0]["roomName"]) == (5, 20, "401")
