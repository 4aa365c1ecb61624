"""A push of rates: what was meant, where it stands, how it got there, and what became of each cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.rates import RateCell, RateSheet, TaxBasis
from pms_lab.errors import IllegalTransition


class PushState(StrEnum):
    """Where a push stands. Only `PREPARED` and `IN_PROGRESS` are open; all others are final."""

    PREPARED = "PREPARED"
    IN_PROGRESS = "IN_PROGRESS"
    PUBLISHED = "PUBLISHED"
    ROLLED_BACK = "ROLLED_BACK"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    PENDING_MANUAL_REVIEW = "PENDING_MANUAL_REVIEW"
    REJECTED = "REJECTED"
    PROPOSED_DRY_RUN = "PROPOSED_DRY_RUN"

    @property
    def is_final(self) -> bool:
        """Whether nothing follows."""
        return self not in STEPS


STEPS: Final[Mapping[PushState | None, frozenset[PushState]]] = {
    None: frozenset(
        {PushState.PREPARED, PushState.REJECTED, PushState.PENDING_MANUAL_REVIEW, PushState.PROPOSED_DRY_RUN}
    ),
    PushState.PREPARED: frozenset({PushState.IN_PROGRESS, PushState.REJECTED}),
    PushState.IN_PROGRESS: frozenset(
        {
            PushState.PUBLISHED,
            PushState.ROLLED_BACK,
            PushState.ROLLBACK_FAILED,
            PushState.PENDING_MANUAL_REVIEW,
            PushState.REJECTED,
        }
    ),
}
"""What may follow a state; None is before the first."""


def check_step(before: PushState | None, after: PushState) -> None:
    """Refuse a step that `STEPS` does not have; every ledger asks this, and nobody else.

    Raises:
        IllegalTransition: naming both states and what may follow the first.
    """
    allowed = STEPS.get(before, frozenset())
    if after not in allowed:
        raise IllegalTransition(before, after, allowed)


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of a push.

    Attributes:
        at: by the clock of whoever made it; aware.
        by: the id of a person, or the name of a process.
        why: in a sentence.
        exposed_s: how long a colleague's edit or a late write could have been lost unseen; None where it could not.
    """

    state: PushState
    at: datetime
    by: str
    why: str
    exposed_s: float | None = None


class Rule(StrEnum):
    """What a rate must keep to be pushed."""

    LOCATION = "location"
    PRODUCT = "product known"
    DATE = "stay date"
    CURRENCY = "currency"
    TAX_BASIS = "tax basis"
    PRICE_STEP = "price step"
    FLOOR = "margin floor"
    PREVIOUS = "previous rate known"
    DERIVED = "not derived"
    READABLE = "can be read back"
    PUSH_CAP = "push cap"
    DAY_CAP = "day cap"
    DECREASE = "largest decrease"
    SIZE = "size of the sheet"


class Finding(NamedTuple):
    """A rule that a cell breaks, or the whole sheet where `cell` is None."""

    rule: Rule
    cell: RateCell | None
    why: str


class Check(NamedTuple):
    """One line of the preflight table.

    Attributes:
        name: ``pms reachable``, ``rates sane``, ``inventory fresh``, ``ledger writable`` or ``no active push``.
        detail: what was seen.
        findings: what breaks which rule.
    """

    name: str
    passed: bool
    detail: str
    findings: tuple[Finding, ...] = ()


class Binding(NamedTuple):
    """The constraint that a new rate comes closest to.

    Attributes:
        limit: the amount that it allows at most or, for floors and decreases, at least.
    """

    rule: Rule
    limit: Decimal


