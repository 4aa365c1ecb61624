"""Rates of QloApps that are taken away: rules are removed, and doubles that a late write left, and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from pms_lab.adapters.qloapps import CAPABILITIES
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.rates import RateCell
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import ClearRates, UpdateRates
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import Unanswered
from pms_lab.rules.settling import settling_s
from pms_lab.sim.pms.faces.qloapps import records
from tests.adapters.qloapps_bench import TODAY, face_of, reason, shop, written
from tests.adapters.test_qloapps_rates import amounts_in, at_write, entered, night, push, removed, rule, sheet
from tests.contracts.harness import Bench, now

CELL = RateCell("HOTEL", "GEN", TODAY)


def cells(*away: int) -> tuple[RateCell, ...]:
    return tuple(replace(CELL, stay_date=night(one)) for one in away)


def clear(it: Bench, *away: int) -> list[Outcome[None]]:
    wanted = cells(*away)
    outcomes = now(it.pms.clear_rates(ClearRates("c1", wanted)))
    assert list(outcomes) == list(wanted)
    return list(outcomes.values())


def ours(number: int, away: int = 0, value: str = "1100", **other: Any) -> records.Rule:
    """A rule as this adapter writes it."""
    return rule(number, away, value, **({"name": "pms_lab"} | other))


def rules_in(it: Bench) -> list[int]:
    return [one.id for one in face_of(it).prices.rules.values()]


def rate_now(it: Bench) -> NightlyRate:
    (rate,) = now(it.pms.get_rates(StayDates.starting(TODAY, 1), ["GEN"])).values()
    return rate


def deleted(it: Bench) -> list[str]:
    """The ids that were asked to be deleted, by request."""
    requests = [one for one in written(it) if one.method == "DELETE"]
    assert all(urlsplit(one.url).path == "/api/feature_prices/" and not one.body for one in requests)
    return [dict(parse_qsl(urlsplit(one.url).query))["id"] for one in requests]


def test_rules_are_removed_together_by_the_ids_of_a_list_that_is_compared_before_and_read_back_after() -> None:
    it = shop()
    push(it, sheet({0: "1100", 1: "1200", 2: "1300"}))
    before = len(it.http.sent)
    assert clear(it, 0, 2) == [Applied(None)] * 2
    rules = [one.method for one in it.http.sent[before:] if "feature_prices" in one.url]
    assert rules == ["GET", "GET", "DELETE", "GET"]
    assert deleted(it) == ["[1,3]"]
    assert amounts_in(it) == [(2, str(night(1)), Decimal(1200))]
    assert rate_now(it) == NightlyRate(Decimal("1000.00"), is_own=False)


def test_a_person_s_one_amount_for_a_night_is_the_cell_s_own_and_can_be_taken_away() -> None:
    it = shop()
    entered(it, rule(4))
    assert rate_now(it).is_own
    assert clear(it, 0) == [Applied(None)]
    assert not rate_now(it).is_own


def test_what_the_night_inherits_then_is_what_other_rules_make_of_it() -> None:
    it = shop()
    entered(it, rule(1, value="15", kind=1, way=2, unit=1, date_to=night(5).isoformat()))
    push(it, sheet({0: "1100"}))
    assert clear(it, 0) == [Applied(None)]
    assert rate_now(it) == NightlyRate(Decimal("1150.00"), is_own=False)


@pytest.mark.parametrize(
    ("there", "fault"),
    [
        ([rule(4, value="15", way=2, unit=1)], "rule 4 raises or lowers the price and does not set it"),
        ([rule(4, way=1)], "rule 4 raises or lowers"),
        ([rule(4, groups=(1,))], "rule 4 does not hold for all groups of customers"),
        ([rule(4), rule(9)], "rules 4, 9 are for the same night"),
        ([ours(4), rule(9, value="1100")], "rules 4, 9 are for the same night"),
        ([ours(4), ours(9, value="1200")], "rules 4, 9 are for the same night"),
        ([ours(4), ours(9, groups=(1,))], "rules 4, 9 are for the same night"),
        ([ours(4), ours(9, way=2)], "rules 4, 9 are for the same night"),
    ],
)
def test_rules_that_a_person_must_settle_are_told_and_never_removed(there: list[records.Rule], fault: str) -> None:
    it = shop()
    push(it, sheet({1: "1600"}))
    entered(it, *there)
    refused, applied = clear(it, 0, 1)
    assert fault in reason(refused)
    assert applied == Applied(None)
    assert list(face_of(it).prices.rules.values()) == there


def test_rules_that_do_not_hold_for_the_night_are_left_alone() -> None:
    it = shop()
    idle = [rule(4, cart=7), rule(5, active=0), rule(6, kind=1, date_to=night(5).isoformat()), rule(7, groups=())]
    entered(it, *idle)
    assert clear(it, 0) == [Applied(None)]
    assert written(it) == []
    entered(it, ours(8))
    assert clear(it, 0) == [Applied(None)]
    assert list(face_of(it).prices.rules.values()) == idle


def test_doubles_of_ours_go_together() -> None:
    it = shop()
    entered(it, ours(4), ours(9))
    assert clear(it, 0) == [Applied(None)]
    assert deleted(it) == ["[4,9]"]
    assert rules_in(it) == []


def test_many_cells_go_in_parts_and_a_part_in_doubt_stops_the_rest() -> None:
    it = shop()
    push(it, sheet(dict.fromkeys(range(31), "1100")))
    it.http.loses_answers = True
    outcomes = clear(it, *range(31))
    it.http.loses_answers = False
    assert all(isinstance(outcome, Unknown) for outcome in outcomes[:30])
    assert reason(outcomes[30]) == "not sent: an earlier part did not end well"
    assert len(deleted(it)) == 1
    assert clear(it, *range(31)) == [Applied(None)] * 31
    assert rules_in(it) == []


def test_an_edit_between_is_not_lost_and_the_others_are_cleared() -> None:
    it = shop()
    push(it, sheet({0: "1100", 1: "1200"}))
    edit = replace(face_of(it).prices.rules.known(1), value=Decimal(1999))
    seen = iter(range(9))

    def before(request: HttpRequest) -> None:
        if "feature_prices" in request.url and next(seen) == 1:
            entered(it, edit)

    it.http.before = before
    refused, applied = clear(it, 0, 1)
    assert "somebody is changing the rate of room type 1 on 2026-11-30" in reason(refused)
    assert applied == Applied(None)
    assert amounts_in(it) == [(1, str(TODAY), Decimal(1999))]


def test_a_rule_that_goes_at_the_same_time_keeps_the_others_there_and_each_is_told() -> None:
    it = shop()
    push(it, sheet({0: "1100", 1: "1200", 2: "1300"}))
    gone = face_of(it).prices.rules.known(2)
    at_write(it, "DELETE", lambda: removed(it, gone))
    first, second, third = clear(it, 0, 1, 2)
    assert second == Applied(None)
    for outcome in (first, third):
        assert isinstance(outcome, Refused)
        assert (outcome.why, outcome.code) == (Why.REJECTED, "87")
    assert rules_in(it) == [1, 3]
    assert clear(it, 0, 1, 2) == [Applied(None)] * 3


def test_a_rule_that_is_still_there_afterwards_is_in_doubt() -> None:
    it = shop()
    push(it, sheet({0: "1100"}))
    kept = face_of(it).prices.rules.known(1)

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.method == "DELETE":
            entered(it, kept)
        return response

    it.http.tamper = tamper
    (outcome,) = clear(it, 0)
    assert isinstance(outcome, Unknown)
    assert "still has rule 1" in outcome.cause


@pytest.mark.parametrize("failing", ["room_types", "groups", "feature_prices"])
def test_a_clearing_that_cannot_read_first_sends_nothing(failing: str) -> None:
    it = shop()
    push(it, sheet({0: "1100"}))

    def down(request: HttpRequest) -> None:
        if urlsplit(request.url).path == f"/api/{failing}":
            raise Unanswered("nobody there")

    it.http.before = down
    (outcome,) = clear(it, 0)
    assert isinstance(outcome, Refused)
    assert outcome.why is Why.NOT_SENT
    assert rules_in(it) == [1]


def test_a_clearing_that_cannot_be_read_back_is_in_doubt_and_found_by_a_later_look() -> None:
    it = shop()
    push(it, sheet({0: "1100"}))
    has_deleted: list[HttpRequest] = []

    def down(request: HttpRequest) -> None:
        if has_deleted:
            raise Unanswered("nobody there")
        has_deleted.extend([request] if request.method == "DELETE" else [])

    it.http.before = down
    (outcome,) = clear(it, 0)
    assert isinstance(outcome, Unknown)
    assert "not read back" in outcome.cause
    it.http.before = lambda request: None
    it.flow.elapsed_s += 60  # the breaker has opened meanwhile
    assert now(it.pms.reconcile(ClearRates("c1", cells(0)), it.flow.now())) == Applied(None)


@pytest.mark.parametrize(
    ("other", "why", "fault"),
    [
        ({"location": "ELSEWHERE"}, Why.REJECTED, "ELSEWHERE is not HOTEL"),
        ({"stay_date": None}, Why.REJECTED, "without a night"),
        ({"rate_plan": "OTHER"}, Why.REJECTED, "neither rate plans"),
        ({"occupancy": 2}, Why.REJECTED, "neither rate plans"),
        ({"product": "NOSUCH"}, Why.NOT_FOUND, "no room type NOSUCH"),
        ({"product": "99"}, Why.NOT_FOUND, "no room type 99"),
    ],
)
def test_what_qloapps_has_no_place_for_is_refused_and_the_others_are_cleared(
    other: dict[str, Any], why: Why, fault: str
) -> None:
    it = shop()
    push(it, sheet({0: "1100"}))
    stranger = replace(CELL, **other)
    outcomes = now(it.pms.clear_rates(ClearRates("c1", (stranger, CELL))))
    refused = outcomes[stranger]
    assert isinstance(refused, Refused)
    assert (refused.why, fault in refused.message) == (why, True)
    assert outcomes[CELL] == Applied(None)


def test_a_clearing_that_never_arrived_is_proven_so_when_it_can_no_longer_come() -> None:
    it = shop()
    entered(it, rule(4), rule(5, 1, "15", way=2, unit=1))
    sent_at = it.flow.now()
    assert isinstance(now(it.pms.reconcile(ClearRates("c1", cells(0)), sent_at)), Unknown)
    it.flow.elapsed_s += settling_s(CAPABILITIES) + 1
    late = now(it.pms.reconcile(ClearRates("c1", cells(0)), sent_at))
    assert isinstance(late, Refused)
    assert late.why is Why.NOT_APPLIED
    # A rule that only raises the price is no amount of the night's own.
    assert now(it.pms.reconcile(ClearRates("c2", cells(1, 2)), sent_at)) == Applied(None)


def stalled(it: Bench) -> Callable[[], HttpResponse]:
    """Hold the next creation of rules up: its sender gives up; return what lets it arrive."""
    held: list[HttpRequest] = []

    def before(request: HttpRequest) -> None:
        if request.method == "POST" and "feature_prices" in request.url and not held:
            held.append(request)
            raise Unanswered("it stalls")

    it.http.before = before
    return lambda: it.face.answer(held[0], it.flow.now())


def published_twice(it: Bench) -> None:
    """Publish a rate, hear nothing, publish it again, and let the first arrive late."""
    land = stalled(it)
    (first,) = push(it, sheet({0: "1100"}))
    assert isinstance(first, Unknown)
    assert push(it, sheet({0: "1100"})) == [Applied(None)]
    assert land().status == 201
    assert amounts_in(it) == [(1, str(TODAY), Decimal(1100)), (2, str(TODAY), Decimal(1100))]


def test_a_creation_that_is_sent_twice_leaves_doubles_as_the_capabilities_say() -> None:
    it = shop()
    assert CAPABILITIES.creates_rates
    published_twice(it)
    assert rate_now(it) == NightlyRate(Decimal("1100.00"))
    assert now(it.pms.reconcile(UpdateRates("p1", sheet({0: "1100"})), it.flow.now())) == Applied(None)


@pytest.mark.parametrize(("amount", "methods"), [("1200", ["DELETE", "PUT"]), ("1100", ["DELETE"])])
def test_the_next_push_removes_our_doubles_and_keeps_the_one_that_holds(amount: str, methods: list[str]) -> None:
    it = shop()
    published_twice(it)
    before = len(written(it))
    assert push(it, sheet({0: amount, 1: "1600"})) == [Applied(None)] * 2
    assert [one.method for one in written(it)[before:]] == [*methods, "POST"]
    assert deleted(it) == ["[2]"]
    assert amounts_in(it) == [(1, str(TODAY), Decimal(amount)), (3, str(night(1)), Decimal(1600))]


@pytest.mark.parametrize(
    "other",
    [
        {"value": "1200"},
        {"name": "By hand"},
        {"name": None},
        {"way": 2},
        {"unit": 1},
        {"groups": (1,)},
        {"groups": ()},
    ],
    ids=str,
)
def test_rules_that_are_no_doubles_of_ours_are_told_and_left_alone(other: dict[str, Any]) -> None:
    it = shop()
    there = [ours(4), ours(9, **other)]
    entered(it, *there)
    refused, applied = push(it, sheet({0: "1500", 1: "1600"}))
    assert "rules 4, 9 are for the same night, and the lowest wins" in reason(refused)
    assert applied == Applied(None)
    assert [one for one in face_of(it).prices.rules.values() if one.id in (4, 9)] == there


def test_doubles_that_somebody_is_changing_are_left_alone_and_the_others_published() -> None:
    it = shop()
    entered(it, ours(4), ours(9))
    edit = ours(9, value="1999")
    seen = iter(range(99))

    def before(request: HttpRequest) -> None:
        if "feature_prices" in request.url and next(seen) == 1:
            entered(it, edit)

    it.http.before = before
    refused, applied = push(it, sheet({0: "1500", 1: "1600"}))
    assert "somebody is changing the rate" in reason(refused)
    assert applied == Applied(None)
    assert [one for one in face_of(it).prices.rules.values() if one.id in (4, 9)] == [ours(4), edit]


def test_a_removal_of_doubles_in_doubt_stops_the_push() -> None:
    it = shop()
    entered(it, ours(4), ours(9))

    def lost(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.method == "DELETE":
            raise Unanswered("the answer was lost")
        return response

    it.http.tamper = lost
    doubt, rest = push(it, sheet({0: "1500", 1: "1600"}))
    assert isinstance(doubt, Unknown)
    assert isinstance(rest, Refused)
    assert rest.why is Why.NOT_SENT
    assert amounts_in(it) == [(4, str(TODAY), Decimal(1100))]
    it.http.tamper = lambda request, response: response
    it.flow.elapsed_s += timedelta(minutes=1).total_seconds()
    assert push(it, sheet({0: "1500", 1: "1600"})) == [Applied(None)] * 2
