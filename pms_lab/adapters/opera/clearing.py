"""Rates taken away: OPERA deletes the daily schedules of a room type, with its rates for all numbers of persons.

So a night that also has rates for others is left alone. Afterwards it has no rate in this plan: nothing is inherited.
Source: Oracle's description, `deleteDailyRatePlanScheduleRange` of version 25.5.0.0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple

from pms_lab.adapters.opera import models
from pms_lab.adapters.opera.access import CONTENT
from pms_lab.adapters.opera.bodies import WEEK
from pms_lab.adapters.opera.rate_runs import spot_of
from pms_lab.adapters.opera.reads import OperaReads
from pms_lab.adapters.reading import beforehand, ended, parsed
from pms_lab.adapters.wire import Call
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.rates import RateCell
from pms_lab.domain.stay import StayDates
from pms_lab.errors import PmsError

NOT_SENT: Final = Refused(Why.NOT_SENT, "not sent, since a call before it ended as unknown")


class Spot(NamedTuple):
    """A night of a room type in a rate plan, with its rates for all numbers of persons."""

    plan: str
    product: str
    night: date


@dataclass
class Asked:
    """What is to go from a night: the rates for these numbers of adults."""

    adults: set[int] = field(default_factory=set)
    cells: list[RateCell] = field(default_factory=list)


Priced = Mapping[Spot, Collection[int]]
"""For which numbers of adults there are rates."""


class Clearing:
    """Takes rates away, or looks whether they are gone."""

    def __init__(self, reads: OperaReads) -> None:
        self._reads = reads

    async def outcomes(self, cells: Sequence[RateCell]) -> Mapping[RateCell, Outcome[None]]:
        """Take the rates of cells away, and tell how each ended: see `PMSAdapter`."""
        asked, outcomes = self._asked(cells)
        for plan in sorted({spot.plan for spot in asked}):
            mine = {spot: asked[spot] for spot in asked if spot.plan == plan}
            is_stopped = any(isinstance(outcome, Unknown) for outcome in outcomes.values())
            ends = dict.fromkeys(mine, NOT_SENT) if is_stopped else await self._clear(plan, mine)
            outcomes |= {cell: ends[spot] for spot, one in mine.items() for cell in one.cells}
        return outcomes

    async def is_clear(self, cells: Sequence[RateCell]) -> Applied[None] | Unknown | None:
        """Tell whether no cell has a rate: None where all have one, Unknown where some have."""
        asked, _ = self._asked(cells)
        clear = 0
        for plan in sorted({spot.plan for spot in asked}):
            mine = {spot: one for spot, one in asked.items() if spot.plan == plan}
            priced = await self._priced(plan, mine)
            clear += sum(len(one.cells) for spot, one in mine.items() if not one.adults & set(priced.get(spot, ())))
        if clear == len(cells):
            return Applied(None)
        return Unknown(f"{clear} of {len(cells)} cells have no rate: clear them again") if clear else None

    def _asked(self, cells: Iterable[RateCell]) -> tuple[Mapping[Spot, Asked], dict[RateCell, Outcome[None]]]:
        """Return what is to go from which nights, and the cells that OPERA has no place for."""
        refused: dict[RateCell, Outcome[None]] = {}
        asked: dict[Spot, Asked] = defaultdict(Asked)
        for cell in cells:
            place = spot_of(cell, self._reads.place, self._reads.credentials.persons)
            if isinstance(place, Refused):
                refused[cell] = place
            else:
                one = asked[Spot(place.plan, place.product, place.night)]
                one.adults.add(place.adults)
                one.cells.append(cell)
        return asked, refused

    async def _clear(self, plan: str, asked: Mapping[Spot, Asked]) -> Mapping[Spot, Outcome[None]]:
        seen = await ended(beforehand(self._seen(plan, asked)))
        if not isinstance(seen, Applied):
            return dict.fromkeys(asked, seen)
        if isinstance(seen.value, Refused):
            return dict.fromkeys(asked, seen.value)
        ends = {spot: end for spot, one in asked.items() if (end := _without_deleting(one, seen.value.get(spot, ())))}
        sent = await self._delete_all([spot for spot in sorted(asked) if spot not in ends])
        return ends | await self._read_back(plan, sent)

    async def _seen(self, plan: str, asked: Mapping[Spot, Asked]) -> Priced | Refused:
        """Return what there is, or why nothing of it may be deleted."""
        found = await self._reads.plan(plan)
        if found is None:
            return Refused(Why.NOT_FOUND, f"OPERA knows no rate plan {plan}")
        if found.daily is False:
            return Refused(Why.REJECTED, f"rate plan {plan} has rates by season: take them away in OPERA")
        return {} if found.is_derived else await self._priced(plan, asked)

    async def _priced(self, plan: str, asked: Iterable[Spot]) -> Priced:
        nights = [spot.night for spot in asked]
        span = StayDates(min(nights), max(nights) + timedelta(days=1))
        products = sorted({self._reads.place.our_product(spot.product) for spot in asked})
        priced: dict[Spot, set[int]] = defaultdict(set)
        async for schedule in self._reads.schedules(span, products, plan):
            own = () if schedule.is_derived else schedule.rate_amounts.persons
            for product in schedule.room_type_list:
                for night in filter(schedule.holds_on, span):
                    priced[Spot(plan, product, night)].update(own)
        return priced

    async def _delete_all(self, spots: Sequence[Spot]) -> dict[Spot, Outcome[None]]:
        """Delete runs of nights, one call for each; one that ends as unknown stops the rest."""
        ends: dict[Spot, Outcome[None]] = {}
        for run in _runs(spots):
            is_stopped = any(isinstance(end, Unknown) for end in ends.values())
            ends |= dict.fromkeys(run, NOT_SENT if is_stopped else await ended(self._delete(run)))
        return ends

    async def _delete(self, run: Sequence[Spot]) -> None:
        first, last = run[0], run[-1]
        query = [
            ("startDate", first.night.isoformat()),
            ("endDate", last.night.isoformat()),
            ("roomType", first.product),
            *((day, "true") for day in WEEK),
        ]
        path = self._reads.path("rtp", "ratePlans", first.plan, "dailySchedules")
        parsed(models.Written, await self._reads.wire.tell(Call("DELETE", path, query, CONTENT)))

    async def _read_back(self, plan: str, ends: dict[Spot, Outcome[None]]) -> dict[Spot, Outcome[None]]:
        """Look whether what was deleted is gone: what else OPERA may show then, its description does not say."""
        deleted = [spot for spot, end in ends.items() if isinstance(end, Applied)]
        if not deleted:
            return ends
        try:
            priced = await self._priced(plan, deleted)
        except PmsError as error:
            return ends | dict.fromkeys(deleted, Unknown(f"deleted, and not read back: {error}"))
        left = [spot for spot in deleted if priced.get(spot)]
        return ends | dict.fromkeys(
            left, Unknown("OPERA took it, and still shows a rate: look at the plan's schedules")
        )


def _without_deleting(asked: Asked, there: Collection[int]) -> Outcome[None] | None:
    """Return how a night ends that needs no deletion, or may have none."""
    if not asked.adults & set(there):
        return Applied(None)
    if others := sorted(set(there) - asked.adults):
        named = " and ".join(map(str, others))
        return Refused(Why.REJECTED, f"the night has a rate for {named} persons too, which OPERA would delete with it")
    return None


def _runs(spots: Sequence[Spot]) -> list[list[Spot]]:
    """Cut spots, in order, into runs of consecutive nights of one room type."""
    runs: list[list[Spot]] = []
    for spot in spots:
        if runs and (runs[-1][-1].product, runs[-1][-1].night + timedelta(days=1)) == (spot.product, spot.night):
            runs[-1].append(spot)
        else:
            runs.append([spot])
    return runs