@dataclass(frozen=True, slots=True)
class Vote:
    """What one agent recommended for a cell, and what its voice weighed."""

    agent: str
    rate: Decimal
    confidence: Decimal
    weight: Decimal = Decimal(1)
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What is meant for one cell.

    Attributes:
        old: what the PMS held when the intent was made; None where it held no rate.
        binding: None where no constraint applies.
        votes: of the agents, where the rate is their consensus.
    """

    cell: RateCell
    old: NightlyRate | None
    new: Decimal
    binding: Binding | None = None
    votes: tuple[Vote, ...] = ()

    @property
    def is_needed(self) -> bool:
        """Whether the PMS did not hold the new amount already, as the cell's own."""
        return self.old is None or not self.old.is_own or self.old.amount != self.new


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sheet comes from.

    Attributes:
        kind: ``file``, ``dry run``, ``revert`` or ``review``.
        name: of the file, the run date, the day gone back to, or the push reviewed.
        digest: of the file's bytes.
    """

    kind: str
    name: str
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """One push, as the ledger keeps it.

    Attributes:
        asked_by: the id of the person, or the name of the process, that asked for it.
        asked_at, read_at: when it was asked for, and when the old amounts were read; aware.
        changes: one for each cell of the sheet.
        checks: the preflight table.
        follows: the push whose review led to this one.
        transitions: in order; the last one is where it stands.
    """

    id: str
    location: str
    currency: str
    tax_basis: TaxBasis | None
    asked_by: str
    asked_at: datetime
    read_at: datetime | None
    origin: Origin
    changes: tuple[Change, ...]
    checks: tuple[Check, ...] = ()
    follows: str | None = None
    transitions: tuple[Transition, ...] = ()

    @property
    def state(self) -> PushState:
        """Where it stands."""
        return self.transitions[-1].state


class Ending(StrEnum):
    """What became of one cell."""

    PUBLISHED = "published"
    UNCHANGED = "as before"
    RESTORED = "restored"
    FOREIGN = "changed by somebody else, left alone"
    OURS = "still holds our amount"
    UNREAD = "could not be read"


class CellOutcome(NamedTuple):
    """What became of one cell; `held` is what was last read back, None where it was not or nothing was there."""

    change: Change
    ending: Ending
    held: NightlyRate | None = None


class AlertKind(StrEnum):
    """What an alert is about."""

    PMS_DOWN = "PMS down"
    SPIKE = "rate spike"
    ROLLED_BACK = "rolled back"
    PARTIAL_WRITE = "partial write"
    ROLLBACK_FAILED = "rollback failed"
    MANUAL_REVIEW = "manual review"
    LOCATION_NOT_FOUND = "location not found"
    LOCK_LOST = "lock lost"
    IN_DOUBT = "end not known"


class Severity(StrEnum):
    """How urgent an alert is."""

    WARNING = "warning"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person must know.

    Attributes:
        subject: what it is about: a push, or a location; one alert of a kind is raised for it until that is cleared.
        push_id: None where it is not about one.
        next_step: what a person is to do.
    """

    kind: AlertKind
    severity: Severity
    location: str
    subject: str
    message: str
    next_step: str
    at: datetime
    push_id: str | None = None


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """How a push ended.

    Attributes:
        push_id: None where it could not even be recorded.
        state: where it stands; an open state when its end could not be learnt, and recovery is to settle it.
        cells: what became of each cell.
        exposed_s: as in `Transition`: None where nothing of others can have been lost.
        alerts: those that it raised.
    """

    push_id: str | None
    location: str
    state: PushState
    why: str
    checks: tuple[Check, ...]
    cells: tuple[CellOutcome, ...]
    exposed_s: float | None = None
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided on a push that waits for review."""

    push_id: str
    approved: bool
    by: str
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One amount that a cell held, as far as we know.

    Attributes:
        at: when it was read in the PMS; aware.
        published: the push that put it there; None where it was only read.
        change: what that push meant: its votes, its binding constraint, the previous amount.
        asked_by: who asked for that push.
    """

    cell: RateCell
    amount: Decimal
    is_own: bool
    at: datetime
    published: str | None = None
    change: Change | None = None
    asked_by: str | None = None


@dataclass(frozen=True, slots=True)
class PushOrder:
    """What somebody asks to be pushed.

    Attributes:
        dry_run: whether to end after the preflight, with no write to the PMS whatever happens.
        votes: of the agents, by cell, where the rates are their consensus.
        follows: the push whose review was approved; `waives_day_cap` when the day cap was what it waited for.
    """

    sheet: RateSheet
    asked_by: str
    origin: Origin
    dry_run: bool = False
    votes: Mapping[RateCell, tuple[Vote, ...]] = field(default_factory=dict)
    follows: str | None = None
    waives_day_cap: bool = False
