"""Recovery: what a process that died, or could not go on, has left open is settled from what the PMS says.

Whoever held the lock before sends nothing more once we have it. So when the vendor's in-flight bound has passed since
then, what is read is the end. Running it again changes nothing.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from pms_lab.domain.push import Alert, AlertKind, Push, PushOutcome, PushState, Severity
from pms_lab.engine.locks import Lease
from pms_lab.engine.pushing.ending import not_new, publish, take_back
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.engine.pushing.run import Run
from pms_lab.engine.pushing.sending import Cause, Stop
from pms_lab.errors import IllegalTransition, LockLost, PmsError, PmsLabError, StoreError
from pms_lab.rules.comparing import outcomes_by_state, outcomes_of

LOG: Final = logging.getLogger(__name__)
OPEN: Final = (PushState.PREPARED, PushState.IN_PROGRESS)


async def recover(ports: PushPorts) -> tuple[PushOutcome, ...]:
    """Settle the open pushes of one location, the oldest first.

    Returns:
        How each ended, or that it is still open and why: the PMS cannot be read, or somebody is at work on it.

    Raises:
        StoreError: the ledger or the locks cannot be asked.
    """
    code = ports.place.code
    left = await ports.ledger.pushes(code, OPEN)
    if not left:
        return ()
    lease = await Lease.take(ports.flow, ports.locks, code, ports.chance.new_id(), ports.policy.lock_ttl_s)
    if lease is None:
        return tuple(_untouched(one, "somebody holds the lock and may be at work on it") for one in left)
    try:
        # Before the pushes are read: what a former holder records late must not be true of a push that we settle.
        await ports.ledger.guard(lease.fence)
        left = await ports.ledger.pushes(code, OPEN)
        return tuple([await _settled(Run(ports, lease, one)) for one in reversed(left)])
    finally:
        await lease.give_back()


async def left_open(run: Run, error: Exception) -> PushOutcome:
    """Tell that a push stays open, since its end cannot be learnt or recorded now; or its end, if the ledger has one.

    It has one when our recording of it was done and not answered, and when another has settled the push.
    """
    is_lost = isinstance(error, LockLost | IllegalTransition)
    ended = await _recorded(run)
    if ended is not None and not is_lost:
        return _told(ended)
    kind = AlertKind.LOCK_LOST if is_lost else AlertKind.IN_DOUBT
    push, step = run.push, "`pms-lab recover` settles it; until then nothing is pushed there"
    if ended is not None:
        step = f"`pms-lab transactions --id {push.id}` shows how it has ended since: compare the PMS with that"
    why = str(error) if isinstance(error, PmsLabError) else f"a fault of this program: {type(error).__name__}"
    alert = Alert(kind, Severity.CRITICAL, push.location, push.id, why, step, run.ports.flow.now(), push.id)
    try:
        await run.ports.ledger.tell(alert)
    except StoreError:
        LOG.critical("push %s at %s is in doubt, and the ledger cannot be written: %s", push.id, push.location, why)
    if ended is not None:
        return replace(_told(ended), alerts=(alert,))
    cells = outcomes_of(push.changes, None, run.state)
    return PushOutcome(push.id, push.location, run.state, why, push.checks, cells, run.exposure_s, (alert,))


async def _recorded(run: Run) -> Push | None:
    """Return the push as the ledger has it, if it has ended there."""
    try:
        found = await run.ports.ledger.find(run.push.id)
    except StoreError:
        return None
    return found if found is not None and found.state.is_final else None


def _told(ended: Push) -> PushOutcome:
    """Tell of a push what the ledger says."""
    step = ended.transitions[-1]
    cells = outcomes_by_state(ended.changes, step.state)
    return PushOutcome(ended.id, ended.location, step.state, step.why, ended.checks, cells, step.exposed_s)


async def _settled(run: Run) -> PushOutcome:
    try:
        if run.state is PushState.PREPARED:
            return await _never_sent(run)
        return await _as_the_pms_says(run)
    except (StoreError, PmsError) as error:
        return await left_open(run, error)
    except Exception as error:
        await left_open(run, error)
        raise


async def _never_sent(run: Run) -> PushOutcome:
    why = "its process ended before anything was sent"
    await run.record(PushState.REJECTED, why)
    return _untouched(run.push, why, PushState.REJECTED)


async def _as_the_pms_says(run: Run) -> PushOutcome:
    push, now = run.push, run.ports.flow.now()
    run.sent.update(change.cell for change in run.needed)
    run.exposed_s = max(0.0, (now - push.transitions[-1].at).total_seconds()) + run.can.in_flight_s
    run.doubt()
    await run.let_settle()
    held = await run.read_surely(push.changes)
    if not not_new(run, held):
        return await publish(run, held)
    why = "its process ended before its end was recorded: for a while some cells may have held new rates"
    return await take_back(run, Stop(Cause.DIED, why))


def _untouched(push: Push, why: str, state: PushState | None = None) -> PushOutcome:
    """Tell of a push whose cells were not looked at."""
    ended = state or push.state
    return PushOutcome(push.id, push.location, ended, why, push.checks, outcomes_by_state(push.changes, ended))
