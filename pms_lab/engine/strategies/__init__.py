"""Strategies: ways to carry out a push that can be run side by side, in the same world and through the same ports.

`hardened` is the engine of this product. `as_documented` is what a design document writes, with its defects, as an
example of what not to do. To try one of your own, write a class and add it to `STRATEGIES`; it is enough for it to do::

    class Hopeful:
        name = "hopeful"

        def __init__(self, log: RateLog) -> None:
            \"\"\"It keeps no log.\"\"\"

        async def push(self, ports: PushPorts, order: PushOrder) -> PushOutcome:
            push_id = ports.chance.new_id()
            await ports.pms.update_rates(UpdateRates(push_id, order.sheet))
            return PushOutcome(push_id, ports.place.code, PushState.PUBLISHED, "surely", (), ())

        async def recover(self, ports: PushPorts) -> tuple[PushOutcome, ...]:
            return ()

    STRATEGIES[Hopeful.name] = Hopeful
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from pms_lab.domain.push import PushOrder, PushOutcome
from pms_lab.engine.push import push
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.engine.recover import recover
from pms_lab.engine.strategies.as_documented import AsDocumented
from pms_lab.engine.strategies.rate_log import RateLog


class Strategy(Protocol):
    """A way to carry out a push. It belongs to one incarnation of a node, as its ports do."""

    @property
    def name(self) -> str:
        """By which it is found in `STRATEGIES`."""

    async def push(self, ports: PushPorts, order: PushOrder) -> PushOutcome:
        """Push a sheet of rates, and tell how that ended as far as the strategy knows.

        Raises:
            StoreError: its log cannot be written where it has nothing better to do than to fail.
        """

    async def recover(self, ports: PushPorts) -> tuple[PushOutcome, ...]:
        """Settle what is left open, after a crash for instance.

        Raises:
            StoreError: it cannot be found out what that is.
        """


class Hardened:
    """The engine of this product. What it remembers stands in the ledger of its ports."""

    name = "hardened"

    def __init__(self, log: RateLog) -> None:
        """It needs no log."""

    async def push(self, ports: PushPorts, order: PushOrder) -> PushOutcome:
        """Push a sheet of rates; what goes wrong ends in a state, not in an error."""
        return await push(ports, order)

    async def recover(self, ports: PushPorts) -> tuple[PushOutcome, ...]:
        """Settle the open pushes of the location from what the PMS says."""
        return await recover(ports)


STRATEGIES: Final[dict[str, Callable[[RateLog], Strategy]]] = {
    Hardened.name: Hardened,
    AsDocumented.name: AsDocumented,
}
"""How each is made, by name, for one node: with the node's way to the log, whether the strategy keeps one or not."""
