"""Writes to Mews about one reservation."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from pms_lab.adapters.mews import CAPABILITIES
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Refused, Unknown, Why
from pms_lab.domain.pms import PmsId, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    OPERATIONS,
    AddNote,
    CancelReservation,
    ClearRates,
    ModifyDates,
    SetStatus,
    UpdateCheckoutTime,
)
from pms_lab.engine.ports import HttpRequest
from pms_lab.errors import BadAnswer, InputError, Unanswered
from pms_lab.rules.settling import settling_s
from pms_lab.sim.pms.faces.mews.ids import guid
from tests.adapters.mews_desk import (
    FOR_THE_DAY,
    TODAY,
    TWO_NIGHTS,
    WRITES,
    Desk,
    busy_desk,
    charge,
    creation,
    meant,
    operation_of,
    ref,
)
from tests.contracts.harness import NOON, now


def test_a_booking_carries_its_key_as_channel_number() -> None:
    desk = Desk()
    created = now(desk.mews.create_reservation(creation()))
    assert isinstance(created, Applied)
    (booking,) = desk.pms.bookings.values()
    assert (booking.key, booking.adults, booking.children) == ("k1", 2, 1)
    assert now(desk.mews.reconcile(creation(), NOON)) == created


def test_a_guest_with_the_same_address_is_booked_again_whatever_the_case() -> None:
    desk = Desk()
    desk.guest(first_name="Charles", last_name="Babbage", email="ADA@EXAMPLE.COM")
    known = desk.guest(email="ada@example.com")
    now(desk.mews.create_reservation(creation()))
    (booking,) = desk.pms.bookings.values()
    assert booking.guest == known.id
    assert desk.bodies("customers/add") == []


def test_an_address_of_another_name_is_used_since_mews_keeps_it_once() -> None:
    desk = Desk()
    known = desk.guest(first_name="Charles", last_name="Babbage")
    assert isinstance(now(desk.mews.create_reservation(creation())), Applied)
    assert next(desk.pms.bookings.values()).guest == known.id


def test_a_promised_total_is_split_over_the_nights_to_the_cent() -> None:
    desk = Desk()
    total = Money(Decimal("100.00"), "USD")
    now(desk.mews.create_reservation(replace(creation(), stay=StayDates.starting(TODAY, 3), total=total)))
    (body,) = desk.bodies("reservations/add")
    prices = [one["Amount"]["GrossValue"] for one in body["Reservations"][0]["TimeUnitPrices"]]
    assert prices == [Decimal("33.34"), Decimal("33.33"), Decimal("33.33")]
    assert next(desk.pms.bookings.values()).total == Decimal("100.00")


def test_a_total_in_another_currency_is_refused_before_anything_is_sent() -> None:
    desk = Desk()
    outcome = now(desk.mews.create_reservation(replace(creation(), total=Money(Decimal(1), "EUR"))))
    assert isinstance(outcome, Refused)
    assert desk.http.sent == []


def test_moving_keeps_the_time_of_departure_and_an_arrival_that_does_not_change() -> None:
    desk = Desk()
    booking = desk.booking()
    desk.pms.change_booking(booking.id, NOON, checkout_at=datetime(2026, 12, 2, 19, tzinfo=UTC))
    write = ModifyDates("m", ref(booking.id), StayDates.starting(TODAY, 4))
    assert now(desk.mews.modify_dates(write)) == Applied(None)
    (body,) = desk.bodies("reservations/updateInterval")
    assert (body["EndUtc"], body.get("StartUtc")) == ("2026-12-04T19:00:00Z", None)
    assert body["ChargeCancellationFee"] is False


def test_moving_what_does_not_exist_is_not_found() -> None:
    outcome = now(Desk().mews.modify_dates(ModifyDates("m", ref(guid("none")), TWO_NIGHTS)))
    assert isinstance(outcome, Refused)
    assert outcome.why is Why.NOT_FOUND


def test_a_time_on_another_day_would_change_the_stay_and_is_refused() -> None:
    desk = Desk()
    booking = desk.booking()
    late = UpdateCheckoutTime("t", ref(booking.id), datetime(2026, 12, 3, 5, 30, tzinfo=UTC))
    assert isinstance(now(desk.mews.update_checkout_time(late)), Refused)
    assert desk.bodies("reservations/updateInterval") == []


def test_a_step_that_was_taken_already_counts_as_taken() -> None:
    desk = Desk()
    booking = desk.booking()
    for key in ("s1", "s2"):
        write = SetStatus(key, ref(booking.id), ReservationStatus.IN_HOUSE)
        assert now(desk.mews.set_reservation_status(write)) == Applied(None)


def test_an_optional_reservation_is_confirmed() -> None:
    desk = Desk()
    booking = desk.booking(status=ReservationStatus.REQUESTED)
    write = SetStatus("s", ref(booking.id), ReservationStatus.CONFIRMED)
    assert now(desk.mews.set_reservation_status(write)) == Applied(None)
    assert desk.pms.booking(booking.id).status is ReservationStatus.CONFIRMED


@pytest.mark.parametrize(
    "write", [one for one in WRITES if not isinstance(one, ClearRates)], ids=lambda write: type(write).__name__
)
def test_what_was_written_is_found_and_what_was_not_is_proven_so_in_time(write: Any) -> None:
    without, with_it = busy_desk(), busy_desk()
    without.flow.elapsed_s = with_it.flow.elapsed_s = settling_s(CAPABILITIES)
    assert isinstance(now(without.mews.reconcile(meant(without, write), NOON)), Unknown)
    without.flow.elapsed_s += 1
    outcome = now(without.mews.reconcile(meant(without, write), NOON))
    assert isinstance(outcome, Refused)
    assert outcome.why is Why.NOT_APPLIED
    intent = meant(with_it, write)
    now(getattr(with_it.mews, OPERATIONS[type(write)])(intent))
    assert isinstance(now(with_it.mews.reconcile(intent, NOON)), Applied)


def test_an_equal_note_that_was_there_before_proves_nothing_of_ours() -> None:
    desk = Desk()
    booking = desk.booking(notes=("Needs a cot",))
    asked = AddNote("n1", ref(booking.id), "Needs a cot")
    now(desk.mews.add_reservation_note(replace(asked, key="n0")))
    sent_at = desk.flow.now()
    desk.flow.elapsed_s += settling_s(CAPABILITIES) + 1
    outcome = now(desk.mews.reconcile(asked, sent_at))
    assert isinstance(outcome, Refused)
    assert outcome.why is Why.NOT_APPLIED
    assert now(desk.mews.add_reservation_note(asked)) == Applied(None)
    assert now(desk.mews.reconcile(asked, sent_at)) == Applied(None)
    assert desk.pms.booking(booking.id).notes[-1] == "Needs a cot [n1]"


def of_another_vendor(write: Any) -> Any:
    """Return a write about a guest or a reservation of QloApps with an id that Mews has too."""
    names = [name for name in ("guest", "reservation") if isinstance(getattr(write, name, None), PmsId)]
    return replace(write, **{name: PmsId("qloapps", getattr(write, name).local) for name in names})


@pytest.mark.parametrize(
    "write",
    [one for one in (*WRITES, replace(creation(), guest=ref("guest"))) if of_another_vendor(one) != one],
    ids=lambda write: type(write).__name__,
)
def test_a_write_about_an_id_of_another_vendor_is_an_error_of_the_caller_and_nothing_is_sent(write: Any) -> None:
    desk = busy_desk()
    foreign = of_another_vendor(meant(desk, write))
    for act in (operation_of(desk, write), lambda one: desk.mews.reconcile(one, NOON)):
        with pytest.raises(InputError, match=r"qloapps:\S+ is no id of mews"):
            now(act(foreign))
    assert desk.http.sent == []


def test_a_stay_for_the_day_can_be_given_a_night() -> None:
    desk = Desk()
    booking = desk.booking()
    desk.tampering("reservations/getAll/2023-06-06", lambda answer: answer["Reservations"][0].update(FOR_THE_DAY))
    write = ModifyDates("m", ref(booking.id), StayDates.starting(TODAY, 3))
    assert now(desk.mews.modify_dates(write)) == Applied(None)
    assert desk.pms.booking(booking.id).stay == write.stay


def test_no_operation_marks_a_no_show() -> None:
    desk = Desk()
    outcome = now(desk.mews.set_reservation_status(SetStatus("s", ref(guid(1)), ReservationStatus.NO_SHOW)))
    assert isinstance(outcome, Refused)
    assert desk.http.sent == []


def test_a_cancellation_always_gives_a_reason() -> None:
    desk = Desk()
    now(desk.mews.cancel_reservation(CancelReservation("x1", ref(desk.booking().id))))
    (body,) = desk.bodies("reservations/cancel")
    assert "x1" in body["Notes"]


@pytest.mark.parametrize("error", [Unanswered("nobody"), BadAnswer("half")], ids=["no answer", "half an answer"])
def test_when_a_read_before_a_write_fails_the_write_was_certainly_not_sent(error: Exception) -> None:
    desk = Desk()
    booking = desk.booking()

    def fails(request: HttpRequest) -> None:
        raise error

    desk.http.before = fails
    outcome = now(desk.mews.post_charge(charge(booking)))
    assert isinstance(outcome, Refused)
    assert outcome.why is Why.NOT_SENT
    assert desk.bodies("orders/add") == []
