"""Faults as data, schedules of them, and how one is drawn from a seed.

A fault names the node, the operation and the k-th call that it strikes, or a time. So taking one away moves no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from random import Random
from typing import Any, Final

from pms_lab.errors import InputError


class FaultKind(StrEnum):
    """What goes wrong. In brackets: which attributes of a `Fault` count."""

    REFUSED = "refused"
    """No connection is made (node, operation, call; so the others of requests)."""
    RESET = "reset"
    """The connection breaks after the request has arrived."""
    RESET_LOST = "reset, lost"
    """The connection breaks before the request has arrived."""
    LOST = "timeout, not applied"
    """The request never arrives."""
    LOST_ANSWER = "answer lost"
    """The request takes effect, and its answer never comes."""
    LATE = "timeout, applied"
    """The request arrives `for_s` later, when its sender has given up."""
    SLOW = "slow"
    """The request arrives `for_s` later, and its sender still waits."""
    PARTIAL = "partial"
    """Of a write only the first `cells` take effect; then the connection breaks."""
    THROTTLED = "429 with Retry-After"
    """The PMS asks to wait `for_s`."""
    THROTTLED_BARE = "429"
    """The PMS asks to wait, and does not say how long."""
    FAILED = "500, not applied"
    """The PMS says that it failed, and it did."""
    FAILED_APPLIED = "500, applied"
    """The PMS says that it failed, and did what it was asked."""
    STORE_LOST = "store call lost"
    """A call to the ledger or the locks is not done (node, call; so the others of the store)."""
    STORE_UNANSWERED = "store call unanswered"
    """It is done, and its caller hears that the connection broke."""
    STORE_LATE = "store call late"
    """It is done `for_s` later."""
    CRASH = "crash"
    """A node dies at its crash point number `call`; with several, each counts from the node's restart."""
    PAUSE = "pause"
    """A node does nothing from `at_s` for `for_s`."""
    JUMP = "clock jump"
    """A node's wall clock jumps by `for_s`, at `at_s`."""
    STALE = "stale reads"
    """From `at_s` for `for_s` reads show what was before, as far back as the vendor promises at worst."""
    OUTAGE = "outage"
    """From `at_s` for `for_s` no node can connect."""
    LIMIT = "limit"
    """From `at_s` for `for_s` the PMS refuses amounts above `amount`."""
    CLOSED = "property unknown"
    """From `at_s` for `for_s` the PMS does not know the property."""
    EDIT = "colleague's edit"
    """At `at_s` a colleague sets `product` to `amount`."""


K = FaultKind
OF_REQUESTS: Final = tuple(list(K)[: list(K).index(K.STORE_LOST)])
OF_STORES: Final = (K.STORE_LOST, K.STORE_UNANSWERED, K.STORE_LATE)
TIMED: Final = (K.PAUSE, K.JUMP, K.STALE, K.OUTAGE, K.LIMIT, K.CLOSED, K.EDIT)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong; what its kind does not use keeps its default.

    Attributes:
        operation: of the PMS, such as ``update_rates``, of which a batch is a call.
        call: the k-th of the node, from 1; a restarted node goes on counting. For a crash, the crash point.
    """

    kind: FaultKind
    node: str = ""
    operation: str = ""
    call: int = 0
    at_s: float = 0.0
    for_s: float = 0.0
    cells: int = 0
    product: str = ""
    amount: Decimal | None = None


DEFAULTS: Final = {field.name: field.default for field in fields(Fault)}


@dataclass(frozen=True, slots=True)
class Schedule:
    """The faults of one trial, brought into one order: that in which they are given does not matter.

    Of several for one call the first counts; crashes of a node are those of its lives, one after the other.
    """

    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "faults", tuple(sorted(self.faults, key=_key)))

    def to_json(self) -> str:
        """Return the one text for these faults: without what is left at its default."""
        return json.dumps([_plain(fault) for fault in self.faults], sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Schedule:
        """Read what `to_json` wrote.

        Raises:
            InputError: it is no list of faults.
        """
        try:
            return cls(tuple(_fault(**one) for one in json.loads(text)))
        except (ValueError, TypeError, InvalidOperation) as error:
            raise InputError(f"no schedule of faults: {error}; give what to_json writes") from error


def _fault(*, kind: str, amount: str | None = None, **other: Any) -> Fault:
    return Fault(FaultKind(kind), amount=None if amount is None else Decimal(amount), **other)


def _plain(fault: Fault) -> dict[str, Any]:
    given = {name: getattr(fault, name) for name in DEFAULTS}
    plain = {name: value for name, value in given.items() if value != DEFAULTS[name]}
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in plain.items()}


def _key(fault: Fault) -> tuple[str | int | float, ...]:
    where = (fault.kind.value, fault.node, fault.operation, fault.call, fault.at_s)
    return (*where, fault.for_s, fault.cells, fault.product, str(fault.amount))


@dataclass(frozen=True, slots=True)
class Swarm:
    """What may be drawn, for one scenario.

    Attributes:
        kinds: what may strike, and how often at most. Of these each seed takes a part.
        nodes: whom it may strike.
        begins_s: when pushes begin; what is named by a time mostly happens soon after one of them.
        within_s: the latest time.
        in_flight_s, lag_s: how late a request may arrive, and how old a read may be; the vendor promises as much.
        longest_pause_s: how long a node may be paused, or a call to its store late.
        jumps_s: by how much a clock may jump.
    """

    kinds: tuple[tuple[FaultKind, int], ...] = ()
    nodes: tuple[str, ...] = ()
    begins_s: tuple[float, ...] = (0.0,)
    within_s: float = 300.0
    in_flight_s: float = 60.0
    lag_s: float = 0.0
    longest_pause_s: float = 20.0
    jumps_s: tuple[float, ...] = (-40.0, 40.0)


CALLS: Final = {
    ("health_check", 2): 1, ("get_availability", 1): 1, ("get_rates", 8): 4, ("get_rates", 16): 4,
    ("update_rates", 2): 4, ("update_rates", 5): 6, ("update_rates", 12): 3, ("clear_rates", 2): 3,
}  # fmt: skip
"""Where a call is drawn from, and how often: an operation, and up to which call.

