"""What the ledger keeps, as rows, and rows as what they stand for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Row

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import (
    Alert,
    AlertKind,
    Binding,
    Change,
    Check,
    Decision,
    Finding,
    Origin,
    Push,
    PushState,
    Rule,
    Severity,
    Transition,
    Vote,
)
from pms_lab.domain.rates import RateCell, TaxBasis

Values = dict[str, Any]
AnyRow = Row[*tuple[Any, ...]]

_DENSE: Final = json.JSONEncoder(separators=(",", ":"))


def key_of(cell: RateCell) -> str:
    """Write a cell as a text that no other cell has: a JSON list of its fields, without the empty ones at its end."""
    night = cell.stay_date.isoformat() if cell.stay_date else None
    fields: list[str | int | None] = [cell.location, cell.product, night, cell.rate_plan, cell.occupancy]
    while fields[-1] is None:
        fields.pop()
    return _DENSE.encode(fields)


def cell_of(key: str) -> RateCell:
    """Read what `key_of` wrote."""
    location, product, *others = json.loads(key)
    night, rate_plan, occupancy = [*others, None, None, None][:3]
    return RateCell(location, product, night and date.fromisoformat(night), rate_plan, occupancy)


def row_of_push(push: Push) -> Values:
    """Return the push itself, without its cells and transitions."""
    return {
        "id": push.id,
        "location": push.location,
        "currency": push.currency,
        "tax_basis": push.tax_basis,
        "asked_by": push.asked_by,
        "asked_at": push.asked_at,
        "read_at": push.read_at,
        "origin_kind": push.origin.kind,
        "origin_name": push.origin.name,
        "origin_digest": push.origin.digest,
        "checks": [_noted_check(check) for check in push.checks],
        "follows": push.follows,
    }


def row_of_change(number: int, position: int, key: str, change: Change) -> Values:
    """Return what push `number` meant for one cell."""
    old, binding = change.old, change.binding
    return {
        "push": number,
        "position": position,
        "cell": key,
        "old_amount": old and old.amount,
        "old_is_own": old and old.is_own,
        "old_is_derived": old and old.is_derived,
        "new_amount": change.new,
        "binding_rule": binding and binding.rule,
        "binding_limit": binding and binding.limit,
        "votes": [_noted_vote(vote) for vote in change.votes],
    }


def row_of_step(number: int, sequence: int, location: str, step: Transition) -> Values:
    """Return one transition of push `number`."""
    return {
        "push": number,
        "sequence": sequence,
        "location": location,
        "state": step.state,
        "at": step.at,
        "by": step.by,
        "why": step.why,
        "exposed_s": step.exposed_s,
    }


def row_of_reading(number: int, key: str, at: datetime, held: NightlyRate) -> Values:
    """Return what push `number` read in one cell."""
    return {
        "cell": key,
        "at": at,
        "amount": held.amount,
        "is_own": held.is_own,
        "is_derived": held.is_derived,
        "push": number,
    }


def push_of(row: AnyRow, changes: Iterable[Change], transitions: Iterable[Transition]) -> Push:
    """Read a push."""
    return Push(
        id=row.id,
        location=row.location,
        currency=row.currency,
        tax_basis=row.tax_basis and TaxBasis(row.tax_basis),
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        read_at=row.read_at,
        origin=Origin(row.origin_kind, row.origin_name, row.origin_digest),
        changes=tuple(changes),
        checks=tuple(map(_check_of, row.checks)),
        follows=row.follows,
        transitions=tuple(transitions),
    )


def change_of(row: AnyRow) -> Change:
    """Read what a push meant for one cell."""
    binding = None if row.binding_rule is None else Binding(Rule(row.binding_rule), row.binding_limit)
    return Change(cell_of(row.cell), old_of(row), row.new_amount, binding, tuple(map(_vote_of, row.votes)))


def old_of(row: AnyRow) -> NightlyRate | None:
    """Read what a cell held when the intent was made."""
    return None if row.old_amount is None else NightlyRate(row.old_amount, row.old_is_own, row.old_is_derived)


def step_of(row: AnyRow) -> Transition:
    """Read a transition."""
    return Transition(PushState(row.state), row.at, row.by, row.why, row.exposed_s)


def decision_of(push_id: str, row: AnyRow) -> Decision:
    """Read a decision."""
    return Decision(push_id, row.approved, row.by, row.at, row.why)


def alert_of(row: AnyRow) -> Alert:
    """Read an alert."""
    kind, severity = AlertKind(row.kind), Severity(row.severity)
    return Alert(kind, severity, row.location, row.subject, row.message, row.next_step, row.at, row.push_id)


def grouped(rows: Iterable[AnyRow]) -> Mapping[int, list[AnyRow]]:
    """Put the rows of each push together, in their order."""
    groups: dict[int, list[AnyRow]] = {}
    for row in rows:
        groups.setdefault(row.push, []).append(row)
    return groups


def _noted_vote(vote: Vote) -> Values:
    return {
        "agent": vote.agent,
        "rate": str(vote.rate),
        "confidence": str(vote.confidence),
        "weight": str(vote.weight),
        "version": vote.version,
    }


def _vote_of(noted: Mapping[str, Any]) -> Vote:
    rate, confidence, weight = (Decimal(noted[name]) for name in ("rate", "confidence", "weight"))
    return Vote(noted["agent"], rate, confidence, weight, noted["version"])


def _noted_check(check: Check) -> Values:
    findings = [
        {"rule": finding.rule, "cell": finding.cell and key_of(finding.cell), "why": finding.why}
        for finding in check.findings
    ]
    return {"name": check.name, "passed": check.passed, "detail": check.detail, "findings": findings}


def _check_of(noted: Mapping[str, Any]) -> Check:
    findings = [
        Finding(Rule(one["rule"]), one["cell"] and cell_of(one["cell"]), one["why"]) for one in noted["findings"]
    ]
    return Check(noted["name"], noted["passed"], noted["detail"], tuple(findings))
