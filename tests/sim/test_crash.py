"""Crashes: at every crash point, nothing of the dead node has an effect, and what it had sent arrives."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.driver import Sim
from pms_lab.sim.network import Network, ThinDoor
from pms_lab.sim.node import Node
from pms_lab.sim.stops import Crashed

LONGEST_WAY_S = 0.1


@dataclass
class Pms:
    """A world-side server: each path holds what was written last."""

    rates: dict[str, bytes] = field(default_factory=dict)

    def receive(self, request: HttpRequest, at: datetime) -> HttpResponse:
        """Write or read."""
        if request.method == "PUT":
            self.rates[request.url] = request.body
        return HttpResponse(200, {}, self.rates.get(request.url, b""))


@dataclass
class World:
    """What outlives a node: the network, the PMS behind it, and the node's disk."""

    sim: Sim
    pms: Pms = field(default_factory=Pms)
    disk: dict[str, str] = field(default_factory=dict)
    effects: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.network = Network(self.sim, self.pms)


async def lines(node: Node, world: World) -> AsyncIterator[str]:
    """Yield urls; its `finally` block would leave a trace."""
    try:
        for url in ("https://pms.test/a", "https://pms.test/b"):
            await node.flow.sleep(0.01)
            yield url
    finally:
        node.flow.now()
        world.effects.append("generator closed")


async def push(node: Node, world: World) -> None:
    """Write two rates: intent on disk, write, outcome on disk. Everything that a crash could wake is open."""
    door = ThinDoor(world.network, node)

    async def write(url: str) -> None:
        async with node.flow.timeout(30):
            try:
                await door.send(HttpRequest("PUT", url, body=b"new"))
                await node.flow.sleep(0.01)
            finally:
                await node.flow.sleep(0)
                world.effects.append("finally")

    try:
        async for url in lines(node, world):
            await node.flow.sleep(0.01)
            world.disk[url] = "intended"
            await node.flow.together(write(url), node.flow.sleep(0.2))
            world.disk[url] = "applied"
    finally:
        node.check()
        world.effects.append("push over")


async def recover(node: Node, world: World) -> dict[str, str]:
    """Settle what is open by reading back, once nothing can be on its way any more."""
    door = ThinDoor(world.network, node)
    await node.flow.sleep(LONGEST_WAY_S)
    for url in [url for url, state in world.disk.items() if state == "intended"]:
        there = (await door.send(HttpRequest("GET", url))).body == b"new"
        world.disk[url] = "applied" if there else "not applied"
    return world.disk


def test_crash_points_are_two_for_each_await() -> None:
    with Sim() as sim:
        node = sim.node("app")

        async def main() -> None:
            await node.flow.sleep(1)
            await node.flow.sleep(1)

        node.run(main())
        assert node.points == 4


def points() -> int:
    """Return how many crash points a push passes."""
    with Sim() as sim:
        node, world = sim.node("app"), World(sim)
        node.run(push(node, world))
        assert set(world.disk.values()) == {"applied"}
        assert world.effects == ["finally", "finally", "generator closed", "push over"]
        return node.points


POINTS = points()


@pytest.mark.parametrize("crash_at", range(1, POINTS + 1))
def test_wherever_a_node_crashes_no_finally_has_an_effect_and_recovery_tells_the_truth(crash_at: int) -> None:
    with Sim() as sim:
        node, world = sim.node("app", crash_at=crash_at), World(sim)
        with pytest.raises(Crashed):
            node.run(push(node, world))
        at_crash = list(world.effects)
        gc.collect(1)
        again = sim.node("app")
        told = again.run(recover(again, world))
        assert world.effects == at_crash
        assert told == {url: "applied" if url in world.pms.rates else "not applied" for url in world.disk}
        assert node.dead
        assert node.points == crash_at
    gc.collect(1)
    assert world.effects == at_crash


