"""Whole pushes in virtual time, each in a world of its own, against SimPy's bare timeouts on the same core."""

from __future__ import annotations

import time
from collections.abc import Callable

import simpy

from pms_lab.domain.push import PushState
from pms_lab.engine.push import push
from pms_lab.sim.driver import Sim
from pms_lab.sim.push_world import MORNING, PushWorld, order

ROUNDS = 15
PUSHES = 400
WAITS = 100_000


def main() -> None:
    """Print one line: the best rounds of both, measured in turn, and what one push consists of."""
    awaits, events = one_push()
    pushed, waited = zip(
        *((per_s(PUSHES, pushes), per_s(WAITS, bare_timeouts)) for _ in range(ROUNDS)),
        strict=True,
    )
    best, bare = max(pushed), max(waited)
    print(
        f"push_sim: {best:,.0f} pushes of three cells per second and core (at least 8,000), of {awaits} awaits and "
        f"{events} events each, with their world, ledger and read-back: one for {bare / best:,.0f} bare SimPy timeouts "
        f"({bare:,.0f}/s)"
    )


def one_push() -> tuple[int, int]:
    """Push once in a world made for it; return how often it awaited, and how many events there were."""
    with Sim(epoch=MORNING) as sim:
        world, node = PushWorld(sim), sim.node("app")
        outcome = node.run(push(world.ports(node), order()))
        assert outcome.state is PushState.PUBLISHED, outcome.why
        return node.points // 2, next(sim.env._eid)


def pushes() -> None:
    """Push again and again."""
    for _ in range(PUSHES):
        one_push()


def bare_timeouts() -> None:
    """Let one SimPy process wait again and again."""
    env = simpy.Environment()

    def process() -> simpy.events.ProcessGenerator:
        for _ in range(WAITS):
            yield env.timeout(1)

    env.process(process())
    env.run()


def per_s(count: int, work: Callable[[], None]) -> float:
    """Return how many of something some work does in a second of this process's own time."""
    began_s = time.process_time()
    work()
    return count / (time.process_time() - began_s)


if __name__ == "__main__":
    main()
