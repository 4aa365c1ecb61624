"""The ledger in memory, for the simulation: durable as long as the object is."""

from __future__ import annotations

from bisect import bisect_right, insort_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import islice
from operator import itemgetter
from typing import Final, NamedTuple

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import (
    Alert,
    AlertKind,
    Change,
    Decision,
    HistoryEntry,
    Push,
    PushState,
    Transition,
    check_step,
)
from pms_lab.domain.rates import RateCell
from pms_lab.engine.ledger import Fence, Past
from pms_lab.errors import InputError, LockLost, StoreError


@dataclass(slots=True, eq=False)
class _Entry:
    """A push, and the transitions that it has come through."""

    push: Push
    transitions: list[Transition]

    def whole(self) -> Push:
        return replace(self.push, transitions=tuple(self.transitions))

    @property
    def state(self) -> PushState:
        return self.transitions[-1].state

    def change_of(self, cell: RateCell) -> Change | None:
        return next((change for change in self.push.changes if change.cell == cell), None)


class _Reading(NamedTuple):
    """What a cell held; `by` is the push whose publication it was read back for, or None."""

    at: datetime
    held: NightlyRate
    by: _Entry | None


class _Publication(NamedTuple):
    at: datetime
    by: _Entry
    cells: Collection[RateCell]


@dataclass(slots=True)
class _Place:
    """What is kept of one location; `token` is the highest seen, `unsettled` the pushes that are not final."""

    token: int = 0
    unsettled: dict[str, None] = field(default_factory=dict)
    inventory_at: datetime | None = None
    last_at: datetime | None = None
    publications: list[_Publication] = field(default_factory=list)


_AT: Final = itemgetter(0)
"""When something was read or published."""


