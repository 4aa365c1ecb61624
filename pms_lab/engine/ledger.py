"""The ledger: what was meant before it was written, and what became of it. Events are added and never changed.

A `Book` keeps it: synchronous, each call one transaction that happens as a whole or not at all and is durable when it
returns. `Ledger` is the port that production code awaits: it hands each call to a `Runner`, which knows where work that
blocks may run. So no transaction spans an await.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Protocol, TypeVar

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import Alert, AlertKind, Decision, HistoryEntry, Push, PushState, Transition
from pms_lab.domain.rates import RateCell

T = TypeVar("T")


class Runner(Protocol):
    """Where work that blocks is done: in a thread, at once, or in virtual time."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """Do it once, to its end even when whoever waits for it is cancelled, and return its result."""


@dataclass(frozen=True, slots=True)
class Fence:
    """The right to write for a location: the token of its lock. A higher one that was seen makes it void."""

    location: str
    token: int


@dataclass(frozen=True, slots=True)
class Past:
    """What the ledger knows of a location before a push.

    Attributes:
        open_pushes: the ids of those that are not final.
        day_base: of each cell that was read before, the last amount read at or before midnight, else the first after.
        inventory_at: when the availability was last read.
        last_at: when the last transition was recorded.
        pms_down: whether it is told already that the PMS of the location is down.
    """

    open_pushes: tuple[str, ...]
    day_base: Mapping[RateCell, Decimal]
    inventory_at: datetime | None
    last_at: datetime | None
    pms_down: bool = False


class Book(Protocol):
    """The ledger, and the alerts beside it.

    Every method raises `StoreError` when the store cannot be read or written; nothing of the call happened then, as far
    as can be known.
    """

    def past(self, location: str, cells: Collection[RateCell], midnight: datetime) -> Past:
        """Return what is known of a location, after trying with a probe, taken back, that it can be written.

        Args:
            midnight: with which the day of the push began; aware.
        """

    def open(
        self, push: Push, fence: Fence | None, alerts: Collection[Alert] = (), inventory_at: datetime | None = None
    ) -> None:
        """Record a new push with its first transition, its old amounts as readings, and its alerts.

        Args:
            fence: None only for a push that has ended with its first transition.
            inventory_at: when the availability was read, if it was read for this push.

        Raises:
            LockLost: the fence is void.
            IllegalTransition: no push begins so.
        """

    def record(
        self,
        push_id: str,
        step: Transition,
        fence: Fence,
        held: Mapping[RateCell, NightlyRate] | None = None,
        alerts: Collection[Alert] = (),
    ) -> None:
        """Record a transition with what was read back at its time; with `PUBLISHED` that becomes the rate history.

        Raises:
            LockLost: the fence is void.
            IllegalTransition: the push cannot become so, or another has settled it.
            InputError: there is no such push.
        """

    def guard(self, fence: Fence) -> None:
        """Let only this fence and higher ones write for their location from now on.

        Raises:
            LockLost: it is void itself.
        """

    def find(self, push_id: str) -> Push | None:
        """Return a push; None where there is none with this id."""

    def pushes(
        self, location: str | None = None, states: Collection[PushState] = (), limit: int | None = None
    ) -> tuple[Push, ...]:
        """Return pushes, the latest first; only those in some states where any are named."""

    def reviews(self, location: str | None = None) -> tuple[Push, ...]:
        """Return the pushes that wait for a person's decision, the oldest first."""

    def decide(self, decision: Decision) -> None:
        """Record a decision.

        Raises:
            InputError: the push does not wait for one, or somebody has decided already.
        """

    def decision(self, push_id: str) -> Decision | None:
        """Return what was decided on a push; None where nothing was."""

    def history(self, cell: RateCell, until: datetime | None = None, limit: int = 100) -> tuple[HistoryEntry, ...]:
        """Return what a cell held, the latest first: so the first entry is what it held at `until`, and why."""

    def amounts_at(self, location: str, at: datetime) -> Mapping[RateCell, NightlyRate]:
        """Return what each cell that was published after a time held at that time, as far as was read."""

    def tell(self, alert: Alert) -> bool:
        """Record an alert, unless one of its kind is raised for its subject already; whether it was recorded."""

    def clear(self, kind: AlertKind, subject: str, at: datetime) -> None:
        """Note that what an alert told is over, so that the next one of its kind is told again."""

    def alerts(self, location: str | None = None, limit: int | None = None) -> tuple[Alert, ...]:
        """Return alerts, the latest first."""


class Ledger:
    """A `Book` as production code awaits it; its methods are those of `Book`, and are described there."""

    def __init__(self, book: Book, run: Runner) -> None:
        self._book = book
        self._run = run

    async def past(self, location: str, cells: Collection[RateCell], midnight: datetime) -> Past:
        """Return what is known of a location."""
        return await self._run(partial(self._book.past, location, cells, midnight))

    async def open(
        self, push: Push, fence: Fence | None, alerts: Collection[Alert] = (), inventory_at: datetime | None = None
    ) -> None:
        """Record a new push."""
        await self._run(partial(self._book.open, push, fence, alerts, inventory_at))

    async def record(
        self,
        push_id: str,
        step: Transition,
        fence: Fence,
        held: Mapping[RateCell, NightlyRate] | None = None,
        alerts: Collection[Alert] = (),
    ) -> None:
        """Record a transition."""
        await self._run(partial(self._book.record, push_id, step, fence, held, alerts))

    async def guard(self, fence: Fence) -> None:
        """Let only this fence and higher ones write from now on."""
        await self._run(partial(self._book.guard, fence))

    async def find(self, push_id: str) -> Push | None:
        """Return a push."""
        return await self._run(partial(self._book.find, push_id))

    async def pushes(
        self, location: str | None = None, states: Collection[PushState] = (), limit: int | None = None
    ) -> tuple[Push, ...]:
        """Return pushes, the latest first."""
        return await self._run(partial(self._book.pushes, location, states, limit))

    async def reviews(self, location: str | None = None) -> tuple[Push, ...]:
        """Return the pushes that wait for a person's decision."""
        return await self._run(partial(self._book.reviews, location))

    async def decide(self, decision: Decision) -> None:
        """Record a decision."""
        await self._run(partial(self._book.decide, decision))

    async def decision(self, push_id: str) -> Decision | None:
        """Return what was decided on a push."""
        return await self._run(partial(self._book.decision, push_id))

    async def history(
        self, cell: RateCell, until: datetime | None = None, limit: int = 100
    ) -> tuple[HistoryEntry, ...]:
        """Return what a cell held."""
        return await self._run(partial(self._book.history, cell, until, limit))

    async def amounts_at(self, location: str, at: datetime) -> Mapping[RateCell, NightlyRate]:
        """Return what was held at a time."""
        return await self._run(partial(self._book.amounts_at, location, at))

    async def tell(self, alert: Alert) -> bool:
        """Record an alert."""
        return await self._run(partial(self._book.tell, alert))

    async def clear(self, kind: AlertKind, subject: str, at: datetime) -> None:
        """Note that what an alert told is over."""
        await self._run(partial(self._book.clear, kind, subject, at))

    async def alerts(self, location: str | None = None, limit: int | None = None) -> tuple[Alert, ...]:
        """Return alerts."""
        return await self._run(partial(self._book.alerts, location, limit))
