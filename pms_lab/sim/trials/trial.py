"""One trial: a scenario with its faults, in virtual time, then healing, and the history of both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

from pms_lab.domain.history import Healing, History, Struck
from pms_lab.domain.push import PushOutcome, PushState
from pms_lab.engine.push import push
from pms_lab.engine.recover import recover
from pms_lab.errors import StoreError
from pms_lab.sim.driver import Sim
from pms_lab.sim.flow import Clock
from pms_lab.sim.node import Node
from pms_lab.sim.pms.thin import CALM, ThinFate
from pms_lab.sim.push_world import MORNING, order
from pms_lab.sim.storage import CALM as STORE_CALM
from pms_lab.sim.storage import StoreFate
from pms_lab.sim.task import Task
from pms_lab.sim.trials.faults import OF_REQUESTS, OF_STORES, TIMED, Fault, FaultKind, Schedule, drawn
from pms_lab.sim.trials.pausing import PausableWorld
from pms_lab.sim.trials.scenarios import KEEPER, Ordered, Scenario
from pms_lab.sim.trials.watching import settling_bound_s

K = FaultKind

RECOVERED_EVERY_S: Final = 30.0
"""How often the keeper recovers what is open."""

WATCHED_S: Final = 100.0
"""How long the world is watched once nothing is under way any more: longer than a write may be late."""

PATIENCE_S: Final = 3600.0
"""When a world that does not settle is given up."""

LASTING: Final = (K.STALE, K.OUTAGE, K.LIMIT, K.CLOSED)
"""What begins and ends."""

ON_ITS_WAY_S: Final = 1.0
"""How long after a fault what was asked just then may arrive yet."""

FATES: Final[Mapping[FaultKind, Callable[[Fault], ThinFate]]] = {
    K.REFUSED: lambda _: ThinFate(refused=True),
    K.RESET: lambda _: ThinFate(resets=True),
    K.RESET_LOST: lambda _: ThinFate(resets=True, arrives=False),
    K.LOST: lambda _: ThinFate(arrives=False),
    K.LOST_ANSWER: lambda _: ThinFate(answered=False),
    K.LATE: lambda fault: ThinFate(late_s=fault.for_s),
    K.SLOW: lambda fault: ThinFate(late_s=fault.for_s),
    K.PARTIAL: lambda fault: ThinFate(first=fault.cells),
    K.THROTTLED: lambda fault: ThinFate(throttled_s=fault.for_s),
    K.THROTTLED_BARE: lambda _: ThinFate(throttled_s=0.0),
    K.FAILED: lambda _: ThinFate(first=0, fails=True),
    K.FAILED_APPLIED: lambda _: ThinFate(fails=True),
}
STORE_FATES: Final[Mapping[FaultKind, Callable[[Fault], StoreFate]]] = {
    K.STORE_LOST: lambda _: StoreFate(works=False),
    K.STORE_UNANSWERED: lambda _: StoreFate(answered=False),
    K.STORE_LATE: lambda fault: StoreFate(late_s=fault.for_s),
}


def trial(scenario: Scenario, seed: int, schedule: Schedule | None = None) -> History:
    """Let a scenario happen, heal it, and return what happened: the same for the same inputs.

    Args:
        schedule: the faults; by default those that the seed draws for the scenario.

    Raises:
        Exception: whatever a push or a recovery raises; neither may raise anything.
    """
    faults = drawn(seed, scenario.swarm) if schedule is None else schedule
    with Sim(seed, epoch=MORNING, shuffled=seed % 2 == 1) as sim:
        return _Trial(sim, scenario, faults).lived()


class _Trial:
    """A scenario under way, and its faults."""

    def __init__(self, sim: Sim, scenario: Scenario, schedule: Schedule) -> None:
        self._sim = sim
        self._scenario = scenario
        self._world = PausableWorld(sim, can=scenario.can, policy=scenario.policy, lag_s=scenario.lag_s)
        self._struck: list[Struck] = []
        self._is_healed = False
        self._tasks: list[Task[PushOutcome]] = []
        self._nodes: dict[str, Node] = {}
        self._clocks: dict[str, Clock] = {}
        self._requests: dict[tuple[str, str, int], Fault] = {}
        self._store: dict[tuple[str, int], Fault] = {}
        self._lasting: dict[FaultKind, int] = {}
        self._crashes: dict[str, list[int]] = defaultdict(list)
        for product in scenario.inherited:
            self._world.set(product, None, MORNING - timedelta(hours=5))
        self._world.fate, self._world.storage.decide = self._decide, self._decide_store
        self._arrange(schedule)

    def lived(self) -> History:
        """Live through both phases."""
        sim, bystander = self._sim, self._sim.node("bystander")
        for one in self._scenario.orders:
            sim.after(one.at_s, partial(self._push, one))
        self._start_keeper()
        bystander.run(bystander.flow.sleep(self._scenario.faults_s))
        self._heal()
        while self._is_busy() and sim.env.now < PATIENCE_S * 1e6:
            bystander.run(bystander.flow.sleep(RECOVERED_EVERY_S))
        bystander.run(bystander.flow.sleep(WATCHED_S))
        healed_us = max([round(self._scenario.faults_s * 1e6), *(one.until_us for one in self._struck)])
        return self._world.history(self._struck, Healing(healed_us, settling_bound_s(self._world)))

    def _arrange(self, schedule: Schedule) -> None:
        for fault in schedule.faults:
            if fault.kind in OF_REQUESTS:
                self._requests.setdefault((fault.node, fault.operation, fault.call), fault)
            elif fault.kind in OF_STORES:
                self._store.setdefault((fault.node, fault.call), fault)
            elif fault.kind is K.CRASH:
                self._crashes[fault.node].append(fault.call)
            elif fault.kind in TIMED:
                self._sim.after(fault.at_s, partial(self._begin, fault))

    # What is done

    def _push(self, one: Ordered) -> None:
        node = self._node(one.node)
        ordered = order(one.rates, dry_run=one.is_dry_run)
        self._tasks.append(task := node.spawn(push(self._world.ports(node), ordered)))
        task.callbacks.append(lambda _: self._ended(task))

    def _start_keeper(self) -> None:
        node = self._node(KEEPER)
        task = node.spawn(self._keep(node), KEEPER)
        task.callbacks.append(lambda _: self._ended(task))

    async def _keep(self, node: Node) -> None:
        while True:
            await node.flow.sleep(RECOVERED_EVERY_S)
            with suppress(StoreError):
                await recover(self._world.ports(node))

    def _node(self, name: str) -> Node:
        """Return a node, started anew where it has died."""
        node = self._nodes.get(name)
        if node is None:
            node = self._nodes[name] = self._sim.node(name, clock=self._clock(name))
            if self._crashes[name] and not self._is_healed:
                node.crash_at = self._crashes[name].pop(0)
        return node

    def _ended(self, task: Task[Any]) -> None:
        """Note a crash, once for each node that died; an error of the code under test ends the trial."""
        node = task.node
        if not node.dead:
            if isinstance(task.value, BaseException):
                self._sim.escaped.append(task.value)
        elif self._nodes.get(node.name) is node:
            del self._nodes[node.name]
            self._strike(Fault(K.CRASH, node.name))
            if node.name == KEEPER:
                self._sim.after(RECOVERED_EVERY_S, self._start_keeper)

    def _clock(self, name: str) -> Clock:
        """Return a machine's clock, which outlives its nodes."""
        if name not in self._clocks:
            drift = self._scenario.drift
            self._clocks[name] = Clock(rate=1 + self._sim.random(f"drift:{name}").uniform(-drift, drift))
        return self._clocks[name]

    def _is_busy(self) -> bool:
        open_pushes = self._world.book.pushes(states=(PushState.PREPARED, PushState.IN_PROGRESS))
        return bool(open_pushes) or any(not task.processed and not task.node.dead for task in self._tasks)

    # What goes wrong

    def _decide(self, node: str, call: int, operation: str) -> ThinFate:
        fault = self._requests.get((node, operation, call))
        if fault is None or self._is_healed:
            return CALM
        self._strike(fault, fault.for_s)
        return FATES[fault.kind](fault)

    def _decide_store(self, node: str, call: int) -> StoreFate:
        fault = self._store.get((node, call))
        if fault is None or self._is_healed:
            return STORE_CALM
        self._strike(fault, fault.for_s)
        return STORE_FATES[fault.kind](fault)

    def _strike(self, fault: Fault, lasts_s: float = 0.0) -> None:
        now_us = int(self._sim.env.now)
        under_way = self._world.book.pushes(states=(PushState.PREPARED, PushState.IN_PROGRESS), limit=1)
        phase = under_way[0].state if under_way else None
        until_us = now_us + round((lasts_s + ON_ITS_WAY_S) * 1e6)
        self._struck.append(Struck(now_us, until_us, fault.kind.value, phase))

    def _begin(self, fault: Fault) -> None:
        """Let something happen that is named by a time, and its end."""
        if self._is_healed:
            return
        left_s = self._scenario.faults_s - fault.at_s
        lasts_s = {K.PAUSE: fault.for_s, K.JUMP: 0.0}.get(fault.kind, min(fault.for_s, left_s))
        self._strike(fault, lasts_s)
        match fault.kind:
            case K.PAUSE:
                self._world.pause(fault.node, fault.for_s)
            case K.JUMP:
                self._clock(fault.node).offset_s += fault.for_s
            case K.EDIT:
                self._world.set(fault.product, fault.amount)
            case _:
                self._lasting[fault.kind] = int(self._sim.env.now) + round(fault.for_s * 1e6)
                self._set(fault.kind, fault)
                self._sim.after(fault.for_s, partial(self._end, fault.kind))

    def _end(self, kind: FaultKind) -> None:
        """Let something be over, unless it has begun again meanwhile."""
        if self._sim.env.now >= self._lasting.get(kind, 0):
            self._set(kind, None)

    def _set(self, kind: FaultKind, fault: Fault | None) -> None:
        world = self._world
        match kind:
            case K.OUTAGE:
                world.way.is_down = fault is not None
            case K.CLOSED:
                world.hotel.is_known = fault is None
            case K.LIMIT:
                world.hotel.highest = (fault and fault.amount) or Decimal("Infinity")
            case K.STALE:
                world.pms.lag = timedelta(seconds=self._scenario.can.read_lag_s if fault else self._scenario.lag_s)

    def _heal(self) -> None:
        """Let nothing go wrong from now on; what is under way to somewhere, and a pause, takes its time."""
        self._is_healed = True
        for kind in LASTING:
            self._set(kind, None)
        for node in self._nodes.values():
            node.crash_at = None
