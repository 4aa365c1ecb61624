"""Both drivers for tests of code that awaits only ports; asyncio too in virtual time, so that instants are exact."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias, TypeVar

from pms_lab.engine.ports import Flow
from pms_lab.live.flow import LiveFlow
from pms_lab.sim.driver import Sim

T = TypeVar("T")
Scenario: TypeAlias = Callable[[Flow], Coroutine[Any, Any, T]]


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose clock jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._selector.select = self._jump  # type: ignore[attr-defined]

    def time(self) -> float:
        return self._now_s

    def _jump(self, wait_s: float | None) -> list[Any]:
        if wait_s is None:
            raise RuntimeError("nothing can happen any more")
        self._now_s += max(wait_s, 0)
        return []


def on_asyncio(scenario: Scenario[T]) -> T:
    """Run a scenario on asyncio, and see that nothing is left running."""

    async def main() -> T:
        result = await scenario(LiveFlow())
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


def on_simpy(scenario: Scenario[T]) -> T:
    """Run a scenario in the simulation, and see that nothing is left running."""
    with Sim() as sim:
        node = sim.node("app")
        result = node.run(scenario(node.flow))
        assert not node.tasks
        return result


def on_shuffled_simpy(scenario: Scenario[T]) -> T:
    """Run a scenario in simulations whose ties fall otherwise each time, and see that its result is always the same."""
    results = []
    for seed in range(30):
        with Sim(seed, shuffled=True) as sim:
            node = sim.node("app")
            results.append(node.run(scenario(node.flow)))
    assert all(result == results[0] for result in results)
    return results[0]


DRIVERS = [on_asyncio, on_simpy, on_shuffled_simpy]
