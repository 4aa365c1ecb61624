"""What QloApps does to guests and stays that its adapter must know of."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from defusedxml.ElementTree import fromstring
from pydantic import SecretStr

from pms_lab.adapters.qloapps import QloAppsCredentials
from pms_lab.adapters.qloapps.xml import written_back
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Refused, Unknown, Why
from pms_lab.domain.pms import Condition, GuestQuery, PmsId, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    CancelReservation,
    ModifyDates,
    SetStatus,
    UpdateGuest,
)
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import AuthRefused, BadAnswer, PmsRefused
from pms_lab.sim.pms.faces.qloapps import KEY
from tests.adapters.qloapps_bench import (
    LATER,
    TODAY,
    altering,
    booked,
    charges,
    face_of,
    minibar,
    note,
    performed,
    reason,
    ref,
    shop,
    two_rooms,
    written,
)
from tests.adapters.qloapps_recorded import json_answer
from tests.contracts.harness import Bench, collected, now


def test_the_key_is_the_user_of_basic_auth_and_the_password_is_empty() -> None:
    it = shop()
    now(it.pms.connect())
    scheme, _, user = it.http.sent[0].headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(user)) == ("Basic", f"{KEY}:".encode())


def test_the_key_shows_nowhere() -> None:
    credentials = QloAppsCredentials(key=SecretStr(KEY))
    assert KEY not in repr(credentials) + str(credentials) + repr(shop().http)


def test_a_hotel_that_the_shop_does_not_have_is_found_out_on_connecting() -> None:
    it = shop()
    it.http.tamper = lambda request, response: HttpResponse(404)
    with pytest.raises(PmsRefused, match="no hotel 1: correct it in the settings"):
        now(it.pms.connect())


def test_a_service_that_is_switched_off_is_unhealthy_and_says_so() -> None:
    it = shop()
    face_of(it).is_on = False
    health = now(it.pms.health_check())
    assert not health.is_up
    assert "webservice is disabled" in health.detail


def test_a_wrong_key_is_refused_credentials() -> None:
    it = shop()
    face_of(it).keys.clear()
    with pytest.raises(AuthRefused):
        now(it.pms.connect())


def test_changing_a_guest_keeps_what_the_adapter_knows_nothing_of() -> None:
    it = shop()
    booking = booked(it)
    now(it.pms.connect())
    before = face_of(it).rows.customer(booking.guest)
    it.flow.elapsed_s += 60
    assert now(it.pms.update_guest(UpdateGuest("g1", ref(booking.guest), email="countess@example.com"))) == Applied(
        None
    )
    after = face_of(it).rows.customer(booking.guest)
    assert after["email"] == "countess@example.com"
    assert (after["active"], after["id_shop"]) == (1, 1)
    assert {name for name in before if (before[name] or "") != (after[name] or "")} == {"email", "date_upd"}


@pytest.mark.parametrize("wrong", [{"email": "x"}, {"first_name": ""}, {"language": "en"}, {"phone": "call me"}])
def test_a_change_of_a_guest_that_is_not_taken_is_refused_before_it_is_sent(wrong: dict[str, str]) -> None:
    it = shop()
    assert reason(now(it.pms.update_guest(UpdateGuest("g1", ref("1"), **wrong))))
    assert it.http.sent == []


def test_no_change_of_a_guest_writes_nothing_and_an_empty_phone_clears() -> None:
    it = shop()
    assert now(it.pms.update_guest(UpdateGuest("g1", ref("1")))) == Applied(None)
    assert written(it) == []
    assert now(it.pms.update_guest(UpdateGuest("g2", ref("1"), phone=""))) == Applied(None)
    guest = now(it.pms.get_guest(ref("1")))
    assert guest is not None
    assert (guest.phone, guest.first_name) == (None, "John")


def test_a_booking_is_cancelled_although_the_guest_has_another_address_by_now() -> None:
    it = shop()
    booking = booked(it)
    it.face.pms.change_guest(booking.guest, it.flow.now(), email="new@example.com")
    assert now(it.pms.cancel_reservation(CancelReservation("x1", ref(booking.id)))) == Applied(None)
    assert [urlsplit(request.url).path for request in written(it)] == ["/api/order_histories"]
    assert it.face.pms.booking(booking.id).status is ReservationStatus.CANCELLED


def test_a_second_cancellation_sends_nothing() -> None:
    it = shop()
    booking = booked(it)
    for key in ("x1", "x2"):
        assert now(it.pms.cancel_reservation(CancelReservation(key, ref(booking.id)))) == Applied(None)
    assert len(written(it)) == 1


@pytest.mark.parametrize("status", [ReservationStatus.IN_HOUSE, ReservationStatus.CHECKED_OUT])
def test_a_stay_that_has_begun_is_neither_cancelled_nor_moved(status: ReservationStatus) -> None:
    it = shop()
    booking = booked(it)
    it.face.pms.change_booking(booking.id, it.flow.now(), status=status)
    for write in (CancelReservation("x1", ref(booking.id)), ModifyDates("m1", ref(booking.id), LATER)):
        assert f"is {status} cannot" in reason(performed(it, write))


def test_a_stay_is_checked_in_by_writing_its_whole_line_back() -> None:
    it = shop()
    booking = booked(it)
    now(it.pms.connect())
    before = line_row(it)
    write = SetStatus("s1", ref(booking.id), ReservationStatus.IN_HOUSE)
    assert now(it.pms.set_reservation_status(write)) == Applied(None)
    after = line_row(it)
    assert {name for name in before if before[name] != after[name]} <= {"id_status", "date_upd"}
    assert now(it.pms.set_reservation_status(write)) == Applied(None)
    assert len(written(it)) == 1


def line_row(it: Bench) -> Mapping[str, Any]:
    return next(iter(face_of(it).rows.of("room_bookings", it.flow.now())))


@pytest.mark.parametrize(
    "status", [ReservationStatus.NO_SHOW, ReservationStatus.CANCELLED, ReservationStatus.REQUESTED]
)
def test_a_status_that_qloapps_has_no_word_for_is_refused_before_it_is_sent(status: ReservationStatus) -> None:
    it = shop()
    assert f"no way to say {status}" in reason(now(it.pms.set_reservation_status(SetStatus("s1", ref("1"), status))))
    assert it.http.sent == []


def test_the_rooms_of_one_order_are_reservations_of_their_own() -> None:
    it = shop()
    two_rooms(it)
    read = now(collected(it.pms.get_arrivals(TODAY)))
    assert [one.id.local for one in read] == ["1-1", "1-2"]
    assert len({one.confirmation for one in read}) == 1
    assert [one.balance for one in read] == [None, None]
    assert now(it.pms.get_balance(ref("1-2"))) == Money.of("4000.000000", "USD")
    one = now(it.pms.get_reservation(ref("1-2")))
    assert one is not None
    assert one.id == ref("1-2")


def test_an_order_of_several_rooms_is_no_reservation() -> None:
    it = shop()
    two_rooms(it)
    with pytest.raises(PmsRefused, match="order 1 holds 2 rooms: name one of them, such as 1-1"):
        now(it.pms.get_reservation(ref("1")))


@pytest.mark.parametrize("write", [CancelReservation("x1", ref("1-2")), ModifyDates("m1", ref("1-2"), LATER)])
def test_one_room_of_several_is_not_cancelled_or_moved_with_the_others(write: Any) -> None:
    it = shop()
    two_rooms(it)
    assert "order 1 holds 2 rooms, and QloApps changes them together" in reason(performed(it, write))
    assert written(it) == []


def test_one_room_of_several_is_checked_in_and_noted_and_charged_alone() -> None:
    it = shop()
    first, second = two_rooms(it)
    assert now(it.pms.set_reservation_status(SetStatus("s1", ref("1-2"), ReservationStatus.IN_HOUSE))) == Applied(None)
    assert now(it.pms.post_charge(minibar("1-2"))) == Applied(None)
    assert now(it.pms.add_reservation_note(note("1-1"))) == Applied(None)
    assert it.face.pms.booking(first.id).status is ReservationStatus.CONFIRMED
    assert it.face.pms.booking(second.id).status is ReservationStatus.IN_HOUSE
    assert [charges(it, one) for one in (first, second)] == [[], [("Minibar [c1]", Decimal("12.5"))]]
    assert now(it.pms.get_reservation(ref("1-2"))) is not None


@pytest.mark.parametrize("local", ["", "1-", "-1", "abc", "1/../2", "١", "9" * 19])
def test_an_id_that_is_none_of_qloapps_is_nobodys(local: str) -> None:
    it = shop()
    booked(it)
    assert now(it.pms.get_reservation(ref(local))) is None
    assert now(it.pms.get_guest(ref(local))) is None
    assert now(it.pms.get_reservation(PmsId("opera", "1"))) is None
    outcome = now(it.pms.cancel_reservation(CancelReservation("x1", PmsId("opera", "1"))))
    assert isinstance(outcome, Refused)
    assert outcome.why is Why.NOT_FOUND
    assert it.http.sent == []


def test_amounts_in_a_foreign_currency_are_left_out() -> None:
    it = shop()
    booked(it)
    altering(it, "orders", lambda order: order.update(conversion_rate="0.900000"))
    read = now(it.pms.get_reservation(ref("1")))
    assert read is not None
    assert (read.total, read.balance) == (None, None)
    with pytest.raises(BadAnswer, match="order 1 is not in USD"):
        now(it.pms.get_balance(ref("1")))


def test_an_unknown_state_of_an_order_is_an_error_and_not_a_guess() -> None:
    it = shop()
    booked(it)
    altering(it, "orders", lambda order: order.update(current_state=13))
    with pytest.raises(BadAnswer, match="order 1 in state 13"):
        now(it.pms.get_reservation(ref("1")))


def test_a_line_that_was_cancelled_is_cancelled_whatever_its_order_says() -> None:
    it = shop()
    booked(it)
    altering(it, "room_bookings", lambda line: line.update(is_cancelled=1, is_back_order=1))
    read = now(it.pms.get_reservation(ref("1")))
    assert read is not None
    assert read.status is ReservationStatus.CANCELLED
    assert now(collected(it.pms.get_arrivals(TODAY))) == []


def test_a_list_that_goes_in_circles_is_an_error() -> None:
    it = shop()
    booked(it)

    def full_page(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if urlsplit(request.url).path != "/api/room_bookings":
            return response
        (line,) = json.loads(face_of(it).answer(it.http.sent[0], it.flow.now()).body)["bookings"]
        return json_answer({"bookings": [line] * 100})

    it.http.tamper = full_page
    with pytest.raises(BadAnswer, match="goes in circles at id 1"):
        now(collected(it.pms.get_arrivals(TODAY)))


def test_rooms_are_active_or_out_of_order_and_never_clean_or_dirty() -> None:
    it = shop()
    it.face.pms.change_room("5", it.flow.now(), is_active=False)
    rooms = {room.number: room.condition for room in now(collected(it.pms.get_all_room_statuses()))}
    assert rooms["GR-105"] is Condition.OUT_OF_ORDER
    assert rooms["GR-101"] is None


def test_an_inactive_room_is_not_for_sale() -> None:
    it = shop()
    it.face.pms.change_room("5", it.flow.now(), is_active=False)
    booked(it)
    told = now(it.pms.get_availability(StayDates.starting(TODAY, 3), ["GEN", "DLX"]))
    assert [(one.product, one.available, one.rooms) for one in told] == [("GEN", 3, 4)] * 2 + [("GEN", 4, 4)] + [
        ("DLX", 5, 5)
    ] * 3


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (GuestQuery(name="BYRON ada"), 1),
        (GuestQuery(name="Byron"), 1),
        (GuestQuery(name="Ada"), 1),
        (GuestQuery(name="y|r,o[n]"), 0),
        (GuestQuery(name="%"), 0),
        (GuestQuery(email="ADA@EXAMPLE.COM"), 1),
        (GuestQuery(email="a|b@example.com"), 0),
        (GuestQuery(phone="(1) 555-01.00"), 1),
        (GuestQuery(phone="none"), 0),
        (GuestQuery(name="Ada", email="other@example.com"), 0),
    ],
)
def test_a_search_cannot_be_led_astray_by_the_filters_own_signs(query: GuestQuery, found: int) -> None:
    it = shop()
    booked(it)
    assert len(now(collected(it.pms.search_guests(query)))) == found


def test_a_guest_who_is_found_twice_is_told_once_and_a_deleted_one_never() -> None:
    it = shop()
    for name, email in (("Ada", "1@example.com"), ("Adam", "2@example.com")):
        it.face.pms.add_guest(it.flow.now(), first_name=name, last_name="Adams", email=email)
    assert len(now(collected(it.pms.search_guests(GuestQuery(name="ada"))))) == 2
    altering(it, "customers", lambda guest: guest.update(deleted=1))
    assert now(collected(it.pms.search_guests(GuestQuery(name="ada")))) == []


def test_a_guest_is_found_by_phone_however_it_is_written_there() -> None:
    it = shop()
    it.face.pms.add_guest(
        it.flow.now(), first_name="Ada", last_name="Byron", email="a@example.com", phone="+1 (555) 01-00"
    )
    assert len(now(collected(it.pms.search_guests(GuestQuery(phone="15550100"))))) == 1


def test_a_deleted_guest_is_nobody() -> None:
    it = shop()

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        guest = json.loads(response.body)["customer"]
        return json_answer({"customer": guest | {"deleted": 1}})

    it.http.tamper = tamper
    assert now(it.pms.get_guest(ref("1"))) is None
    assert "no guest" in reason(now(it.pms.update_guest(UpdateGuest("g1", ref("1"), phone=""))))


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        (ReservationStatus.CONFIRMED, ReservationStatus.CHECKED_OUT),
        (ReservationStatus.IN_HOUSE, ReservationStatus.CONFIRMED),
        (ReservationStatus.CHECKED_OUT, ReservationStatus.IN_HOUSE),
        (ReservationStatus.CANCELLED, ReservationStatus.IN_HOUSE),
        (ReservationStatus.CANCELLED, ReservationStatus.CONFIRMED),
    ],
)
def test_a_step_that_qloapps_would_take_and_a_front_desk_would_not_is_refused(
    there: ReservationStatus, wanted: ReservationStatus
) -> None:
    it = shop()
    booking = booked(it)
    it.face.pms.change_booking(booking.id, it.flow.now(), status=there)
    outcome = now(it.pms.set_reservation_status(SetStatus("s1", ref(booking.id), wanted)))
    assert reason(outcome) == f"a reservation that is {there} cannot become {wanted}"
    assert written(it) == []


def test_a_record_without_the_field_that_is_to_change_is_not_written_back() -> None:
    with pytest.raises(BadAnswer, match="the customer has no phone"):
        written_back(fromstring("<customer><id>1</id></customer>"), {"phone": "+15550100"})


@pytest.mark.parametrize(("wait_s", "end"), [(0, Unknown), (89, Unknown), (90.5, Refused)])
def test_what_is_not_there_is_proven_not_to_come_after_half_a_minute_and_the_skew_of_clocks(
    wait_s: float, end: type
) -> None:
    it = shop()
    booking = booked(it)
    sent_at = it.flow.now()
    it.flow.elapsed_s += wait_s
    assert isinstance(now(it.pms.reconcile(CancelReservation("x1", ref(booking.id)), sent_at)), end)
