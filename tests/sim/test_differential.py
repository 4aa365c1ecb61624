"""Random programs of waits, limits, fan-outs, errors and cleaning up run alike on asyncio and in the simulation.

Asyncio runs in virtual time. Instants are whole 64ths of a second, which both clocks hold exactly. Where two timers are
due at one instant the drivers may take either first; only there may their traces part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import pytest

from pms_lab.engine.ports import Flow
from tests.drivers import Scenario, on_asyncio, on_simpy

UNITS_PER_S = 64


@dataclass
class Sleep:
    """Wait."""

    units: int


@dataclass
class Fail:
    """Wait, then raise."""

    units: int


@dataclass
class Steps:
    """One after the other."""

    parts: list[Tree]


@dataclass
class Limit:
    """A timeout around a body."""

    units: int
    body: Tree


@dataclass
class Together:
    """All at the same time."""

    parts: list[Tree]


@dataclass
class Finally:
    """A body, and what follows it however it ends."""

    body: Tree
    after: Tree


@dataclass
class Catch:
    """A body whose errors end here."""

    body: Tree


Tree: TypeAlias = Sleep | Fail | Steps | Limit | Together | Finally | Catch


def grown(chance: Random, longest: int, depth: int = 5) -> Tree:
    """Grow a random tree; waits and limits take up to `longest` units."""

    def units() -> int:
        return chance.randint(1, longest)

    def tree() -> Tree:
        return grown(chance, longest, depth - 1)

    if depth == 0:
        return Fail(units()) if chance.random() < 0.2 else Sleep(units())
    match chance.randrange(7):
        case 0 | 1:
            return Together([tree() for _ in range(chance.randint(1, 4))])
        case 2:
            return Limit(units(), tree())
        case 3:
            return Finally(tree(), tree())
        case 4:
            return Catch(tree())
        case 5:
            return Steps([tree() for _ in range(chance.randint(1, 3))])
        case _:
            return grown(chance, longest, 0)


class Player:
    """Plays a tree on a flow, and notes when each part ended and how."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.trace: list[tuple[int, str, str]] = []
        self.due: Counter[int] = Counter()

    def now(self) -> int:
        """Return the instant, in units."""
        return round(self.flow.monotonic_s() * UNITS_PER_S)

    async def play(self, tree: Tree, path: str = "") -> None:
        """Play a part of the tree."""
        end = "stopped"
        try:
            await self._play(tree, f"{path}/{type(tree).__name__}")
            end = "done"
        except Exception as error:
            end = repr(error)
            raise
        finally:
            self.trace.append((self.now(), path, end))

    async def _play(self, tree: Tree, path: str) -> None:
        match tree:
            case Sleep(units):
                await self._sleep(units)
            case Fail(units):
                await self._sleep(units)
                raise LookupError(path)
            case Steps(parts):
                for place, part in enumerate(parts):
                    await self.play(part, f"{path}{place}")
            case Limit(units, body):
                self.due[self.now() + units] += 1
                async with self.flow.timeout(units / UNITS_PER_S):
                    await self.play(body, path)
            case Together(parts):
                await self.flow.together(*(self.play(part, f"{path}{place}") for place, part in enumerate(parts)))
            case Finally(body, after):
                try:
                    await self.play(body, path)
                finally:
                    await self.play(after, f"{path}!")
            case Catch(body):
                try:
                    await self.play(body, path)
                except Exception as error:
                    self.trace.append((self.now(), path, f"caught {error!r}"))

    async def _sleep(self, units: int) -> None:
        self.due[self.now() + units] += 1
        await self.flow.sleep(units / UNITS_PER_S)


def played(tree: Tree, drive: Callable[[Scenario[None]], None]) -> Player:
    """Play a tree to its end on a driver."""
    players = []

    async def scenario(flow: Flow) -> None:
        players.append(player := Player(flow))
        try:
            await player.play(tree)
        except (LookupError, TimeoutError):
            player.trace.append((player.now(), "", "raised"))

    drive(scenario)
    return players[0]


def part_at(tree: Tree) -> tuple[bool, bool]:
    """Tell whether the traces of a tree part, and if so, whether they do where two timers were due at one instant."""
    live, simulated = played(tree, on_asyncio), played(tree, on_simpy)
    if live.trace == simulated.trace:
        return False, False
    first = next(a if a[0] <= b[0] else b for a, b in zip(live.trace, simulated.trace, strict=False) if a != b)
    return True, max(live.due[first[0]], simulated.due[first[0]]) > 1


@pytest.mark.parametrize("block", range(5))
def test_random_programs_leave_the_same_trace_on_both_drivers(block: int) -> None:
    programs = 300
    parted = 0
    for seed in range(block * programs, (block + 1) * programs):
        tree = grown(Random(seed), longest=50_000)
        parts, at_a_tie = part_at(tree)
        assert parts == at_a_tie, f"seed {seed}: {tree}"
        parted += parts
    assert parted <= programs // 100


def test_where_ties_abound_traces_part_at_ties_only() -> None:
    ends = Counter(part_at(grown(Random(seed), longest=6)) for seed in range(300))
    assert set(ends) == {(False, False), (True, True)}


def test_the_programs_are_worth_playing() -> None:
    ends: Counter[str] = Counter()
    for seed in range(200):
        for _, _, end in played(grown(Random(seed), longest=50_000), on_simpy).trace:
            ends[end.split("(")[0]] += 1
    assert min(ends[word] for word in ("done", "stopped", "TimeoutError", "LookupError", "caught LookupError")) > 50
