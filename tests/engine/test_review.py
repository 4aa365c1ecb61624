"""What a person decides on a push that waits, and the new push that comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Final

import pytest

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import AlertKind, Push, PushOutcome, PushState, Rule
from pms_lab.engine.push import push
from pms_lab.engine.review import approve, reject
from pms_lab.errors import InputError
from pms_lab.rules.preflight import ALONE, FRESH, REACHABLE, SANE
from pms_lab.sim.driver import Sim
from pms_lab.sim.node import Node
from pms_lab.sim.push_world import MORNING, NEW, OLD, order
from pms_lab.sim.stops import Crashed
from tests.engine.push_checks import Watched, broken, fated, pass_time, settle

HIGH: Final = {**NEW, "E": Decimal("56.00")}
"""More than 1.20 times what E was when the day began, and less than 1.15 times what a colleague made of it since."""


@pytest.fixture(params=[False, True], ids=["in order", "shuffled"])
def sim(request: pytest.FixtureRequest) -> Iterator[Sim]:
    with Sim(1, epoch=MORNING, shuffled=request.param) as sim:
        yield sim


def waiting(sim: Sim) -> tuple[Watched, Node, PushOutcome]:
    """Let a push wait for a person, since E was raised before, in the course of the day."""
    world, node = Watched(sim), sim.node("app")
    node.run(push(world.ports(node), order(OLD)))
    world.set("E", Decimal("52.00"))
    outcome = node.run(push(world.ports(node), order(HIGH)))
    assert outcome.state is PushState.PENDING_MANUAL_REVIEW
    return world, node, outcome


def approved(world: Watched, node: Node, outcome: PushOutcome, by: str = "ada") -> PushOutcome:
    return node.run(approve(world.ports(node), str(outcome.push_id), by))


def found(world: Watched, outcome: PushOutcome) -> Push:
    kept = world.book.find(str(outcome.push_id))
    assert kept is not None
    return kept


def test_a_rate_above_the_day_cap_alone_waits_and_nothing_is_written(sim: Sim) -> None:
    world, _, outcome = waiting(sim)
    assert (world.sent, broken(world)) == ([], [])
    (alert,) = outcome.alerts
    assert world.book.alerts() == (alert,)
    assert (alert.kind, alert.push_id) == (AlertKind.SPIKE, outcome.push_id)
    assert "review approve" in alert.next_step
    assert [one.id for one in world.book.reviews()] == [outcome.push_id]
    assert [check.name for check in outcome.checks if not check.passed] == [SANE]


def test_a_day_begins_with_the_last_reading_before_local_midnight(sim: Sim) -> None:
    world, node = Watched(sim), sim.node("app")
    node.run(push(world.ports(node), order(OLD)))
    pass_time(world, 17 * 3600)  # 23:00 in Las Vegas
    world.set("E", Decimal("52.00"))
    node.run(push(world.ports(node), order({"E": Decimal("52.00")})))
    pass_time(world, 3 * 3600)
    assert node.run(push(world.ports(node), order(HIGH))).state is PushState.PUBLISHED


def test_beside_any_other_breach_the_day_cap_is_no_persons_to_decide(sim: Sim) -> None:
    world, node, _ = waiting(sim)
    below = node.run(push(world.ports(node), order({**HIGH, "F": Decimal("20.00")})))
    world.way.is_down = True
    down = node.run(push(world.ports(node), order(HIGH)))
    assert (below.state, down.state) == (PushState.REJECTED, PushState.REJECTED)


def test_an_approval_opens_a_new_push_that_is_linked_and_waives_the_day_cap(sim: Sim) -> None:
    world, node, outcome = waiting(sim)
    follower = approved(world, node, outcome)
    assert (follower.state, world.amounts(), broken(world)) == (PushState.PUBLISHED, HIGH, [])
    kept = found(world, follower)
    assert (kept.follows, kept.asked_by, kept.origin.kind, kept.origin.name) == (
        outcome.push_id, "ada", "review", outcome.push_id,
    )  # fmt: skip
    assert kept.asked_at > found(world, outcome).asked_at
    assert "approved" in kept.transitions[0].why
    decision = world.book.decision(str(outcome.push_id))
    assert decision is not None
    assert (decision.by, decision.approved) == ("ada", True)
    assert (found(world, outcome).state, world.book.reviews()) == (PushState.PENDING_MANUAL_REVIEW, ())


def test_the_votes_of_the_agents_go_with_it(sim: Sim) -> None:
    world, node, outcome = waiting(sim)
    follower = approved(world, node, outcome)
    votes = [change.votes for change in found(world, outcome).changes]
    assert [change.votes for change in found(world, follower).changes] == votes


@pytest.mark.parametrize("trouble", ["push cap", "PMS down", "no availability", "push open"])
def test_an_approval_waives_no_other_guard(sim: Sim, trouble: str) -> None:
    world, node, outcome = waiting(sim)
    pass_time(world, 3 * 3600)
    refuses = {"push cap": SANE, "PMS down": REACHABLE, "no availability": FRESH, "push open": ALONE}
    if trouble == "push cap":
        world.set("E", Decimal("48.00"))
    if trouble == "push open":
        calls = len([one for one in world.way.history if one.operation == "get_rates"]) // 2
        world.fate = fated(**{f"get_rates_{calls + 2}": lambda: setattr(world.way, "is_down", True)})
        node.run(push(world.ports(node), order({"F": OLD["F"]})))
    if trouble == "no availability":
        world.fate = fated(get_availability_2=lambda: setattr(world.hotel, "is_known", False))
    world.way.is_down = trouble == "PMS down"
    before = world.amounts()
    follower = approved(world, node, outcome)
    assert follower.state is PushState.REJECTED
    assert refuses[trouble] in [check.name for check in follower.checks if not check.passed]
    assert (world.amounts(), [one for one in world.sent if one.node == "app"]) == (before, [])


def test_an_approval_that_met_another_push_at_work_can_be_given_again(sim: Sim) -> None:
    world, node, outcome = waiting(sim)
    other = sim.node("other")
    task = other.spawn(push(world.ports(other), order({"F": NEW["F"]})))
    refused = approved(world, node, outcome)
    assert (refused.state, refused.push_id, sim.run(task).state) == (PushState.REJECTED, None, PushState.PUBLISHED)
    assert (approved(world, node, outcome).state, world.amounts()) == (PushState.PUBLISHED, HIGH)


def test_a_review_is_decided_once(sim: Sim) -> None:
    world, node, outcome = waiting(sim)
    approved(world, node, outcome)
    known = world.book.pushes()
    with pytest.raises(InputError, match="ada"):
        approved(world, node, outcome, "bob")
    with pytest.raises(InputError, match="ada"):
        node.run(reject(world.ports(node), str(outcome.push_id), "bob", "too high"))
    assert world.book.pushes() == known


def test_what_was_rejected_is_not_approved_any_more(sim: Sim) -> None:
    world, node, outcome = waiting(sim)
    node.run(reject(world.ports(node), str(outcome.push_id), "bob", "too high"))
    with pytest.raises(InputError, match="bob"):
        approved(world, node, outcome)
    decision = world.book.decision(str(outcome.push_id))
    assert decision is not None
    assert (decision.by, decision.approved, decision.why) == ("bob", False, "too high")
    assert (world.sent, world.book.reviews()) == ([], ())


def test_only_a_push_that_waits_is_decided_on(sim: Sim) -> None:
    world, node = Watched(sim), sim.node("app")
    published = node.run(push(world.ports(node), order()))
    for push_id in (str(published.push_id), "nothing"):
        with pytest.raises(InputError, match=push_id):
            node.run(approve(world.ports(node), push_id, "ada"))
        with pytest.raises(InputError, match=push_id):
            node.run(reject(world.ports(node), push_id, "ada", ""))


@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
def test_two_approvals_at_once_make_one_push(shuffled: bool) -> None:
    for step in range(40):
        with Sim(step, epoch=MORNING, shuffled=shuffled) as sim:
            world, _, outcome = waiting(sim)
            ada, bob = sim.node("ada"), sim.node("bob")
            tasks = [
                one.spawn(approval(world, one, str(outcome.push_id), wait_s))
                for one, wait_s in ((ada, 0), (bob, step / 100))
            ]
            ends = [sim.run(task) for task in tasks]
            assert [end for end in ends if isinstance(end, PushOutcome) and end.state is PushState.PUBLISHED]
            followers = [one for one in world.book.pushes() if one.follows]
            assert [one.state for one in followers] == [PushState.PUBLISHED]
            assert (world.amounts(), broken(world)) == (HIGH, [])


async def approval(world: Watched, node: Node, push_id: str, wait_s: float) -> PushOutcome | InputError:
    await node.flow.sleep(wait_s)
    try:
        return await approve(world.ports(node), push_id, node.name)
    except InputError as error:
        return error


def test_an_approval_that_crashes_anywhere_is_carried_out_when_it_is_given_again_or_settled() -> None:
    """Once the new push is recorded, it is recovery's to settle; until then the approval can be given again."""
    again = 0
    for crash_at in range(1, 60):
        with Sim(1, epoch=MORNING) as sim:
            world, _, outcome = waiting(sim)
            ada = sim.node("ada", crash_at=crash_at)
            try:
                approved(world, ada, outcome)
                break
            except Crashed:
                pass_time(world, 601)
            began = len(world.book.pushes()) > 2
            settle(world, sim.node("app"))
            if not began:
                again += 1
                follower = approved(world, sim.node("bob"), outcome, "bob")
                assert (follower.state, world.amounts()) == (PushState.PUBLISHED, HIGH)
            decision = world.book.decision(str(outcome.push_id))
            assert decision is not None
            assert len([one for one in world.book.pushes() if one.follows]) == 1
            assert broken(world) == []
    assert 10 < again < crash_at - 10


