"""Pushes as JSON: amounts as decimal text, people by their ids."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import (
    Alert,
    CellOutcome,
    Change,
    Check,
    Decision,
    HistoryEntry,
    Push,
    PushOutcome,
    PushState,
)
from pms_lab.domain.rates import RateCell
from pms_lab.rules.preflight import verdict_of


def outcome_record(outcome: PushOutcome) -> dict[str, Any]:
    """Return how a push ended; of a dry run also what a push would come to: ``go``, ``review`` or ``reject``."""
    is_dry = outcome.state is PushState.PROPOSED_DRY_RUN
    return {
        "push_id": outcome.push_id,
        "location": outcome.location,
        "state": outcome.state,
        "why": outcome.why,
        "verdict": verdict_of(outcome.checks).value if is_dry else None,
        "exposed_s": outcome.exposed_s,
        "checks": [_check(check) for check in outcome.checks],
        "cells": [_cell_outcome(one) for one in outcome.cells],
        "alerts": [alert_record(alert) for alert in outcome.alerts],
    }


def push_record(push: Push, decision: Decision | None = None) -> dict[str, Any]:
    """Return a push with its cells."""
    return {
        **push_summary(push),
        "tax_basis": push.tax_basis,
        "read_at": push.read_at,
        "checks": [_check(check) for check in push.checks],
        "cells": [_change(change) for change in push.changes],
        "transitions": [asdict(step) for step in push.transitions],
        "decision": None if decision is None else asdict(decision),
    }


def push_summary(push: Push) -> dict[str, Any]:
    """Return a push without its cells."""
    return {
        "push_id": push.id,
        "location": push.location,
        "state": push.state,
        "why": push.transitions[-1].why,
        "asked_by": push.asked_by,
        "asked_at": push.asked_at,
        "origin": asdict(push.origin),
        "follows": push.follows,
        "currency": push.currency,
        "size": len(push.changes),
    }


def entry_record(entry: HistoryEntry) -> dict[str, Any]:
    """Return what a cell held."""
    return {
        "amount": entry.amount,
        "is_own": entry.is_own,
        "at": entry.at,
        "published": entry.published,
        "asked_by": entry.asked_by,
        "change": None if entry.change is None else _change(entry.change),
    }


def alert_record(alert: Alert) -> dict[str, Any]:
    """Return an alert."""
    return asdict(alert)


def _check(check: Check) -> dict[str, Any]:
    findings = [
        {"rule": one.rule, "cell": None if one.cell is None else _named(one.cell), "why": one.why}
        for one in check.findings
    ]
    return {"name": check.name, "passed": check.passed, "detail": check.detail, "findings": findings}


def _cell_outcome(one: CellOutcome) -> dict[str, Any]:
    return {**_change(one.change), "ending": one.ending, "held": _held(one.held)}


def _change(change: Change) -> dict[str, Any]:
    binding = change.binding
    return {
        **_named(change.cell),
        "old": _held(change.old),
        "new": change.new,
        "binding": None if binding is None else {"rule": binding.rule, "limit": binding.limit},
        "votes": [asdict(vote) for vote in change.votes],
    }


def _held(rate: NightlyRate | None) -> dict[str, Any] | None:
    return None if rate is None else {"amount": rate.amount, "is_own": rate.is_own}


def _named(cell: RateCell) -> dict[str, Any]:
    return {name: value for name, value in asdict(cell).items() if name != "location"}
