"""Rates at Cloudbeds: read by plan; changed by jobs that take effect some time later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from pms_lab.sim.pms.faces.cloudbeds.wire import Ask, Record, Refusal, amount_of, day_of, local_text
from pms_lab.sim.pms.records import RoomType
from pms_lab.sim.pms.state import Pms

MOST_INTERVALS: Final = 30
KEPT: Final = timedelta(days=7)
"""How long a job is listed."""

DISCOUNT: Final = Decimal("0.90")
"""What the plan that is derived from the hotel's own leaves of its rates."""


@dataclass(frozen=True, slots=True)
class Interval:
    """What one element of a job sets; `first` and `last` are both nights of it."""

    rate_id: str
    product: str
    first: date
    last: date
    amount: Decimal


@dataclass
class Job:
    """A job.

    Attributes:
        due: when it takes effect; None where it never ends.
        faults: by rate, what went wrong; such an interval is not set.
    """

    number: str
    created: datetime
    due: datetime | None
    intervals: tuple[Interval, ...]
    has_ended: bool = False
    faults: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """As `getRateJobs` says it."""
        if not self.has_ended:
            return "in_progress"
        return "error" if self.faults else "completed"


class RateDesk:
    """The rates and the jobs of one property.

    Attributes:
        takes_s: from accepting a job to its effect.
        never_ends: jobs accepted while this is set stay in progress.
        failing: by rate id, the message with which its intervals fail.
    """

    def __init__(self, pms: Pms, takes_s: float = 5.0) -> None:
        self.pms = pms
        self.takes_s = takes_s
        self.never_ends = False
        self.failing: dict[str, str] = {}
        self.jobs: list[Job] = []

    def work(self, at: datetime) -> None:
        """Let the jobs that are due take effect, each at its time."""
        for job in self.jobs:
            if not job.has_ended and job.due is not None and job.due <= at:
                self._finish(job, job.due)

    def plans(self, ask: Ask) -> Record:
        """`getRatePlans`: the hotel's own plan, and one derived from it."""
        start, end = day_of(ask.needed("startDate"), "startDate"), day_of(ask.needed("endDate"), "endDate")
        nights = [start + timedelta(days=away) for away in range((end - start).days)]
        if not nights:
            raise Refusal("endDate must be after startDate")
        wanted = set((ask.text("roomTypeID") or "").split(",")) - {""}
        kinds = [kind for kind in self.pms.room_types.values() if not wanted or kind.code in wanted]
        rows = [
            self._plan(kind, nights, ask, is_derived=is_derived, names_type=not wanted)
            for kind in kinds
            for is_derived in (False, True)
        ]
        return {"data": rows}

    def patch(self, ask: Ask) -> Record:
        """`patchRate`: accept a job."""
        rows = ask.rows("rates")
        if not 1 <= len(rows) <= MOST_INTERVALS:
            raise Refusal(f"The number of intervals must be from 1 to {MOST_INTERVALS}")
        intervals = tuple(self._interval(row) for row in rows)
        due = None if self.never_ends else ask.at + timedelta(seconds=self.takes_s)
        faults = {one.rate_id: self.failing[one.rate_id] for one in intervals if one.rate_id in self.failing}
        job = Job(self.pms.id_of("job"), ask.at, due, intervals, faults=faults)
        self.jobs.append(job)
        return {"jobReferenceID": job.number}

    def list_jobs(self, ask: Ask) -> Record:
        """`getRateJobs`."""
        number, status = ask.text("jobReferenceID"), ask.text("status")
        jobs = [
            job
            for job in self.jobs
            if number in (None, job.number) and status in (None, job.status) and ask.at - job.created < KEPT
        ]
        return {"hasNextPage": False, "nextPage": None, "data": [self._job(job) for job in jobs]}

    def _finish(self, job: Job, at: datetime) -> None:
        # What happened meanwhile is not rewritten: a table's times only go forward.
        moment = max([at, *(event.at for event in self.pms.events[-1:])])
        job.has_ended = True
        for one in job.intervals:
            if one.rate_id not in job.faults:
                for away in range((one.last - one.first).days + 1):
                    night = one.first + timedelta(days=away)
                    self.pms.set_rate(one.product, self.pms.hotel.rate_plan, night, one.amount, moment)

    def _interval(self, row: Mapping[str, object]) -> Interval:
        product, is_derived = self._rate(row.get("rateID"))
        if is_derived:
            raise Refusal("Derived rates cannot be updated")
        interval = row.get("interval")
        if not isinstance(interval, dict):
            raise Refusal("Parameter interval must be an object")
        first, last = day_of(interval.get("startDate"), "startDate"), day_of(interval.get("endDate"), "endDate")
        amount = amount_of(interval.get("rate"), "rate")
        if last < first or amount < 0:
            raise Refusal("The interval has no night, or its rate is below zero")
        return Interval(rate_id(product), product, first, last, amount)

    def _rate(self, number: object) -> tuple[str, bool]:
        for code in self.pms.room_types:
            for is_derived in (False, True):
                if rate_id(code, is_derived) == number:
                    return code, is_derived
        raise Refusal("Rate not found")

    def _plan(self, kind: RoomType, nights: list[date], ask: Ask, *, is_derived: bool, names_type: bool) -> Record:
        plan = self.pms.hotel.rate_plan
        amounts = {night: self._amount(kind, night, ask.as_of, is_derived) for night in nights}
        free = {night: self.pms.available(kind.code, night, ask.as_of) for night in nights}
        record: Record = {
            "rateID": rate_id(kind.code, is_derived),
            "isDerived": is_derived,
            "roomRate": sum(amounts.values()),
            "totalRate": sum(amounts.values()),
            "roomsAvailable": min(free.values()),
            "propertyID": self.pms.hotel.code,
            "ratePlanID": derived_plan(plan) if is_derived else plan,
            "ratePlanNamePublic": "Non-refundable" if is_derived else "Best available",
            "addOns": [],
        }
        if is_derived:
            record |= {"derivedType": "percentage", "derivedValue": Decimal(-10), "parentRateID": rate_id(kind.code)}
        # The description: told only where the request does not say it.
        if names_type:
            record |= {"roomTypeID": kind.code}
        if ask.flag("detailedRates"):
            record["roomRateDetailed"] = [
                {
                    "date": str(night),
                    "rateBase": amount,
                    "totalRate": amount,
                    "roomsAvailable": free[night],
                    "closedToArrival": False,
                    "closedToDeparture": False,
                    "blocked": False,
                    "minLos": 1,
                    "maxLos": 0,
                    "cutOff": 0,
                    "lastMinuteBooking": 0,
                }
                for night, amount in amounts.items()
            ]
        return record

    def _amount(self, kind: RoomType, night: date, as_of: datetime, is_derived: bool) -> Decimal:
        amount = self.pms.rate(kind.code, night, as_of=as_of)
        return round(amount * DISCOUNT, 2) if is_derived else amount

    def _job(self, job: Job) -> Record:
        return {
            "jobReferenceID": job.number,
            "dateCreated": local_text(job.created, self.pms.hotel.zone)[:10],
            "status": job.status,
            "updates": list(_updates(job)),
        }


def rate_id(room_type: str, is_derived: bool = False) -> str:
    """Return the id of a room type's rate."""
    return f"{room_type}{2 if is_derived else 1}"


def derived_plan(plan: str) -> str:
    """Return the id of the plan that is derived from another."""
    return f"{plan}9"


def _updates(job: Job) -> Iterator[Record]:
    for one in job.intervals:
        fault = job.faults.get(one.rate_id) if job.has_ended else None
        ending = "error" if fault else "updated"
        yield {
            "rateID": one.rate_id,
            "action": ending if job.has_ended else "in_progress",
            "startDate": str(one.first),
            "endDate": str(one.last),
            "rate": one.amount,
            "message": fault,
        }
