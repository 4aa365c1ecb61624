"""The engine in all scenarios, 2,800 trials: nothing is violated, nothing unknown, and every fault struck somewhere."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from pms_lab.checkers.judging import judged
from pms_lab.checkers.verdict import Judgement, Verdict
from pms_lab.domain.history import History
from pms_lab.domain.push import AlertKind, PushOutcome, PushState
from pms_lab.engine import memory_book
from pms_lab.engine.pushing import ending
from pms_lab.engine.pushing.run import Run
from pms_lab.sim.trials.faults import FaultKind, drawn
from pms_lab.sim.trials.scenarios import SCENARIOS, Scenario, scenario
from pms_lab.sim.trials.sometimes import never, sometimes
from pms_lab.sim.trials.trial import trial

SEEDS = range(200)
BAD = (Judgement.VIOLATED, Judgement.UNKNOWN)
ENDS = set(PushState) - {PushState.PREPARED, PushState.IN_PROGRESS, PushState.ROLLBACK_FAILED}


def told(one: Scenario, seed: int, verdicts: tuple[Verdict, ...]) -> list[str]:
    """Return what is wrong, with all that is needed to see it again."""
    bad = [verdict for verdict in verdicts if verdict.finding in BAD]
    return [f"{one.name}, seed {seed}, {drawn(seed, one.swarm).to_json()}: {verdict}" for verdict in bad]


@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.name)
def test_nothing_is_violated_and_every_fault_of_the_scenario_struck(
    one: Scenario, capfd: pytest.CaptureFixture[str]
) -> None:
    histories: list[History] = []
    findings: Counter[Judgement] = Counter()
    for seed in SEEDS:
        histories.append(trial(one, seed))
        verdicts = judged(histories[-1])
        assert told(one, seed, verdicts) == []
        findings.update(verdict.finding for verdict in verdicts)
    assert capfd.readouterr() == ("", "")
    assert never(sometimes(histories), [kind for kind, _ in one.swarm.kinds]) == []
    assert findings[Judgement.EXPOSED] < len(SEEDS) / 5
    if one.name in ("colleague", "stale replica", "lock expiry while held"):
        assert findings[Judgement.EXPOSED] > 0
    if one.name == "partial writes":
        assert PushState.ROLLBACK_FAILED in {push.state for history in histories for push in history.pushes}
    if one.name == "everything":
        assert never(sometimes(histories), list(FaultKind), PushState.IN_PROGRESS) == []
        assert {push.state for history in histories for push in history.pushes} >= ENDS
        alerts = {told.alert.kind for history in histories for told in history.told}
        assert alerts >= {AlertKind.LOCK_LOST, AlertKind.IN_DOUBT, AlertKind.PARTIAL_WRITE, AlertKind.MANUAL_REVIEW}


def test_a_fault_that_never_struck_is_named() -> None:
    counted = sometimes([trial(scenario("calm"), 1)])
    assert never(counted, [FaultKind.CRASH]) == [FaultKind.CRASH]


def no_doubts(run: Run) -> None:
    return None


def no_fences(*_: object, **__: object) -> None:
    return None


async def ends_well(run: Run, state: PushState, *other: Any) -> PushOutcome:
    return await ENDED(run, PushState.ROLLED_BACK if state is PushState.ROLLBACK_FAILED else state, *other)


ENDED = ending._ended
PLANTED = {
    "what is under way is not waited for": ("colleague", Run, "doubt", no_doubts, "2"),
    "exposure is not counted": ("colleague", Run, "exposure_s", property(lambda run: 0.0), "4"),
    "a failed restore is a rollback": ("partial writes", ending, "_ended", ends_well, "2"),
    "the fence is not checked": ("lock expiry while held", memory_book, "_check_fence", no_fences, "6"),
}


@pytest.mark.parametrize(("name", "where", "what", "fault", "number"), PLANTED.values(), ids=PLANTED.keys())
def test_a_fault_that_is_planted_in_the_engine_is_found_by_the_sweep(
    monkeypatch: pytest.MonkeyPatch, name: str, where: object, what: str, fault: object, number: str
) -> None:
    monkeypatch.setattr(where, what, fault)
    verdicts = (verdict for seed in range(1000) for verdict in judged(trial(scenario(name), seed)))
    violated = (verdict.invariant.split()[0] for verdict in verdicts if verdict.finding is Judgement.VIOLATED)
    assert number in violated
