"""What is read of OPERA Cloud, and how we prove who we are."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from pms_lab.adapters.opera import OperaCredentials, OperaPms
from pms_lab.domain.outcome import Why
from pms_lab.domain.pms import GuestQuery, PmsId, Preference, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    AddNote,
)
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import AuthRefused, BadAnswer, PmsRefused
from pms_lab.sim.pms.faces.opera import CLIENT_SECRET
from pms_lab.sim.pms.records import Booking
from tests.adapters.opera_bench import (
    TODAY,
    TYPE,
    booked,
    face_of,
    guest_of,
    ref,
    refused,
    rewritten,
    sent,
    with_credentials,
)
from tests.contracts.harness import NOON, Bench, Vendor, bench, collected, now
from tests.contracts.vendor_opera import CREDENTIALS, PLACE, VENDOR


@pytest.fixture
def it() -> Bench:
    return bench(VENDOR)


def test_one_token_serves_many_calls_and_is_renewed_at_five_sixths_of_its_life(it: Bench) -> None:
    for elapsed_s, tokens in [(0, 1), (2999, 1), (3001, 2), (5999, 2), (6002, 3)]:
        it.flow.elapsed_s = elapsed_s
        now(it.pms.connect())
        assert len(sent(it, "/oauth/v1/tokens")) == tokens, elapsed_s


def test_a_token_that_is_refused_is_replaced_once_and_the_call_made_again(it: Bench) -> None:
    now(it.pms.connect())
    face_of(it).tokens.clear()
    assert now(it.pms.get_reservation(ref(booked(it)))) is not None
    assert len(sent(it, "/oauth/v1/tokens")) == 2
    assert [answer.status for answer in it.http.answered[-3:]] == [401, 200, 200]


def test_after_a_disconnect_a_new_token_is_fetched(it: Bench) -> None:
    for _ in range(2):
        now(it.pms.connect())
        now(it.pms.disconnect())
    assert len(sent(it, "/oauth/v1/tokens")) == 2


def test_every_call_proves_who_we_are_and_for_which_hotel(it: Bench) -> None:
    now(it.pms.get_reservation(ref(booked(it))))
    headers = it.http.sent[-1].headers
    assert headers["authorization"] == "Bearer token-1"
    assert headers["x-hotelid"] == "HOTEL1"
    assert headers["content-type"] == "application/json;charset=UTF-8"


@pytest.mark.parametrize(("enterprise", "header"), [(None, None), ("ACME", "ACME")])
def test_an_enterprise_is_named_where_there_is_one(enterprise: str | None, header: str | None) -> None:
    it = with_credentials(enterprise_id=enterprise)
    now(it.pms.connect())
    assert it.http.sent[0].headers.get("enterpriseId") == header


@pytest.mark.parametrize("answer", [HttpResponse(500), HttpResponse(200, {}, b"<html>"), HttpResponse(503)])
def test_without_a_token_a_write_is_not_sent_and_not_in_doubt(it: Bench, answer: HttpResponse) -> None:
    it.http.tamper = lambda request, response: answer if "/oauth/" in request.url else response
    outcome = refused(it.pms.add_reservation_note(AddNote("n1", ref(booked(it)), "Needs a cot")))
    assert outcome.why is Why.NOT_SENT


def test_wrong_credentials_are_refused_and_their_secret_is_never_shown() -> None:
    it = with_credentials(client_secret=SecretStr("a-wrong-secret"))
    with pytest.raises(AuthRefused) as caught:
        now(it.pms.connect())
    shown = f"{caught.value!r} {caught.value} {CREDENTIALS!r} {it.http.sent!r} {now(it.pms.health_check())}"
    assert "a-wrong-secret" not in shown
    assert CLIENT_SECRET not in shown


def test_connecting_fails_for_a_rate_plan_that_the_hotel_does_not_have() -> None:
    place = replace(PLACE, rate_plan="NOSUCH")
    it = bench(Vendor("opera", VENDOR.face, lambda link: OperaPms(place, CREDENTIALS, link)))
    with pytest.raises(PmsRefused, match="NOSUCH"):
        now(it.pms.connect())


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("DueIn", ReservationStatus.CONFIRMED),
        ("DueOut", ReservationStatus.IN_HOUSE),
        ("Walkin", ReservationStatus.IN_HOUSE),
        ("PendingCheckout", ReservationStatus.IN_HOUSE),
        ("Waitlisted", ReservationStatus.WAITLISTED),
    ],
)
def test_every_word_of_operas_for_a_status_has_its_meaning(it: Bench, word: str, status: ReservationStatus) -> None:
    booking = booked(it)
    rewritten(it, b'"Reserved"', f'"{word}"'.encode())
    reservation = now(it.pms.get_reservation(ref(booking)))
    assert reservation is not None
    assert reservation.status is status


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"Reserved"', b'"Prospect"'), (b'"Clean"', b'"Spotless"'), (b'"Vacant"', b'"Haunted"')],
)
def test_an_unknown_word_is_an_error_and_not_a_guess(it: Bench, old: bytes, new: bytes) -> None:
    booking = booked(it)
    rewritten(it, old, new)
    reads = [it.pms.get_reservation(ref(booking)), it.pms.get_room_status("101")]
    failed = [now(failure_of(read)) for read in reads]
    assert new.decode() in "".join(map(str, failed)).replace("'", '"')


async def failure_of(read: Awaitable[Any]) -> BadAnswer | None:
    try:
        await read
    except BadAnswer as error:
        return error
    return None


@pytest.mark.parametrize("status", [204, 404])
def test_no_content_and_not_found_are_both_none(it: Bench, status: int) -> None:
    now(it.pms.connect())
    booking = booked(it)
    it.http.tamper = lambda request, response: HttpResponse(status)
    assert now(it.pms.get_reservation(ref(booking))) is None
    assert now(it.pms.get_guest(PmsId("opera", booking.guest))) is None
    assert now(it.pms.get_balance(ref(booking))) is None


def test_a_list_with_nothing_on_it_is_no_content(it: Bench) -> None:
    assert now(collected(it.pms.get_arrivals(TODAY))) == []
    assert it.http.answered[-1].status == 204


def test_both_ends_of_a_day_are_named(it: Bench) -> None:
    now(collected(it.pms.get_arrivals(TODAY)))
    assert "arrivalStartDate=2026-11-30&arrivalEndDate=2026-11-30" in it.http.sent[-1].url
    now(collected(it.pms.get_departures(TODAY)))
    assert "departureStartDate=2026-11-30&departureEndDate=2026-11-30" in it.http.sent[-1].url


def test_a_stay_for_the_day_only_is_left_out_of_lists_and_an_error_alone(it: Bench) -> None:
    day_use, other = booked(it), booked(it)
    number = day_use.id.encode()
    old = b'"id":"' + number + b'","type":"Reservation"'

    def same_day(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        first, found, rest = response.body.partition(old)
        return replace(response, body=first + found + rest.replace(b"2026-12-02", b"2026-11-30", 1))

    it.http.tamper = same_day
    assert [one.id for one in now(collected(it.pms.get_arrivals(TODAY)))] == [ref(other)]
    with pytest.raises(BadAnswer, match="night"):
        now(it.pms.get_reservation(ref(day_use)))


def test_a_page_that_promises_more_and_shows_nothing_does_not_go_on_for_ever(it: Bench) -> None:
    now(it.pms.connect())
    empty = {"reservations": {"reservationInfo": [], "hasMore": True}}
    it.http.tamper = lambda request, response: HttpResponse(200, TYPE, json.dumps(empty).encode())
    with pytest.raises(BadAnswer, match="empty page"):
        now(collected(it.pms.get_in_house()))


def test_all_that_is_known_of_a_guest_is_read(it: Bench) -> None:
    person = guest_of(
        it,
        language="E",
        loyalty_number="BEL77",
        preferences=(Preference("FLOOR", "HIGH"),),
        notes="Likes tea",
    )
    guest = now(it.pms.get_guest(ref(person)))
    assert guest is not None
    assert (guest.language, guest.loyalty_number, guest.notes) == ("E", "BEL77", "Likes tea")
    assert guest.preferences == (Preference("FLOOR", "HIGH"),)
    assert guest.updated_at == NOON - timedelta(days=2)


def test_times_are_read_by_the_hotels_clock(it: Bench) -> None:
    booking = booked(it)
    it.face.pms.change_booking(booking.id, NOON, checkout_at=datetime(2026, 12, 2, 18, 30, tzinfo=UTC))
    assert b"2026-12-02 13:30:00.0" in now_body(it, booking)
    reservation = now(it.pms.get_reservation(ref(booking)))
    assert reservation is not None
    assert reservation.checkout_at == datetime(2026, 12, 2, 18, 30, tzinfo=UTC)


def now_body(it: Bench, booking: Booking) -> bytes:
    now(it.pms.get_reservation(ref(booking)))
    return it.http.answered[-1].body


@pytest.mark.parametrize("name", ["Ada", "BYRON", "Ada Byron", "ada  byron"])
def test_a_guest_is_found_by_given_name_family_name_or_both(it: Bench, name: str) -> None:
    ada = guest_of(it)
    guest_of(it, first_name="Charles", last_name="Babbage")
    assert [one.id for one in now(collected(it.pms.search_guests(GuestQuery(name=name))))] == [ref(ada)]


def test_a_family_name_of_two_words_is_found_with_and_without_the_given_name(it: Bench) -> None:
    maria = guest_of(it, first_name="Maria", last_name="Garcia Lopez")
    for name in ("Garcia Lopez", "Maria Garcia Lopez"):
        assert [one.id for one in now(collected(it.pms.search_guests(GuestQuery(name=name))))] == [ref(maria)]


@pytest.mark.parametrize("query", [GuestQuery(name="  "), GuestQuery(phone="n/a"), GuestQuery("Byron", phone="n/a")])
def test_a_search_for_nothing_finds_nobody(it: Bench, query: GuestQuery) -> None:
    guest_of(it, phone=None)
    assert now(collected(it.pms.search_guests(query))) == []


def test_a_room_is_found_by_its_whole_number_though_opera_searches_by_parts(it: Bench) -> None:
    assert now(it.pms.get_room_status("10")) is None
    room = now(it.pms.get_room_status("101"))
    assert room is not None
    assert (room.id, room.number, room.occupied) == (PmsId("opera", "101"), "101", False)


def test_availability_of_many_nights_is_asked_ninety_at_a_time(it: Bench) -> None:
    told = now(it.pms.get_availability(StayDates.starting(TODAY, 200), ["LUX", "GEN"]))
    assert len(sent(it, "hotelInventory")) == 3
    assert [(one.product, one.night) for one in told] == [
        (product, TODAY + timedelta(days=day)) for product in ("GEN", "LUX") for day in range(200)
    ]


def test_rates_of_many_nights_are_asked_a_year_at_a_time(it: Bench) -> None:
    rates = now(it.pms.get_rates(StayDates.starting(TODAY, 400), ["GEN"]))
    assert len(rates) == 400
    assert len(sent(it, "/schedules")) == 2


def schedules(*details: dict[str, Any]) -> HttpResponse:
    rows = [{"ratePlanScheduleDetail": detail} for detail in details]
    return HttpResponse(200, TYPE, json.dumps({"ratePlanScheduleList": {"ratePlanSchedule": rows}}).encode())


def schedule(amount: float, **fields: Any) -> dict[str, Any]:
    known = {"start": "2026-11-30", "end": "2026-12-06", "roomTypeList": ["GEN"]}
    return {**known, "rateAmounts": {"onePersonRate": amount, "twoPersonRate": amount + 20}, **fields}


def rates_told(it: Bench, *details: dict[str, Any]) -> dict[date | None, Decimal]:
    now(it.pms.connect())
    it.http.tamper = lambda request, response: schedules(*details) if "/schedules" in request.url else response
    rates = now(it.pms.get_rates(StayDates.starting(TODAY, 7), ["GEN"]))
    return {cell.stay_date: rate.amount for cell, rate in rates.items()}


def test_a_schedule_holds_on_its_days_of_the_week_and_on_all_when_it_names_none(it: Bench) -> None:
    assert len(rates_told(it, schedule(99.5))) == 7
    week_end = rates_told(it, schedule(120, saturday=True, sunday=True, monday=False))
    assert week_end == {date(2026, 12, 5): Decimal(120), date(2026, 12, 6): Decimal(120)}


def test_a_night_with_two_rates_is_an_error_and_not_a_choice(it: Bench) -> None:
    assert len(rates_told(it, schedule(100), schedule(100.0))) == 7
    with pytest.raises(BadAnswer, match="two rates"):
        rates_told(it, schedule(100), schedule(110))


def test_the_rate_for_the_persons_of_the_settings_is_read() -> None:
    it = with_credentials(persons=2)
    assert rates_told(it, schedule(100))[TODAY] == Decimal(120)
    with pytest.raises(ValueError, match="less than or equal to 5"):
        OperaCredentials(**{**CREDENTIALS.model_dump(), "persons": 6})
