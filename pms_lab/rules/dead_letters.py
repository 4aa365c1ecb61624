"""What becomes of a dead letter after an attempt, and what staff is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pms_lab.domain.dead_letters import DeadLetter
from pms_lab.domain.outcome import Refused, Unknown, Why

RETRY_S: Final = 60.0

NOT_ABOUT_THE_LETTER: Final = frozenset({Why.BREAKER_OPEN, Why.NOT_SENT, Why.THROTTLED, Why.AUTH})


def stops_replay(ended: Refused | Unknown) -> bool:
    """Whether the next letter would fare no better: the PMS was not reached, or let nobody in."""
    return isinstance(ended, Refused) and ended.why in NOT_ABOUT_THE_LETTER


def next_try_s(ended: Refused | Unknown, settles_in_s: float | None) -> float | None:
    """Return in how many seconds a letter may be tried again; None when a person has to decide.

    Args:
        settles_in_s: how long until a read tells how an unknown write ended; None where none ever does.
    """
    if isinstance(ended, Unknown):
        return None if settles_in_s is None else max(settles_in_s, RETRY_S)
    return max(ended.retry_after_s or 0.0, RETRY_S) if stops_replay(ended) else None


class Severity(StrEnum):
    """How urgent a notice is."""

    INFO = "info"
    WARNING = "warning"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that staff should know.

    Attributes:
        key: the same as long as the same thing lasts: send a notice when its key appears, not again while it stays.
    """

    key: str
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class LetterLimits:
    """What is too many (more than `count`) and too old (more than `age_h` hours)."""

    count: int = 10
    age_h: float = 4.0


def notices(
    open_letters: Sequence[DeadLetter], now: datetime, limits: LetterLimits = LetterLimits()
) -> tuple[Notice, ...]:
    """Return what holds of the open letters now: a notice for each, one when they are many, one when one is old."""
    found = [_notice_of(letter) for letter in open_letters]
    if len(open_letters) > limits.count:
        text = f"{len(open_letters)} writes wait to be sent to the PMS: see that it is up and the replay runs"
        found.append(Notice("dead_letters/count", Severity.WARNING, text))
    oldest = min(open_letters, key=lambda letter: letter.first_attempt_at, default=None)
    if oldest is not None and now - oldest.first_attempt_at > timedelta(hours=limits.age_h):
        text = f"{_named(oldest)} has waited for more than {limits.age_h:g} h: retry, resolve or abandon it"
        found.append(Notice("dead_letters/age", Severity.HIGH, text))
    return tuple(found)


def _notice_of(letter: DeadLetter) -> Notice:
    is_charge = letter.operation == "post_charge"
    waits = "waits to be sent" if letter.due_at else "waits for a person: retry, resolve or abandon it"
    text = f"{_named(letter)} {waits}"
    return Notice(f"dead_letters/{letter.id}", Severity.CRITICAL if is_charge else Severity.INFO, text)


def _named(letter: DeadLetter) -> str:
    return f"{letter.operation} of {letter.entity} (letter {letter.id})"
