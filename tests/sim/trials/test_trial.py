"""A trial is its inputs and nothing else; its faults strike where they are named."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from decimal import Decimal

import pytest

from pms_lab.checkers.judging import judged
from pms_lab.checkers.verdict import Judgement
from pms_lab.domain.history import History
from pms_lab.domain.push import AlertKind, PushState
from pms_lab.engine.push import push
from pms_lab.sim.driver import Sim
from pms_lab.sim.push_world import MORNING, order
from pms_lab.sim.trials.faults import Fault, FaultKind, Schedule, drawn
from pms_lab.sim.trials.pausing import PausableWorld
from pms_lab.sim.trials.scenarios import KEEPER, SCENARIOS, Ordered, Scenario, scenario
from pms_lab.sim.trials.trial import trial
from pms_lab.sim.trials.watching import Watched
from tests.conftest import ROOT

K = FaultKind
ONE = Scenario("one push")
NOTHING = Schedule()

ELSEWHERE = """
import pickle, sys
from pms_lab.sim.trials.scenarios import SCENARIOS
from pms_lab.sim.trials.trial import trial
sys.stdout.buffer.write(pickle.dumps([trial(one, seed) for one in SCENARIOS for seed in range(4)]))
"""


def states(history: History) -> list[PushState]:
    return [one.state for one in history.pushes]


def found(history: History) -> set[Judgement]:
    return {one.finding for one in judged(history)}


@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.name)
def test_the_same_inputs_give_the_same_history(one: Scenario) -> None:
    for seed in range(6):
        history = trial(one, seed)
        assert trial(one, seed) == history
        assert trial(one, seed, Schedule.from_json(drawn(seed, one.swarm).to_json())) == history


@pytest.mark.parametrize("hash_seed", ["0", "12345"])
def test_another_process_with_another_hash_seed_gives_the_same_histories(hash_seed: str) -> None:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    done = subprocess.run([sys.executable, "-c", ELSEWHERE], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert pickle.loads(done.stdout) == [trial(one, seed) for one in SCENARIOS for seed in range(4)]


def test_other_seeds_give_other_histories() -> None:
    assert len({str(trial(ONE, seed, NOTHING).sent) for seed in range(20)}) == 20


def test_a_calm_scenario_publishes_everything_and_tells_nobody() -> None:
    history = trial(scenario("calm"), 1)
    assert states(history) == [PushState.PUBLISHED] * 2
    assert (history.told, history.struck, found(history)) == ((), (), {Judgement.HOLDS})


def test_an_order_that_meets_a_push_under_way_is_rejected_and_a_dry_run_writes_nothing() -> None:
    orders = (Ordered("one", 0.0, 1), Ordered("two", 0.2, 2), Ordered("three", 9.0, 3, is_dry_run=True))
    history = trial(Scenario("crowd", orders=orders), 1, NOTHING)
    assert sorted(states(history)) == [PushState.PROPOSED_DRY_RUN, PushState.PUBLISHED, PushState.REJECTED]
    assert len({one.node for one in history.sent}) == 1


def test_a_crashed_push_is_settled_by_the_keeper_once_its_lock_has_lapsed() -> None:
    history = trial(
        ONE, 1, Schedule((Fault(K.PARTIAL, "one", "update_rates", 1, cells=1), Fault(K.CRASH, "one", call=20)))
    )
    assert [one.kind for one in history.struck] == ["partial", "crash"]
    assert states(history) == [PushState.ROLLED_BACK]
    assert {one.node for one in history.sent} == {"one", KEEPER}
    assert history.settled_us > 600e6
    assert found(history) == {Judgement.HOLDS}


def test_a_node_that_crashes_again_crashes_at_a_point_of_its_next_life() -> None:
    crashes = Schedule(tuple(Fault(K.CRASH, "one", call=call) for call in (3, 5)))
    history = trial(scenario("calm"), 1, crashes)
    assert [one.kind for one in history.struck] == ["crash", "crash"]


def test_a_keeper_that_crashes_is_started_again() -> None:
    crashes = Schedule((Fault(K.CRASH, "one", call=16), Fault(K.CRASH, KEEPER, call=4)))
    history = trial(ONE, 1, crashes)
    assert [one.kind for one in history.struck] == ["crash", "crash"]
    assert history.pushes[0].state.is_final


def test_nothing_strikes_any_more_once_all_is_healed() -> None:
    late = Ordered("one", 299.9, 1)
    strikes = Schedule(tuple(Fault(K.REFUSED, "one", "update_rates", call) for call in range(1, 9)))
    history = trial(Scenario("late", orders=(late,)), 1, strikes)
    assert len(history.struck) <= 1
    assert states(history) == [PushState.PUBLISHED]


def test_a_world_that_is_never_settled_is_given_up_and_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def idle(_: object) -> tuple[()]:
        return ()

    monkeypatch.setattr("pms_lab.sim.trials.trial.recover", idle)
    history = trial(ONE, 1, Schedule((Fault(K.CRASH, "one", call=16),)))
    assert Judgement.VIOLATED in {one.finding for one in judged(history) if one.invariant.startswith("16")}


def test_an_error_of_the_engine_ends_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("pms_lab.sim.trials.trial.push", failing)
    with pytest.raises(ZeroDivisionError):
        trial(ONE, 1, NOTHING)


TIMED = {
    "outage": (Fault(K.OUTAGE, for_s=50), PushState.REJECTED),
    "property unknown": (Fault(K.CLOSED, for_s=50), PushState.REJECTED),
    "limit": (Fault(K.LIMIT, for_s=50, amount=Decimal(50)), PushState.PENDING_MANUAL_REVIEW),
    "short limit": (Fault(K.LIMIT, for_s=0.01, amount=Decimal(50)), PushState.PUBLISHED),
    "edit": (Fault(K.EDIT, at_s=0.3, product="E", amount=Decimal("47.01")), PushState.PENDING_MANUAL_REVIEW),
}


@pytest.mark.parametrize(("fault", "state"), TIMED.values(), ids=TIMED.keys())
def test_what_is_named_by_a_time_happens_then(fault: Fault, state: PushState) -> None:
    history = trial(ONE, 2, Schedule((fault,)))
    assert states(history) == [state]
    assert [(one.at_us / 1e6, one.kind) for one in history.struck] == [(fault.at_s, fault.kind.value)]


def test_a_lock_that_lapses_in_a_pause_is_noticed_and_nothing_is_sent_under_it() -> None:
    crowd = scenario("lock expiry while held")
    pause = Schedule((Fault(K.REFUSED, "one", "update_rates", 1), Fault(K.PAUSE, "one", at_s=1.0, for_s=80.0)))
    history = trial(crowd, 1, pause)
    assert AlertKind.LOCK_LOST in {told.alert.kind for told in history.told}
    assert found(history) == {Judgement.HOLDS}


def test_a_node_does_nothing_while_it_is_paused() -> None:
    with Sim(1, epoch=MORNING) as sim:
        world, node = PausableWorld(sim), sim.node("one")
        sim.after(0.2, lambda: world.pause("one", 50))
        node.run(push(world.ports(node), order()))
        assert not [line for line in world.way.history if not line.has_arrived and 0.2e6 < line.at_us < 50.2e6]
        assert sim.env.now > 50.2e6
        assert {one.finding for one in judged(world.history())} == {Judgement.HOLDS}


def test_a_paused_node_that_dies_stays_dead() -> None:
    with Sim(1, epoch=MORNING) as sim:
        world, node = PausableWorld(sim), sim.node("one")
        node.spawn(push(world.ports(node), order()))
        sim.after(0.2, lambda: world.pause("one", 50))
        sim.after(9.0, node.crash)
        bystander = sim.node("bystander")
        bystander.run(bystander.flow.sleep(100))
        assert len(world.sent) == 0


def test_watching_changes_nothing() -> None:
    told = []
    for kind in (Watched, PausableWorld):
        with Sim(1, epoch=MORNING) as sim:
            world, node = kind(sim), sim.node("one")
            node.run(push(world.ports(node), order()))
            told.append((world.history(), node.points))
    assert told[0] == told[1]
