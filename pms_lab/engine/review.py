"""Review: what a person decides on a push that waits for one."""

from __future__ import annotations

from pms_lab.domain.money import Money
from pms_lab.domain.push import Decision, Origin, Push, PushOrder, PushOutcome, PushState, Rule
from pms_lab.domain.rates import RateSheet
from pms_lab.engine.push import push
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.errors import InputError


async def approve(ports: PushPorts, push_id: str, by: str, why: str = "") -> PushOutcome:
    """Approve a push: a new one is made of its sheet, linked to it, with a fresh preflight under all other guards.

    Only what the person was asked about is waived: the day cap, where that was it. An approval that was recorded, and
    whose new push was not, or was rejected by its preflight, is carried out when it is given again.

    Args:
        by: the id of the person.

    Raises:
        InputError: there is no such push at this location, it does not wait for a decision, or it has one already.
    """
    waiting = await _waiting(ports, push_id)
    follower, is_taken = await _follower(ports, push_id)
    decided = await ports.ledger.decision(push_id)
    if decided is None or not decided.approved or is_taken:
        await ports.ledger.decide(Decision(push_id, True, by, ports.flow.now(), why))
    rates = {change.cell: Money(change.new, waiting.currency) for change in waiting.changes}
    order = PushOrder(
        RateSheet(rates, waiting.tax_basis),
        by,
        Origin("review", push_id),
        votes={change.cell: change.votes for change in waiting.changes},
        follows=push_id,
        waives_day_cap=_waits_for_the_day_cap(waiting),
    )
    return await push(ports, order, follower)


async def reject(ports: PushPorts, push_id: str, by: str, why: str) -> None:
    """Close a review: nothing more happens to the push.

    Raises:
        InputError: as for `approve`.
    """
    await _waiting(ports, push_id)
    await ports.ledger.decide(Decision(push_id, False, by, ports.flow.now(), why))


async def _follower(ports: PushPorts, push_id: str) -> tuple[str, bool]:
    """Return the id of the push that carries out an approval, and whether it does already.

    It follows from that of the reviewed push, so that two who approve at once make one push.
    """
    number = 1
    while (found := await ports.ledger.find(f"{push_id}.{number}")) and found.state is PushState.REJECTED:
        number += 1
    return f"{push_id}.{number}", found is not None


async def _waiting(ports: PushPorts, push_id: str) -> Push:
    found = await ports.ledger.find(push_id)
    if found is None or found.location != ports.place.code:
        raise InputError(f"{ports.place.code} has no push {push_id}: `pms-lab review list` shows those that wait")
    if found.state is not PushState.PENDING_MANUAL_REVIEW:
        raise InputError(f"push {push_id} is {found.state}: it does not wait for a decision")
    return found


def _waits_for_the_day_cap(waiting: Push) -> bool:
    """Whether nothing but the day cap stopped it, before anything was sent."""
    rules = {finding.rule for check in waiting.checks for finding in check.findings}
    return len(waiting.transitions) == 1 and rules == {Rule.DAY_CAP}
