"""Mews's face refuses what Mews refuses, in Mews's form."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pms_lab.domain.pms import ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.faces.mews import MewsFace
from pms_lab.sim.pms.faces.mews.ids import (
    ADULTS,
    BASE_RATE,
    DERIVED_RATE,
    EXTRAS,
    STAY,
    TAX_CODE,
    category_id,
    guid,
)
from pms_lab.sim.pms.records import Booking
from pms_lab.sim.pms.state import Wish
from tests.contracts.harness import NOON
from tests.contracts.vendor_mews import ACCESS_TOKEN, CLIENT_TOKEN, face

TODAY = date(2026, 11, 30)
TWO_NIGHTS = StayDates.starting(TODAY, 2)
GEN = category_id("GEN")
MIDNIGHT = "2026-11-30T05:00:00Z"
UNITS = {"FirstTimeUnitStartUtc": MIDNIGHT, "LastTimeUnitStartUtc": MIDNIGHT}
TOKENS = {"ClientToken": CLIENT_TOKEN, "AccessToken": ACCESS_TOKEN, "Client": "test 1"}
LIMIT = {"Limitation": {"Count": 10}}
RESERVATIONS = "reservations/getAll/2023-06-06"


def sent(mews: MewsFace, path: str, body: bytes, method: str = "POST", kind: str = "application/json") -> HttpResponse:
    request = HttpRequest(method, f"https://api.mews.com{path}", {"Content-Type": kind}, body)
    return mews.answer(request, NOON)


def ask(mews: MewsFace, operation: str, **body: Any) -> tuple[int, Any]:
    """Ask with the right tokens; return the status and the answer."""
    record = json.dumps(TOKENS | body).encode()
    response = sent(mews, f"/api/connector/v1/{operation}", record)
    return response.status, json.loads(response.body, parse_float=Decimal)


def booked(mews: MewsFace, **fields: Any) -> Booking:
    person = mews.pms.add_guest(NOON, first_name="Ada", last_name="Byron", email="ada@example.com")
    return mews.pms.book(Wish(TWO_NIGHTS, GEN, person.id, **fields), NOON)


@pytest.mark.parametrize(
    "path",
    [
        "/api/connector/v1/configuration/get/",
        "/api/connector/v1/Configuration/get",
        "/api/connector/v1/configuration/Get",
        "/api/connector/v1/reservations/getAll",
        "/api/connector/v1/customers/addNote",
        "/api/connector/v1/accountingItems/add",
        "/connector/v1/configuration/get",
        "/",
    ],
)
def test_a_path_that_is_not_written_exactly_is_not_found(path: str) -> None:
    response = sent(face(), path, json.dumps(TOKENS).encode())
    assert response.status == 404
    assert set(json.loads(response.body)) == {"Message", "RequestId", "Details"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_known(method: str) -> None:
    body = json.dumps(TOKENS).encode()
    assert sent(face(), "/api/connector/v1/configuration/get", body, method=method).status == 404


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b'{"Client": "a",}', "application/json"),
        (b"[]", "application/json"),
        (b"[" * 100_000, "application/json"),
        (json.dumps(TOKENS).encode(), "application/x-www-form-urlencoded"),
    ],
    ids=["nothing", "half", "trailing comma", "list", "deep", "form"],
)
def test_what_is_no_json_object_is_invalid(body: bytes, kind: str) -> None:
    response = sent(face(), "/api/connector/v1/configuration/get", body, kind=kind)
    assert response.status == 400
    assert "Invalid JSON" in json.loads(response.body)["Message"]


@pytest.mark.parametrize("name", ["ClientToken", "AccessToken"])
@pytest.mark.parametrize("value", ["wrong", None, 3, ACCESS_TOKEN.lower()])
def test_a_wrong_token_is_refused_before_the_rest_is_looked_at(name: str, value: Any) -> None:
    assert ask(face(), RESERVATIONS, Nonsense=1, **{name: value})[0] == 401


def test_the_name_of_the_client_is_wanted() -> None:
    assert ask(face(), "configuration/get", Client="")[0] == 400


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        (RESERVATIONS, {}),
        (RESERVATIONS, {"Limitation": {"Count": 0}}),
        (RESERVATIONS, {"Limitation": {"Count": 1001}}),
        (RESERVATIONS, {"Limitation": {"Count": "10"}}),
        (RESERVATIONS, {"Limitation": {"Count": 10, "Cursor": guid("nobody")}}),
        (RESERVATIONS, LIMIT | {"Extent": {"Reservations": True}}),
        (RESERVATIONS, LIMIT | {"StartUtc": MIDNIGHT}),
        (RESERVATIONS, LIMIT | {"ReservationIds": ["1"]}),
        (RESERVATIONS, LIMIT | {"UpdatedUtc": {"StartUtc": "2026-01-01T00:00:00Z", "EndUtc": "2026-06-01T00:00:00Z"}}),
        (RESERVATIONS, LIMIT | {"UpdatedUtc": {"StartUtc": "2026-01-01T00:00:00", "EndUtc": "2026-01-02T00:00:00"}}),
        (RESERVATIONS, LIMIT | {"UpdatedUtc": {"StartUtc": "2026-01-01T00:00:00Z"}}),
        ("customers/getAll", LIMIT | {"Extent": {"Customers": True}}),
        ("customers/getAll", LIMIT | {"Emails": ["a@b.c"]}),
        ("customers/getAll", LIMIT | {"Extent": {"Customers": True}, "Phones": ["1"]}),
        ("resources/getAll", LIMIT),
        ("rates/getPricing", {"RateId": guid("rate", "none"), **UNITS}),
        ("rates/getPricing", {"RateId": BASE_RATE, **UNITS, "LastTimeUnitStartUtc": "2026-11-29T05:00:00Z"}),
        ("rates/getPricing", {"RateId": BASE_RATE, **UNITS, "LastTimeUnitStartUtc": "2026-12-01T00:00:00Z"}),
        ("rates/getPricing", {"RateId": BASE_RATE, **UNITS, "LastTimeUnitStartUtc": "2027-12-31T05:00:00Z"}),
        ("services/getAvailability", {"ServiceId": EXTRAS, **UNITS}),
        ("services/getAvailability/2024-01-22", {"ServiceId": STAY, **UNITS, "Metrics": ["Rooms"]}),
        ("reservations/cancel", {"ReservationIds": [guid("booking", 1)]}),
        ("reservations/updateInterval", {"ReservationId": guid("booking", 1), "EndUtc": MIDNIGHT}),
        ("customers/add", {"LastName": "Byron"}),
    ],
)
def test_a_request_that_mews_refuses_is_invalid(operation: str, body: dict[str, Any]) -> None:
    status, answer = ask(face(), operation, **body)
    assert (status, answer["Message"][:7]) == (400, "Invalid")


def test_a_page_has_the_id_of_its_last_row_as_cursor_also_when_it_is_the_last() -> None:
    mews = face()
    made = [booked(mews).id for _ in range(3)]
    first = ask(mews, RESERVATIONS, Limitation={"Count": 2})[1]
    assert [row["Id"] for row in first["Reservations"]] == [made[2], made[1]]
    last = ask(mews, RESERVATIONS, Limitation={"Count": 2, "Cursor": first["Cursor"]})[1]
    assert ([row["Id"] for row in last["Reservations"]], last["Cursor"]) == ([made[0]], made[0])
    beyond = ask(mews, RESERVATIONS, Limitation={"Count": 2, "Cursor": last["Cursor"]})[1]
    assert (beyond["Reservations"], beyond["Cursor"]) == ([], None)


@pytest.mark.parametrize(("includes_ends", "count"), [(True, 1), (False, 0)])
def test_intervals_hold_their_end_or_not(includes_ends: bool, count: int) -> None:
    mews = face(includes_ends=includes_ends)
    booked(mews)
    until = {"StartUtc": MIDNIGHT, "EndUtc": "2026-11-30T20:00:00Z"}
    assert len(ask(mews, RESERVATIONS, ScheduledStartUtc=until, **LIMIT)[1]["Reservations"]) == count


def test_an_interval_of_one_moment_holds_that_moment() -> None:
    mews = face(includes_ends=False)
    booked(mews)
    moment = {"StartUtc": "2026-11-30T20:00:00Z", "EndUtc": "2026-11-30T20:00:00Z"}
    assert len(ask(mews, RESERVATIONS, ScheduledStartUtc=moment, **LIMIT)[1]["Reservations"]) == 1


def test_readers_are_shown_the_replica_and_writers_the_truth() -> None:
    mews = face(lag=timedelta(seconds=5))
    booking = booked(mews)
    assert ask(mews, RESERVATIONS, **LIMIT)[1]["Reservations"] == []
    assert ask(mews, "reservations/start", ReservationId=booking.id)[0] == 200


def test_one_request_too_many_is_told_when_to_come_again() -> None:
    response = face().throttled(2.1)
    assert (response.status, response.headers["retry-after"]) == (429, "3")


def test_amounts_are_shown_gross_and_net() -> None:
    assert amount_of("gross") == (Decimal("909.09"), Decimal("1000.00"))
    assert amount_of("net") == (Decimal("1000.00"), Decimal("1100.00"))


def amount_of(pricing: Any) -> tuple[Decimal, Decimal]:
    told = ask(face(pricing=pricing), "rates/getPricing", RateId=BASE_RATE, **UNITS)[1]
    price = told["CategoryPrices"][0]["AmountPrices"][0]
    return price["NetValue"], price["GrossValue"]


@pytest.mark.parametrize(
    "amount",
    [
        {"Currency": "USD", "NetValue": 1, "TaxCodes": [TAX_CODE]},
        {"Currency": "USD", "GrossValue": 1, "NetValue": 1, "TaxCodes": [TAX_CODE]},
        {"Currency": "EUR", "GrossValue": 1, "TaxCodes": [TAX_CODE]},
        {"Currency": "USD", "GrossValue": "1", "TaxCodes": [TAX_CODE]},
        {"Currency": "USD", "GrossValue": 1, "TaxCodes": []},
        {"Currency": "USD", "GrossValue": 1},
    ],
    ids=["net", "both", "currency", "text", "no tax", "no taxes"],
)
def test_an_amount_in_another_form_is_refused_and_nothing_is_posted(amount: dict[str, Any]) -> None:
    mews = face()
    booking = booked(mews)
    order = {"ServiceId": EXTRAS, "AccountId": booking.guest, "LinkedReservationId": booking.id}
    item = {"Name": "Minibar", "UnitCount": 1, "UnitAmount": amount}
    assert ask(mews, "orders/add", **order, Items=[item])[0] == 400
    assert list(mews.pms.postings.values()) == []


def test_prices_are_checked_wholly_before_any_is_set() -> None:
    mews = face()
    good = {"CategoryId": GEN, "Value": 1100.5, **UNITS}
    for wrong, status in (({"CategoryId": guid("stranger")}, 400), (old_units(8), 403), ({"Value": "1"}, 400)):
        assert ask(mews, "rates/updatePrice", RateId=BASE_RATE, PriceUpdates=[good, good | wrong])[0] == status
    assert ask(mews, "rates/updatePrice", RateId=BASE_RATE, PriceUpdates=[good] * 1001)[0] == 400
    assert ask(mews, "rates/updatePrice", RateId=DERIVED_RATE, PriceUpdates=[good])[0] == 403
    assert list(mews.pms.rates.items()) == []
    assert ask(mews, "rates/updatePrice", RateId=BASE_RATE, PriceUpdates=[good | old_units(7), good]) == (200, {})
    assert mews.pms.rate(GEN, TODAY) == Decimal("1100.5")


def old_units(days: int) -> dict[str, str]:
    return dict.fromkeys(UNITS, f"{TODAY - timedelta(days=days)}T05:00:00Z")


def test_rates_are_listed_with_their_base_rate() -> None:
    mews = face()
    asked = {"ServiceIds": [STAY], **LIMIT}
    told = ask(mews, "rates/getAll", **asked)[1]["Rates"]
    assert {row["Id"]: row["BaseRateId"] for row in told} == {BASE_RATE: None, DERIVED_RATE: BASE_RATE}
    extent = {"AvailabilityBlockAssignments": False}
    for more, ids in (
        ({"RateIds": [DERIVED_RATE]}, [DERIVED_RATE]),
        ({"Extent": extent | {"Rates": True}}, [BASE_RATE, DERIVED_RATE]),
        ({"Extent": extent}, []),
        ({"ServiceIds": [EXTRAS]}, []),
    ):
        assert [row["Id"] for row in ask(mews, "rates/getAll", **asked | more)[1]["Rates"]] == ids
    for wrong in ({"ServiceIds": None}, {"Extent": {"Rates": True}}, {"RateIds": ["BAR"]}):
        assert ask(mews, "rates/getAll", **asked | wrong)[0] == 400


def test_a_price_without_a_value_goes_back_to_the_rates_own() -> None:
    mews = face()
    mews.pms.set_rate(GEN, BASE_RATE, TODAY, Decimal(1), NOON)
    ask(mews, "rates/updatePrice", RateId=BASE_RATE, PriceUpdates=[{"CategoryId": GEN, **UNITS}])
    assert mews.pms.rate(GEN, TODAY) == Decimal("1000.00")


def test_a_later_adjustment_takes_the_place_of_the_earlier_and_an_empty_one_removes_it() -> None:
    mews = face()
    for value, left in (({"Value": -2}, 3), ({"Value": -3}, 2), ({}, 5)):
        update = {"ResourceCategoryId": GEN, "UnitCountAdjustment": value, **UNITS}
        assert ask(mews, "services/updateAvailability", ServiceId=STAY, AvailabilityUpdates=[update])[0] == 200
        assert mews.pms.available(GEN, TODAY) == left


def test_an_address_belongs_to_one_guest() -> None:
    mews = face()
    booking = booked(mews)
    other = mews.pms.add_guest(NOON, first_name="Charles", last_name="Babbage")
    new = {"LastName": "Babbage", "Email": "ada@example.com"}
    assert ask(mews, "customers/add", OverwriteExisting=False, **new)[0] == 403
    assert ask(mews, "customers/update", CustomerId=other.id, Email="ada@example.com")[0] == 403
    assert ask(mews, "customers/add", OverwriteExisting=True, **new)[1]["Id"] == booking.guest
    assert mews.pms.guest(booking.guest).last_name == "Babbage"


def test_a_field_that_is_sent_empty_stays_as_it_is() -> None:
    mews = face()
    booking = booked(mews)
    ask(mews, "customers/update", CustomerId=booking.guest, FirstName="", LastName=None, Phone="1")
    assert mews.pms.guest(booking.guest).first_name == "Ada"


@pytest.mark.parametrize(
    ("status", "operation", "body"),
    [
        (ReservationStatus.CANCELLED, "start", {}),
        (ReservationStatus.IN_HOUSE, "start", {}),
        (ReservationStatus.CONFIRMED, "process", {"AllowOpenBalance": True, "Notes": "late"}),
        (ReservationStatus.IN_HOUSE, "process", {}),
        (ReservationStatus.CHECKED_OUT, "updateInterval", {"ChargeCancellationFee": False, "EndUtc": MIDNIGHT}),
    ],
)
def test_a_step_that_the_hotel_does_not_allow_is_forbidden(
    status: ReservationStatus, operation: str, body: dict[str, Any]
) -> None:
    mews = face()
    booking = booked(mews)
    mews.pms.change_booking(booking.id, NOON, status=status)
    assert ask(mews, f"reservations/{operation}", ReservationId=booking.id, **body)[0] == 403
    assert mews.pms.booking(booking.id).status is status


def test_an_open_balance_at_the_check_out_wants_a_note() -> None:
    mews = face()
    booking = booked(mews)
    mews.pms.set_status(booking.id, ReservationStatus.IN_HOUSE, NOON)
    assert ask(mews, "reservations/process", ReservationId=booking.id, AllowOpenBalance=True)[0] == 400


@pytest.mark.parametrize("status", [ReservationStatus.CONFIRMED, ReservationStatus.WAITLISTED])
def test_only_optional_reservations_are_confirmed(status: ReservationStatus) -> None:
    mews = face()
    booking = booked(mews, status=status)
    assert ask(mews, "reservations/confirm", ReservationIds=[booking.id])[0] == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"RateId": guid("none")},
        {"RequestedCategoryId": guid("none")},
        {"CustomerId": guid("none")},
        {"EndUtc": "2026-11-30T16:00:00Z"},
        {"PersonCounts": []},
        {"PersonCounts": [{"AgeCategoryId": ADULTS, "Count": 0}]},
        {"PersonCounts": [{"AgeCategoryId": guid("none"), "Count": 1}]},
        {"State": "Started"},
    ],
)
def test_a_booking_that_makes_no_sense_is_invalid(wrong: dict[str, Any]) -> None:
    mews = face()
    known = booked(mews)
    wish = {
        "CustomerId": known.guest,
        "RequestedCategoryId": GEN,
        "RateId": BASE_RATE,
        "StartUtc": "2026-11-30T20:00:00Z",
        "EndUtc": "2026-12-02T16:00:00Z",
        "PersonCounts": [{"AgeCategoryId": ADULTS, "Count": 1}],
    }
    assert ask(mews, "reservations/add", ServiceId=STAY, Reservations=[wish | wrong])[0] == 400
    assert ask(mews, "reservations/add", ServiceId=STAY, Reservations=[wish])[0] == 200