class MemoryBook:
    """An implementation of `Book`: see there. Whatever can fail in a call is looked at before anything changes."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._places: dict[str, _Place] = {}
        self._readings: dict[RateCell, list[_Reading]] = {}
        self._decisions: dict[str, Decision] = {}
        self._alerts: list[Alert] = []
        self._raised: set[tuple[AlertKind, str]] = set()

    def past(self, location: str, cells: Collection[RateCell], midnight: datetime) -> Past:
        """Return what is known of a location."""
        day_base: dict[RateCell, Decimal] = {}
        if self._readings:
            for cell in cells:
                if readings := self._readings.get(cell):
                    before = bisect_right(readings, midnight, key=_AT)
                    day_base[cell] = readings[max(before - 1, 0)].held.amount
        place = self._places.get(location) or _Place()
        pms_down = (AlertKind.PMS_DOWN, location) in self._raised
        return Past(tuple(place.unsettled), day_base, place.inventory_at, place.last_at, pms_down)

    def open(
        self, push: Push, fence: Fence | None, alerts: Collection[Alert] = (), inventory_at: datetime | None = None
    ) -> None:
        """Record a new push."""
        place = self._places.get(push.location) or _Place()
        _check_fence(fence, push.location, place, is_needed=not push.state.is_final)
        check_step(None, push.state)
        if push.id in self._entries:
            raise StoreError(f"push {push.id} is recorded already: an id is used once")
        self._places[push.location] = place
        self._entries[push.id] = entry = _Entry(push, list(push.transitions))
        _come_to(place, entry, fence)
        if inventory_at is not None:
            place.inventory_at = max(inventory_at, place.inventory_at or inventory_at)
        if push.read_at is not None:
            for change in push.changes:
                if change.old is not None:
                    self._read(change.cell, _Reading(push.read_at, change.old, None))
        self._tell(alerts)

    def record(
        self,
        push_id: str,
        step: Transition,
        fence: Fence,
        held: Mapping[RateCell, NightlyRate] | None = None,
        alerts: Collection[Alert] = (),
    ) -> None:
        """Record a transition."""
        entry = self._get(push_id)
        place = self._places[entry.push.location]
        _check_fence(fence, entry.push.location, place, is_needed=True)
        check_step(entry.state, step.state)
        entry.transitions.append(step)
        _come_to(place, entry, fence)
        if held:
            publisher = entry if step.state is PushState.PUBLISHED else None
            if publisher is not None:
                insort_right(place.publications, _Publication(step.at, entry, tuple(held)), key=_AT)
            for cell, rate in held.items():
                self._read(cell, _Reading(step.at, rate, publisher))
        self._tell(alerts)

    def guard(self, fence: Fence) -> None:
        """Let only this fence and higher ones write from now on."""
        place = self._places.setdefault(fence.location, _Place())
        _check_fence(fence, fence.location, place, is_needed=True)
        place.token = fence.token

    def find(self, push_id: str) -> Push | None:
        """Return a push."""
        entry = self._entries.get(push_id)
        return None if entry is None else entry.whole()

    def pushes(
        self, location: str | None = None, states: Collection[PushState] = (), limit: int | None = None
    ) -> tuple[Push, ...]:
        """Return pushes, the latest first."""
        found = (
            entry.whole()
            for entry in reversed(self._entries.values())
            if location in (None, entry.push.location) and (not states or entry.state in states)
        )
        return tuple(islice(found, limit))

    def reviews(self, location: str | None = None) -> tuple[Push, ...]:
        """Return the pushes that wait for a person's decision."""
        waiting = self.pushes(location, [PushState.PENDING_MANUAL_REVIEW])
        return tuple(push for push in reversed(waiting) if push.id not in self._decisions)

    def decide(self, decision: Decision) -> None:
        """Record a decision."""
        push_id = decision.push_id
        state = self._get(push_id).state
        if state is not PushState.PENDING_MANUAL_REVIEW:
            raise InputError(f"push {push_id} is {state}: only one that waits for a review can be decided on")
        if known := self._decisions.get(push_id):
            raise InputError(f"{known.by} has decided on push {push_id} already, at {known.at}")
        self._decisions[push_id] = decision

    def decision(self, push_id: str) -> Decision | None:
        """Return what was decided on a push."""
        return self._decisions.get(push_id)

    def history(self, cell: RateCell, until: datetime | None = None, limit: int = 100) -> tuple[HistoryEntry, ...]:
        """Return what a cell held."""
        readings = self._readings.get(cell, [])
        known = readings if until is None else readings[: bisect_right(readings, until, key=_AT)]
        return tuple(islice(reversed(list(_explained(cell, known))), limit))

    def amounts_at(self, location: str, at: datetime) -> Mapping[RateCell, NightlyRate]:
        """Return what was held at a time."""
        place = self._places.get(location) or _Place()
        since = place.publications[bisect_right(place.publications, at, key=_AT) :]
        first: dict[RateCell, _Entry] = {}
        for publication in since:
            for cell in publication.cells:
                first.setdefault(cell, publication.by)
        amounts = ((cell, self._amount_at(cell, at, entry)) for cell, entry in first.items())
        return {cell: held for cell, held in amounts if held is not None}

    def tell(self, alert: Alert) -> bool:
        """Record an alert."""
        subject = (alert.kind, alert.subject)
        if subject in self._raised:
            return False
        self._raised.add(subject)
        self._alerts.append(alert)
        return True

    def clear(self, kind: AlertKind, subject: str, at: datetime) -> None:
        """Note that what an alert told is over."""
        self._raised.discard((kind, subject))

    def alerts(self, location: str | None = None, limit: int | None = None) -> tuple[Alert, ...]:
        """Return alerts."""
        found = (alert for alert in reversed(self._alerts) if location in (None, alert.location))
        return tuple(islice(found, limit))

    def _get(self, push_id: str) -> _Entry:
        if push_id not in self._entries:
            raise InputError(f"there is no push {push_id!r}: list the pushes")
        return self._entries[push_id]

    def _read(self, cell: RateCell, reading: _Reading) -> None:
        readings = self._readings.setdefault(cell, [])
        if readings and reading.at < readings[-1].at:
            insort_right(readings, reading, key=_AT)
        else:
            readings.append(reading)

    def _tell(self, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            self.tell(alert)

    def _amount_at(self, cell: RateCell, at: datetime, first: _Entry) -> NightlyRate | None:
        readings = self._readings[cell]
        if before := bisect_right(readings, at, key=_AT):
            return readings[before - 1].held
        change = first.change_of(cell)
        return None if change is None else change.old


def _check_fence(fence: Fence | None, location: str, place: _Place, *, is_needed: bool) -> None:
    if fence is None:
        if is_needed:
            raise LockLost(f"no lock on {location}: take it before a push is opened there")
    elif fence.location != location:
        raise LockLost(f"a lock on {fence.location} gives no right to write for {location}")
    elif fence.token < place.token:
        raise LockLost(f"the lock on {location} is another's now: token {fence.token} is void, {place.token} was seen")


def _come_to(place: _Place, entry: _Entry, fence: Fence | None) -> None:
    """Note what the last transition of a push changes for its location."""
    if fence is not None:
        place.token = fence.token
    place.last_at = entry.transitions[-1].at
    if entry.state.is_final:
        place.unsettled.pop(entry.push.id, None)
    else:
        place.unsettled[entry.push.id] = None


def _explained(cell: RateCell, readings: Iterable[_Reading]) -> Iterator[HistoryEntry]:
    """Yield the history of a cell, the earliest first: who published what was read, unless another was read since."""
    last: _Reading | None = None
    for reading in readings:
        if reading.by is not None:
            last = reading
        elif last is not None and last.held != reading.held:
            last = None
        at, held, _ = reading
        if last is None or last.by is None:
            yield HistoryEntry(cell, held.amount, held.is_own, at)
        else:
            push, change = last.by.push, last.by.change_of(cell)
            yield HistoryEntry(cell, held.amount, held.is_own, at, push.id, change, push.asked_by)
