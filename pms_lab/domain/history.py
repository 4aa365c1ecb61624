"""What happened while rates were pushed, as one value: all that a checker needs, and nothing that runs.

Times are true ones, in microseconds since the world began.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal

from pms_lab.domain.pms import Capabilities
from pms_lab.domain.push import Alert, Push, PushState
from pms_lab.domain.rates import RateCell


@dataclass(frozen=True, slots=True)
class Sent:
    """A request to write that a node sent.

    Attributes:
        call: the number of the node's request of this operation.
        holder: the node that truly held the lock then; None where nobody did.
        under_way: the pushes whose intent was durable and open then.
    """

    at_us: int
    node: str
    operation: str
    call: int
    holder: str | None
    under_way: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """One amount that a cell was given in the PMS; None took its own rate away.

    Attributes:
        number: of the PMS's log, which orders all writes.
        is_by_hand: whether a colleague made it.
        sent: the request that it came by; None where it was by hand.
    """

    number: int
    at_us: int
    cell: RateCell
    amount: Decimal | None
    is_by_hand: bool
    sent: Sent | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """A node's reading of rates, when it arrived in the PMS."""

    at_us: int
    node: str


@dataclass(frozen=True, slots=True)
class Delay:
    """A time in which a node could do nothing else: its lock was being renewed, or it was paused."""

    node: str
    from_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class Hold:
    """The lock in one holder's hands.

    Attributes:
        until_us: when it was given back, or else when it lapses.
        given_back_with: the token that whoever gave it back named; None where it lapsed, or is held yet.
    """

    node: str
    token: int
    from_us: int
    until_us: int
    given_back_with: int | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A transition that the ledger recorded.

    Attributes:
        token: of the lock under which it was; None for a push that was never to be sent.
        written: the number of the PMS's last write then.
    """

    at_us: int
    push_id: str
    state: PushState
    token: int | None
    written: int


@dataclass(frozen=True, slots=True)
class Told:
    """An alert, and when the ledger recorded it."""

    at_us: int
    alert: Alert


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that had an effect.

    Attributes:
        until_us: when what it does is over.
        kind: its name.
        phase: where the push stood that was open then; None where none was.
    """

    at_us: int
    until_us: int
    kind: str
    phase: PushState | None = None


@dataclass(frozen=True, slots=True)
class Guards:
    """The rules that rates must keep to be written: the location's, and those of its policy.

    Attributes:
        push_cap, day_cap: the largest new rate, as a multiple of the last one and of that with which the day began.
        floors: the lowest rate of a product.
    """

    currency: str
    zone: tzinfo
    push_cap: Decimal
    day_cap: Decimal
    floors: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Healing:
    """What is due once all faults are over.

    Attributes:
        healed_us: when they were.
        bound_s: within what time everything must be settled then.
    """

    healed_us: int
    bound_s: float


@dataclass(frozen=True, slots=True)
class History:
    """All that happened at one location, in the order in which it did.

    Attributes:
        can: what the vendor promises.
        plan: the rate plan of cells that name none.
        inherited: what cells without a rate of their own have.
        writes: all that took effect in the PMS, whoever made it; those before time 0 were there when the world began.
        pushes: as the ledger has them in the end, in the order in which they were opened.
        doubled: the cells of which the PMS has two rates in the end.
        struck: the faults that had an effect; a colleague's edit is one.
        settled_us: when the ledger recorded something for the last time.
        healing: None where nobody says when the faults were over: then nothing is due.
    """

    can: Capabilities
    plan: str
    guards: Guards
    inherited: tuple[tuple[RateCell, Decimal], ...] = ()
    sent: tuple[Sent, ...] = ()
    writes: tuple[Write, ...] = ()
    reads: tuple[Read, ...] = ()
    delays: tuple[Delay, ...] = ()
    holds: tuple[Hold, ...] = ()
    recorded: tuple[Recorded, ...] = ()
    pushes: tuple[Push, ...] = ()
    told: tuple[Told, ...] = ()
    doubled: tuple[RateCell, ...] = ()
    struck: tuple[Struck, ...] = ()
    settled_us: int = 0
    healing: Healing | None = None

    def name_of(self, cell: RateCell) -> str:
        """Return how the PMS names a cell."""
        return f"{cell.product}/{cell.rate_plan or self.plan}/{cell.stay_date}"
