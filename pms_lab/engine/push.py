"""A push of rates: all of them or none, at every instant, or somebody is told.

Before the first write the intent is durable, so whatever dies leaves something to recover from. What went unanswered
is read back, not guessed. What somebody else changed is left alone. Nothing is taken back while a write of ours may
still land. A push whose end cannot be learnt, since the PMS or the ledger cannot be reached, stays open, and `recover`
settles it.
"""

from __future__ import annotations

from dataclasses import replace

from pms_lab.domain.push import AlertKind, PushOrder, PushOutcome, PushState
from pms_lab.engine.locks import Lease
from pms_lab.engine.pushing.ending import take_back, verify
from pms_lab.engine.pushing.opening import Opening, ended_at_once, judged, not_recorded
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.engine.pushing.run import Run
from pms_lab.engine.pushing.sending import send
from pms_lab.engine.pushing.survey import Survey, survey
from pms_lab.engine.recover import left_open, recover
from pms_lab.errors import PmsError, StoreError


async def push(ports: PushPorts, order: PushOrder, push_id: str | None = None) -> PushOutcome:
    """Push a sheet of rates to a location's PMS; a dry run ends after the preflight and writes nothing there.

    Args:
        push_id: of the new push; by default one that no other has.

    Returns:
        How it ended, cell by cell. What goes wrong ends in a state, not in an error.
    """
    known_as = push_id or ports.chance.new_id()
    # Two may carry out one approval: of their locks each has an owner of its own.
    owner = f"{known_as} {ports.chance.new_id()[:8]}" if push_id else known_as
    lease, active = await _lock(ports, owner, is_wanted=not order.dry_run)
    try:
        outcome = await _pushed(ports, order, known_as, lease, active)
    finally:
        if lease is not None:
            await lease.give_back()
    if any(alert.kind is AlertKind.LOCK_LOST for alert in outcome.alerts):
        return await _settled_anew(ports, outcome)
    return outcome


async def _lock(ports: PushPorts, owner: str, *, is_wanted: bool) -> tuple[Lease | None, str | None]:
    """Take the location's lock where it is wanted, or tell who is pushing there."""
    code = ports.place.code
    try:
        if is_wanted and (lease := await Lease.take(ports.flow, ports.locks, code, owner, ports.policy.lock_ttl_s)):
            return lease, None
        holder = await ports.locks.holder(code)
    except StoreError as error:
        return None, f"the locks cannot be asked: {error}"
    if holder is not None:
        return None, f"push {holder.owner} holds the lock for {holder.remaining_s:.0f} s at most"
    return None, "another push ended just now: push again" if is_wanted else None


async def _pushed(
    ports: PushPorts, order: PushOrder, push_id: str, lease: Lease | None, active: str | None
) -> PushOutcome:
    found = await survey(ports, order.sheet, active)
    opening = judged(ports, order, push_id, found)
    if order.follows is not None and found.seen.active is not None:
        # Its id is used once: recorded now, it would stand in the way of whoever is carrying out the same approval.
        return replace(opening.outcome, push_id=None, alerts=())
    if lease is None or opening.push.state is not PushState.PREPARED:
        return await ended_at_once(ports, opening, found)
    try:
        await _open(ports, opening, lease, found)
    except StoreError as error:
        return not_recorded(opening.outcome, PushState.REJECTED, error)
    return await _carried_out(Run(ports, lease, opening.push))


async def _open(ports: PushPorts, opening: Opening, lease: Lease, found: Survey) -> None:
    if found.was_down:
        await ports.ledger.clear(AlertKind.PMS_DOWN, ports.place.code, found.seen.now)
    await ports.ledger.open(opening.push, lease.fence, opening.alerts, found.inventory_at)


async def _carried_out(run: Run) -> PushOutcome:
    try:
        await run.lease.hold()
        await run.record(PushState.IN_PROGRESS, f"{len(run.needed)} of {len(run.push.changes)} cells are to be written")
        stop = await send(run)
        return await (verify(run) if stop is None else take_back(run, stop))
    except (StoreError, PmsError) as error:
        return await left_open(run, error)
    except Exception as error:
        # A fault of ours or of an adapter: it is to be seen, and a person has to know that the push is open.
        await left_open(run, error)
        raise


async def _settled_anew(ports: PushPorts, outcome: PushOutcome) -> PushOutcome:
    """Settle a push whose lock was lost, under a new lock if nobody else has it."""
    try:
        settled = await recover(ports)
    except StoreError:
        return outcome
    ended = next((one for one in settled if one.push_id == outcome.push_id), None)
    return outcome if ended is None else replace(ended, alerts=(*outcome.alerts, *ended.alerts))
