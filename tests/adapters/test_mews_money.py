"""Money in Mews: gross and net, balances, charges, rates and limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Refused, Unknown, Why
from pms_lab.domain.pms import ReservationStatus
from pms_lab.domain.rates import RateCell, RateSheet, TaxBasis
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    PostCharge,
    SetAvailability,
    UpdateRates,
)
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import BadAnswer
from pms_lab.sim.pms.faces.mews.ids import BASE_RATE, DERIVED_RATE, EXTRAS, TAX_CODE, guid
from tests.adapters.mews_desk import GEN, TODAY, TWO_NIGHTS, Desk, charge, ref, sheet
from tests.contracts.harness import NOON, now
from tests.contracts.vendor_mews import PLACE, credentials


@pytest.mark.parametrize("pricing", ["gross", "net"])
def test_the_basis_of_the_enterprise_holds_for_rates_balances_and_charges(pricing: Any) -> None:
    desk = Desk(pricing=pricing, known=credentials(pricing=pricing))
    booking = desk.booking()
    assert now(desk.mews.post_charge(charge(booking))) == Applied(None)
    assert now(desk.mews.get_balance(ref(booking.id))) == Money(Decimal("2012.50"), "USD")
    rates = now(desk.mews.get_rates(TWO_NIGHTS, ["GEN"]))
    assert {rate.amount for rate in rates.values()} == {Decimal("1000.00")}
    (body,) = desk.bodies("orders/add")
    field = {"gross": "GrossValue", "net": "NetValue"}[pricing]
    assert body["Items"][0]["UnitAmount"] == {
        "Currency": "USD", field: Decimal("12.50"), "TaxCodes": [TAX_CODE],
    }  # fmt: skip


def test_the_wrong_basis_reads_another_number() -> None:
    desk = Desk(pricing="gross", known=credentials(pricing="net"))
    rates = now(desk.mews.get_rates(TWO_NIGHTS, ["GEN"]))
    assert {rate.amount for rate in rates.values()} == {Decimal("909.09")}


def test_amounts_are_written_digit_by_digit() -> None:
    desk = Desk()
    booking = desk.booking()
    now(desk.mews.post_charge(charge(booking, "10000000000.10")))
    assert b'"GrossValue":10000000000.10,' in desk.http.sent[-1].body


def test_the_balance_counts_linked_orders_and_payments_of_the_reservation_alone() -> None:
    desk = Desk()
    guest = desk.guest()
    mine, other = desk.booking(guest=guest), desk.booking(guest=guest)
    desk.pms.post(mine.id, "Minibar", Decimal("12.50"), NOON)
    desk.pms.post(mine.id, "Cash", Decimal("-500.00"), NOON)
    desk.pms.post(other.id, "Dinner", Decimal("80.00"), NOON)
    assert now(desk.mews.get_balance(ref(mine.id))) == Money(Decimal("1512.50"), "USD")
    (body,) = desk.bodies("payments/getAll")
    assert (body["States"], body["AccountingStates"]) == (["Charged"], ["Open"])


@pytest.mark.parametrize("status", [ReservationStatus.CANCELLED, ReservationStatus.REQUESTED])
def test_nothing_is_to_be_paid_for_a_stay_that_is_cancelled_or_not_confirmed(status: ReservationStatus) -> None:
    desk = Desk()
    booking = desk.booking()
    desk.pms.change_booking(booking.id, NOON, status=status)
    assert now(desk.mews.get_balance(ref(booking.id))) == Money(Decimal(0), "USD")


def test_the_balance_goes_through_all_pages() -> None:
    desk = Desk()
    booking = desk.booking()
    for _ in range(230):
        desk.pms.post(booking.id, "Coffee", Decimal("1.01"), NOON)
        desk.pms.post(booking.id, "Coin", Decimal("-1.00"), NOON)
    assert now(desk.mews.get_balance(ref(booking.id))) == Money(Decimal("2002.30"), "USD")


def test_a_balance_in_another_currency_is_an_error() -> None:
    desk = Desk(place=replace(PLACE, currency="EUR"))
    booking = desk.booking()
    with pytest.raises(BadAnswer, match="USD"):
        now(desk.mews.get_balance(ref(booking.id)))


def test_there_is_no_balance_without_a_reservation() -> None:
    assert now(Desk().mews.get_balance(ref(guid("none")))) is None


def test_a_charge_carries_its_key_and_its_reservation() -> None:
    desk = Desk()
    booking = desk.booking()
    now(desk.mews.post_charge(charge(booking)))
    (body,) = desk.bodies("orders/add")
    assert (body["ServiceId"], body["AccountId"]) == (EXTRAS, booking.guest)
    assert body["LinkedReservationId"] == booking.id
    assert body["Items"][0]["ExternalIdentifier"] == "c1"


def test_a_charge_in_another_currency_is_refused_before_anything_is_sent() -> None:
    desk = Desk()
    outcome = now(desk.mews.post_charge(PostCharge("c", ref(guid(1)), "Minibar", Money(Decimal(1), "EUR"))))
    assert isinstance(outcome, Refused)
    assert desk.http.sent == []


def test_prices_go_by_category_and_local_midnight_in_exact_digits() -> None:
    desk = Desk()
    now(desk.mews.update_rates(UpdateRates("p", sheet({0: "1100.10"}))))
    (body,) = desk.bodies("rates/updatePrice")
    midnight = "2026-11-30T05:00:00Z"
    assert body["RateId"] == BASE_RATE
    assert body["PriceUpdates"] == [
        {
            "CategoryId": GEN,
            "Value": Decimal("1100.10"),
            "FirstTimeUnitStartUtc": midnight,
            "LastTimeUnitStartUtc": midnight,
        }
    ]
    assert b'"Value":1100.10' in desk.http.sent[-1].body


def test_the_price_of_a_derived_rate_is_refused_by_mews() -> None:
    desk = Desk()
    wanted = sheet({0: "1100"}, plan=DERIVED_RATE)
    (outcome,) = now(desk.mews.update_rates(UpdateRates("p", wanted))).values()
    assert isinstance(outcome, Refused)
    assert "base rates" in outcome.message


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (sheet({0: "1"}, tax_basis=TaxBasis.NET), "net"),
        (RateSheet({RateCell("HOTEL1", "GEN", None): Money(Decimal(1), "USD")}), "stay date"),
        (RateSheet({RateCell("HOTEL1", "GEN", TODAY, None, 2): Money(Decimal(1), "USD")}), "occupancy"),
        (RateSheet({RateCell("ELSEWHERE", "GEN", TODAY): Money(Decimal(1), "USD")}), "ELSEWHERE"),
        (RateSheet({RateCell("HOTEL1", "GEN", TODAY): Money(Decimal(1), "EUR")}), "EUR"),
    ],
    ids=["basis", "no date", "occupancy", "location", "currency"],
)
def test_what_mews_cannot_hold_is_refused_before_anything_is_sent(wanted: RateSheet, words: str) -> None:
    desk = Desk()
    (outcome,) = now(desk.mews.update_rates(UpdateRates("p", wanted))).values()
    assert isinstance(outcome, Refused)
    assert words in outcome.message
    assert desk.http.sent == []


@pytest.mark.parametrize("second", ["1", "2"], ids=["equal", "other"])
@pytest.mark.parametrize(
    "twin",
    [
        RateCell("HOTEL1", "GEN", TODAY, BASE_RATE),
        RateCell("HOTEL1", GEN, TODAY),
        RateCell("HOTEL1", "GEN", TODAY, None, 2),
    ],
    ids=["the plan by its name", "the room type by its id", "an occupancy"],
)
def test_two_rates_for_one_price_of_mews_are_both_refused_and_the_others_are_sent(twin: RateCell, second: str) -> None:
    desk = Desk()
    plain, other = RateCell("HOTEL1", "GEN", TODAY), RateCell("HOTEL1", "GEN", TODAY + timedelta(days=1))
    amounts = {plain: "1", twin: second, other: "3"}
    write = UpdateRates("p", RateSheet({cell: Money(Decimal(value), "USD") for cell, value in amounts.items()}))
    ends = now(desk.mews.update_rates(write))
    assert set(ends) == {plain, twin, other}
    assert ends[other] == Applied(None)
    for cell in (plain, twin):
        assert isinstance(ends[cell], Refused), cell
    assert "more than one rate" in str(ends[plain])
    (body,) = desk.bodies("rates/updatePrice")
    assert [one["Value"] for one in body["PriceUpdates"]] == [3]
    assert isinstance(now(desk.mews.reconcile(write, desk.flow.now())), Unknown)  # two of three were never sent


def test_a_part_in_doubt_stops_the_rest_and_nothing_is_sent_twice() -> None:
    desk = Desk()
    desk.http.loses_answers = True
    wanted = sheet(dict.fromkeys(range(1001), "1100"))
    outcomes = list(now(desk.mews.update_rates(UpdateRates("p", wanted))).values())
    assert all(isinstance(one, Unknown) for one in outcomes[:1000])
    assert isinstance(outcomes[1000], Refused)
    assert outcomes[1000].why is Why.NOT_SENT
    assert len(desk.bodies("rates/updatePrice")) == 1


def test_a_refused_part_does_not_stop_the_rest() -> None:
    desk = Desk()
    far = {
        RateCell("HOTEL1", "GEN", TODAY - timedelta(days=8 + away)): Money(Decimal(1), "USD") for away in range(1000)
    }
    wanted = RateSheet({**far, **sheet({0: "1100"})})
    outcomes = list(now(desk.mews.update_rates(UpdateRates("p", wanted))).values())
    assert isinstance(outcomes[0], Refused)
    assert outcomes[1000] == Applied(None)


@pytest.mark.parametrize(
    ("there", "end"), [((0, 1), Applied(None)), ((), Why.NOT_APPLIED), ((0,), "1 of 2 rates are there")]
)
def test_a_sheet_in_doubt_is_read_back(there: tuple[int, ...], end: Any) -> None:
    desk = Desk()
    for away in there:
        desk.pms.set_rate(GEN, BASE_RATE, TODAY + timedelta(days=away), Decimal(1100), NOON)
    outcome = now(desk.mews.reconcile(UpdateRates("p", sheet({0: "1100", 1: "1100.00"})), NOON - timedelta(hours=1)))
    assert end in (outcome, getattr(outcome, "why", None), getattr(outcome, "cause", None))


def test_more_than_a_year_is_read_in_parts() -> None:
    desk = Desk()
    rates = now(desk.mews.get_rates(StayDates.starting(TODAY, 800), ["GEN", "DLX"]))
    assert len(rates) == 1600
    assert len(desk.bodies("rates/getPricing")) == 3


def test_prices_and_time_units_of_different_number_are_an_error() -> None:
    desk = Desk()
    desk.tampering("rates/getPricing", lambda answer: answer["TimeUnitStartsUtc"].pop())
    with pytest.raises(BadAnswer, match="time units"):
        now(desk.mews.get_rates(TWO_NIGHTS, ["GEN"]))


@pytest.mark.parametrize(("limit", "adjustment"), [(2, {"Value": -3}), (0, {"Value": -5}), (5, {}), (9, {})])
def test_a_limit_is_an_adjustment_of_the_rooms_there_are_and_never_overbooks(
    limit: int, adjustment: dict[str, int]
) -> None:
    desk = Desk()
    desk.booking()
    write = SetAvailability("a", {("GEN", TODAY): limit})
    assert now(desk.mews.set_availability(write)) == Applied(None)
    (body,) = desk.bodies("services/updateAvailability")
    assert body["AvailabilityUpdates"][0]["UnitCountAdjustment"] == adjustment
    assert desk.pms.available(GEN, TODAY) == min(limit, 5) - 1
    assert now(desk.mews.reconcile(write, desk.flow.now())) == Applied(None)


@pytest.mark.parametrize(("statuses", "end"), [([403], Refused), ([200, 403], Unknown)], ids=["first", "second"])
def test_limits_that_are_refused_in_part_are_in_doubt(statuses: list[int], end: type) -> None:
    desk, left = Desk(), iter(statuses)

    def refusing(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        is_update = request.url.endswith("updateAvailability")
        return HttpResponse(next(left), {}, b"{}") if is_update else response

    desk.http.tamper = refusing
    limits = {("GEN", TODAY + timedelta(days=away)): 2 for away in range(1001)}
    assert isinstance(now(desk.mews.set_availability(SetAvailability("a", limits))), end)


def test_a_limit_of_a_room_type_that_mews_does_not_know_is_refused() -> None:
    outcome = now(Desk().mews.set_availability(SetAvailability("a", {("NOSUCH", TODAY): 1})))
    assert isinstance(outcome, Refused)


def test_no_limits_are_nothing_to_do() -> None:
    desk = Desk()
    assert now(desk.mews.set_availability(SetAvailability("a", {}))) == Applied(None)
    assert desk.http.sent == []
