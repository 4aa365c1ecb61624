"""The table of a course says what happened: it is held against the world itself, which nobody watched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

from pms_lab.domain.push import PushState
from pms_lab.engine.push import push
from pms_lab.engine.recover import recover
from pms_lab.sim.anatomy.course import APP, EDITED, Course, Trouble, course, scenes
from pms_lab.sim.anatomy.happenings import COLUMNS, NOBODY
from pms_lab.sim.anatomy.log import Asked, Phase
from pms_lab.sim.anatomy.watching import WatchedWorld
from pms_lab.sim.driver import Sim
from pms_lab.sim.pms.thin import ThinFate
from pms_lab.sim.push_world import MORNING, NEW, NIGHT, OLD, PushWorld, order
from pms_lab.sim.stops import Crashed

SEED = 3
SCENES = scenes(SEED)
every_scene = pytest.mark.parametrize("trouble", SCENES.values(), ids=SCENES.keys())


@contextmanager
def unwatched(trouble: Trouble) -> Iterator[tuple[PushWorld, int]]:
    """Let the same course happen with nobody watching; give the world, and the crash points that were passed."""
    with Sim(SEED, epoch=MORNING) as sim:
        world, edit = PushWorld(sim, trouble.decide, policy=trouble.policy), trouble.edit
        if edit is not None:
            sim.after(edit.at_s, lambda: world.set(edit.product, edit.amount))
        node = sim.node(APP, crash_at=trouble.crash_at)
        try:
            node.run(push(world.ports(node), order()))
        except Crashed:
            died_us = sim.env.now
            for wait_s in trouble.recoveries_s:
                bystander = sim.node("bystander")
                bystander.run(bystander.flow.sleep(wait_s - (sim.env.now - died_us) / 1e6))
                again = sim.node(APP)
                again.run(recover(world.ports(again)))
        yield world, node.points


def rows(one: Course, lane: str) -> list[dict[str, Any]]:
    return one.happenings.filter(pl.col("lane") == lane).to_dicts()


@every_scene
def test_a_watched_push_takes_the_course_of_one_that_nobody_watches(trouble: Trouble) -> None:
    one = course(SEED, trouble)
    with unwatched(trouble) as (world, points):
        assert one.points == points
        assert one.push == world.book.pushes()[0]
        assert one.alerts == world.book.alerts()[::-1]
        assert dict(one.cells.select("product", "held").rows()) == world.amounts()


@every_scene
def test_requests_are_drawn_when_they_were_sent_and_where_they_arrived(trouble: Trouble) -> None:
    drawn = rows(course(SEED, trouble), "network")
    with unwatched(trouble) as (world, _):
        history = [(line.at_us / 1e6, line.has_arrived) for line in world.way.history]
    assert [row["start_s"] for row in drawn] == [at_s for at_s, has_arrived in history if not has_arrived]
    assert sorted(row["effect_s"] for row in drawn) == [at_s for at_s, has_arrived in history if has_arrived]


@every_scene
def test_stripes_show_what_each_cell_held_at_every_instant(trouble: Trouble) -> None:
    one = course(SEED, trouble)
    with unwatched(trouble) as (world, _):
        for product in OLD:
            stripes = [row for row in rows(one, "cell") if row["detail"] == product]
            assert stripes[0]["start_s"] == 0
            assert all(before["end_s"] == after["start_s"] for before, after in pairwise(stripes))
            amounts = {event.at: event.detail for event in world.pms.events if event.id == f"{product}/BAR/{NIGHT}"}
            seen = {(at - MORNING).total_seconds(): amount for at, amount in amounts.items() if at > MORNING}
            assert {row["start_s"]: row["label"] for row in stripes[1:]}.items() <= seen.items()
            assert stripes[-1]["label"] == str(world.amounts()[product])
            for row in stripes:
                kinds = {str(OLD[product]): "old", str(NEW[product]): "new", str(EDITED): "foreign"}
                assert row["kind"] == kinds[row["label"]]


@every_scene
def test_the_ledger_s_lane_has_every_transition_at_the_instant_at_which_it_was_durable(trouble: Trouble) -> None:
    one = course(SEED, trouble)
    states = [row for row in rows(one, "ledger") if row["kind"] == "state"]
    assert one.push is not None
    assert [row["label"] for row in states] == [step.state for step in one.push.transitions]
    asked = [step for step in one.steps if step.asked is Asked.LEDGER and step.is_write]
    for row, step in zip(states, asked, strict=True):
        assert step.start_us < row["start_s"] * 1e6 < (step.end_us or 0)


@every_scene
def test_a_process_does_one_thing_after_the_other_without_a_gap(trouble: Trouble) -> None:
    one = course(SEED, trouble)
    ends = {row["start_s"] for row in rows(one, "phase") if row["kind"] == NOBODY}
    done = [row for row in rows(one, "app") if row["kind"] in ("call", "store", "wait")]
    for before, after in pairwise(done):
        gone = before["end_s"] if before["end_s"] is not None else before["start_s"]
        assert gone == after["start_s"] or ends & {gone}
    assert sum(row["kind"] == "crash" for row in rows(one, "app")) == (trouble.crash_at is not None)


@every_scene
def test_phases_follow_one_another_from_the_first_step_to_the_last(trouble: Trouble) -> None:
    one = course(SEED, trouble)
    bands = rows(one, "phase")
    assert all(before["end_s"] == after["start_s"] for before, after in pairwise(bands))
    assert (bands[0]["start_s"], bands[-1]["end_s"]) == (0, one.instants_s[-1])


def test_a_calm_push_has_twelve_steps_in_five_phases_and_two_crash_points_each() -> None:
    calm = course(SEED)
    assert len(calm.steps) == 12
    assert calm.points == 24
    assert [row["kind"] for row in rows(calm, "phase")] == [
        Phase.PREFLIGHT, Phase.INTENT, Phase.WRITE, Phase.VERIFY, Phase.COMMIT,
    ]  # fmt: skip
    (lock,) = rows(calm, "lock")
    asked, given_back = calm.steps[0], calm.steps[-1]
    assert (lock["kind"], lock["detail"]) == ("held", "")
    assert asked.start_us < lock["start_s"] * 1e6 < (asked.end_us or 0)
    assert given_back.start_us < lock["end_s"] * 1e6 < (given_back.end_us or 0)
    assert calm.happenings.schema == pl.Schema(COLUMNS)


@pytest.mark.parametrize(
    ("name", "phases", "state"),
    [
        ("lost answer", ["preflight", "intent", "write", "verify", "commit"], PushState.PUBLISHED),
        ("late landing", ["preflight", "intent", "write", "verify", "commit"], PushState.PUBLISHED),
        ("partial write", ["preflight", "intent", "write", "take back", "commit"], PushState.ROLLED_BACK),
        (
            "colleague",
            ["preflight", "intent", "write", "verify", "take back", "commit"],
            PushState.PENDING_MANUAL_REVIEW,
        ),
        (
            "death",
            ["preflight", "intent", "write", "nobody", "recovery", "nobody", "recovery", "commit"],
            PushState.PUBLISHED,
        ),
        (
            "death and a partial write",
            ["preflight", "intent", "write", "nobody", "recovery", "take back", "commit"],
            PushState.ROLLED_BACK,
        ),
    ],
)
def test_a_trouble_goes_through_its_phases_to_its_end(name: str, phases: list[str], state: PushState) -> None:
    one = course(SEED, SCENES[name])
    assert [row["kind"] for row in rows(one, "phase") if row["end_s"] > row["start_s"]] == phases
    assert one.state == state


def test_a_colleague_s_edit_stands_in_his_lane_and_in_the_stripe_of_his_cell() -> None:
    edit = SCENES["colleague"].edit
    one = course(SEED, SCENES["colleague"])
    assert edit is not None
    (drawn,) = rows(one, "colleague")
    assert drawn["start_s"] == pytest.approx(edit.at_s, abs=1e-6)
    last = [row for row in rows(one, "cell") if row["detail"] == edit.product][-1]
    assert (last["start_s"], last["label"], last["kind"]) == (drawn["start_s"], str(edit.amount), "foreign")


def test_a_process_that_died_asking_never_hears_and_its_request_arrives_all_the_same() -> None:
    one = course(SEED, SCENES["death"])
    written = one.request("write 3")
    assert written["end_s"] is None
    assert one.death is not None
    assert written["start_s"] == one.death.at_s < written["effect_s"]
    assert one.death.held == OLD
    locks = [row for row in rows(one, "lock") if row["kind"] == "held"]
    assert [row["detail"] for row in locks] == ["lapsed", ""]


def test_the_dead_take_no_step_even_when_they_are_buried() -> None:
    with Sim(SEED, epoch=MORNING) as sim:
        world = WatchedWorld(sim)
        node = sim.node(APP, crash_at=9)
        with pytest.raises(Crashed):
            node.run(push(world.ports(node), order()))
        taken = len(world.log.steps)
    assert len(world.log.steps) == taken == 5


def test_a_request_that_never_arrives_has_no_effect() -> None:
    one = course(SEED, Trouble({("update_rates", 1): ThinFate(refused=True)}))
    assert one.request("write 3")["effect_s"] is None
    assert one.request("write 3")["kind"] == "refused"


def test_what_was_not_asked_is_not_found() -> None:
    calm = course(SEED)
    assert calm.asking("write 3") == 2 * [step.what for step in calm.steps].index("update_rates") + 1
    with pytest.raises(LookupError, match="'restore 2'"):
        calm.request("restore 2")
    with pytest.raises(LookupError, match="'restore 2'"):
        calm.asking("restore 2")


def test_the_same_seed_gives_the_same_course_and_another_one_other_times() -> None:
    assert course(SEED).happenings.equals(course(SEED).happenings)
    assert not course(SEED).happenings.equals(course(SEED + 1).happenings)
