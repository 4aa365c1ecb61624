"""What is written to OPERA Cloud."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pms_lab.adapters.opera import OperaPms
from pms_lab.adapters.opera.bodies import new_reservation
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Refused, Unknown, Why
from pms_lab.domain.pms import PmsId, Preference, ReservationStatus
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    AddNote,
    AddPreferences,
    CancelReservation,
    ModifyDates,
    PostCharge,
    SetSpecialRequests,
    SetStatus,
    UpdateCheckoutTime,
    UpdateGuest,
    UpdateRates,
)
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import InputError, Unanswered
from tests.adapters.opera_bench import (
    TODAY,
    body_of,
    booked,
    cell,
    creation,
    done,
    guest_of,
    published,
    ref,
    refused,
    sent,
)
from tests.contracts.harness import NOON, Bench, Vendor, bench, now
from tests.contracts.vendor_opera import CREDENTIALS, PLACE, VENDOR


@pytest.fixture
def it() -> Bench:
    return bench(VENDOR)


def test_a_note_is_added_without_touching_those_that_are_there(it: Bench) -> None:
    booking = booked(it, notes=("Arrives late",))
    done(it.pms.add_reservation_note(AddNote("n1", ref(booking), "Needs a cot")))
    (change,) = body_of(it.http.sent[-1])["reservations"]
    assert list(change) == ["comments"]
    (comment,) = change["comments"]
    assert "id" not in comment
    assert (comment["comment"]["commentTitle"], comment["comment"]["text"]["value"]) == ("n1", "Needs a cot")
    assert it.face.pms.booking(booking.id).notes == ("Arrives late", "Needs a cot")


def test_special_requests_are_changed_by_their_id_and_cleared_by_an_empty_comment(it: Bench) -> None:
    booking = booked(it, special_requests="Late arrival", notes=("Arrives late",))
    done(it.pms.set_special_requests(SetSpecialRequests("s1", ref(booking), "Quiet room")))
    done(it.pms.set_special_requests(SetSpecialRequests("s2", ref(booking), "")))
    changed, cleared = (body_of(one)["reservations"][0]["comments"][0] for one in it.http.sent if one.method == "PUT")
    assert changed["id"] == cleared["id"]
    assert cleared["comment"] == {}
    assert it.face.pms.booking(booking.id).special_requests is None
    assert it.face.pms.booking(booking.id).notes == ("Arrives late",)


def test_clearing_special_requests_that_are_not_there_sends_nothing(it: Bench) -> None:
    done(it.pms.set_special_requests(SetSpecialRequests("s1", ref(booked(it)), "")))
    assert not [one for one in it.http.sent if one.method == "PUT"]


def test_dates_and_checkout_time_are_each_changed_alone(it: Bench) -> None:
    booking = booked(it)
    done(it.pms.modify_dates(ModifyDates("m1", ref(booking), StayDates.starting(TODAY, 3))))
    assert body_of(it.http.sent[-1])["reservations"] == [
        {"roomStay": {"arrivalDate": "2026-11-30", "departureDate": "2026-12-03"}}
    ]
    at = datetime(2026, 12, 3, 15, 0, tzinfo=UTC)
    done(it.pms.update_checkout_time(UpdateCheckoutTime("t1", ref(booking), at)))
    times = {"reservationExpectedDepartureTime": "2026-12-03 10:00:00.0"}
    assert body_of(it.http.sent[-1])["reservations"] == [{"roomStay": {"expectedTimes": times}}]


def test_a_charge_carries_its_key_and_leaves_the_date_to_opera(it: Bench) -> None:
    booking = booked(it)
    done(it.pms.post_charge(PostCharge("c1", ref(booking), "Minibar", Money.of("12.50", "USD"), "4510")))
    criteria = body_of(it.http.sent[-1])["criteria"]
    assert criteria["charges"][0]["postingReference"] == "c1"
    assert "incomeAuditDate" not in criteria
    assert b'"amount":12.50' in it.http.sent[-1].body


def test_a_charge_without_a_transaction_code_is_refused_before_anything_is_sent(it: Bench) -> None:
    refused(it.pms.post_charge(PostCharge("c1", ref(booked(it)), "Minibar", Money.of("12.50", "USD"))))
    assert it.http.sent == []


def test_a_creation_carries_its_key_as_an_external_reference(it: Bench) -> None:
    done(it.pms.create_reservation(creation()))
    (booking,) = it.face.pms.bookings.values()
    assert booking.key == "k1"


def test_a_known_guest_books_under_the_profile_that_is_there(it: Bench) -> None:
    person = guest_of(it)
    done(it.pms.create_reservation(creation(guest=ref(person))))
    assert [one.guest for one in it.face.pms.bookings.values()] == [person.id]
    assert len(list(it.face.pms.guests.values())) == 1


@pytest.mark.parametrize(
    ("total", "nights"),
    [("700.00", 3), ("2000", 3), ("0.01", 2), ("0", 2), ("100000000000.01", 7)],
)
def test_what_the_guest_was_promised_is_kept_to_the_cent(it: Bench, total: str, nights: int) -> None:
    promised = Money.of(total, "USD")
    done(it.pms.create_reservation(creation(stay=StayDates.starting(TODAY, nights), total=promised)))
    (booking,) = it.face.pms.bookings.values()
    assert booking.total == promised.amount


@given(st.decimals(0, 10**9, places=2), st.integers(1, 40))
def test_the_nights_shares_sum_to_the_total(total: Decimal, nights: int) -> None:
    write = creation(stay=StayDates.starting(TODAY, nights), total=Money(total, "USD"))
    body: Any = new_reservation(write, PLACE, CREDENTIALS)
    rates = body["reservations"]["reservation"][0]["roomStay"]["roomRates"][0]["rates"]["rate"]
    assert sum(one["base"]["amountBeforeTax"] for one in rates) == total
    assert len(rates) == nights


def test_an_amount_in_another_currency_is_refused_before_anything_is_sent(it: Bench) -> None:
    euros = Money.of("100", "EUR")
    refused(it.pms.create_reservation(creation(total=euros)))
    refused(it.pms.post_charge(PostCharge("c1", ref(booked(it)), "Minibar", euros, "4510")))
    assert it.http.sent == []


def test_changing_an_address_names_the_one_that_is_there_and_adds_none(it: Bench) -> None:
    person = guest_of(it)
    done(it.pms.update_guest(UpdateGuest("g1", ref(person), email="new@example.com", last_name="King")))
    details = body_of(it.http.sent[-1])["profileDetails"]
    assert details["emails"]["emailInfo"][0]["id"] == f"E{person.id}"
    assert set(details) == {"customer", "emails"}
    changed = it.face.pms.guest(person.id)
    assert (changed.first_name, changed.last_name, changed.phone) == ("Ada", "King", "+15550100")


def test_an_empty_text_clears_and_a_first_number_is_added(it: Bench) -> None:
    person = guest_of(it, phone=None)
    done(it.pms.update_guest(UpdateGuest("g1", ref(person), email="", phone="+15550199")))
    changed = it.face.pms.guest(person.id)
    assert (changed.email, changed.phone) == (None, "+15550199")


def test_an_unknown_guest_is_refused_and_a_failing_look_leaves_no_doubt(it: Bench) -> None:
    unknown = UpdateGuest("g1", PmsId("opera", "7"), phone="+15550199")
    assert refused(it.pms.update_guest(unknown)).why is Why.NOT_FOUND
    person = guest_of(it)
    now(it.pms.connect())

    def silent(request: HttpRequest) -> None:
        if request.method == "GET":
            raise Unanswered("nobody there")

    it.http.before = silent
    assert refused(it.pms.update_guest(UpdateGuest("g1", ref(person), phone="+1"))).why is Why.NOT_SENT
    assert not [one for one in it.http.sent if one.method == "PUT"]


def test_a_preference_that_is_there_is_not_sent_again(it: Bench) -> None:
    person = guest_of(it, preferences=(Preference("FLOOR", "HIGH"),))
    high, soft = Preference("FLOOR", "HIGH"), Preference("PILLOW", "SOFT")
    for _ in range(2):
        done(it.pms.update_guest_preferences(AddPreferences("p1", ref(person), (high, soft, soft))))
    assert it.face.pms.guest(person.id).preferences == (high, soft)
    assert len(sent(it, "/preferences")) == 1


def test_opera_marks_no_shows_itself(it: Bench) -> None:
    refused(it.pms.set_reservation_status(SetStatus("s1", ref(booked(it)), ReservationStatus.NO_SHOW)))
    assert it.http.sent == []


def test_a_reservation_of_the_waiting_list_is_confirmed(it: Bench) -> None:
    booking = booked(it)
    it.face.pms.change_booking(booking.id, NOON, status=ReservationStatus.WAITLISTED)
    done(it.pms.set_reservation_status(SetStatus("s1", ref(booking), ReservationStatus.CONFIRMED)))
    assert it.face.pms.booking(booking.id).status is ReservationStatus.CONFIRMED


def test_a_cancellation_that_is_refused_for_another_reason_is_not_applied(it: Bench) -> None:
    booking = booked(it)
    it.face.pms.set_status(booking.id, ReservationStatus.IN_HOUSE, NOON)
    refused(it.pms.cancel_reservation(CancelReservation("x1", ref(booking))))


def test_nights_of_equal_rate_that_follow_each_other_go_in_one_call(it: Bench) -> None:
    amounts = {cell("GEN", day): "99.00" for day in (0, 1, 2, 5)} | {cell("DLX", 2): "99.00", cell("GEN", 6): "98.00"}
    assert set(published(it, amounts).values()) == {Applied(None)}
    ranges = [body_of(one)["dailyRateScheduleRange"] for one in sent(it, "dailySchedules")]
    assert [
        (*one["roomTypes"], *(one["dateRange"]["timeSpan"][end] for end in ("startDate", "endDate"))) for one in ranges
    ] == [
        ("DLX", "2026-12-02", "2026-12-02"),
        ("GEN", "2026-11-30", "2026-12-02"),
        ("GEN", "2026-12-05", "2026-12-05"),
        ("GEN", "2026-12-06", "2026-12-06"),
    ]
    assert all(one["dateRange"]["wednesday"] and one["incrementFlag"] is False for one in ranges)


def test_rates_for_several_persons_go_together(it: Bench) -> None:
    amounts = {cell("GEN", day, persons): "99.00" for day in (0, 1) for persons in (1, 2)}
    assert set(published(it, amounts).values()) == {Applied(None)}
    (one,) = sent(it, "dailySchedules")
    assert body_of(one)["dailyRateScheduleRange"]["rateAmounts"] == {"onePersonRate": 99.0, "twoPersonRate": 99.0}


def test_a_cell_goes_to_its_own_rate_plan(it: Bench) -> None:
    other, own = cell("GEN", 0, rate_plan="OTHER"), cell("GEN", 0, rate_plan="BAR")
    outcomes = published(it, {other: "90.00", own: "99.00"})
    assert [one.url.split("/")[-2] for one in sent(it, "dailySchedules")] == ["BAR", "OTHER"]
    assert (outcomes[own], outcomes[other].why) == (Applied(None), Why.NOT_FOUND)


def test_a_cell_that_opera_has_no_place_for_is_refused_and_the_others_are_published(it: Bench) -> None:
    crowd, undated, right = cell("GEN", 0, 6), RateCell(PLACE.location, "GEN"), cell("GEN", 0)
    outcomes = published(it, {crowd: "1", undated: "1", right: "99.00"})
    assert isinstance(outcomes[crowd], Refused)
    assert isinstance(outcomes[undated], Refused)
    assert outcomes[right] == Applied(None)


def test_a_sheet_of_another_location_or_currency_is_refused_whole_and_nothing_is_sent(it: Bench) -> None:
    rate = Money.of("99.00", "USD")
    elsewhere = {replace(cell("GEN", day), location="RENO_HOTEL"): rate for day in range(2)}
    for rates in (elsewhere, {cell("GEN", 0): Money.of("99.00", "EUR")}):
        write = UpdateRates("r1", RateSheet(rates))
        outcomes = now(it.pms.update_rates(write))
        assert [(one, isinstance(end, Refused) and end.why) for one, end in outcomes.items()] == [
            (one, Why.REJECTED) for one in rates
        ]
        assert not isinstance(now(it.pms.reconcile(write, NOON)), Applied)
    assert not sent(it, "dailySchedules")


@pytest.mark.parametrize(
    "twin",
    [cell("GEN", 0, CREDENTIALS.persons), cell("GEN", 0, rate_plan=PLACE.rate_plan), cell("GENERAL", 0)],
    ids=["occupancy", "rate plan", "room type"],
)
def test_two_cells_that_mean_one_rate_are_both_refused_and_every_cell_has_an_outcome(twin: RateCell) -> None:
    place = replace(PLACE, products={"GENERAL": "GEN"})
    it = bench(Vendor("opera", VENDOR.face, lambda link: OperaPms(place, CREDENTIALS, link)))
    amounts = {cell("GEN", 0): "99.00", twin: "98.00", cell("GEN", 1): "99.00"}
    outcomes = published(it, amounts)
    assert set(outcomes) == set(amounts)
    assert [outcomes[one].why for one in (cell("GEN", 0), twin)] == [Why.REJECTED, Why.REJECTED]
    assert outcomes[cell("GEN", 1)] == Applied(None)
    assert len(sent(it, "dailySchedules")) == 1


def test_what_was_published_without_an_occupancy_is_read_as_the_same_cell(it: Bench) -> None:
    mine = cell("GEN", 0)
    published(it, {mine: "99.00"})
    rates = now(it.pms.get_rates(StayDates.starting(TODAY, 1), ["GEN"]))
    assert {one: rate.amount for one, rate in rates.items()} == {mine: Decimal("99.00")}


def test_after_a_call_in_doubt_the_rest_is_not_sent(it: Bench) -> None:
    now(it.pms.connect())
    it.http.tamper = lambda request, response: HttpResponse(503)
    outcomes = published(it, {cell("GEN", day): f"{90 + day}.00" for day in range(3)})
    first, *rest = outcomes.values()
    assert isinstance(first, Unknown)
    assert [one.why for one in rest] == [Why.NOT_SENT, Why.NOT_SENT]
    assert len(sent(it, "dailySchedules")) == 1


STRANGE = PmsId("qloapps", "1")
NOTE = AddNote("w1", STRANGE, "Needs a cot")


@pytest.mark.parametrize(
    "call",
    [
        lambda pms: pms.get_guest(STRANGE),
        lambda pms: pms.get_reservation(STRANGE),
        lambda pms: pms.get_balance(STRANGE),
        lambda pms: pms.update_guest(UpdateGuest("w1", STRANGE, phone="+1")),
        lambda pms: pms.update_guest_preferences(AddPreferences("w1", STRANGE, (Preference("FLOOR", "HIGH"),))),
        lambda pms: pms.add_reservation_note(NOTE),
        lambda pms: pms.set_special_requests(SetSpecialRequests("w1", STRANGE, "Quiet room")),
        *(
            lambda pms, status=status: pms.set_reservation_status(SetStatus("w1", STRANGE, status))
            for status in ReservationStatus
        ),
        lambda pms: pms.update_checkout_time(UpdateCheckoutTime("w1", STRANGE, NOON)),
        lambda pms: pms.create_reservation(creation(guest=STRANGE)),
        lambda pms: pms.modify_dates(ModifyDates("w1", STRANGE, StayDates.starting(TODAY, 3))),
        lambda pms: pms.cancel_reservation(CancelReservation("w1", STRANGE)),
        lambda pms: pms.post_charge(PostCharge("w1", STRANGE, "Minibar", Money.of("5", "USD"), "4510")),
        lambda pms: pms.post_charge(PostCharge("w1", STRANGE, "Minibar", Money.of("5", "USD"))),
        lambda pms: pms.reconcile(NOTE, NOON),
        lambda pms: pms.reconcile(PostCharge("w1", STRANGE, "Minibar", Money.of("5", "USD")), NOON),
        lambda pms: pms.reconcile(UpdateGuest("w1", STRANGE, phone="+1"), NOON),
    ],
)
def test_an_id_of_another_vendor_is_an_error_before_anything_is_sent(
    it: Bench, call: Callable[[OperaPms], Awaitable[Any]]
) -> None:
    booked(it)
    assert isinstance(it.pms, OperaPms)
    with pytest.raises(InputError, match="qloapps:1 is no id of opera"):
        now(call(it.pms))
    assert it.http.sent == []


def test_a_refused_call_does_not_stop_the_rest(it: Bench) -> None:
    outcomes = published(it, {cell("AAA", 0): "1.00", cell("GEN", 0): "99.00"})
    assert isinstance(outcomes[cell("AAA", 0)], Refused)
    assert outcomes[cell("GEN", 0)] == Applied(None)
