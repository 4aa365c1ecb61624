"""Prices of Mews that are taken back, and rates that are computed from others."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pms_lab.domain.outcome import Applied, Refused, Unknown, Why
from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.rates import RateCell
from pms_lab.domain.writes import ClearRates
from pms_lab.sim.pms.faces.mews.ids import BASE_RATE, DERIVED_RATE, STAY, guid
from tests.adapters.mews_desk import GEN, TODAY, TWO_NIGHTS, Desk
from tests.contracts.harness import NOON, now
from tests.contracts.vendor_mews import PLACE

CELL = RateCell("HOTEL1", "GEN", TODAY)


def nights(count: int) -> tuple[RateCell, ...]:
    return tuple(replace(CELL, stay_date=TODAY + timedelta(days=away)) for away in range(count))


def given_own(desk: Desk, night: date = TODAY) -> None:
    desk.pms.set_rate(GEN, BASE_RATE, night, Decimal("1777.35"), NOON)


def test_an_update_without_a_value_takes_a_price_back() -> None:
    desk = Desk()
    given_own(desk)
    given_own(desk, TODAY + timedelta(days=1))
    assert now(desk.mews.clear_rates(ClearRates("c", (CELL,)))) == {CELL: Applied(None)}
    (body,) = desk.bodies("rates/updatePrice")
    midnight = "2026-11-30T05:00:00Z"
    assert (body["RateId"], body["PriceUpdates"]) == (
        BASE_RATE,
        [{"CategoryId": GEN, "FirstTimeUnitStartUtc": midnight, "LastTimeUnitStartUtc": midnight}],
    )
    assert [rate.amount for rate in now(desk.mews.get_rates(TWO_NIGHTS, ["GEN"])).values()] == [
        Decimal("1000.00"),
        Decimal("1777.35"),
    ]


def test_two_names_of_one_price_are_sent_once() -> None:
    desk = Desk()
    named = replace(CELL, rate_plan=BASE_RATE)
    assert now(desk.mews.clear_rates(ClearRates("c", (CELL, named)))) == dict.fromkeys((CELL, named), Applied(None))
    (body,) = desk.bodies("rates/updatePrice")
    assert len(body["PriceUpdates"]) == 1


@pytest.mark.parametrize(
    ("other", "words"),
    [({"location": "ELSEWHERE"}, "ELSEWHERE"), ({"stay_date": None}, "stay date"), ({"occupancy": 2}, "occupancy")],
)
def test_what_mews_has_no_place_for_is_refused_and_the_others_are_sent(other: dict[str, Any], words: str) -> None:
    desk = Desk()
    given_own(desk)
    stranger = replace(CELL, **other)
    ends = now(desk.mews.clear_rates(ClearRates("c", (stranger, CELL))))
    refused = ends[stranger]
    assert isinstance(refused, Refused)
    assert (refused.why, words in refused.message) == (Why.REJECTED, True)
    assert ends[CELL] == Applied(None)
    assert list(desk.pms.rates.items()) == []


def test_a_part_in_doubt_stops_the_rest_and_nothing_is_sent_twice() -> None:
    desk = Desk()
    desk.http.loses_answers = True
    wanted = nights(1001)
    ends = list(now(desk.mews.clear_rates(ClearRates("c", wanted))).values())
    assert all(isinstance(end, Unknown) for end in ends[:1000])
    assert isinstance(ends[1000], Refused)
    assert ends[1000].why is Why.NOT_SENT
    assert len(desk.bodies("rates/updatePrice")) == 1


def test_no_read_tells_whether_a_price_was_set_for_a_night_so_that_clearing_is_repeated() -> None:
    desk = Desk()
    assert "clear_rates" in desk.mews.capabilities().repeatable
    for _ in range(2):
        outcome = now(desk.mews.reconcile(ClearRates("c", (CELL,)), NOON - timedelta(hours=1)))
        assert isinstance(outcome, Unknown)
        assert "clear them again" in outcome.cause
        given_own(desk)
    rates = now(desk.mews.get_rates(TWO_NIGHTS, ["GEN"]))
    assert {rate.is_own for rate in rates.values()} == {True}


def test_the_prices_of_a_rate_with_a_base_rate_are_derived_and_nobody_s_own() -> None:
    desk = Desk(place=replace(PLACE, rate_plan=DERIVED_RATE))
    rates = now(desk.mews.get_rates(TWO_NIGHTS, ["GEN"]))
    assert set(rates.values()) == {NightlyRate(Decimal("900.00"), is_own=False, is_derived=True)}
    (asked,) = desk.bodies("rates/getAll")
    assert (asked["RateIds"], asked["ServiceIds"]) == ([DERIVED_RATE], [STAY])
    (end,) = now(desk.mews.clear_rates(ClearRates("c", (CELL,)))).values()
    assert isinstance(end, Refused)
    assert "base rates" in end.message


def test_only_the_rate_itself_tells_whether_it_is_derived() -> None:
    desk = Desk()

    def other(answer: dict[str, Any]) -> None:
        answer["Rates"] = [{"Id": guid("another"), "BaseRateId": BASE_RATE}, *answer["Rates"]]

    desk.tampering("rates/getAll", other)
    rates = now(desk.mews.get_rates(TWO_NIGHTS, ["GEN"]))
    assert set(rates.values()) == {NightlyRate(Decimal("1000.00"))}
