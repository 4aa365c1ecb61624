"""Pushes in a watched world: what becomes of them, what is broken, and histories of one push with its faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from pms_lab.checkers.judging import judged
from pms_lab.checkers.verdict import Judgement
from pms_lab.domain.history import Healing, Struck
from pms_lab.domain.push import PushOutcome, PushState
from pms_lab.engine.push import push
from pms_lab.engine.recover import recover
from pms_lab.errors import StoreError
from pms_lab.rules.push_policy import PushPolicy
from pms_lab.sim.driver import Sim
from pms_lab.sim.node import Node
from pms_lab.sim.pms.thin import CALM, CAN, Decide, ThinFate
from pms_lab.sim.push_world import MORNING, PushWorld, order
from pms_lab.sim.stops import Crashed
from pms_lab.sim.storage import CALM as STORE_CALM
from pms_lab.sim.storage import StoreFate
from pms_lab.sim.storage import calm as calm_store
from pms_lab.sim.trials.watching import WRITES, Watched, settling_bound_s

__all__ = ["WRITES", "Watched"]

OPEN: Final = (PushState.PREPARED, PushState.IN_PROGRESS)
GOOD: Final = (Judgement.HOLDS, Judgement.EXPOSED)


def fated(**fates: ThinFate | Callable[[], None]) -> Decide:
    """Decide by ``operation_call``, such as ``update_rates_1``; the rest is calm.

    Args:
        fates: what becomes of a request; or what happens in the world when it is sent.
    """

    def decide(node: str, call: int, operation: str) -> ThinFate:
        fate = fates.get(f"{operation}_{call}", CALM)
        if isinstance(fate, ThinFate):
            return fate
        fate()
        return CALM

    return decide


def always(operation: str, fate: ThinFate, calls: int = 9) -> dict[str, ThinFate]:
    """Return the same fate for the first calls of an operation, for `fated`."""
    return {f"{operation}_{call}": fate for call in range(1, calls + 1)}


def broken(world: Watched, struck: Sequence[Struck] = (), healing: Healing | None = None) -> list[str]:
    """Return what is broken, in a world in which nothing is under way any more; what is exposed is not."""
    verdicts = judged(world.history(struck, healing))
    return sorted(sentence for one in verdicts if one.finding not in GOOD for sentence in one.evidence)


def pass_time(world: PushWorld, wait_s: float) -> None:
    """Let the world go on, whoever is in it."""
    bystander = world.sim.node("bystander")
    bystander.run(bystander.flow.sleep(wait_s))


def settle(world: PushWorld, node: Node, every_s: float = 30.0, attempts: int = 60) -> None:
    """Recover until nothing is open, as a supervisor would; then once more, which must change nothing."""
    node.run(node.flow.sleep(1))  # what a dead node has asked of the ledger is on its way there
    for _ in range(attempts):
        if not world.book.pushes(states=OPEN):
            break
        with suppress(StoreError):
            node.run(recover(world.ports(node)))
        if world.book.pushes(states=OPEN):
            node.run(node.flow.sleep(every_s))
    world.storage.decide = calm_store
    node.run(node.flow.sleep(100))  # whatever is still under way to the PMS takes effect
    before = world.book.pushes(), len(world.pms.events), world.book.alerts()
    assert node.run(recover(world.ports(node))) == ()
    assert (world.book.pushes(), len(world.pms.events), world.book.alerts()) == before


FOREIGN: Final = Decimal("47.77")
"""What a colleague sets."""

REFUSED: Final = ThinFate(refused=True)
HALF: Final = {**always("update_rates", REFUSED, 4), "update_rates_1": ThinFate(first=2)}
"""The third cell is never written, so that in the end the others are taken back."""

PARTS: Final[dict[str, Any]] = {"can": replace(CAN, rate_batch=1), "policy": PushPolicy(part_cells=1)}
"""Settings of a world where each cell is compared and written by itself."""


@dataclass(frozen=True, slots=True)
class History:
    """What happens to one push, by a node that is restarted when it has crashed.

    Attributes:
        fates: of requests, by ``operation_call``; `store` those of calls to the store.
        edit: when a colleague sets a product's rate, in seconds; to `foreign`.
        crash_at: the crash point at which the node dies.
        inherited: the products whose nights have no rate of their own.
        settings: of the world.
    """

    fates: Mapping[str, ThinFate] = field(default_factory=dict)
    store: Mapping[int, StoreFate] = field(default_factory=dict)
    edit: tuple[float, str] | None = None
    foreign: Decimal = FOREIGN
    crash_at: int | None = None
    inherited: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 1
    shuffled: bool = False


class Lived(NamedTuple):
    """How a history ended: the world, what the push told if it lived to, what is broken, and what struck."""

    world: Watched
    outcome: PushOutcome | None
    broken: list[str]
    struck: tuple[str, ...]


def live(history: History) -> Lived:
    """Live through a history: push, recover until nothing is open, and check everything."""
    struck: list[Struck] = []
    with Sim(history.seed, epoch=MORNING, shuffled=history.shuffled) as sim:
        world = Watched(sim, **history.settings)

        def strike(what: str, lasts_s: float = 0.0) -> None:
            now_us = int(sim.env.now)
            struck.append(Struck(now_us, now_us + round(lasts_s * 1e6), what))

        def decide(node: str, call: int, operation: str) -> ThinFate:
            fate = history.fates.get(f"{operation}_{call}", CALM)
            if fate is not CALM:
                strike(f"{operation}_{call}", fate.late_s)
            return fate

        def decide_store(node: str, call: int) -> StoreFate:
            fate = history.store.get(call, STORE_CALM)
            if fate is not STORE_CALM:
                strike(f"store_{call}", fate.late_s)
            return fate

        def edit(product: str) -> None:
            world.set(product, history.foreign)
            strike("edit")

        world.fate, world.storage.decide = decide, decide_store
        for product in history.inherited:
            world.set(product, None, MORNING - timedelta(hours=5))
        if history.edit:
            sim.after(history.edit[0], lambda: edit(history.edit[1] if history.edit else ""))
        outcome, node = None, sim.node("app", crash_at=history.crash_at)
        try:
            outcome = node.run(push(world.ports(node), order()))
            node.crash_at = None
        except Crashed:
            strike("crash", 1)  # what it asked for may arrive yet
            node = sim.node("app")
        settle(world, node)
        healing = Healing(max((one.until_us for one in struck), default=0), settling_bound_s(world))
        wrong = broken(world, struck, healing)
    return Lived(world, outcome, wrong, tuple(one.kind for one in struck))
