"""The clock and the dice of a simulated node."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pms_lab.sim.driver import Sim
from pms_lab.sim.flow import EPOCH, Clock


def test_many_short_waits_add_up_exactly() -> None:
    with Sim(budget=2_000_000) as sim:
        node = sim.node("app")

        async def main() -> None:
            for _ in range(100_000):
                await node.flow.sleep(0.001)

        node.run(main())
        assert node.flow.now() == EPOCH + timedelta(seconds=100)
        assert node.flow.monotonic_s() == 100


def test_any_wait_takes_time_so_that_waiting_for_an_instant_ends() -> None:
    with Sim(budget=10) as sim:
        node = sim.node("app")

        async def main() -> None:
            until_s = node.flow.monotonic_s() + 1e-7
            while node.flow.monotonic_s() < until_s:
                await node.flow.sleep(until_s - node.flow.monotonic_s())

        node.run(main())


def test_a_wrong_clock_is_ahead_jumps_and_runs_fast_but_true_time_does_not() -> None:
    with Sim() as sim:
        clock = Clock(offset_s=60, rate=1.25)
        node = sim.node("app", clock=clock)
        assert node.flow.now() == EPOCH + timedelta(seconds=60)
        node.run(node.flow.sleep(10))
        assert sim.now() == EPOCH + timedelta(seconds=8)
        assert node.flow.now() == EPOCH + timedelta(seconds=70)
        clock.offset_s = -3600
        assert node.flow.now() == EPOCH + timedelta(seconds=10 - 3600)
        assert node.flow.monotonic_s() == 10
        node.crash()
        assert sim.node("app", clock=clock).flow.monotonic_s() == 10


def test_a_timeout_runs_by_the_machine_s_clock() -> None:
    async def late(sim: Sim, rate: float) -> float:
        flow = sim.node("app", clock=Clock(rate=rate)).flow
        with pytest.raises(TimeoutError):
            async with flow.timeout(1):
                await sim.node("true").flow.sleep(9)
        return (sim.now() - EPOCH).total_seconds()

    with Sim() as sim:
        assert sim.node("main").run(late(sim, 0.5)) == 2


def drawn(seed: int, *, also: bool = False) -> list[object]:
    """Draw from a node's streams, with or without another stream in use."""
    with Sim(seed) as sim:
        chance, numbers = sim.node("app").chance, list[object]()
        for _ in range(3):
            if also:
                chance.share("other")
                sim.node("neighbour").chance.new_id()
            numbers += [chance.share("jitter"), chance.new_id()]
        return numbers


def test_a_stream_is_its_seed_its_node_and_its_name_and_nothing_else() -> None:
    assert drawn(1) == drawn(1) == drawn(1, also=True)
    assert drawn(1) != drawn(2)
    with Sim(1) as sim:
        node, neighbour = sim.node("app").chance, sim.node("neighbour").chance
        assert len({node.share("a"), node.share("b"), neighbour.share("a"), neighbour.share("b")}) == 4


def test_ids_are_32_digits_and_a_restarted_node_repeats_none() -> None:
    with Sim() as sim:
        ids = []
        for _ in range(3):
            node = sim.node("app")
            ids += [node.chance.new_id() for _ in range(50)]
            node.crash()
    assert len(set(ids)) == 150
    assert {len(one) for one in ids} == {32}
    assert all(int(one, 16) >= 0 for one in ids)