def test_both_kinds_of_crash_points_and_landings_after_the_crash_are_met() -> None:
    states = set()
    for crash_at in range(1, POINTS + 1):
        with Sim() as sim:
            node, world = sim.node("app", crash_at=crash_at), World(sim)
            with pytest.raises(Crashed):
                node.run(push(node, world))
            before = len(world.pms.rates)
            other = sim.node("other")
            other.run(other.flow.sleep(1))
            states.add((tuple(world.disk.values()), before, len(world.pms.rates)))
    assert {
        (("intended",), 0, 0),  # before it was sent
        (("intended",), 0, 1),  # in flight at the crash: it lands
        (("intended",), 1, 1),  # landed, and nobody knows
        (("applied",), 1, 1),
        (("applied", "intended"), 1, 2),
    } <= states


def test_a_recovery_that_does_not_wait_is_caught() -> None:
    def lies(crash_at: int) -> bool:
        with Sim() as sim:
            node, world = sim.node("app", crash_at=crash_at), World(sim)
            with pytest.raises(Crashed):
                node.run(push(node, world))
            told = {url: "applied" if url in world.pms.rates else "not applied" for url in world.disk}
            other = sim.node("other")
            other.run(other.flow.sleep(1))
            return told != {url: "applied" if url in world.pms.rates else "not applied" for url in world.disk}

    assert any(lies(crash_at) for crash_at in range(1, POINTS + 1))


def test_every_port_of_a_dead_node_refuses() -> None:
    with Sim() as sim:
        node, world = sim.node("app"), World(sim)
        flow, chance, flag, other = node.flow, node.chance, node.flow.flag(), sim.node("other")
        node.crash()
        work = other.flow.sleep(1)
        for call in (flow.now, flow.monotonic_s, flow.flag, flag.set, chance.new_id, lambda: chance.share("x")):
            with pytest.raises(Crashed, match="app is dead"):
                call()

        async def timed() -> None:
            async with flow.timeout(1):
                pass

        request = HttpRequest("GET", "https://pms.test/")
        for awaited in (
            flow.sleep(1), flag.wait(), flow.together(work), timed(), ThinDoor(world.network, node).send(request)
        ):  # fmt: skip
            with pytest.raises(Crashed, match="app is dead"):
                other.run(awaited)
        with pytest.raises(Crashed, match="app is dead"):
            node.run(flow.sleep(1))
        assert world.network.history == []


def test_who_waits_on_another_node_learns_of_the_crash() -> None:
    with Sim() as sim:
        node, other = sim.node("app"), sim.node("other")

        async def watching() -> float:
            task = node.spawn(node.flow.sleep(9), "long")
            sim.after(2, node.crash)
            with pytest.raises(Crashed, match="app crashed before long had ended"):
                await task.join()
            return other.flow.monotonic_s()

        assert other.run(watching()) == 2


def test_one_node_s_crash_leaves_others_alone() -> None:
    with Sim() as sim:
        node, other = sim.node("app", crash_at=2), sim.node("other")

        async def both() -> tuple[float, bool]:
            node.spawn(node.flow.sleep(1), "dies")
            await other.flow.sleep(2)
            return other.flow.monotonic_s(), node.dead

        assert other.run(both()) == (2, True)


def test_when_the_world_ends_everything_stops_without_effects_or_noise(capfd: pytest.CaptureFixture[str]) -> None:
    effects = []
    with Sim() as sim:
        node, world = sim.node("app"), World(sim)

        async def never() -> None:
            try:
                async for _ in lines(node, world):
                    await node.flow.flag().wait()
            finally:
                await node.flow.sleep(1)
                effects.append("finally")

        background = [node.spawn(never()), node.spawn(push(node, world))]
        node.run(node.flow.sleep(0.1))
        unstarted = node.spawn(never())
    gc.collect()
    assert [task.ok for task in [*background, unstarted]] == [False] * 3
    assert (effects, world.effects) == ([], [])
    assert capfd.readouterr() == ("", "")
