"""What is said to OPERA, and by its face, held against Oracle's own descriptions (see tests/fixtures/opera)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from pms_lab.domain.outcome import Applied
from pms_lab.domain.pms import GuestQuery, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import SetStatus, UpdateRates
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.faces.opera import APP_KEY, OperaFace, opera_pms
from tests.adapters.official import Witnessed
from tests.contracts.harness import NOON, Bench, bench, collected, now
from tests.contracts.test_pms_adapter import booked, perform, ref, sheet, writes_of
from tests.contracts.vendor_opera import FIXTURES, OFFICIAL, VENDOR

TODAY = date(2026, 11, 30)
TYPE = "application/json;charset=UTF-8"
HEADERS = {"authorization": "Bearer t", "x-app-key": APP_KEY, "x-hotelid": "HOTEL1", "content-type": TYPE}
RESERVATIONS = "/rsv/v1/hotels/HOTEL1/reservations"


def request(
    path: str = RESERVATIONS,
    method: str = "GET",
    body: object = None,
    headers: Mapping[str, str] = HEADERS,
) -> HttpRequest:
    sent = b"" if body is None else json.dumps(body).encode()
    return HttpRequest(method, f"http://127.0.0.1:8080{path}", headers, sent)


def answered(body: object, status: int = 200, kind: str = TYPE) -> HttpResponse:
    return HttpResponse(status, {"content-type": kind}, json.dumps(body).encode())


def use_everything(it: Bench) -> None:
    """Do all that the port offers, once at least."""
    now(it.pms.connect())
    for write in writes_of(it):
        assert isinstance(perform(it, write), Applied), write
    booking = booked(it)
    for status in (ReservationStatus.IN_HOUSE, ReservationStatus.CHECKED_OUT):
        now(it.pms.set_reservation_status(SetStatus("s", ref(it, booking.id), status)))
    rates = UpdateRates("r", sheet(it, {TODAY: "1100.37"}))
    assert set(now(it.pms.update_rates(rates)).values()) == {Applied(None)}
    for one in [*writes_of(it), rates]:
        now(it.pms.reconcile(one, NOON))
    now(collected(it.pms.search_guests(GuestQuery("Byron", "ada@example.com", "+15550100"))))
    for day in (it.pms.get_arrivals(TODAY), it.pms.get_departures(TODAY), it.pms.get_in_house()):
        now(collected(day))
    now(it.pms.get_balance(ref(it, booking.id)))
    now(it.pms.get_room_status("101"))
    now(collected(it.pms.get_all_room_statuses()))
    now(it.pms.get_availability(StayDates.starting(TODAY, 200), ["GEN", "DLX"]))
    now(it.pms.changes_since(None))


def test_every_operation_of_the_descriptions_is_used_as_they_say() -> None:
    it = bench(VENDOR)
    use_everything(it)
    assert isinstance(it.face, Witnessed)
    assert it.face.seen == {operation.name for operation in OFFICIAL.operations}


def test_a_request_as_described_has_no_faults() -> None:
    assert (
        OFFICIAL.request_faults(request(f"{RESERVATIONS}?limit=20&arrivalStartDate=2026-11-30&searchType=InHouse"))
        == []
    )


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (request("/par/v1/hotels/HOTEL1/profiles/1"), "no operation"),
        (request("/csh/v1/hotels/HOTEL1/postings", "POST", {}), "no operation"),
        (request(RESERVATIONS, "DELETE"), "no operation"),
        (request(f"{RESERVATIONS}?arrivalDate=2026-11-30"), "query arrivalDate is not declared"),
        (request(f"{RESERVATIONS}?searchType=Arriving"), "'Arriving' is not one of"),
        (request(f"{RESERVATIONS}?reservationStatuses=Reserved"), "'Reserved' is not one of"),
        (request(f"{RESERVATIONS}?arrivalStartDate=20261130"), "is not a 'date'"),
        (request(f"{RESERVATIONS}?limit=many"), "is not of type 'integer'"),
        (request(f"{RESERVATIONS}?limit=1&limit=2"), "limit comes 2 times"),
        (request("/inv/v1/hotels/HOTEL1/hotelInventory?dateRangeStart=2026-11-30"), "dateRangeEnd is missing"),
        (request("/int/v1/externalSystem/X/hotels/H/businessEvents?limit=21"), "21 is greater than the maximum of 20"),
        (request(headers={**HEADERS, "x-guess": "1"}), "header x-guess is not declared"),
        (request(f"{RESERVATIONS}/1", "PUT", {}, {**HEADERS, "content-type": "application/json"}), "content type"),
        (request(f"{RESERVATIONS}/1", "PUT", {"reservations": {"reservation": []}}), "is not of type 'array'"),
        (request(f"{RESERVATIONS}/1", "PUT", {"reservations": [{"note": "x"}]}), "'note' was unexpected"),
        (request(RESERVATIONS, body={"searchType": "InHouse"}), "it takes no body"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_planted_fault_of_a_request_is_found(wrong: HttpRequest, fault: str) -> None:
    faults = OFFICIAL.request_faults(wrong)
    assert any(fault in one for one in faults), faults


@pytest.mark.parametrize("name", ["authorization", "x-app-key", "x-hotelid"])
def test_a_missing_header_is_found(name: str) -> None:
    faults = OFFICIAL.request_faults(request(headers={key: value for key, value in HEADERS.items() if key != name}))
    assert faults == [f"getHotelReservations: header {name} is missing"]


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        (b"grant_type=client_credentials&scope=s", None),
        (b"grant_type=magic", "'magic' is not one of"),
        (b"scope=s", "'grant_type' is a required property"),
        (b"grant_type=client_credentials&clientId=x", "'clientId' was unexpected"),
    ],
)
def test_the_form_for_a_token_is_checked_too(form: bytes, fault: str | None) -> None:
    headers = {
        "authorization": "Basic eDp5",
        "x-app-key": APP_KEY,
        "content-type": "application/x-www-form-urlencoded",
    }
    faults = OFFICIAL.request_faults(HttpRequest("POST", "http://127.0.0.1/oauth/v1/tokens", headers, form))
    assert (faults == []) if fault is None else any(fault in one for one in faults), faults


def stay(**fields: Any) -> dict[str, Any]:
    return {"reservations": {"reservation": [{"roomStay": {"arrivalDate": "2026-11-30", **fields}}]}}


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (answered(stay(departureDate="2026-12-02")), None),
        (HttpResponse(204), None),
        (HttpResponse(429), None),
        (answered({"type": "t", "title": "no"}, 400), None),
        (answered({"title": "no"}, 400), "'type' is a required property"),
        (answered(stay(checkOut="2026-12-02")), "'checkOut' was unexpected"),
        (answered(stay(departureDate="2026-12-02T00:00:00Z")), "is not a 'date'"),
        (answered({"reservations": {"reservation": [{"reservationStatus": "Confirmed"}]}}), "is not one of"),
        (answered(stay(), kind="text/html"), "content type"),
        (HttpResponse(200, {"content-type": TYPE}, b"{"), "no JSON"),
        (answered({}, 418), "status 418 is not declared"),
        (answered({}, 401), "status 401 has no body"),
    ],
)
def test_a_planted_fault_of_an_answer_is_found(answer: HttpResponse, fault: str | None) -> None:
    faults = OFFICIAL.answer_faults(request(f"{RESERVATIONS}/1"), answer)
    assert (faults == []) if fault is None else any(fault in one for one in faults), faults


def test_times_without_an_offset_are_allowed_since_oracle_writes_them() -> None:
    for text, is_right in [("2021-07-08 10:50:04.0", True), ("2021-07-08T10:50:04Z", True), ("2021-07-08", False)]:
        times = {"reservationExpectedDepartureTime": text}
        faults = OFFICIAL.answer_faults(request(f"{RESERVATIONS}/1"), answered(stay(expectedTimes=times)))
        assert (faults == []) is is_right, text


def test_the_contract_stops_at_a_request_that_oracle_does_not_describe() -> None:
    it = bench(VENDOR)
    with pytest.raises(AssertionError, match="arrivalDate is not declared"):
        it.face.answer(request(f"{RESERVATIONS}?arrivalDate=2026-11-30"), NOON)


def test_no_date_is_held_to_eight_characters() -> None:
    for path in FIXTURES.glob("*.json"):
        forms = json.loads(path.read_text(), object_hook=lambda form: [form, *form.values()])
        assert not [form for form in flattened(forms) if form.get("format") == "date" and "maxLength" in form], path


def flattened(record: Any) -> list[dict[str, Any]]:
    if isinstance(record, list):
        return [form for one in record for form in flattened(one)]
    return [record] if isinstance(record, dict) else []


@pytest.mark.parametrize(
    "asked",
    [
        request("/crm/v1/profiles/9/preferences", "POST", {"preferenceCollections": []}),
        request(f"{RESERVATIONS}?arrivalStartDate=2026-12-02&arrivalEndDate=2026-12-01"),
        request(f"{RESERVATIONS}/9", "PUT", {"reservations": [{"hotelId": "HOTEL1"}]}),
        request(f"{RESERVATIONS}/9/cancellations", "POST", {}),
        request("/csh/v1/hotels/HOTEL1/reservations/9/charges", "POST", {"criteria": {}}),
        request("/rtp/v1/hotels/HOTEL1/ratePlans/NOSUCH/dailySchedules", "PUT", {}),
        request(RESERVATIONS, headers={**HEADERS, "authorization": "Bearer wrong"}),
        request(RESERVATIONS, headers={**HEADERS, "x-hotelid": "OTHER"}),
    ],
)
def test_the_errors_of_the_face_have_oracles_form(asked: HttpRequest) -> None:
    face = OperaFace(opera_pms())
    face.tokens["t"] = NOON.replace(year=2027)
    answer = face.answer(asked, NOON)
    assert answer.status >= 400
    assert OFFICIAL.answer_faults(asked, answer) == []


def test_an_amount_is_sent_with_just_its_digits() -> None:
    it = bench(VENDOR)
    now(it.pms.update_rates(UpdateRates("r", sheet(it, {TODAY: "1100.10"}))))
    assert b'"onePersonRate":1100.10' in it.http.sent[-1].body