def stopped_by_a_colleague(sim: Sim) -> tuple[Watched, Node, PushOutcome]:
    """Let a push stop since a colleague changed E just before it was written."""
    world, node = Watched(sim), sim.node("app")
    world.fate = fated(get_rates_2=lambda: world.set("E", Decimal("43.00")))
    outcome = node.run(push(world.ports(node), order({**NEW, "E": Decimal("52.90")})))
    assert outcome.state is PushState.PENDING_MANUAL_REVIEW
    world.set("E", Decimal("46.10"))
    return world, node, outcome


def test_the_approval_of_a_push_that_a_colleague_stopped_pushes_it_again(sim: Sim) -> None:
    world, node, outcome = stopped_by_a_colleague(sim)
    follower = approved(world, node, outcome)
    assert (follower.state, found(world, follower).follows) == (PushState.PUBLISHED, outcome.push_id)
    assert found(world, follower).transitions[0].why == "all five checks passed"


def test_the_approval_of_a_push_that_a_colleague_stopped_does_not_waive_the_day_cap(sim: Sim) -> None:
    world, node, outcome = stopped_by_a_colleague(sim)
    world.set("E", Decimal("43.00"))
    node.run(push(world.ports(node), order(OLD, dry_run=True)))  # reads what the next day begins with
    pass_time(world, 24 * 3600)
    world.set("E", Decimal("46.10"))
    follower = approved(world, node, outcome)
    assert follower.state is PushState.PENDING_MANUAL_REVIEW
    assert {finding.rule for check in follower.checks for finding in check.findings} == {Rule.DAY_CAP}
    assert [alert.kind for alert in follower.alerts] == [AlertKind.SPIKE]


def test_a_follower_that_waits_again_can_be_approved_again(sim: Sim) -> None:
    world, node, outcome = waiting(sim)
    world.hotel.highest = Decimal("55.00")
    first = approved(world, node, outcome)
    assert (first.state, world.amounts()["F"]) == (PushState.PENDING_MANUAL_REVIEW, OLD["F"])
    world.hotel.highest = Decimal("60.00")
    second = approved(world, node, first)
    assert second.state is PushState.PENDING_MANUAL_REVIEW  # the day cap was not what the first one waited for
    third = approved(world, node, second)
    assert (third.state, found(world, third).follows) == (PushState.PUBLISHED, second.push_id)


def test_an_approval_after_days_is_judged_by_what_the_pms_holds_then(sim: Sim) -> None:
    world, node, outcome = waiting(sim)
    pass_time(world, timedelta(days=1).total_seconds())
    world.set("E", Decimal("55.50"))
    follower = approved(world, node, outcome)
    assert (follower.state, follower.cells[0].change.old) == (PushState.PUBLISHED, NightlyRate(Decimal("55.50")))
