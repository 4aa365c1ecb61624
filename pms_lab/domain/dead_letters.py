"""Dead letters: writes that could not be sent, and wait to be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias, overload

from pms_lab.domain.writes import (
    OPERATIONS,
    AddNote,
    AddPreferences,
    CancelReservation,
    ModifyDates,
    PostCharge,
    SetSpecialRequests,
    SetStatus,
    UpdateCheckoutTime,
    UpdateGuest,
    Write,
)

Queueable: TypeAlias = AddNote | AddPreferences | PostCharge | UpdateCheckoutTime
"""The writes that are as good later; rates and new reservations, above all, are not."""


@overload
def entity_of(write: Queueable) -> str: ...
@overload
def entity_of(write: Write) -> str | None: ...
def entity_of(write: Write) -> str | None:
    """Name what a write is about, such as ``reservation/opera:123``; None where it is no guest or reservation yet."""
    match write:
        case UpdateGuest() | AddPreferences():
            return f"guest/{write.guest}"
        case (
            AddNote()
            | SetSpecialRequests()
            | SetStatus()
            | UpdateCheckoutTime()
            | ModifyDates()
            | CancelReservation()
            | PostCharge()
        ):
            return f"reservation/{write.reservation}"
        case _:
            return None


class LetterStatus(StrEnum):
    """Where a dead letter stands."""

    PENDING = "pending"
    RETRYING = "retrying"
    RESOLVED = "resolved"
    ABANDONED = "abandoned"

    @property
    def is_open(self) -> bool:
        """Whether the write may still be sent."""
        return self in (LetterStatus.PENDING, LetterStatus.RETRYING)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One write that waits, or waited, to be sent.

    Attributes:
        sequence: the order of arrival; letters of one entity are sent in it.
        entity: what the write is about, as `entity_of` names it.
        attempts: how often a worker has tried it.
        error: how the last attempt ended, without guest data; `error_code` is its `Why`, or ``unknown``.
        first_attempt_at: when it came here, as it could not be sent; aware, like all times here.
        due_at: when it may be claimed; None while it waits for a person to retry, resolve or abandon it.
        in_doubt_since: when it was last sent, at the latest, with an end that is not known; None when it surely has had
            no effect.
        resolved_by: the worker that sent it, or the person who resolved or abandoned it at `resolved_at`.
        claimed_by: the worker that tries it, until `claimed_until`.
    """

    id: str
    sequence: int
    entity: str
    write: Queueable
    error: str
    error_code: str
    first_attempt_at: datetime
    last_attempt_at: datetime
    due_at: datetime | None
    attempts: int = 0
    in_doubt_since: datetime | None = None
    status: LetterStatus = LetterStatus.PENDING
    resolved_by: str | None = None
    resolved_at: datetime | None = None
    notes: str = ""
    claimed_by: str | None = None
    claimed_until: datetime | None = None

    @property
    def operation(self) -> str:
        """The name of the write's operation."""
        return OPERATIONS[type(self.write)]

    @property
    def is_void(self) -> bool:
        """Whether it was given up and surely had no effect, so that its key may be used again."""
        return self.status is LetterStatus.ABANDONED and self.in_doubt_since is None

    def is_claimable(self, now: datetime) -> bool:
        """Whether a worker may try it: it is due, or the claim on it has lapsed. Earlier letters are not considered."""
        if self.status is LetterStatus.RETRYING:
            return not self.is_claimed(now)
        return self.status is LetterStatus.PENDING and self.due_at is not None and self.due_at <= now

    def is_claimed(self, now: datetime) -> bool:
        """Whether a worker's claim holds."""
        return self.claimed_until is not None and now < self.claimed_until
