"""Rates: read by plan and night, published by jobs that Cloudbeds works off later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from pms_lab.adapters.cloudbeds.exchange import Exchange, Value, not_sent
from pms_lab.adapters.cloudbeds.models import Data, Jobs, JobTicket, List, RateJob, RatePlan
from pms_lab.adapters.reading import ended
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.property import Property
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates
from pms_lab.errors import BadAnswer, PmsError, PmsRefused

INTERVALS: Final = 30
"""`patchRate` takes no more at once."""

POLLS_S: Final = (1, 2, 4, 8, 16, 30)
"""The waits before each look at a job: a minute in all. Nobody publishes how long a job may take."""

RUNNING: Final = "in_progress"
COMPLETED: Final = "completed"
FAILED: Final = "error"
DONE: Final = frozenset({"updated", "created"})
"""What an interval of a job says when it has taken effect."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Nights in a row with one amount; `first` and `last` are both nights of it, by our reading of `endDate`."""

    rate_id: str
    first: date
    last: date
    amount: Decimal
    cells: tuple[RateCell, ...]


class Rates:
    """The rates of one property's plan."""

    def __init__(self, place: Property, exchange: Exchange) -> None:
        self._place = place
        self._exchange = exchange

    async def read(self, nights: StayDates, products: Collection[str]) -> dict[RateCell, NightlyRate]:
        """Return the plan's base rates, which are what `patchRate` sets; those of a derived plan are nobody's own.

        Of the others Cloudbeds does not tell whether an interval of their own holds them.
        """
        plans = await self._plans(nights)
        found = [(one, plans[known]) for one in products if (known := self._place.vendor_product(one)) in plans]
        return {
            self._place.cell(product, night.date): NightlyRate(night.rate_base, not plan.is_derived, plan.is_derived)
            for product, plan in found
            for night in plan.room_rate_detailed
            if night.date in nights and night.rate_base is not None
        }

    async def id_of(self, plan: str, room_type: str, nights: StayDates) -> str:
        """Return the vendor's id of a room type's rate in a plan.

        Raises:
            PmsError: it cannot be read, or there is none (of status 404).
        """
        plans = await self._plans(nights, plan)
        if room_type not in plans:
            raise PmsRefused(f"plan {plan!r} has no rate for room type {room_type}", status=404)
        return plans[room_type].rate_id

    async def publish(self, sheet: RateSheet) -> Mapping[RateCell, Outcome[None]]:
        """Publish a sheet, thirty intervals at a time, and wait for the end of each job."""
        outcomes: dict[RateCell, Outcome[None]] = {**self._unfit_cells(sheet)}
        fit = [cell for cell in sheet if cell not in outcomes]
        if not fit:
            return outcomes
        try:
            plans = await self._plans(_span(fit))
        except PmsError as error:
            return outcomes | dict.fromkeys(fit, not_sent(error))
        outcomes |= {cell: refusal for cell in fit if (refusal := self._unpublishable(cell, plans))}
        ready = {cell: sheet[cell].amount for cell in fit if cell not in outcomes}
        outcomes |= await self._send_all(list(self._intervals(ready, plans)))
        return outcomes

    async def reconcile(self, sheet: RateSheet, is_settled: bool) -> Outcome[None]:
        """Find out from the jobs under way, and then from the rates themselves, how a publication ended.

        The jobs are asked for first: one that ends between the two questions then shows in the rates.
        """
        unfit = self._unfit_cells(sheet)
        fit = {cell: rate.amount for cell, rate in sheet.items() if cell not in unfit}
        if not fit:
            return Refused(Why.NOT_APPLIED, "no cell of the sheet is one of this property's plan: none was sent")
        nights = _span(list(fit))
        running = await self._exchange.get(Jobs, "getRateJobs", status=RUNNING)
        rates = await self.read(nights, sorted({cell.product for cell in fit}))
        held = [cell for cell, amount in fit.items() if cell in rates and rates[cell].amount == amount]
        if len(held) == len(sheet):
            return Applied(None)
        jobs = [job.job_reference_id for job in running.data if _may_touch(job, nights)]
        if jobs or running.has_next_page:
            return Unknown(f"rate jobs are still in progress: {', '.join(jobs[:5]) or 'more than one page of them'}")
        if held:
            return Unknown(f"{len(held)} of {len(sheet)} cells hold the amount: read and publish them one by one")
        if not is_settled:
            return Unknown("no cell holds the amount yet, but the request may still arrive")
        return Refused(Why.NOT_APPLIED, "no cell holds the amount, and no rate job is in progress")

    async def _plans(self, nights: StayDates, wanted: str | None = None) -> dict[str, RatePlan]:
        """Return the rates of a plan, else of the property's, by room type.

        No room type is asked for: the answer would not repeat it.
        """
        answer = await self._exchange.get(
            Data[List[RatePlan]],
            "getRatePlans",
            propertyIDs=self._place.code,
            startDate=nights.check_in,
            endDate=nights.check_out,
            detailedRates=True,
        )
        name = self._place.rate_plan if wanted is None else wanted
        return {
            plan.room_type_id: plan
            for plan in answer.data
            if plan.room_type_id is not None and (plan.rate_plan_id or "") == name
        }

    def _unfit_cells(self, sheet: RateSheet) -> dict[RateCell, Refused]:
        """Return the cells that are none of this property's plan, or stand for the same rate there, and why."""
        claims = Counter(map(self._claim, sheet))
        return {
            cell: refusal
            for cell, rate in sheet.items()
            if (refusal := self._unfit(cell, rate, is_alone=claims[self._claim(cell)] == 1))
        }

    def _claim(self, cell: RateCell) -> tuple[str, date | None, str]:
        """Return the vendor's rate that a cell may mean: without a plan, that of the settings'; at any occupancy."""
        return self._place.vendor_product(cell.product), cell.stay_date, cell.rate_plan or self._place.rate_plan

    def _unfit(self, cell: RateCell, rate: Money, *, is_alone: bool) -> Refused | None:
        if rate.currency != self._place.currency:
            return Refused(Why.REJECTED, f"{rate} is not in {self._place.currency}, which the property sells in")
        if not is_alone:
            twin = f"{cell.product} for {cell.stay_date} is ambiguous"
            return Refused(Why.REJECTED, f"{twin}: another cell is for the same rate, keep one of them")
        is_ours = cell.location == self._place.location and cell.rate_plan in (None, self._place.rate_plan)
        if not is_ours or cell.stay_date is None or cell.occupancy is not None:
            rule = f"give each a night of {self._place.location}, no occupancy, and no plan but {self._place.rate_plan}"
            return Refused(Why.REJECTED, f"{cell.product} for {cell.stay_date} is no cell of this property: {rule}")
        return None

    def _unpublishable(self, cell: RateCell, plans: Mapping[str, RatePlan]) -> Refused | None:
        plan = plans.get(self._place.vendor_product(cell.product))
        if plan is None:
            return Refused(Why.NOT_FOUND, f"plan {self._place.rate_plan!r} has no rate for room type {cell.product}")
        if plan.is_derived:
            return Refused(
                Why.REJECTED, f"rate {plan.rate_id} of {cell.product} is derived from another: publish its parent"
            )
        return None

    def _intervals(self, amounts: Mapping[RateCell, Decimal], plans: Mapping[str, RatePlan]) -> Iterator[Interval]:
        """Yield runs of nights with one amount, by rate and night."""
        nights = [
            (plans[self._place.vendor_product(cell.product)].rate_id, cell.stay_date, amount, cell)
            for cell, amount in amounts.items()
            if cell.stay_date
        ]
        nights.sort(key=lambda one: one[:2])
        run: Interval | None = None
        for rate_id, night, amount, cell in nights:
            if run and (run.rate_id, run.last + timedelta(days=1), run.amount) == (rate_id, night, amount):
                run = replace(run, last=night, cells=(*run.cells, cell))
            else:
                if run:
                    yield run
                run = Interval(rate_id, night, night, amount, (cell,))
        if run:
            yield run

    async def _send_all(self, intervals: Sequence[Interval]) -> dict[RateCell, Outcome[None]]:
        outcomes: dict[RateCell, Outcome[None]] = {}
        for start in range(0, len(intervals), INTERVALS):
            told = await self._send(intervals[start : start + INTERVALS])
            outcomes |= told
            if any(isinstance(one, Unknown) for one in told.values()):
                unsent = Refused(Why.NOT_SENT, "not sent, since how the rates before it ended is unknown")
                rest = intervals[start + INTERVALS :]
                return outcomes | dict.fromkeys((cell for one in rest for cell in one.cells), unsent)
        return outcomes

    async def _send(self, intervals: Sequence[Interval]) -> dict[RateCell, Outcome[None]]:
        cells = [cell for one in intervals for cell in one.cells]
        ticket = await ended(
            self._exchange.send(JobTicket, "POST", "patchRate", rates=[_form(one) for one in intervals])
        )
        if not isinstance(ticket, Applied):
            return dict.fromkeys(cells, ticket)
        number = ticket.value.job_reference_id
        try:
            job = await self._end_of(number)
        except PmsError as error:
            return dict.fromkeys(cells, Unknown(f"rate job {number} was accepted, but cannot be followed: {error}"))
        if job is None:
            return dict.fromkeys(
                cells, Unknown(f"rate job {number} was still in progress after {sum(POLLS_S)} s: look at it later")
            )
        return {
            cell: _told(job, one.rate_id, cell.stay_date) for one in intervals for cell in one.cells if cell.stay_date
        }

    async def _end_of(self, number: str) -> RateJob | None:
        """Return a job that has ended, or None when it has not within the polls; one not listed yet is under way."""
        for wait_s in POLLS_S:
            await self._exchange.flow.sleep(wait_s)
            answer = await self._exchange.get(Jobs, "getRateJobs", jobReferenceID=number)
            job = next((one for one in answer.data if one.job_reference_id == number), None)
            if job and _has_ended(job):
                return job
        return None


