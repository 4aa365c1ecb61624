"""What a push awaits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from pms_lab.domain.location import Location
from pms_lab.domain.outcome import Outcome
from pms_lab.domain.pms import Availability, Capabilities, Health, NightlyRate
from pms_lab.domain.rates import RateCell
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import ClearRates, UpdateRates
from pms_lab.engine.ledger import Ledger
from pms_lab.engine.locks import Locks
from pms_lab.engine.ports import Chance, Flow
from pms_lab.rules.push_policy import CAREFUL, PushPolicy


class RatePms(Protocol):
    """The part of `PMSAdapter` that a push needs; it is described there."""

    def capabilities(self) -> Capabilities:
        """Return what the vendor can promise."""

    async def health_check(self) -> Health:
        """Ask a harmless question."""

    async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
        """Return the rate of each product on each night."""

    async def get_availability(self, nights: StayDates, products: Collection[str]) -> tuple[Availability, ...]:
        """Return how many rooms can be sold."""

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        """Publish rates."""

    async def clear_rates(self, write: ClearRates) -> Mapping[RateCell, Outcome[None]]:
        """Take own rates away."""


def unwatched(share: float) -> None:
    """Ignore progress."""


@dataclass(frozen=True, slots=True)
class PushPorts:
    """All that a push, a recovery or a review awaits, and the rules that it keeps.

    Attributes:
        by: the name of this process, for the ledger.
        progress: told the share of the cells that are written, 0 to 1.
    """

    flow: Flow
    chance: Chance
    pms: RatePms
    ledger: Ledger
    locks: Locks
    place: Location
    policy: PushPolicy = CAREFUL
    by: str = "push"
    progress: Callable[[float], None] = unwatched
