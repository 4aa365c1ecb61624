"""The second step: judge what was seen, and record it, before anything is written to the PMS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import (
    Alert,
    AlertKind,
    Change,
    Check,
    Push,
    PushOrder,
    PushOutcome,
    PushState,
    Rule,
    Severity,
    Transition,
)
from pms_lab.domain.rates import RateCell
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.engine.pushing.survey import Survey
from pms_lab.errors import StoreError
from pms_lab.rules.comparing import outcomes_of
from pms_lab.rules.preflight import REACHABLE, Verdict, binding_of, preflight, verdict_of

STATES: Final[Mapping[Verdict, PushState]] = {
    Verdict.GO: PushState.PREPARED,
    Verdict.REVIEW: PushState.PENDING_MANUAL_REVIEW,
    Verdict.REJECT: PushState.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Opening:
    """A push that was judged: its first transition, and what it tells people."""

    push: Push
    alerts: tuple[Alert, ...]

    @property
    def outcome(self) -> PushOutcome:
        """How it ended, if its first state is final."""
        push = self.push
        cells = outcomes_of(push.changes, {one.cell: one.old for one in push.changes if one.old}, push.state)
        why = push.transitions[-1].why
        return PushOutcome(push.id, push.location, push.state, why, push.checks, cells, None, self.alerts)


def judged(ports: PushPorts, order: PushOrder, push_id: str, found: Survey) -> Opening:
    """Return the push with the state that the preflight gives it; nothing is recorded yet."""
    checks = preflight(order.sheet, ports.place, ports.policy, found.seen)
    verdict = verdict_of(checks, waives_day_cap=order.waives_day_cap)
    state = PushState.PROPOSED_DRY_RUN if order.dry_run else STATES[verdict]
    first = Transition(state, found.seen.now, order.asked_by, _why(checks, verdict))
    push = Push(
        id=push_id,
        location=ports.place.code,
        currency=order.sheet.currency,
        tax_basis=order.sheet.tax_basis,
        asked_by=order.asked_by,
        asked_at=found.seen.now,
        read_at=found.read_at,
        origin=order.origin,
        changes=_changes(ports, order, found),
        checks=checks,
        follows=order.follows,
        transitions=(first,),
    )
    return Opening(push, tuple(_alerts(ports, push, found, verdict)))


async def ended_at_once(ports: PushPorts, opening: Opening, found: Survey) -> PushOutcome:
    """Record a push that ends with its preflight, as far as the ledger can be written; nothing else has happened."""
    outcome = opening.outcome
    try:
        if found.was_down and found.seen.health.is_up:
            await ports.ledger.clear(AlertKind.PMS_DOWN, ports.place.code, found.seen.now)
        await ports.ledger.open(opening.push, None, opening.alerts, found.inventory_at)
    except StoreError as error:
        state = PushState.PROPOSED_DRY_RUN if outcome.state is PushState.PROPOSED_DRY_RUN else PushState.REJECTED
        return not_recorded(outcome, state, error)
    return outcome


def not_recorded(outcome: PushOutcome, state: PushState, error: StoreError) -> PushOutcome:
    """Tell of a push that left no trace, in the ledger or the PMS."""
    why = f"{outcome.why}; it could not be recorded: {error}"
    return PushOutcome(None, outcome.location, state, why, outcome.checks, outcome.cells, None, outcome.alerts)


def _why(checks: tuple[Check, ...], verdict: Verdict) -> str:
    failed = [f"{check.name}: {check.detail}" for check in checks if not check.passed]
    if verdict is Verdict.GO:
        return "; ".join(["a person has approved it", *failed]) if failed else "all five checks passed"
    return "; ".join(failed)


def _changes(ports: PushPorts, order: PushOrder, found: Survey) -> tuple[Change, ...]:
    sheet, seen = order.sheet, found.seen
    if len(sheet) > ports.policy.max_cells:
        return ()
    held: Mapping[RateCell, NightlyRate] = {} if isinstance(seen.held, str) else seen.held
    products, policy = ports.place.products, ports.policy
    changes = []
    for cell, rate in sheet.items():
        old = held.get(cell)
        amount = old.amount if old else None
        base = seen.day_base.get(cell, amount)
        binding = binding_of(rate.amount, amount, base, products.get(cell.product), policy)
        changes.append(Change(cell, old, rate.amount, binding, order.votes.get(cell, ())))
    return tuple(changes)


def _alerts(ports: PushPorts, push: Push, found: Survey, verdict: Verdict) -> list[Alert]:
    place, at = ports.place.code, found.seen.now
    alerts = []
    down = [check.detail for check in push.checks if check.name == REACHABLE and not check.passed]
    if down and not found.was_down:
        step = "look at the PMS and its connection; then push again"
        alerts.append(Alert(AlertKind.PMS_DOWN, Severity.HIGH, place, place, down[0], step, at, push.id))
    if verdict is Verdict.REVIEW and push.state is PushState.PENDING_MANUAL_REVIEW:
        spikes = [finding.why for check in push.checks for finding in check.findings if finding.rule is Rule.DAY_CAP]
        others = f" (and {len(spikes) - 1} more)" if len(spikes) > 1 else ""
        message = f"above the day cap: {spikes[0]}{others}"
        step = "decide with `pms-lab review approve` or `pms-lab review reject`"
        alerts.append(Alert(AlertKind.SPIKE, Severity.WARNING, place, push.id, message, step, at, push.id))
    return alerts
