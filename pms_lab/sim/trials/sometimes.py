"""Whether a sweep met what it was to meet: how often each fault struck, and where the push stood then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from pms_lab.domain.history import History
from pms_lab.domain.push import PushState
from pms_lab.sim.trials.faults import FaultKind


def sometimes(histories: Iterable[History]) -> Counter[tuple[FaultKind, PushState | None]]:
    """Count by fault, and by the state of the push that was open then; None where none was."""
    return Counter((FaultKind(one.kind), one.phase) for history in histories for one in history.struck)


def never(
    counted: Counter[tuple[FaultKind, PushState | None]], kinds: Collection[FaultKind], phase: PushState | None = None
) -> list[FaultKind]:
    """Return the kinds of faults that never struck; with a phase, never in that one."""
    struck = {kind for kind, when in counted if phase in (None, when)}
    return [kind for kind in kinds if kind not in struck]
