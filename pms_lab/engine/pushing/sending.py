"""The third step: send what is needed, part by part, each compared just before."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pms_lab.domain.outcome import Refused, Unknown, Why
from pms_lab.domain.push import Change
from pms_lab.engine.pushing.run import LONGEST_WAIT_S, RETRYABLE, Run
from pms_lab.errors import PmsError
from pms_lab.rules.comparing import Stand
from pms_lab.rules.preflight import named

LOG: Final = logging.getLogger(__name__)


class Cause(Enum):
    """Why a push cannot go on."""

    FOREIGN = "somebody else changed a cell"
    OUT_OF_RANGE = "the PMS does not allow an amount"
    NOT_FOUND = "the PMS does not know the location or product"
    REFUSED = "the PMS refused"
    GAVE_UP = "no attempt succeeded"
    MISMATCH = "the read-back differs"
    DIED = "its process died"


@dataclass(frozen=True, slots=True)
class Stop:
    """A push cannot go on: what of it is in the PMS is to be taken back."""

    cause: Cause
    why: str


@dataclass(frozen=True, slots=True)
class Pause:
    """An attempt failed, and another may succeed, not before `wait_s`."""

    why: str
    wait_s: float = 0.0


async def send(run: Run) -> Stop | None:
    """Send all that is needed; None when the PMS took it.

    Raises:
        StoreError: the lock is lost.
    """
    parts = run.parts(run.needed)
    for done, part in enumerate(parts, start=1):
        stop = await _send_part(run, part)
        if stop is not None:
            return stop
        _tell_progress(run, done / len(parts))
    return None


def _tell_progress(run: Run, share: float) -> None:
    """Tell it; who cannot be told stops nothing."""
    try:
        run.ports.progress(share)
    except Exception:
        LOG.warning("the progress of push %s cannot be shown", run.push.id, exc_info=True)


async def _send_part(run: Run, part: Sequence[Change]) -> Stop | None:
    why = ""
    for wait_s in (*run.ports.policy.waits_s, 0.0):
        step = await _attempt(run, part)
        if not isinstance(step, Pause):
            return step
        if step.wait_s > LONGEST_WAIT_S:
            return Stop(Cause.GAVE_UP, f"{step.why}; the PMS asks to wait {step.wait_s:g} s")
        await run.lease.rest(max(wait_s, step.wait_s, run.can.read_lag_s))
        why = step.why
    left = await _compared(run, part)
    if isinstance(left, Stop):
        return left
    return Stop(Cause.GAVE_UP, why) if left else None


async def _attempt(run: Run, part: Sequence[Change]) -> Stop | Pause | None:
    """Compare, and send what is not there yet; None when nothing is left to send."""
    left = await _compared(run, part)
    if isinstance(left, Stop | Pause):
        return left
    if not left:
        return None
    match await run.write(left):
        case None:
            return None
        case Unknown(cause=cause):
            return Pause(cause, _seen_after_s(run, left))
        case Refused(why=why) as refusal if why in RETRYABLE:
            return Pause(refusal.message, refusal.retry_after_s or 0.0)
        case Refused(why=Why.OUT_OF_RANGE, message=message):
            return Stop(Cause.OUT_OF_RANGE, message)
        case Refused(why=Why.NOT_FOUND, message=message):
            return Stop(Cause.NOT_FOUND, message)
        case Refused(message=message):
            return Stop(Cause.REFUSED, message)


async def _compared(run: Run, part: Sequence[Change]) -> list[Change] | Stop | Pause:
    """Return the changes whose cell still holds the old amount; a foreign one stops everything."""
    try:
        held = await run.read(part)
    except PmsError as error:
        return Pause(str(error), error.retry_after_s or 0.0)
    stands = [(change, run.stand(change, held)) for change in part]
    foreign = [named(change.cell) for change, stand in stands if stand is Stand.FOREIGN]
    if foreign:
        return Stop(Cause.FOREIGN, f"somebody else changed {', '.join(foreign[:5])}")
    return [change for change, stand in stands if stand is Stand.OLD]


def _seen_after_s(run: Run, left: Sequence[Change]) -> float:
    """Return after what wait an unanswered write may be repeated.

    A write that sets a rate may be at once: landing late it sets the same. One that creates a rate may not: there would
    be two.
    """
    creates = run.can.creates_rates and any(change.old is None or not change.old.is_own for change in left)
    return run.can.in_flight_s + run.can.read_lag_s if creates else 0.0