What fails before the intent ends a push at once, so it is drawn least.
"""

RUN_SHARE: Final = 0.5
RUN_CALLS: Final = (5, 12)
"""What a sender hears at once mostly lasts: of such faults a share strikes a run of calls.

The shorter one outlasts all waits of a write, the longer one those of its taking back too.
"""

STORE_CALLS: Final = 12
CRASH_POINTS: Final = (28, 60)
"""How many a calm push has, and one that has to wait or to take back."""

PRODUCTS: Final = "EFS"
SHORTEST_LATE_S: Final = 10.2
"""Longer than a sender waits for an answer."""
HIGHEST: Final = (Decimal("46.00"), Decimal("48.00"), Decimal("51.00"))
"""Amounts that the PMS may refuse to exceed: so of the products all, two or one are refused."""


def drawn(seed: int, swarm: Swarm) -> Schedule:
    """Draw a schedule: first which kinds may strike at all, then of each how often, and where."""
    chance = Random(f"faults {seed}")  # noqa: S311
    kinds = [(kind, most) for kind, most in swarm.kinds if chance.random() < 0.6]
    faults = [
        fault for kind, most in kinds for number in range(chance.randint(1, most))
        for fault in _drawn(kind, number, swarm, chance)
    ]  # fmt: skip
    return Schedule(tuple(faults))


def _drawn(kind: FaultKind, number: int, swarm: Swarm, chance: Random) -> Iterator[Fault]:
    node = chance.choice(swarm.nodes)
    at_s = round(min(chance.choice(swarm.begins_s) + _soon(chance), swarm.within_s), 3)
    if kind in OF_REQUESTS:
        yield from _of_requests(kind, node, swarm, chance)
    elif kind in OF_STORES:
        for_s = _long_s(swarm, chance) if kind is K.STORE_LATE else 0.0
        yield Fault(kind, node, call=chance.randint(1, STORE_CALLS), for_s=for_s)
    elif kind is K.CRASH:
        yield Fault(kind, node, call=chance.randint(2, chance.choice(CRASH_POINTS)))
    elif kind is K.JUMP:
        yield Fault(kind, node, at_s=at_s, for_s=chance.choice(swarm.jumps_s))
    elif kind is K.PAUSE:
        yield Fault(kind, node, at_s=at_s, for_s=_long_s(swarm, chance))
    elif kind is K.EDIT:
        # Of each product an edit has other cents than all the rest, so that an amount tells who wrote it.
        product = chance.choice(PRODUCTS)
        amount = Decimal(47) + Decimal(PRODUCTS.index(product)) + Decimal("0.01") * (number + 1)
        yield Fault(kind, at_s=at_s, product=product, amount=amount)
    else:
        highest = chance.choice(HIGHEST) if kind is K.LIMIT else None
        longest_s = chance.choice((2.0, 30.0, swarm.within_s - at_s + 0.5))
        yield Fault(kind, at_s=at_s, for_s=round(chance.uniform(0.2, longest_s), 3), amount=highest)


def _of_requests(kind: FaultKind, node: str, swarm: Swarm, chance: Random) -> Iterator[Fault]:
    ((operation, calls),) = chance.choices(list(CALLS), list(CALLS.values()))
    first, for_s, cells = chance.randint(1, calls), _late_s(kind, swarm, chance), _cells(kind, chance)
    is_run = kind in (K.REFUSED, K.THROTTLED, K.THROTTLED_BARE) and chance.random() < RUN_SHARE
    for call in range(first, first + (chance.choice(RUN_CALLS) if is_run else 1)):
        yield Fault(kind, node, operation, call, for_s=for_s, cells=cells)


def _soon(chance: Random) -> float:
    """Return seconds after a push began: mostly while it compares and writes, else while it waits."""
    return chance.choice((chance.uniform(0, 1), chance.uniform(0, 1), chance.uniform(0, 40), chance.uniform(0, 250)))


def _long_s(swarm: Swarm, chance: Random) -> float:
    """Return how long a pause is, or a call to a store late: short, or nearly as long as it may be."""
    longest_s = swarm.longest_pause_s
    return round(chance.choice((chance.uniform(0.1, 2.0), chance.uniform(longest_s / 2, longest_s))), 3)


def _late_s(kind: FaultKind, swarm: Swarm, chance: Random) -> float:
    match kind:
        case K.LATE:
            return round(chance.uniform(SHORTEST_LATE_S, max(SHORTEST_LATE_S, swarm.in_flight_s - 1)), 3)
        case K.SLOW:
            return round(chance.uniform(0.1, 9.0), 3)
        case K.THROTTLED:
            return float(chance.choice((1, 3, 40)))
        case _:
            return 0.0


def _cells(kind: FaultKind, chance: Random) -> int:
    return chance.choice((1, 2)) if kind is K.PARTIAL else 0
