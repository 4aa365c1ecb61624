"""What QloApps does to bookings, notes and charges that its adapter must know of."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from pms_lab.adapters.qloapps import CAPABILITIES
from pms_lab.domain.outcome import Applied, Refused, Unknown, Why
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    CreateReservation,
    ModifyDates,
)
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import AuthRefused, BreakerOpen, NotSent, PmsError, PmsRefused, Throttled, Unanswered
from pms_lab.rules.settling import settling_s
from pms_lab.sim.pms.faces.qloapps.records import Quirks
from tests.adapters.qloapps_bench import (
    LATER,
    TODAY,
    TWO_NIGHTS,
    altering,
    body_of,
    booked,
    charges,
    creation,
    face_of,
    minibar,
    note,
    performed,
    reason,
    ref,
    shop,
    warned,
    written,
)
from tests.adapters.qloapps_recorded import json_answer
from tests.contracts.harness import Bench, now


def test_a_room_that_was_lost_behind_an_http_200_is_a_refusal() -> None:
    it = shop(race=timedelta(minutes=1))
    face_of(it).quirks = Quirks(cancels_silently=True)
    for number in range(4):
        booked(it, email=f"{number}@example.com")
    assert isinstance(now(it.pms.create_reservation(creation())), Applied)
    second = now(it.pms.create_reservation(creation("k2", email="late@example.com")))
    assert "no room was left: QloApps cancelled the room of order 6" in reason(second)
    assert isinstance(now(it.pms.reconcile(creation("k2", email="late@example.com"), it.flow.now())), Refused)


def test_a_double_booking_is_applied_and_shows_as_one_room_in_two_reservations() -> None:
    it = shop(race=timedelta(minutes=1))
    first, second = [
        now(it.pms.create_reservation(creation(f"k{number}", email=f"{number}@example.com"))) for number in range(2)
    ]
    assert isinstance(first, Applied)
    assert isinstance(second, Applied)
    read = [now(it.pms.get_reservation(one.value)) for one in (first, second)]
    assert len({one.room for one in read if one}) == 1
    assert not CAPABILITIES.atomic_create


def test_a_booking_carries_its_key_as_a_remark_and_says_no_total_tax() -> None:
    it = shop()
    now(it.pms.create_reservation(creation("channel:17", adults=2, children=1)))
    (request,) = written(it)
    booking = body_of(request)["booking"]
    assert booking["remark"] == "pms_lab [channel:17]"
    (kind,) = booking["associations"]["room_types"]
    assert kind["rooms"] == [
        {"adult": "2", "adults": "2", "child": "1", "child_ages": ["0"], "services": [], "facilities": []}
    ]
    (made,) = it.face.pms.bookings.values()
    assert (made.adults, made.children) == (2, 1)


def test_a_known_guest_is_booked_under_their_own_name() -> None:
    it = shop()
    guest = it.face.pms.add_guest(
        it.flow.now(), first_name="Grace", last_name="Hopper", email="grace@example.com", phone="+15550111"
    )
    assert isinstance(now(it.pms.create_reservation(creation(guest=ref(guest.id)))), Applied)
    assert it.face.pms.guest(guest.id).first_name == "Grace"
    assert reason(now(it.pms.create_reservation(creation(guest=ref("999"))))) == "no guest qloapps:999"


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "not-an-email"},
        {"email": "a@b"},
        {"first_name": "R2D2"},
        {"last_name": ""},
        {"last_name": "x" * 33},
        {"first_name": "A\x00da"},
        {"phone": "call me"},
    ],
)
def test_what_php_would_die_of_is_refused_before_it_is_sent(wrong: dict[str, str]) -> None:
    it = shop()
    assert reason(now(it.pms.create_reservation(creation(**wrong))))
    assert it.http.sent == []


@pytest.mark.parametrize("name", ["O'Connor", "Müller-Lüdenscheidt", "Łukasz", "da Silva", "李"])
def test_names_that_people_have_are_taken(name: str) -> None:
    it = shop()
    assert isinstance(now(it.pms.create_reservation(creation(last_name=name))), Applied)


def test_moving_a_stay_keeps_its_id_although_the_room_line_is_another() -> None:
    it = shop()
    booking = booked(it, adults=1, notes=("Arrives late",))
    now(it.pms.connect())
    line = face_of(it).books.line_of[booking.id]
    assert now(it.pms.modify_dates(ModifyDates("m1", ref(booking.id), LATER))) == Applied(None)
    assert face_of(it).books.line_of[booking.id] != line
    moved = now(it.pms.get_reservation(ref(booking.id)))
    assert moved is not None
    assert (moved.stay, moved.adults, moved.notes) == (LATER, 1, ("Arrives late",))
    assert now(it.pms.reconcile(ModifyDates("m1", ref(booking.id), LATER), it.flow.now())) == Applied(None)


def test_moving_a_stay_to_where_it_is_writes_nothing() -> None:
    it = shop()
    booking = booked(it)
    assert now(it.pms.modify_dates(ModifyDates("m1", ref(booking.id), TWO_NIGHTS))) == Applied(None)
    assert written(it) == []


def test_a_stay_whose_new_nights_are_full_is_refused_as_the_pms_says() -> None:
    it = shop()
    booking = booked(it)
    for number in range(4):
        booked(it, email=f"{number}@example.com")
    longer = StayDates.starting(TODAY, 3)
    outcome = now(it.pms.modify_dates(ModifyDates("m1", ref(booking.id), longer)))
    assert reason(outcome) == "HTTP 400: Requested room(s) not available"


def test_a_charge_stays_when_the_stay_is_moved() -> None:
    it = shop()
    booking = booked(it)
    assert now(it.pms.post_charge(minibar(booking.id))) == Applied(None)
    assert now(it.pms.modify_dates(ModifyDates("m1", ref(booking.id), LATER))) == Applied(None)
    assert charges(it, booking) == [("Minibar [c1]", Decimal("12.5"))]


def test_a_note_changes_neither_rooms_nor_services_nor_the_guest() -> None:
    it = shop()
    booking = booked(it)
    now(it.pms.post_charge(minibar(booking.id)))
    guest, stay = it.face.pms.guest(booking.guest), it.face.pms.booking(booking.id)
    assert now(it.pms.add_reservation_note(note(booking.id, text="I <3 quiet rooms"))) == Applied(None)
    after = it.face.pms.booking(booking.id)
    assert after.notes == ("I ‹3 quiet rooms [n1]",)
    assert (after.stay, after.room, after.total) == (stay.stay, stay.room, stay.total)
    assert charges(it, booking) == [("Minibar [c1]", Decimal("12.5"))]
    assert replace(it.face.pms.guest(booking.guest), updated_at=None) == replace(guest, updated_at=None)


def test_notes_come_in_the_order_in_which_they_were_made() -> None:
    it = shop()
    booking = booked(it, notes=("First",))
    for number in (2, 3):
        it.flow.elapsed_s += 5
        now(it.pms.add_reservation_note(note(booking.id, f"n{number}", f"Number {number}")))
    read = now(it.pms.get_reservation(ref(booking.id)))
    assert read is not None
    assert read.notes == ("First", "Number 2 [n2]", "Number 3 [n3]")


def test_a_note_that_lands_twice_is_there_once() -> None:
    it = shop()
    booking = booked(it)
    for _ in range(2):
        assert now(it.pms.add_reservation_note(note(booking.id))) == Applied(None)
    assert it.face.pms.booking(booking.id).notes == ("Needs a cot [n1]",)


@pytest.mark.parametrize("write", [note("1"), ModifyDates("m1", ref("1"), LATER), minibar("1")])
def test_an_order_with_a_discount_is_left_to_the_front_desk(write: Any) -> None:
    it = shop()
    booked(it)
    altering(it, "orders", lambda order: order.update(total_discounts_tax_incl="20.000000"))
    assert "QloApps would drop" in reason(performed(it, write))
    assert written(it) == []


def test_a_second_charge_is_refused_since_qloapps_would_reprice_the_first() -> None:
    it = shop()
    booking = booked(it)
    now(it.pms.post_charge(minibar(booking.id)))
    assert "the price of the last" in reason(now(it.pms.post_charge(minibar(booking.id, "c2", "30.00"))))
    assert charges(it, booking) == [("Minibar [c1]", Decimal("12.5"))]


def test_a_charge_is_sent_with_its_own_tax_of_zero_and_none_for_the_room() -> None:
    it = shop()
    booking = booked(it)
    now(it.pms.post_charge(minibar(booking.id)))
    (kind,) = body_of(written(it)[0])["booking"]["associations"]["room_types"]
    (room,) = kind["rooms"]
    assert "total_tax" not in room
    assert room["services"] == [
        {
            "name": "Minibar [c1]",
            "quantity": "1",
            "price_mode": "1",
            "unit_price_without_tax": "12.50",
            "total_tax": "0",
        }
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"currency": "EUR"},
        {"amount": "-5"},
        {"amount": "0"},
        {"amount": "12.505"},
        {"description": "x" * 130},
        {"description": "Tax; 7 = much"},
    ],
)
def test_a_charge_that_qloapps_would_spoil_is_refused_before_it_is_sent(wrong: dict[str, str]) -> None:
    it = shop()
    assert reason(now(it.pms.post_charge(minibar("1", **wrong))))
    assert it.http.sent == []


def test_behind_php_warnings_a_booking_stays_unknown_and_its_order_is_named() -> None:
    it = shop()
    warned(it)
    write: CreateReservation = creation()
    sent_at = it.flow.now()
    assert isinstance(now(it.pms.create_reservation(write)), Unknown)
    assert len(written(it)) == 1
    it.flow.elapsed_s += settling_s(CAPABILITIES) + 1
    named = now(it.pms.reconcile(write, sent_at))
    assert isinstance(named, Unknown)
    assert "the remarks of order 1: look in the back office whether one of them ends in [k1]" in named.cause
    elsewhere = replace(write, email="other@example.com", stay=LATER)
    other = now(it.pms.reconcile(elsewhere, sent_at))
    assert isinstance(other, Refused)
    assert other.why is Why.NOT_APPLIED


def test_a_reservation_is_read_without_notes_where_the_shop_cannot_show_them() -> None:
    it = shop()
    booked(it, notes=("Arrives late",))
    warned(it)
    read = now(it.pms.get_reservation(ref("1")))
    assert read is not None
    assert read.notes == ()
    assert isinstance(now(it.pms.reconcile(note("1"), it.flow.now())), Unknown)


def test_services_that_the_shop_cannot_show_are_not_risked() -> None:
    it = shop()
    booking = booked(it)
    now(it.pms.post_charge(minibar(booking.id)))
    warned(it)
    before = len(written(it))
    outcome = now(it.pms.modify_dates(ModifyDates("m1", ref(booking.id), LATER)))
    assert isinstance(outcome, Refused)
    assert outcome.why is Why.NOT_SENT
    assert len(written(it)) == before


def test_a_booking_is_found_by_its_key_among_others_alike() -> None:
    it = shop()
    for number in range(3):
        now(it.pms.create_reservation(creation(f"k{number}")))
    for number in range(3):
        assert now(it.pms.reconcile(creation(f"k{number}"), it.flow.now())) == Applied(ref(str(number + 1)))
    assert isinstance(now(it.pms.reconcile(creation("k9"), it.flow.now())), Unknown)


@pytest.mark.parametrize("meanwhile", ["another address", "other nights"])
def test_a_booking_is_found_although_a_person_has_changed_it_meanwhile(meanwhile: str) -> None:
    it = shop()
    now(it.pms.create_reservation(creation()))
    (made,) = it.face.pms.bookings.values()
    if meanwhile == "another address":
        it.face.pms.change_guest(made.guest, it.flow.now(), email="new@example.com")
    else:
        it.face.pms.move(made.id, LATER, it.flow.now())
    assert now(it.pms.reconcile(creation(), it.flow.now())) == Applied(ref("1"))


def test_a_booking_of_another_source_is_not_taken_for_ours_where_remarks_cannot_be_read() -> None:
    it = shop()
    now(it.pms.create_reservation(creation(source="airbnb")))
    warned(it)
    ours, theirs = [now(it.pms.reconcile(creation(source=source), it.flow.now())) for source in ("airbnb", "pms_lab")]
    assert isinstance(ours, Unknown)
    assert isinstance(theirs, Unknown)
    assert "order 1" in ours.cause
    assert theirs.cause == "it is not there, and may still come"


def test_a_booking_of_long_ago_is_not_taken_for_ours_where_remarks_cannot_be_read() -> None:
    it = shop()
    now(it.pms.create_reservation(creation()))
    warned(it)
    it.flow.elapsed_s += 3 * 3600
    found = now(it.pms.reconcile(creation(), it.flow.now()))
    assert isinstance(found, Unknown)
    assert found.cause == "it is not there, and may still come"


def test_a_stay_that_the_same_guest_booked_elsewhere_is_not_taken_for_ours_where_remarks_cannot_be_read() -> None:
    it = shop()
    now(it.pms.create_reservation(creation("the other one")))
    warned(it)
    sent_at = it.flow.now()
    it.flow.elapsed_s += settling_s(CAPABILITIES) + 1
    found = now(it.pms.reconcile(creation("never arrived"), sent_at))
    assert isinstance(found, Unknown)
    assert "order 1" in found.cause


def test_a_booking_that_was_moved_since_is_not_proven_lost_where_remarks_cannot_be_read() -> None:
    it = shop()
    sent_at = it.flow.now()
    now(it.pms.create_reservation(creation()))
    (made,) = it.face.pms.bookings.values()
    it.face.pms.move(made.id, LATER, it.flow.now())
    warned(it)
    it.flow.elapsed_s += settling_s(CAPABILITIES) + 1
    assert isinstance(now(it.pms.reconcile(creation(), sent_at)), Unknown)


ENDS_OF_READS = [
    NotSent("no connection"),
    BreakerOpen("left alone"),
    AuthRefused("HTTP 401", status=401),
    AuthRefused("HTTP 405", status=405),
    PmsRefused("HTTP 404", status=404),
    Throttled("HTTP 429", status=429),
    Unanswered("nobody there"),
]


def failing_after_the_write(it: Bench, end: PmsError) -> None:
    """Have no room line be read any more once something was written."""

    def before(request: HttpRequest) -> None:
        if "room_bookings" in request.url and any(one is not request for one in written(it)):
            raise end

    it.http.before = before


@pytest.mark.parametrize("end", ENDS_OF_READS, ids=str)
def test_an_order_that_was_made_is_never_refused_because_its_room_could_not_be_read(end: PmsError) -> None:
    it = shop()
    failing_after_the_write(it, end)
    outcome = now(it.pms.create_reservation(creation()))
    assert isinstance(outcome, Unknown)
    assert outcome.cause == f"order 1 was made, and could not be read back: {end}"
    it.http.before = lambda request: None
    assert now(it.pms.reconcile(creation(), it.flow.now())) == Applied(ref("1"))


@pytest.mark.parametrize("end", ENDS_OF_READS, ids=str)
def test_a_move_that_was_made_is_never_refused_because_its_room_could_not_be_read(end: PmsError) -> None:
    it = shop()
    booking = booked(it)
    failing_after_the_write(it, end)
    outcome = now(it.pms.modify_dates(ModifyDates("m1", ref(booking.id), LATER)))
    assert isinstance(outcome, Unknown)
    assert outcome.cause == f"order {booking.id} was moved, and could not be read back: {end}"


@pytest.mark.parametrize(
    "silently",
    [{"is_cancelled": 1, "is_back_order": 1}, {"date_from": "2026-11-30 00:00:00"}],
    ids=["cancelled", "other nights"],
)
def test_a_move_behind_an_http_200_that_has_no_room_is_unknown(silently: dict[str, Any]) -> None:
    it = shop()
    booking = booked(it)
    move = ModifyDates("m1", ref(booking.id), LATER)

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if "room_bookings" not in request.url or not written(it):
            return response
        (line,) = json.loads(response.body)["bookings"]
        return json_answer({"bookings": [line | silently]})

    it.http.tamper = tamper
    outcome = now(it.pms.modify_dates(move))
    assert isinstance(outcome, Unknown)
    assert f"order {booking.id} was moved and has no room on these nights" in outcome.cause
    assert isinstance(now(it.pms.reconcile(move, it.flow.now())), Unknown)
