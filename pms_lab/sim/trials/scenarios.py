"""Scenarios: who pushes what when, by which rules, to which PMS, and what may go wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from pms_lab.domain.pms import Capabilities
from pms_lab.errors import InputError
from pms_lab.rules.push_policy import CAREFUL, PushPolicy
from pms_lab.sim.pms.thin import CAN
from pms_lab.sim.push_world import OLD
from pms_lab.sim.trials.faults import OF_REQUESTS, OF_STORES, FaultKind, Swarm

K = FaultKind
KEEPER: Final = "keeper"
"""The node of the supervisor, which recovers what others have left open."""

STEP: Final = Decimal("0.10")
"""Orders differ by this in each product, so that an amount tells whose it is."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """One push.

    Attributes:
        node: who pushes; where it has crashed, it is started again for this.
        number: of the order in its scenario, from 1: its amounts are the old ones and so many steps.
    """

    node: str
    at_s: float
    number: int
    is_dry_run: bool = False

    @property
    def rates(self) -> Mapping[str, Decimal]:
        """What is ordered, by product."""
        return {code: old + self.number * STEP for code, old in OLD.items()}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of day.

    Attributes:
        can: what the vendor promises.
        lag_s: how old what its PMS shows always is.
        inherited: the products whose nights have no rate of their own.
        drift: how much faster or slower a node's clock may run, as a share.
        faults_s: how long faults may begin; then all of them are over. A push that tries, gives up and tries to take
            back takes more than 300 s.
        swarm: what may go wrong.
    """

    name: str
    orders: tuple[Ordered, ...] = (Ordered("one", 0.0, 1),)
    policy: PushPolicy = CAREFUL
    can: Capabilities = CAN
    lag_s: float = 0.0
    inherited: str = ""
    drift: float = 0.0
    faults_s: float = 300.0
    swarm: Swarm = field(default_factory=Swarm)


ONE_BY_ONE: Final = replace(CAN, rate_batch=1)
CREATES: Final = replace(CAN, creates_rates=True)
LAGS: Final = replace(CAN, read_lag_s=3.0)
DRIFT: Final = 0.0005
"""What a clock that is kept right by the network may be off its speed while it is set."""

SHORT_LOCK: Final = PushPolicy(lock_ttl_s=60.0)
IN_PARTS: Final = PushPolicy(part_cells=1)

TWO_ORDERS: Final = (Ordered("one", 0.0, 1), Ordered("one", 200.0, 2))
CROWD: Final = (
    Ordered("one", 0.0, 1), Ordered("two", 0.3, 2), Ordered("three", 30.0, 3), Ordered("one", 150.0, 4),
    Ordered("two", 151.0, 5, is_dry_run=True), Ordered("three", 240.0, 6),
)  # fmt: skip

LAPSING: Final = (
    Ordered("one", 0.0, 1), Ordered("two", 62.0, 2), Ordered("three", 75.0, 3), Ordered("one", 150.0, 4),
    Ordered("two", 213.0, 5),
)  # fmt: skip
"""Each begins soon after the lock of the one before has lapsed, if that is late."""


def _with(scenario: Scenario, kinds: Iterable[tuple[FaultKind, int]], **other: float) -> Scenario:
    """Let kinds of faults strike whoever pushes in a scenario, and its keeper."""
    nodes = tuple(dict.fromkeys(one.node for one in scenario.orders))
    swarm = Swarm(
        tuple(kinds),
        (*nodes, *nodes, KEEPER),
        tuple(one.at_s for one in scenario.orders),
        within_s=scenario.faults_s,
        in_flight_s=scenario.can.in_flight_s,
        lag_s=scenario.can.read_lag_s,
    )
    return replace(scenario, swarm=replace(swarm, **other))  # type: ignore[arg-type]


def _all(kinds: Iterable[FaultKind], most: int) -> tuple[tuple[FaultKind, int], ...]:
    return tuple((kind, most) for kind in kinds)


SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario("calm", orders=TWO_ORDERS),
    _with(Scenario("flaky network", orders=TWO_ORDERS), _all(OF_REQUESTS, 2)),
    _with(
        Scenario("slow PMS", can=CREATES, inherited="EF"),
        [(K.LATE, 3), (K.SLOW, 4), (K.LOST, 2), (K.LOST_ANSWER, 2), (K.PARTIAL, 1)],
    ),
    _with(Scenario("outage", orders=TWO_ORDERS), [(K.OUTAGE, 2), (K.FAILED, 2), (K.FAILED_APPLIED, 2), (K.RESET, 1)]),
    _with(
        Scenario("partial writes", can=ONE_BY_ONE, policy=IN_PARTS, inherited="S", faults_s=600.0),
        [(K.PARTIAL, 4), (K.REFUSED, 4), (K.RESET_LOST, 2), (K.LATE, 2), (K.FAILED_APPLIED, 2)],
    ),
    _with(
        Scenario("rejections", can=ONE_BY_ONE, orders=TWO_ORDERS),
        [(K.LIMIT, 2), (K.CLOSED, 1), (K.RESET, 2), (K.LOST, 2)],
    ),
    _with(
        Scenario("stale replica", can=LAGS, orders=TWO_ORDERS),
        [(K.STALE, 3), (K.LOST_ANSWER, 2), (K.LATE, 2), (K.REFUSED, 2), (K.EDIT, 2)],
    ),
    _with(Scenario("rate limiting", orders=TWO_ORDERS), [(K.THROTTLED, 5), (K.THROTTLED_BARE, 5), (K.PARTIAL, 2)]),
    _with(
        Scenario("colleague", policy=IN_PARTS, orders=TWO_ORDERS),
        [(K.EDIT, 4), (K.REFUSED, 3), (K.LATE, 2), (K.PARTIAL, 2), (K.LIMIT, 1)],
    ),
    _with(
        Scenario("several pushers", orders=CROWD, policy=SHORT_LOCK),
        [*_all(OF_STORES, 2), (K.REFUSED, 3), (K.LATE, 2), (K.LOST_ANSWER, 2), (K.EDIT, 1), (K.CRASH, 1)],
    ),
    _with(
        Scenario("crash and restart", orders=TWO_ORDERS, inherited="S"),
        [(K.CRASH, 3), (K.LATE, 2), (K.PARTIAL, 2), (K.REFUSED, 2), (K.STORE_LATE, 1), (K.EDIT, 1)],
    ),
    _with(
        replace(Scenario("clock skew", orders=CROWD, policy=SHORT_LOCK), drift=DRIFT),
        [(K.JUMP, 3), (K.PAUSE, 1), (K.REFUSED, 3), (K.LATE, 2), (K.CRASH, 1), (K.EDIT, 1)],
    ),
    _with(
        Scenario("lock expiry while held", orders=LAPSING, policy=SHORT_LOCK, can=ONE_BY_ONE),
        [(K.PAUSE, 3), *_all(OF_STORES, 3), (K.REFUSED, 3), (K.LATE, 2), (K.EDIT, 2)],
        longest_pause_s=90.0,
    ),
    _with(
        Scenario("everything", CROWD, replace(SHORT_LOCK, part_cells=1), LAGS, inherited="E", drift=DRIFT),
        _all(FaultKind, 2),
        longest_pause_s=90.0,
    ),
)  # fmt: skip
"""All scenarios."""


def scenario(name: str) -> Scenario:
    """Return the scenario of a name.

    Raises:
        InputError: there is none.
    """
    for one in SCENARIOS:
        if one.name == name:
            return one
    raise InputError(f"no scenario is called {name!r}: there are {', '.join(one.name for one in SCENARIOS)}")