def _span(cells: Sequence[RateCell]) -> StayDates:
    nights = [cell.stay_date for cell in cells if cell.stay_date]
    return StayDates(min(nights), max(nights) + timedelta(days=1))


def _may_touch(job: RateJob, nights: StayDates) -> bool:
    """Whether a job is about these nights; one that does not say what it is about may be."""
    return not job.updates or any(
        one.start_date < nights.check_out and nights.check_in <= one.end_date for one in job.updates
    )


def _form(one: Interval) -> Value:
    return {"rateID": one.rate_id, "interval": {"startDate": one.first, "endDate": one.last, "rate": one.amount}}


def _has_ended(job: RateJob) -> bool:
    if job.status not in (RUNNING, COMPLETED, FAILED):
        raise BadAnswer(f"rate job {job.job_reference_id} is {job.status[:40]!r}: no state of a job")
    return job.status != RUNNING


def _told(job: RateJob, rate_id: str, night: date) -> Outcome[None]:
    """Tell from a job that has ended how one night ended: a job that failed may have set some of its rates."""
    mine = [one for one in job.updates if one.rate_id == rate_id and one.start_date <= night <= one.end_date]
    faults = [one for one in mine if one.action == FAILED]
    if faults:
        return Refused(Why.REJECTED, faults[0].message or f"rate job {job.job_reference_id} gives no reason")
    if job.status == COMPLETED or (mine and all(one.action in DONE for one in mine)):
        return Applied(None)
    return Unknown(f"rate job {job.job_reference_id} failed and does not tell of {night}: read the rate back")
