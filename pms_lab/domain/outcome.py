"""The three ends of a remote write: applied, refused, unknown. The type checker makes every caller handle all three."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

from pms_lab.errors import (
    AuthRefused,
    BreakerOpen,
    Effect,
    NotSent,
    PmsError,
    Throttled,
)

T = TypeVar("T", covariant=True)


class Why(StrEnum):
    """Why a write had no effect."""

    NOT_SENT = "not sent"
    BREAKER_OPEN = "breaker open"
    AUTH = "credentials refused"
    THROTTLED = "asked too often"
    REJECTED = "rejected by the PMS"
    NOT_FOUND = "no such thing"
    OUT_OF_RANGE = "amount outside what the PMS allows"
    NOT_APPLIED = "read back: it has not taken effect"


@dataclass(frozen=True, slots=True)
class Applied(Generic[T]):
    """The write took effect.

    Attributes:
        value: the id of what was created; None for writes that create nothing.
    """

    value: T


@dataclass(frozen=True, slots=True)
class Refused:
    """The write had no effect, and will have none.

    Attributes:
        message: in the PMS's words, or ours.
        code: the vendor's own, where it gives one.
        retry_after_s: how long the PMS asked to wait.
    """

    why: Why
    message: str
    code: str | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The write may have taken effect, or may still do so.

    Attributes:
        cause: what is known.
        queued: the id under which it will be sent later; None where it will not.
    """

    cause: str
    queued: str | None = None


Outcome: TypeAlias = Applied[T] | Refused | Unknown


def outcome_of(error: PmsError) -> Refused | Unknown:
    """Tell how a write ended that ended in an error; a refusal tells nothing of an attempt before it."""
    if error.effect is Effect.UNKNOWN:
        return Unknown(str(error))
    if error.doubt is not None:
        return Unknown(f"{error.doubt}; sent again: {error}")
    return Refused(_why(error), str(error), error.code, error.retry_after_s)


def _why(error: PmsError) -> Why:
    match error:
        case BreakerOpen():
            return Why.BREAKER_OPEN
        case NotSent():
            return Why.NOT_SENT
        case AuthRefused():
            return Why.AUTH
        case Throttled():
            return Why.THROTTLED
        case _:
            return Why.NOT_FOUND if error.status == 404 else Why.REJECTED
