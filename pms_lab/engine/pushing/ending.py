"""The last steps: read every cell back, and commit; or take back what is ours, and prove it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from pms_lab.domain.outcome import Refused
from pms_lab.domain.push import Alert, AlertKind, Change, PushOutcome, PushState, Severity
from pms_lab.engine.pushing.run import LONGEST_WAIT_S, Run
from pms_lab.engine.pushing.sending import Cause, Stop
from pms_lab.rules.comparing import Held, Stand, outcomes_of
from pms_lab.rules.preflight import named

SEVERITIES: Final = {
    AlertKind.ROLLED_BACK: Severity.WARNING,
    AlertKind.PARTIAL_WRITE: Severity.CRITICAL,
    AlertKind.ROLLBACK_FAILED: Severity.CRITICAL,
    AlertKind.MANUAL_REVIEW: Severity.HIGH,
    AlertKind.LOCATION_NOT_FOUND: Severity.HIGH,
}
NEXT_STEPS: Final = {
    AlertKind.ROLLED_BACK: "push the sheet again when the cause is gone",
    AlertKind.PARTIAL_WRITE: "look at the cells in the PMS: for a while some of them held new rates and some old ones",
    AlertKind.ROLLBACK_FAILED: "set the cells by hand in the PMS: some still hold rates that were to be taken back",
    AlertKind.MANUAL_REVIEW: "decide with `pms-lab review approve` or `pms-lab review reject`",
    AlertKind.LOCATION_NOT_FOUND: "correct the property, the plan or the products in the location's table [pms.…]",
}


async def verify(run: Run) -> PushOutcome:
    """Read every cell back, and commit when each holds its new amount; else take everything back.

    Raises:
        PmsError: the cells cannot be read: nothing is known, and nothing more is done.
        StoreError: the lock is lost, or the end cannot be recorded.
    """
    held = await _read_back(run, lambda held: [one for one in run.push.changes if run.stand(one, held) is Stand.OLD])
    wrong = not_new(run, held)
    if not wrong:
        return await publish(run, held)
    return await take_back(run, Stop(Cause.MISMATCH, f"read back otherwise: {_names(wrong)}"))


async def publish(run: Run, held: Held) -> PushOutcome:
    """Commit a push of which every cell was read back.

    Raises:
        StoreError: the lock is lost, or the end cannot be recorded.
    """
    return await _ended(run, PushState.PUBLISHED, "every cell was read back with its new rate", held)


async def take_back(run: Run, stop: Stop) -> PushOutcome:
    """Restore the cells that hold our new amount, prove it, and record how the push ended.

    Nothing is restored while a write of ours may still land: it would undo what we restore.

    Raises:
        PmsError: the cells cannot be read: nothing is known, and nothing more is done.
        StoreError: the lock is lost, or the end cannot be recorded.
    """
    asked_s: float | None = 0.0
    for wait_s in (0.0, *run.ports.policy.waits_s):
        if asked_s is not None:
            await run.lease.rest(max(wait_s, asked_s))
        held = await _read_back(run, run.ours if asked_s is None else _nothing)
        ours = run.ours(held)
        if not ours and run.has_doubts:
            await run.lease.rest(run.can.in_flight_s)
            held = await run.read_surely(run.push.changes)
            ours = run.ours(held)
        if not ours:
            return await _taken_back(run, stop, held)
        asked_s = await _restored(run, ours)
    held = await _read_back(run, run.ours if asked_s is None else _nothing)
    if not run.ours(held):
        return await _taken_back(run, stop, held)
    why = f"{stop.why}; it could not be taken back from {_names(run.ours(held))}"
    return await _ended(run, PushState.ROLLBACK_FAILED, why, held, AlertKind.ROLLBACK_FAILED)


async def _read_back(run: Run, unseen: Callable[[Held], Collection[Change]]) -> Held:
    """Read every cell.

    Args:
        unseen: the changes that the PMS took and does not show: as after an unanswered write, they may still come.
    """
    await run.let_settle()
    held = await run.read_surely(run.push.changes)
    if unseen(held):
        run.doubt()
        await run.let_settle()
        held = await run.read_surely(run.push.changes)
    return held


def _nothing(held: Held) -> Collection[Change]:
    return ()


async def _restored(run: Run, ours: Sequence[Change]) -> float | None:
    """Write the old amounts, part by part, each compared just before.

    Returns:
        None when every answer was good; else how long the PMS asks to wait before the next attempt.
    """
    asked_s: float | None = None
    kinds = [one for one in ours if not run.is_cleared(one)], [one for one in ours if run.is_cleared(one)]
    for part in (part for kind in kinds for part in run.parts(kind)):
        held = await run.read_surely(part)
        still_ours = [change for change in part if run.stand(change, held) is Stand.NEW]
        run.taken_back.update(change.cell for change in still_ours)
        wrong = await run.restore(still_ours) if still_ours else None
        if wrong is not None:
            told_s = (wrong.retry_after_s or 0.0) if isinstance(wrong, Refused) else 0.0
            asked_s = max(asked_s or 0.0, min(told_s, LONGEST_WAIT_S))
    return asked_s


async def _taken_back(run: Run, stop: Stop, held: Held) -> PushOutcome:
    """Record the end of a push of which nothing is left in the PMS."""
    was_there = bool(run.taken_back)
    foreign = [change for change in run.push.changes if run.stand(change, held) is Stand.FOREIGN]
    if foreign:
        why = f"{stop.why}; left alone, since somebody else changed them: {_names(foreign)}"
        return await _ended(run, PushState.PENDING_MANUAL_REVIEW, why, held, AlertKind.MANUAL_REVIEW)
    if stop.cause is Cause.OUT_OF_RANGE:
        return await _ended(run, PushState.PENDING_MANUAL_REVIEW, stop.why, held, AlertKind.MANUAL_REVIEW)
    if stop.cause is Cause.NOT_FOUND:
        state = PushState.ROLLED_BACK if was_there else PushState.REJECTED
        return await _ended(run, state, stop.why, held, AlertKind.LOCATION_NOT_FOUND)
    kind = AlertKind.PARTIAL_WRITE if was_there else AlertKind.ROLLED_BACK
    return await _ended(run, PushState.ROLLED_BACK, stop.why, held, kind)


async def _ended(run: Run, state: PushState, why: str, held: Held, kind: AlertKind | None = None) -> PushOutcome:
    alerts = (_alert(run, kind, why),) if kind else ()
    await run.record(state, why, held, alerts)
    push = run.push
    cells = outcomes_of(push.changes, held, state, run.taken_back, pins=run.pins)
    return PushOutcome(push.id, push.location, state, why, push.checks, cells, run.exposure_s, alerts)


def _alert(run: Run, kind: AlertKind, why: str) -> Alert:
    push, at = run.push, run.ports.flow.now()
    return Alert(kind, SEVERITIES[kind], push.location, push.id, why, NEXT_STEPS[kind], at, push.id)


def not_new(run: Run, held: Held) -> list[Change]:
    """Return the changes whose cell does not hold its new amount."""
    return [change for change in run.push.changes if run.stand(change, held) is not Stand.NEW]


def _names(changes: Sequence[Change]) -> str:
    names = ", ".join(named(change.cell) for change in changes[:5])
    return names if len(changes) <= 5 else f"{names} and {len(changes) - 5} more"
