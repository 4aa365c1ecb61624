"""All checkers, and a history before all of them."""

from __future__ import annotations

from typing import Final

from pms_lab.checkers.alerts import alerts
from pms_lab.checkers.atomicity import atomicity
from pms_lab.checkers.audit import audit
from pms_lab.checkers.foreign import foreign_values
from pms_lab.checkers.guards import guards
from pms_lab.checkers.ledger_truth import ledger_truth
from pms_lab.checkers.liveness import liveness
from pms_lab.checkers.locks import locks
from pms_lab.checkers.verdict import Checker, Verdict
from pms_lab.domain.history import History

CHECKERS: Final[tuple[Checker, ...]] = (
    atomicity, ledger_truth, audit, foreign_values, locks, guards, alerts, liveness,
)  # fmt: skip
"""By the number of their invariant."""


def judged(history: History) -> tuple[Verdict, ...]:
    """Let every checker judge a history."""
    return tuple(checker(history) for checker in CHECKERS)
