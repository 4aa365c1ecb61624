"""When a request is repeated, and after what wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from pms_lab.errors import BreakerOpen, HostRefused, NotSent, PmsError, PmsFailed, SettingsError, Throttled, Unanswered

PASSING: Final = frozenset({500, 502, 503, 504})
"""The statuses of a failure that may be over a moment later."""

LONGEST_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently.

    Attributes:
        attempts: all of them, the first one too; 1 to 20.
        first_wait_s: before the second attempt.
        factor: each further wait is so many times the one before; 1 to 10.
        jitter: the largest share of a wait that chance adds to it; 0 to 0.5.
        longest_wait_s: no wait is longer, its jitter included.

    Raises:
        SettingsError: a value is outside its bounds.
    """

    attempts: int = 3
    first_wait_s: float = 1.0
    factor: float = 2.0
    jitter: float = 0.5
    longest_wait_s: float = 30.0

    def __post_init__(self) -> None:
        within = {"attempts": (1, 20), "factor": (1, 10), "jitter": (0, 0.5), "first_wait_s": (0, self.longest_wait_s)}
        for name, (low, high) in within.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"{name} {value} of the retries is not within {low:g} to {high:g}: correct it")


def is_worth_repeating(error: PmsError) -> bool:
    """Whether the same request may fare better a moment later: nobody answered, or the PMS was busy or failing."""
    match error:
        case HostRefused() | BreakerOpen():
            return False
        case Unanswered() | NotSent() | Throttled():
            return True
        case PmsFailed(status=status):
            return status in PASSING
        case _:
            return False


def wait_before(
    policy: RetryPolicy, failures: int, jitter_share: float, retry_after_s: float | None = None
) -> float | None:
    """Return how long to wait before the next attempt, or None when the error is to be handed to the caller.

    It is handed over when the attempts are used up, and when the PMS asks for more than the longest wait: a wait is
    never shorter than what the PMS asked for.

    Args:
        failures: attempts that have failed; 1 or more.
        jitter_share: by chance; at least 0, below 1.
        retry_after_s: what the PMS asked for.
    """
    if failures >= policy.attempts:
        return None
    backoff_s = policy.first_wait_s * policy.factor ** (failures - 1)
    wait_s = min(backoff_s * (1 + policy.jitter * jitter_share), policy.longest_wait_s)
    if retry_after_s is None:
        return wait_s
    return max(wait_s, retry_after_s) if retry_after_s <= policy.longest_wait_s else None


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Read a Retry-After header: seconds, or a date in any of HTTP's three forms. None for anything else.

    A date in the past is 0. A count of more than nine digits (31 years) is no answer. Source: RFC 9110, section 10.2.3.

    Args:
        now: aware; the date is compared with it.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= LONGEST_DIGITS else None
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
