"""Rates of OPERA that are taken away, where they come from, and what it says no to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from pms_lab.adapters.opera import CAPABILITIES
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.rates import RateCell
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import ClearRates
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import Unanswered
from pms_lab.rules.settling import settling_s
from tests.adapters.opera_bench import TODAY, TYPE, cell, published, sent, with_credentials
from tests.contracts.harness import Bench, bench, now
from tests.contracts.vendor_opera import VENDOR


@pytest.fixture
def it() -> Bench:
    return bench(VENDOR)


def clear(it: Bench, *cells: RateCell) -> Mapping[RateCell, Outcome[None]]:
    outcomes = now(it.pms.clear_rates(ClearRates("c1", cells)))
    assert set(outcomes) == set(cells)
    return outcomes


def deletions(it: Bench) -> list[dict[str, str]]:
    return [dict(parse_qsl(urlsplit(one.url).query)) for one in it.http.sent if one.method == "DELETE"]


def rates(it: Bench, nights: int = 3) -> dict[int, NightlyRate]:
    """The rates of general rooms, by how many days from today on they are for."""
    found = now(it.pms.get_rates(StayDates.starting(TODAY, nights), ["GEN"]))
    return {(one.stay_date - TODAY).days: rate for one, rate in found.items() if one.stay_date}


def refusal(outcome: Outcome[Any]) -> Refused:
    assert isinstance(outcome, Refused), outcome
    return outcome


def test_nights_that_follow_each_other_go_in_one_call_that_names_every_day_of_the_week(it: Bench) -> None:
    published(it, {cell("GEN", day): f"{90 + day}.00" for day in (0, 1, 3)} | {cell("DLX", 0): "99.00"})
    wanted = (*(cell("GEN", day) for day in (0, 1, 3)), cell("DLX", 0))
    assert set(clear(it, *wanted).values()) == {Applied(None)}
    assert [(one["roomType"], one["startDate"], one["endDate"]) for one in deletions(it)] == [
        ("DLX", "2026-11-30", "2026-11-30"),
        ("GEN", "2026-11-30", "2026-12-01"),
        ("GEN", "2026-12-03", "2026-12-03"),
    ]
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    assert all(one[day] == "true" for one in deletions(it) for day in days)
    assert set(rates(it, 5)) == {2, 4}


def test_a_night_that_was_cleared_has_no_rate_until_it_is_given_one_again(it: Bench) -> None:
    mine = cell("GEN", 0)
    assert clear(it, mine) == {mine: Applied(None)}
    assert set(rates(it)) == {1, 2}
    assert clear(it, mine) == {mine: Applied(None)}
    assert len(deletions(it)) == 1
    published(it, {mine: "99.00"})
    assert rates(it)[0] == NightlyRate(Decimal("99.00"))
    assert clear(it, mine) == {mine: Applied(None)}
    assert set(rates(it)) == {1, 2}


def test_a_night_with_rates_for_others_too_is_left_alone_unless_they_are_to_go_as_well(it: Bench) -> None:
    one, two = cell("GEN", 0, 1), cell("GEN", 0, 2)
    published(it, {one: "99.00", two: "99.00"})
    refused = refusal(clear(it, one)[one])
    assert (refused.why, "a rate for 2 persons too" in refused.message) == (Why.REJECTED, True)
    assert deletions(it) == []
    assert set(clear(it, one, two).values()) == {Applied(None)}
    assert len(deletions(it)) == 1
    assert clear(it, one) == {one: Applied(None)}


def test_a_night_with_rates_for_others_only_has_none_to_be_taken_away() -> None:
    it = with_credentials(persons=2)
    mine = cell("GEN", 0)
    assert clear(it, mine) == {mine: Applied(None)}
    assert deletions(it) == []


def test_a_cell_that_opera_has_no_place_for_is_refused_and_the_others_are_cleared(it: Bench) -> None:
    crowd, undated, right = cell("GEN", 0, 6), RateCell("LAS_HOTEL", "GEN"), cell("GEN", 0)
    elsewhere, other_plan = replace(right, location="RENO_HOTEL"), cell("GEN", 0, rate_plan="OTHER")
    outcomes = clear(it, crowd, undated, right, elsewhere, other_plan)
    assert [refusal(outcomes[one]).why for one in (crowd, undated, elsewhere)] == [Why.REJECTED] * 3
    assert refusal(outcomes[other_plan]).why is Why.NOT_FOUND
    assert outcomes[right] == Applied(None)


def with_plan(it: Bench, **fields: Any) -> None:
    """Let OPERA tell more of the rate plan."""
    now(it.pms.connect())
    plan = {"hotelId": "HOTEL1", "ratePlanCode": "BAR", **fields}

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        is_plan = urlsplit(request.url).path.endswith("/ratePlans/BAR")
        return HttpResponse(200, TYPE, json.dumps({"ratePlans": [plan]}).encode()) if is_plan else response

    it.http.tamper = tamper


def test_a_plan_with_rates_by_season_is_left_alone(it: Bench) -> None:
    with_plan(it, daily=False)
    mine = cell("GEN", 0)
    assert "rates by season" in refusal(clear(it, mine)[mine]).message
    assert deletions(it) == []


@pytest.mark.parametrize("kind", ["BaseRate", "DynamicBaseRate", "BARBasedRate", "AdvancedDynamicBaseRate"])
def test_the_rates_of_a_plan_that_is_based_on_another_are_derived_and_nobody_s_own(it: Bench, kind: str) -> None:
    with_plan(it, ratePlanBasedOnRates=[{"basedOnRatePlanType": kind}])
    assert set(rates(it).values()) == {NightlyRate(Decimal("1000.00"), is_own=False, is_derived=True)}
    assert clear(it, cell("GEN", 0)) == {cell("GEN", 0): Applied(None)}
    assert deletions(it) == []


@pytest.mark.parametrize("told", [{}, {"ratePlanBasedOnRates": [{"basedOnRatePlanType": "None"}]}], ids=str)
def test_the_rates_of_any_other_plan_are_their_own(it: Bench, told: dict[str, Any]) -> None:
    with_plan(it, daily=True, **told)
    assert set(rates(it).values()) == {NightlyRate(Decimal("1000.00"))}


@pytest.mark.parametrize(
    "told", [{"advancedDailyBaseRatePlanCode": "RACK"}, {"advancedBaseRateOffset": {"offset": 5}}], ids=str
)
def test_a_schedule_that_follows_another_plan_is_derived_and_is_not_deleted(it: Bench, told: dict[str, Any]) -> None:
    now(it.pms.connect())
    known = {"start": "2026-11-30", "end": "2026-12-02", "roomTypeList": ["GEN"], "rateAmounts": {"onePersonRate": 90}}
    rows = [{"ratePlanScheduleDetail": known | told}]
    body = json.dumps({"ratePlanScheduleList": {"ratePlanSchedule": rows}}).encode()
    it.http.tamper = lambda request, response: (
        HttpResponse(200, TYPE, body) if "/schedules" in request.url else response
    )
    assert set(rates(it).values()) == {NightlyRate(Decimal(90), is_own=False, is_derived=True)}
    assert clear(it, cell("GEN", 0)) == {cell("GEN", 0): Applied(None)}
    assert deletions(it) == []


def test_after_a_deletion_in_doubt_the_rest_is_not_sent(it: Bench) -> None:
    first, second = cell("GEN", 0), cell("GEN", 2)
    it.http.loses_answers = True
    outcomes = clear(it, first, second)
    assert isinstance(outcomes[first], Unknown)
    assert refusal(outcomes[second]).why is Why.NOT_SENT
    assert len(deletions(it)) == 1
    it.http.loses_answers = False
    assert set(clear(it, first, second).values()) == {Applied(None)}


def failing_at(it: Bench, kth: int) -> None:
    """Let OPERA fall silent at the k-th reading of schedules."""
    seen = iter(range(1, 99))

    def before(request: HttpRequest) -> None:
        if "/schedules" in request.url and next(seen) >= kth:
            raise Unanswered("nobody there")

    it.http.before = before


def test_a_clearing_that_cannot_read_first_sends_nothing(it: Bench) -> None:
    failing_at(it, 1)
    assert refusal(clear(it, cell("GEN", 0))[cell("GEN", 0)]).why is Why.NOT_SENT
    assert deletions(it) == []


def test_a_clearing_that_cannot_be_read_back_is_in_doubt(it: Bench) -> None:
    failing_at(it, 2)
    outcome = clear(it, cell("GEN", 0))[cell("GEN", 0)]
    assert isinstance(outcome, Unknown)
    assert "not read back" in outcome.cause


def test_a_rate_that_shows_after_its_deletion_is_in_doubt(it: Bench) -> None:
    mine = cell("GEN", 0)

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.method == "DELETE":
            it.face.pms.set_rate("GEN", "BAR", TODAY, Decimal(95), it.flow.now())
        return response

    it.http.tamper = tamper
    outcome = clear(it, mine)[mine]
    assert isinstance(outcome, Unknown)
    assert "still shows a rate" in outcome.cause


def test_a_refused_deletion_is_told_with_opera_s_code_and_does_not_stop_the_rest(it: Bench) -> None:
    now(it.pms.connect())
    fault = json.dumps({"type": "t", "title": "No", "o:errorCode": "OPERAWS-RTP01"}).encode()
    answers = iter([HttpResponse(400, TYPE, fault)])
    it.http.tamper = lambda request, response: next(answers, response) if request.method == "DELETE" else response
    first, second = cell("GEN", 0), cell("GEN", 2)
    outcomes = clear(it, first, second)
    assert (refusal(outcomes[first]).why, refusal(outcomes[first]).code) == (Why.REJECTED, "OPERAWS-RTP01")
    assert outcomes[second] == Applied(None)


def test_whether_cells_are_cleared_is_read_back(it: Bench) -> None:
    first, second = cell("GEN", 0), cell("GEN", 1)
    write = ClearRates("c1", (first, second))
    sent_at = it.flow.now()
    assert isinstance(now(it.pms.reconcile(write, sent_at)), Unknown)
    it.flow.elapsed_s += settling_s(CAPABILITIES) + 1
    assert refusal(now(it.pms.reconcile(write, sent_at))).why is Why.NOT_APPLIED
    clear(it, first)
    part = now(it.pms.reconcile(write, sent_at))
    assert isinstance(part, Unknown)
    assert "1 of 2 cells have no rate" in part.cause
    clear(it, second)
    assert now(it.pms.reconcile(write, sent_at)) == Applied(None)
    again = ClearRates("c2", (*write.cells, cell("GEN", 0, 1), cell("GEN", 0, rate_plan="BAR")))
    assert now(it.pms.reconcile(again, sent_at)) == Applied(None)
    assert "clear_rates" in CAPABILITIES.repeatable


def test_more_than_a_year_is_looked_at_in_parts(it: Bench) -> None:
    wanted = [replace(cell("GEN", 0), stay_date=TODAY + timedelta(days=away)) for away in range(400)]
    assert set(clear(it, *wanted).values()) == {Applied(None)}
    assert len(deletions(it)) == 1
    assert len(sent(it, "/schedules")) == 4


@pytest.mark.parametrize(("amount", "why"), [("79.99", Why.OUT_OF_RANGE), ("80.00", Why.REJECTED)])
def test_an_amount_below_the_plan_s_floor_is_told_from_other_refusals(it: Bench, amount: str, why: Why) -> None:
    with_plan(it, floorAmount=80)
    told = it.http.tamper
    fault = json.dumps({"type": "t", "title": "Rate is not allowed", "o:errorCode": "RTP9"}).encode()
    it.http.tamper = lambda request, response: (
        HttpResponse(400, TYPE, fault) if request.method == "PUT" else told(request, response)
    )
    outcome = refusal(published(it, {cell("GEN", 0): amount})[cell("GEN", 0)])
    assert (outcome.why, outcome.code) == (why, "RTP9")
    assert ("the floor of rate plan BAR is 80" in outcome.message) == (why is Why.OUT_OF_RANGE)


def test_a_refusal_without_a_known_floor_stays_what_it_is(it: Bench) -> None:
    now(it.pms.connect())
    it.http.tamper = lambda request, response: HttpResponse(400, TYPE, b"{}")
    outcome = refusal(published(it, {cell("GEN", 0): "1.00"})[cell("GEN", 0)])
    assert (outcome.why, outcome.code) == (Why.REJECTED, None)
