"""OPERA's face: what it refuses, what it keeps, and what it shows when."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from pms_lab.domain.pms import RateLimit, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.face import Server
from pms_lab.sim.pms.faces.opera import APP_KEY, CLIENT_ID, CLIENT_SECRET, EXTERNAL_SYSTEM, SCOPE, OperaFace, opera_pms
from pms_lab.sim.pms.records import Booking
from pms_lab.sim.pms.state import Wish

NOON = datetime(2026, 11, 30, 17, 0, tzinfo=UTC)
TODAY = date(2026, 11, 30)
TYPE = "application/json;charset=UTF-8"
HEADERS = {"authorization": "Bearer t", "x-app-key": APP_KEY, "x-hotelid": "HOTEL1", "content-type": TYPE}
RESERVATIONS = "/rsv/v1/hotels/HOTEL1/reservations"
EVENTS = f"/int/v1/externalSystem/{EXTERNAL_SYSTEM}/hotels/HOTEL1/businessEvents"
DAILY = "/rtp/v1/hotels/HOTEL1/ratePlans/BAR/dailySchedules"


@pytest.fixture
def face() -> OperaFace:
    return known(OperaFace(opera_pms()))


def known(face: OperaFace) -> OperaFace:
    """Let the token ``t`` be good for days."""
    face.tokens["t"] = NOON + timedelta(days=9)
    return face


def request(
    path: str, method: str = "GET", body: object = None, headers: Mapping[str, str] = HEADERS, **query: str
) -> HttpRequest:
    asked = f"?{urlencode(query)}" if query else ""
    sent = b"" if body is None else json.dumps(body).encode()
    return HttpRequest(method, f"https://opera.example{path}{asked}", headers, sent)


def ask(face: OperaFace, path: str, method: str = "GET", body: object = None, **query: str) -> HttpResponse:
    return face.answer(request(path, method, body, HEADERS, **query), NOON)


def record(answer: HttpResponse) -> Any:
    assert answer.status in (200, 201), answer.body
    return json.loads(answer.body)


def booked(face: OperaFace, stay: StayDates | None = None, **fields: Any) -> Booking:
    person = face.pms.add_guest(NOON, first_name="Ada", last_name="Byron", email="ada@example.com")
    return face.pms.book(Wish(stay or StayDates.starting(TODAY, 2), "GEN", person.id, **fields), NOON)


def token(body: str = urlencode({"grant_type": "client_credentials", "scope": SCOPE}), **headers: str) -> HttpRequest:
    secret = b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    right = {
        "authorization": f"Basic {secret}",
        "x-app-key": APP_KEY,
        "content-type": "application/x-www-form-urlencoded",
    }
    return HttpRequest("POST", "https://opera.example/oauth/v1/tokens", {**right, **headers}, body.encode())


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (token(), 200),
        (token(authorization="Basic eDp5"), 401),
        (token(**{"x-app-key": "0"}), 401),
        (token("grant_type=password&username=a&password=b"), 400),
        (token("grant_type=client_credentials"), 400),
        (token(**{"content-type": TYPE}), 400),
    ],
)
def test_a_token_is_given_for_the_right_credentials_only(face: OperaFace, asked: HttpRequest, status: int) -> None:
    assert face.answer(asked, NOON).status == status


def test_a_token_is_good_for_an_hour(face: OperaFace) -> None:
    given = record(face.answer(token(), NOON))
    asked = request(RESERVATIONS, headers={**HEADERS, "authorization": f"Bearer {given['access_token']}"})
    for elapsed_s, status in [(given["expires_in"] - 1, 204), (given["expires_in"], 401)]:
        assert face.answer(asked, NOON + timedelta(seconds=elapsed_s)).status == status


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request(RESERVATIONS, headers={}), 401),
        (request(RESERVATIONS, headers={**HEADERS, "authorization": "Basic t"}), 401),
        (request(RESERVATIONS, headers={**HEADERS, "x-app-key": "0"}), 401),
        (request(RESERVATIONS, headers={**HEADERS, "x-hotelid": "OTHER"}), 403),
        (request("/rsv/v1/hotels/OTHER/reservations"), 404),
        (request("/par/v1/hotels/HOTEL1/profiles/1"), 404),
        (request("/csh/v1/hotels/HOTEL1/postings", "POST", {}), 404),
        (request(RESERVATIONS, "DELETE"), 405),
        (request(f"{RESERVATIONS}/1/cancellations"), 405),
        (request(f"{RESERVATIONS}/1", "PUT", {}, {**HEADERS, "content-type": "application/json"}), 415),
        (request(RESERVATIONS, arrivalDate="2026-11-30"), 400),
        (request(RESERVATIONS, arrivalStartDate="2026-11-30"), 400),
        (request(RESERVATIONS, arrivalStartDate="30.11.2026", arrivalEndDate="2026-11-30"), 400),
        (request(RESERVATIONS, limit="-1"), 400),
        (request(RESERVATIONS, offset="x"), 400),
        (request(RESERVATIONS, "POST", {"reservations": [{}]}), 400),
        (request(f"{RESERVATIONS}/660001", "PUT", {"reservations": [{}]}), 404),
        (request(EVENTS, limit="21"), 400),
        (request(EVENTS.replace(EXTERNAL_SYSTEM, "OTHER")), 404),
        (
            request("/rtp/v1/hotels/HOTEL1/ratePlans/NOSUCH/schedules", startDate="2026-11-30", endDate="2026-11-30"),
            404,
        ),
        (request("/inv/v1/hotels/HOTEL1/hotelInventory", dateRangeStart="2026-11-30", dateRangeEnd="2027-11-30"), 400),
    ],
)
def test_what_opera_would_refuse_is_refused(face: OperaFace, asked: HttpRequest, status: int) -> None:
    answer = face.answer(asked, NOON)
    assert answer.status == status
    if status in (400, 404):
        assert {"type", "title", "status", "o:errorCode"} <= set(json.loads(answer.body))
    else:
        assert answer.body == b""


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"reservations":[{"nickname":"x"}]}', b"\xff\xfe"])
def test_a_body_that_is_no_change_changes_nothing(face: OperaFace, body: bytes) -> None:
    booking = booked(face)
    asked = HttpRequest("PUT", f"https://opera.example{RESERVATIONS}/{booking.id}", HEADERS, body)
    assert face.answer(asked, NOON).status == 400
    assert face.pms.booking(booking.id) == booking


def test_too_many_requests_are_answered_without_a_time_to_wait(face: OperaFace) -> None:
    server = Server(face, [RateLimit(2, 1.0, "environment")])
    answers = [server.receive(request(RESERVATIONS), NOON) for _ in range(3)]
    assert [one.status for one in answers] == [204, 204, 429]
    assert answers[-1].headers == {}


def test_a_list_says_where_it_is_and_whether_more_follows(face: OperaFace) -> None:
    for _ in range(5):
        booked(face)
    pages = [record(ask(face, RESERVATIONS, limit="2", offset=str(at)))["reservations"] for at in (0, 2, 4)]
    assert [len(one["reservationInfo"]) for one in pages] == [2, 2, 1]
    assert [one["hasMore"] for one in pages] == [True, True, False]
    assert {(one["totalResults"], one["totalPages"]) for one in pages} == {(5, 3)}
    assert ask(face, RESERVATIONS, limit="2", offset="6").status == 204


def test_only_what_is_to_be_fetched_is_shown(face: OperaFace) -> None:
    booking = booked(face, notes=("Arrives late",))
    path = f"{RESERVATIONS}/{booking.id}"
    (plain,) = record(ask(face, path))["reservations"]["reservation"]
    (noted,) = record(ask(face, path, fetchInstructions="Comments"))["reservations"]["reservation"]
    assert "comments" not in plain
    assert noted["comments"][0]["comment"]["text"]["value"] == "Arrives late"


@pytest.mark.parametrize(
    ("status", "stay", "computed"),
    [
        (ReservationStatus.CONFIRMED, StayDates.starting(TODAY, 1), "DueIn"),
        (ReservationStatus.CONFIRMED, StayDates.starting(TODAY + timedelta(days=1), 1), "Reserved"),
        (ReservationStatus.IN_HOUSE, StayDates(TODAY - timedelta(days=1), TODAY), "DueOut"),
        (ReservationStatus.IN_HOUSE, StayDates.starting(TODAY, 1), "InHouse"),
    ],
)
def test_the_computed_status_depends_on_the_day(
    face: OperaFace, status: ReservationStatus, stay: StayDates, computed: str
) -> None:
    booking = booked(face, stay)
    face.pms.change_booking(booking.id, NOON, status=status)
    (shown,) = record(ask(face, f"{RESERVATIONS}/{booking.id}"))["reservations"]["reservation"]
    assert shown["computedReservationStatus"] == computed


def test_a_reader_is_shown_the_past_as_far_as_the_replica_lags() -> None:
    face = known(OperaFace(opera_pms(lag=timedelta(seconds=30))))
    booking = booked(face)
    path = f"{RESERVATIONS}/{booking.id}"
    assert ask(face, path).status == 204
    assert ask(face, EVENTS).status == 204
    assert face.answer(request(path), NOON + timedelta(seconds=30)).status == 200
    assert face.answer(request(EVENTS), NOON + timedelta(seconds=30)).status == 200


def test_an_event_is_given_out_once(face: OperaFace) -> None:
    booking = booked(face)
    actions = [one["businessEvent"]["header"]["actionType"] for one in record(ask(face, EVENTS))["businessEventData"]]
    assert actions == ["NEW PROFILE", "NEW RESERVATION"]
    assert ask(face, EVENTS).status == 204
    for status in (ReservationStatus.IN_HOUSE, ReservationStatus.CHECKED_OUT):
        face.pms.set_status(booking.id, status, NOON)
    for action in ("CHECK IN", "CHECK OUT"):
        (event,) = record(ask(face, EVENTS, limit="1"))["businessEventData"]
        header = event["businessEvent"]["header"]
        assert (header["actionType"], header["primaryKey"]) == (action, booking.id)
        assert header["createdDateTime"] == "2026-11-30 12:00:00.0"


def change(face: OperaFace, booking: Booking, **fields: Any) -> HttpResponse:
    return ask(face, f"{RESERVATIONS}/{booking.id}", "PUT", {"reservations": [fields]})


def test_comments_are_added_changed_by_id_and_never_blanked_by_being_left_out(face: OperaFace) -> None:
    booking = booked(face, notes=("Arrives late",))
    record(change(face, booking, comments=[{"comment": {"text": {"value": "Needs a cot"}, "commentTitle": "n1"}}]))
    known_id = f"{booking.id}-1"
    record(change(face, booking, comments=[{"id": known_id, "comment": {"text": {"value": "Arrives at 22:00"}}}]))
    record(change(face, booking, roomStay={}))
    assert face.pms.booking(booking.id).notes == ("Arrives at 22:00", "Needs a cot")
    assert change(face, booking, comments=[{"id": "9", "comment": {"text": {"value": "x"}}}]).status == 400


def test_a_change_that_is_refused_in_part_is_refused_as_a_whole(face: OperaFace) -> None:
    booking = booked(face)
    for _ in range(5):
        booked(face, StayDates.starting(TODAY + timedelta(days=2), 1))
    note = [{"comment": {"text": {"value": "Moved"}}}]
    answer = change(face, booking, comments=note, roomStay={"arrivalDate": "2026-12-01", "departureDate": "2026-12-04"})
    assert (answer.status, json.loads(answer.body)["o:errorCode"]) == (400, "NO_ROOM")
    assert face.pms.booking(booking.id) == booking


def test_cancelling_again_and_cancelling_another_are_refused(face: OperaFace) -> None:
    booking, other = booked(face), booked(face)
    named = {"reservationIdList": [{"id": booking.id, "type": "Reservation"}], "hotelId": "HOTEL1"}
    body = {"reason": {"code": "CXL"}, "reservations": [named], "verificationOnly": False}
    statuses = [
        ask(face, f"{RESERVATIONS}/{number}/cancellations", "POST", body).status
        for number in (other.id, booking.id, booking.id)
    ]
    assert statuses == [400, 201, 400]
    assert face.pms.booking(other.id).status is ReservationStatus.CONFIRMED


def test_nobody_is_checked_in_before_the_day(face: OperaFace) -> None:
    booking = booked(face, StayDates.starting(TODAY + timedelta(days=1), 1))
    path = f"/fof/v1/hotels/HOTEL1/reservations/{booking.id}/checkIns"
    assert ask(face, path, "POST", {"reservation": {}}).status == 400
    assert face.answer(request(path, "POST", {"reservation": {}}), NOON + timedelta(days=1)).status == 201
    assert face.answer(request(path, "POST", {"reservation": {}}), NOON + timedelta(days=1)).status == 400


def charge(booking: Booking, **fields: Any) -> dict[str, Any]:
    price = {"amount": 12.5, "currencyCode": "USD"}
    one = {"transactionCode": "4510", "price": price, "postingReference": "c1", **fields}
    reservation = {"id": booking.id, "type": "Reservation"}
    return {"criteria": {"hotelId": "HOTEL1", "charges": [one], "reservationId": reservation}}


def test_the_same_charge_twice_is_charged_twice(face: OperaFace) -> None:
    booking = booked(face)
    path = f"/csh/v1/hotels/HOTEL1/reservations/{booking.id}"
    assert ask(face, f"{path}/folios", fetchInstructions="Postings").status == 204
    for _ in range(2):
        record(ask(face, f"{path}/charges", "POST", charge(booking)))
    (window,) = record(ask(face, f"{path}/folios"))["reservationFolioInformation"]["folioWindows"]
    assert [one["reference"] for one in window["folios"][0]["postings"]] == ["c1", "c1"]
    assert face.pms.balance(booking.id) == Decimal("2025.0")


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": {"amount": 1, "currencyCode": "EUR"}},
        {"transactionCode": ""},
        {"price": {"amount": "much", "currencyCode": "USD"}},
    ],
)
def test_a_charge_that_cannot_be_posted_is_refused(face: OperaFace, wrong: dict[str, Any]) -> None:
    booking = booked(face)
    path = f"/csh/v1/hotels/HOTEL1/reservations/{booking.id}/charges"
    assert ask(face, path, "POST", charge(booking, **wrong)).status == 400
    assert list(face.pms.postings.values()) == []


def daily(**fields: Any) -> dict[str, Any]:
    span = {"startDate": "2026-11-30", "endDate": "2026-12-06"}
    known_fields = {
        "hotelId": "HOTEL1",
        "ratePlanCode": "BAR",
        "roomTypes": ["GEN"],
        "dateRange": {"timeSpan": span, "saturday": True, "sunday": True},
        "rateAmounts": {"onePersonRate": 99.5},
    }
    return {"dailyRateScheduleRange": {**known_fields, **fields}}


def test_rates_are_set_on_the_days_of_the_week_that_are_named(face: OperaFace) -> None:
    assert ask(face, DAILY, "PUT", daily()).status == 200
    assert [night.isoformat() for _, _, night in dict(face.pms.rates.items())] == ["2026-12-05", "2026-12-06"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"roomTypes": ["GEN", "NOSUCH"]},
        {"rateAmounts": {"onePersonRate": 90, "twoPersonRate": 99}},
        {"rateAmounts": {"onePersonRate": -1}},
        {"rateAmounts": {}},
        {"incrementFlag": True},
    ],
)
def test_rates_are_set_all_or_none(face: OperaFace, wrong: dict[str, Any]) -> None:
    assert ask(face, DAILY, "PUT", daily(**wrong)).status == 400
    assert list(face.pms.rates.items()) == []


def shown(face: OperaFace, nights: int = 7) -> list[tuple[str, str, dict[str, float]]]:
    last = TODAY + timedelta(days=nights - 1)
    asked = {"startDate": TODAY.isoformat(), "endDate": last.isoformat(), "roomType": "GEN"}
    answer = ask(face, DAILY.replace("dailySchedules", "schedules"), **asked)
    rows = record(answer)["ratePlanScheduleList"]["ratePlanSchedule"] if answer.status == 200 else []
    details = [one["ratePlanScheduleDetail"] for one in rows]
    return [(one["start"][-2:], one["end"][-2:], one["rateAmounts"]) for one in details]


def test_a_deleted_schedule_leaves_a_night_without_rates_until_one_is_set(face: OperaFace) -> None:
    assert ask(face, DAILY, "PUT", daily()).status == 200
    span = {"startDate": "2026-11-30", "endDate": "2026-12-05", "roomType": "GEN"}
    assert ask(face, DAILY, "DELETE", monday="true", saturday="true", **span).status == 200
    one = {"onePersonRate": 1000.0}
    assert shown(face) == [("01", "04", one), ("06", "06", {"onePersonRate": 99.5})]
    assert [night.isoformat() for _, _, night in dict(face.pms.rates.items())] == ["2026-12-06"]
    assert ask(face, DAILY, "DELETE", **span).status == 200
    assert shown(face, 6) == []
    both = {"onePersonRate": 90, "twoPersonRate": 90}
    assert ask(face, DAILY, "PUT", daily(rateAmounts={"twoPersonRate": 90})).status == 200
    assert shown(face, 6) == [("05", "05", {"twoPersonRate": 90})]
    assert shown(face)[-1] == ("06", "06", both)
    face.pms.set_rate("GEN", "BAR", TODAY, Decimal(80), NOON)
    assert shown(face, 1) == [("30", "30", {"onePersonRate": 80})]


@pytest.mark.parametrize(
    "wrong",
    [
        {"startDate": "2026-12-06"},
        {"endDate": ""},
        {"roomType": "GEN,NOSUCH"},
        {"rateAmounts": "1"},
    ],
)
def test_schedules_are_deleted_all_or_none(face: OperaFace, wrong: dict[str, str]) -> None:
    span = {"startDate": "2026-11-30", "endDate": "2026-12-05", "roomType": "GEN"}
    assert ask(face, DAILY, "DELETE", **span | wrong).status == 400
    assert ask(face, DAILY.replace("BAR", "RACK"), "DELETE", **span).status == 404
    assert shown(face) == [("30", "06", {"onePersonRate": 1000.0})]


def test_schedules_are_runs_of_nights_of_equal_rate(face: OperaFace) -> None:
    for day, amount in [(1, "99"), (2, "99"), (4, "98")]:
        face.pms.set_rate("GEN", "BAR", TODAY + timedelta(days=day), Decimal(amount), NOON)
    asked = {"startDate": "2026-11-30", "endDate": "2026-12-05", "roomType": "GEN"}
    listed = record(ask(face, DAILY.replace("dailySchedules", "schedules"), **asked))["ratePlanScheduleList"]
    details = [one["ratePlanScheduleDetail"] for one in listed["ratePlanSchedule"]]
    assert [(one["start"][-2:], one["end"][-2:], one["rateAmounts"]["onePersonRate"]) for one in details] == [
        ("30", "30", 1000.0),
        ("01", "02", 99),
        ("03", "03", 1000.0),
        ("04", "04", 98),
        ("05", "05", 1000.0),
    ]


def test_inventory_is_the_least_of_the_range_unless_every_day_is_asked_for(face: OperaFace) -> None:
    booked(face, StayDates.starting(TODAY, 1))
    asked = {"dateRangeStart": "2026-11-30", "dateRangeEnd": "2026-12-01", "roomCountRequested": "1"}
    path = "/inv/v1/hotels/HOTEL1/hotelInventory"
    for daily_too, counts in [("false", [4]), ("true", [4, 5])]:
        answer = record(ask(face, path, **asked, dailyInventory=daily_too, roomTypes="GEN"))
        (kind,) = answer["hotelInventories"][0]["roomTypeInventories"]
        assert [one["availableCount"] for one in kind["inventoryCounts"]] == counts


def test_rooms_are_found_by_the_beginning_of_their_number(face: OperaFace) -> None:
    answer = record(ask(face, "/hsk/v1/hotels/HOTEL1/housekeepingOverview", roomIdText="10"))
    rooms = answer["housekeepingRoomInfo"]["housekeepingRooms"]["room"]
    assert [one["roomId"] for one in rooms] == ["101", "102", "103", "104", "105"]
