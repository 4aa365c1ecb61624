"""Rates at Cloudbeds: asynchronous jobs of at most thirty intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from pms_lab.adapters.cloudbeds import CAPABILITIES
from pms_lab.adapters.cloudbeds.rates import INTERVALS, POLLS_S
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import ClearRates, UpdateRates
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import Unanswered, Unsupported
from pms_lab.rules.settling import settling_s
from tests.adapters.cloudbeds_bench import (
    DLX,
    GEN,
    TODAY,
    TWO_NIGHTS,
    answer,
    cell,
    edited,
    face_of,
    hotel,
    method_of,
    nights,
    says,
    sent,
    sheet,
)
from tests.contracts.harness import NOON, Bench, now


def published(it: Bench, rates: RateSheet) -> Mapping[RateCell, Outcome[None]]:
    return now(it.pms.update_rates(UpdateRates("p1", rates)))


def only(outcomes: Mapping[RateCell, Outcome[None]]) -> Outcome[None]:
    (outcome,) = set(outcomes.values())
    return outcome


def refusal(outcome: Outcome[Any]) -> Refused:
    assert isinstance(outcome, Refused), outcome
    return outcome


def doubt(outcome: Outcome[Any]) -> str:
    assert isinstance(outcome, Unknown), outcome
    return outcome.cause


def test_no_room_type_is_asked_for_since_the_answer_would_not_repeat_it() -> None:
    it = hotel()
    assert now(it.pms.get_rates(TWO_NIGHTS, ["GEN"])) == {
        cell("GEN", night): NightlyRate(Decimal("1000.00")) for night in TWO_NIGHTS
    }
    (query,) = sent(it, "getRatePlans")
    assert "roomTypeID" not in query
    assert query["detailedRates"] == "true"


def test_nights_that_were_not_asked_for_and_those_without_a_rate_are_left_out() -> None:
    it = hotel()

    def more(record: Any) -> None:
        for plan in record["data"]:
            first, second = plan["roomRateDetailed"]
            plan["roomRateDetailed"] = [first, second | {"rateBase": None}, first | {"date": "2026-12-24"}]

    edited(it, "getRatePlans", more)
    assert list(now(it.pms.get_rates(TWO_NIGHTS, ["GEN"]))) == [cell("GEN", TODAY)]


def test_a_job_takes_effect_when_it_ends_and_is_polled_until_then() -> None:
    it = hotel()
    assert only(published(it, nights({0: "1100.37"}))) == Applied(None)
    assert it.flow.elapsed_s == 7  # after 1, 2 and 4 s; the job takes 5
    assert len(sent(it, "getRateJobs")) == 3
    assert it.face.pms.rate(GEN, TODAY) == Decimal("1100.37")
    (event,) = it.face.pms.events
    assert event.at == NOON + timedelta(seconds=5)


def test_an_amount_is_on_the_wire_as_it_is() -> None:
    it = hotel()
    published(it, nights({0: "1100.10"}))
    (form,) = sent(it, "patchRate")
    assert form == {
        "rates[0][rateID]": f"{GEN}1",
        "rates[0][interval][startDate]": "2026-11-30",
        "rates[0][interval][endDate]": "2026-11-30",
        "rates[0][interval][rate]": "1100.10",
    }


def test_nights_in_a_row_with_one_amount_are_one_interval() -> None:
    it = hotel()
    amounts = {("GEN", 0): "1100", ("GEN", 1): "1100", ("GEN", 2): "1200", ("GEN", 4): "1200", ("DLX", 3): "1100"}
    rates = sheet({cell(kind, TODAY + timedelta(days=away)): amount for (kind, away), amount in amounts.items()})
    assert only(published(it, rates)) == Applied(None)
    (form,) = sent(it, "patchRate")
    spans = sorted(
        (
            form[f"rates[{at}][rateID]"],
            form[f"rates[{at}][interval][startDate]"],
            form[f"rates[{at}][interval][endDate]"],
        )
        for at in range(4)
    )
    assert spans == sorted(
        [
            (f"{GEN}1", "2026-11-30", "2026-12-01"),
            (f"{GEN}1", "2026-12-02", "2026-12-02"),
            (f"{GEN}1", "2026-12-04", "2026-12-04"),
            (f"{DLX}1", "2026-12-03", "2026-12-03"),
        ]
    )
    assert "rates[4][rateID]" not in form
    assert [it.face.pms.rate(GEN, TODAY + timedelta(days=away)) for away in range(5)] == [1100, 1100, 1200, 1000, 1200]


def test_thirty_one_intervals_go_in_two_jobs_each_after_the_other() -> None:
    it = hotel()
    rates = nights({away: str(1000 + away) for away in range(INTERVALS + 1)})
    assert only(published(it, rates)) == Applied(None)
    assert [len(form) // 4 for form in sent(it, "patchRate")] == [INTERVALS, 1]
    methods = [method_of(one) for one in it.http.sent]
    assert methods[methods.index("patchRate") + 1] == "getRateJobs"


def test_a_job_that_never_ends_is_unknown_by_its_number_and_stops_the_rest() -> None:
    it = hotel()
    face_of(it).rates.never_ends = True
    rates = nights({away: str(1000 + away) for away in range(INTERVALS + 2)})
    outcomes = list(published(it, rates).values())
    (job,) = face_of(it).rates.jobs
    assert {job.number in doubt(one) for one in outcomes[:INTERVALS]} == {True}
    assert {refusal(one).why for one in outcomes[INTERVALS:]} == {Why.NOT_SENT}
    assert it.flow.elapsed_s == sum(POLLS_S)


def test_a_job_that_fails_tells_of_each_cell() -> None:
    it = hotel()
    face_of(it).rates.failing[f"{DLX}1"] = "Rate is locked"
    outcomes = published(it, sheet({cell("GEN"): "1100", cell("DLX"): "1600"}))
    assert outcomes[cell("GEN")] == Applied(None)
    assert refusal(outcomes[cell("DLX")]).message == "Rate is locked"
    assert [it.face.pms.rate(kind, TODAY) for kind in (GEN, DLX)] == [1100, 1500]


def test_of_one_rate_a_night_may_fail_and_another_be_set() -> None:
    it = hotel()

    def second_failed(record: Any) -> None:
        job = record["data"][0]
        if job["status"] == "completed":
            job["status"] = "error"
            job["updates"][1].update(action="error", message="Closed")

    edited(it, "getRateJobs", second_failed)
    outcomes = list(published(it, nights({0: "1100", 1: "1200"})).values())
    assert outcomes[0] == Applied(None)
    assert refusal(outcomes[1]).message == "Closed"


def test_an_amount_in_another_currency_is_refused_and_the_sheet_not_sent() -> None:
    it = hotel()
    foreign = RateSheet({cell(): Money(Decimal(1100), "EUR")})
    assert "USD" in refusal(only(published(it, foreign))).message
    assert it.http.sent == []


def job_says(it: Bench, **job: Any) -> None:
    def edit(record: Any) -> None:
        record["data"][0].update(job)

    edited(it, "getRateJobs", edit)


@pytest.mark.parametrize(
    "job",
    [
        {"status": "error", "updates": []},
        {"status": "error", "updates": None},
        {"status": "in_progressgu"},
        {"status": None},
        {"jobReferenceID": "another"},
    ],
    ids=str,
)
def test_a_job_that_does_not_tell_how_it_ended_leaves_the_cells_unknown(job: dict[str, Any]) -> None:
    it = hotel()
    job_says(it, **job)
    assert face_of(it).rates.jobs == []
    cause = doubt(only(published(it, nights({0: "1100"}))))
    assert face_of(it).rates.jobs[0].number in cause


@pytest.mark.parametrize(
    "broken", [HttpResponse(500), HttpResponse(401, {}, b"{}"), answer({"success": False, "message": "No"})], ids=str
)
def test_a_job_that_cannot_be_followed_is_unknown_and_never_refused(broken: HttpResponse) -> None:
    it = hotel()
    says(it, "getRateJobs", broken)
    assert face_of(it).rates.jobs == []
    cause = doubt(only(published(it, nights({0: "1100"}))))
    assert face_of(it).rates.jobs[0].number in cause


def test_a_derived_rate_is_refused_and_not_sent() -> None:
    it = hotel()
    edited(it, "getRatePlans", lambda record: [plan.update(isDerived=True) for plan in record["data"]] and record)
    assert "parent" in refusal(only(published(it, nights({0: "1100"})))).message
    assert sent(it, "patchRate") == []
    assert {rate.is_own for rate in now(it.pms.get_rates(TWO_NIGHTS, ["GEN"])).values()} == {False}


def test_the_rates_of_a_derived_plan_are_nobody_s_own_and_cannot_be_set() -> None:
    it = hotel()
    edited(it, "getRatePlans", lambda record: [plan.update(isDerived=True) for plan in record["data"]] and record)
    rates = now(it.pms.get_rates(TWO_NIGHTS, ["GEN"]))
    assert set(rates.values()) == {NightlyRate(Decimal("1000.00"), is_own=False, is_derived=True)}


def test_rates_cannot_be_taken_away_and_the_capabilities_say_so() -> None:
    it = hotel()
    write = ClearRates("c1", (cell(),))
    with pytest.raises(Unsupported, match="no call takes one away"):
        now(it.pms.clear_rates(write))
    with pytest.raises(Unsupported, match="no call takes one away"):
        now(it.pms.reconcile(write, NOON))
    assert it.http.sent == []
    assert CAPABILITIES.unsupported["clear_rates"]


@pytest.mark.parametrize(
    ("record", "status", "code"),
    [
        ({"success": False, "message": "No"}, 200, None),
        ({"success": False, "message": "No", "error": "rate_limit_low"}, 200, "rate_limit_low"),
        ({"error": "invalid_request", "message": "No"}, 400, "invalid_request"),
        ({"error": "Ada Byron may not", "message": "No"}, 400, None),
        ({"error": {"code": 7}, "message": "No"}, 400, None),
    ],
)
def test_a_refusal_has_the_code_that_cloudbeds_gives(record: Any, status: int, code: str | None) -> None:
    it = hotel()
    says(it, "patchRate", answer(record, status))
    outcome = refusal(only(published(it, nights({0: "1100"}))))
    assert (outcome.why, outcome.code) == (Why.REJECTED, code)


def test_the_face_refuses_a_derived_rate_itself() -> None:
    it = hotel()
    edited(it, "getRatePlans", lambda record: record["data"][0].update(rateID=f"{GEN}2"))
    assert refusal(only(published(it, nights({0: "1100"})))).message == "Derived rates cannot be updated"


@pytest.mark.parametrize(
    "unfit",
    [
        replace(cell(), stay_date=None),
        replace(cell(), rate_plan="2279"),
        replace(cell(), occupancy=2),
    ],
    ids=["no night", "another plan", "occupancy"],
)
def test_a_cell_that_the_plan_does_not_have_is_refused_and_the_others_are_published(unfit: RateCell) -> None:
    it = hotel()
    outcomes = published(it, sheet({unfit: "1100", cell("DLX"): "1600"}))
    assert refusal(outcomes[unfit]).why is Why.REJECTED
    assert outcomes[cell("DLX")] == Applied(None)
    assert it.face.pms.rate(GEN, TODAY) == 1000


@pytest.mark.parametrize(
    "twin",
    [replace(cell(), rate_plan="227"), replace(cell(), occupancy=2), replace(cell(), product=GEN)],
    ids=["the plan by name", "occupancy", "the vendor's id of the room type"],
)
def test_two_cells_for_one_rate_are_both_refused_and_the_others_are_published(twin: RateCell) -> None:
    it = hotel()
    rates = sheet({cell(): "1100", twin: "1200", cell("DLX"): "1600"})
    outcomes = published(it, rates)
    assert set(outcomes) == set(rates)
    assert ["ambiguous" in refusal(outcomes[one]).message for one in (cell(), twin)] == [True, True]
    assert outcomes[cell("DLX")] == Applied(None)
    assert [it.face.pms.rate(kind, TODAY) for kind in (GEN, DLX)] == [1000, 1600]


def test_cells_of_another_location_are_refused_before_anything_is_asked() -> None:
    it = hotel()
    elsewhere = replace(cell(), location="ELSEWHERE")
    assert refusal(only(published(it, sheet({elsewhere: "1100"})))).why is Why.REJECTED
    assert it.http.sent == []


def test_rates_that_cannot_be_looked_up_are_not_sent() -> None:
    it = hotel()
    says(it, "getRatePlans", HttpResponse(503))
    assert refusal(only(published(it, nights({0: "1100"})))).why is Why.NOT_SENT
    assert sent(it, "patchRate") == []


def lost(it: Bench) -> None:
    """Lose the answer to the request for a job; the job is accepted."""

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if method_of(request) == "patchRate":
            raise Unanswered("the answer was lost")
        return response

    it.http.tamper = tamper


def test_a_publication_whose_answer_is_lost_is_found_by_its_job_and_then_by_its_rates() -> None:
    it = hotel()
    lost(it)
    write = UpdateRates("p1", nights({0: "1100", 1: "1200"}))
    sent_at = it.flow.now()
    assert {type(one) for one in now(it.pms.update_rates(write)).values()} == {Unknown}
    assert len(sent(it, "patchRate")) == 1
    (job,) = face_of(it).rates.jobs
    assert job.number in doubt(now(it.pms.reconcile(write, sent_at)))
    it.flow.elapsed_s += 10
    assert now(it.pms.reconcile(write, sent_at)) == Applied(None)


def test_a_job_in_progress_outlasts_the_time_a_request_may_be_under_way() -> None:
    it = hotel()
    face_of(it).rates.takes_s = 300
    lost(it)
    write = UpdateRates("p1", nights({0: "1100"}))
    sent_at = it.flow.now()
    now(it.pms.update_rates(write))
    it.flow.elapsed_s += 120
    assert "in progress" in doubt(now(it.pms.reconcile(write, sent_at)))


def test_another_jobs_nights_do_not_keep_a_publication_open() -> None:
    it = hotel()
    face_of(it).rates.takes_s = 300
    lost(it)
    now(it.pms.update_rates(UpdateRates("p1", nights({9: "1100"}))))
    it.flow.elapsed_s += 120
    outcome = now(it.pms.reconcile(UpdateRates("p2", nights({0: "1100"})), NOON))
    assert refusal(outcome).why is Why.NOT_APPLIED


@pytest.mark.parametrize(
    "running",
    [{"data": [], "hasNextPage": True}, {"data": [{"jobReferenceID": "j9", "status": "in_progress"}]}],
    ids=str,
)
def test_jobs_that_do_not_show_what_they_are_about_may_be_ours(running: dict[str, Any]) -> None:
    it = hotel()
    says(it, "getRateJobs", answer({"success": True} | running))
    it.flow.elapsed_s += 120
    doubt(now(it.pms.reconcile(UpdateRates("p1", nights({0: "1100"})), NOON)))


def test_a_publication_that_never_arrived_is_proven_so_only_when_it_can_no_longer_come() -> None:
    it = hotel()
    write = UpdateRates("p1", nights({0: "1100", 1: "1200"}))
    sent_at = it.flow.now()
    doubt(now(it.pms.reconcile(write, sent_at)))
    it.flow.elapsed_s += settling_s(CAPABILITIES) + 1
    assert refusal(now(it.pms.reconcile(write, sent_at))).why is Why.NOT_APPLIED


def test_a_publication_of_which_a_part_is_there_is_unknown() -> None:
    it = hotel()
    it.face.pms.set_rate(GEN, "227", TODAY, Decimal(1100), it.flow.now())
    it.flow.elapsed_s += settling_s(CAPABILITIES) + 1
    outcome = now(it.pms.reconcile(UpdateRates("p1", nights({0: "1100", 1: "1200"})), NOON))
    assert "1 of 2" in doubt(outcome)


def test_a_sheet_of_which_nothing_fits_was_never_sent() -> None:
    it = hotel()
    write = UpdateRates("p1", RateSheet({replace(cell(), rate_plan="X"): Money(Decimal(1), "USD")}))
    assert refusal(now(it.pms.reconcile(write, it.flow.now()))).why is Why.NOT_APPLIED


def test_the_base_rate_is_read_where_the_settings_name_no_plan() -> None:
    it = hotel()
    edited(it, "getRatePlans", lambda record: [plan.update(ratePlanID=None) for plan in record["data"][::2]] and record)
    assert now(it.pms.get_rates(StayDates.starting(TODAY, 1), ["GEN"])) == {}
